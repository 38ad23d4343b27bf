"""Small folders of the layouts of published data sets, with known images."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

__all__ = [
    "blob",
    "write_abdomen",
    "write_acdc",
    "write_camus",
    "write_echonet",
    "write_image",
    "write_learn2reg_oasis",
    "write_lung",
    "write_lung_zenodo",
    "write_neurite",
    "write_pickles",
    "write_sunnybrook",
]


def write_image(path: Path, array: np.ndarray, spacing: Sequence[float] | None = None) -> Path:
    """Write an array ``(y, x)`` or ``(z, y, x)`` with its spacing along x, y(, z)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    if spacing is not None:
        image.SetSpacing(list(spacing))
    sitk.WriteImage(image, str(path), path.suffix != ".mhd")
    return path


def blob(shape: Sequence[int], radius: float, centre: Sequence[float] | None = None) -> np.ndarray:
    """Distance of each voxel from a centre, relative to a radius: below 1 inside of a ball."""
    centre = [(n - 1) / 2 for n in shape] if centre is None else centre
    grid = np.indices(shape).astype(float)
    return np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))) / radius


def write_camus(root: Path, patients: int = 6, suffix: str = ".nii.gz") -> Path:
    """Both views; the ventricle lies left of the middle of the file and is larger at diastole."""
    place = root / ("database_nifti" if suffix == ".nii.gz" else "training")
    for number in range(1, patients + 1):
        name = f"patient{number:04d}"
        for view in ("2CH", "4CH"):
            for phase, radius in (("ED", 16), ("ES", 10)):
                r = blob((90, 70), radius, (40, 20))
                labels = np.select([r < 1, r < 1.4, r < 1.7], [1, 2, 3], 0).astype(np.uint8)
                image = (200 * np.exp(-r) + number + 40).astype(np.uint8)
                stem = place / name / f"{name}_{view}_{phase}"
                spacing = (0.3, 0.15) if suffix == ".nii.gz" else (0.3, 0.15, 1.5)
                thick = (lambda a: a) if suffix == ".nii.gz" else (lambda a: a[None])
                write_image(Path(f"{stem}{suffix}"), thick(image), spacing)
                write_image(Path(f"{stem}_gt{suffix}"), thick(labels), spacing)
    return root


def write_echonet(root: Path, splits: Sequence[str] = ("TRAIN", "TRAIN", "VAL", "TEST")) -> Path:
    """Videos of 8 frames; frame 2 is traced large and frame 5 small, in the order small, large."""
    import av

    (root / "Videos").mkdir(parents=True)
    listed, traced = [], []
    for number, split in enumerate(splits):
        name = f"0X{number:04X}"
        with av.open(str(root / "Videos" / f"{name}.avi"), "w") as video:
            stream = video.add_stream("mjpeg", rate=50)
            stream.width = stream.height = 112
            stream.pix_fmt = "yuvj420p"
            stream.codec_context.qmin = stream.codec_context.qmax = 2
            for frame in range(8):
                radius = 24 - 2 * abs(frame - 2)
                grey = np.where(blob((112, 112), radius, (50, 60)) < 1, 200, 20 + 10 * frame)
                rgb = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
                for packet in stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")):
                    video.mux(packet)
            for packet in stream.encode():
                video.mux(packet)
        listed.append([name, 55.0, 40.0, 90.0, 112, 112, 50, 8, split])
        for frame, radius in ((5, 14), (2, 24)):
            traced.append([f"{name}.avi", 60, 50 - radius, 60, 50 + radius, frame])
            for step in np.linspace(-0.95, 0.95, 20):
                half = radius * np.sqrt(1 - step**2)
                y = 50 + radius * step
                traced.append([f"{name}.avi", 60 - half, y, 60 + half, y, frame])
    head = ["FileName", "EF", "ESV", "EDV", "FrameHeight", "FrameWidth", "FPS"]
    head += ["NumberOfFrames", "Split"]
    for file, columns, rows in (
        ("FileList.csv", head, listed),
        ("VolumeTracings.csv", ["FileName", "X1", "Y1", "X2", "Y2", "Frame"], traced),
    ):
        with (root / file).open("w", newline="") as stream:
            csv.writer(stream).writerows([columns, *rows])
    return root


def write_acdc(root: Path, training: int = 4, testing: int = 2) -> Path:
    """Two groups; end-systole comes before end-diastole in the odd patients."""
    for number in range(1, training + testing + 1):
        part = "training" if number <= training else "testing"
        name = f"patient{number:03d}"
        folder = root / "database" / part / name
        frames = {"ED": 1, "ES": 12} if number % 2 == 0 else {"ED": 10, "ES": 2}
        folder.mkdir(parents=True)
        info = {**frames, "Group": ("DCM", "NOR")[number % 2], "Height": 180, "NbFrame": 30}
        (folder / "Info.cfg").write_text("".join(f"{k}: {v}\n" for k, v in info.items()))
        for phase, frame in frames.items():
            radius = 20 if phase == "ED" else 13
            r = blob((10, 110, 90), radius, (4.5, 50, 40))
            right = blob((10, 110, 90), 12, (4.5, 50, 80)) < 1
            labels = np.select([r < 1, r < 1.4, right], [3, 2, 1], 0).astype(np.uint8)
            image = (300 * np.exp(-r) + 20).astype(np.int16)
            stem = folder / f"{name}_frame{frame:02d}"
            write_image(Path(f"{stem}.nii.gz"), image, (1.5, 1.5, 10))
            write_image(Path(f"{stem}_gt.nii.gz"), labels, (1.5, 1.5, 10))
    return root


def _brain(number: int, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Image in [0, 1] and labels 0 to 35; the structures lie along the first axis."""
    r = blob(shape, 10 + number % 3)
    labels = np.zeros(shape, np.uint8)
    ramp = np.clip(np.indices(shape)[0] * 36 // shape[0], 1, 35)
    labels[r < 1] = ramp[r < 1]
    image = np.clip(1.2 - r, 0, 1).astype(np.float32)
    image[0, 0, 0] = 1
    return image, labels


def write_neurite(
    root: Path, subjects: int = 6, shape: tuple[int, int, int] = (20, 24, 28)
) -> Path:
    """Subjects in folders of their own, and ``subjects.txt``."""
    names = [f"OASIS_OAS1_{number:04d}_MR1" for number in range(1, subjects + 1)]
    for number, name in enumerate(names, start=1):
        image, labels = _brain(number, shape)
        write_image(root / name / "aligned_norm.nii.gz", image)
        write_image(root / name / "aligned_seg35.nii.gz", labels)
    (root / "subjects.txt").write_text("\n".join(names) + "\n")
    return root


def write_learn2reg_oasis(root: Path, subjects: int = 6) -> Path:
    """The last three subjects are two consecutive validation pairs, the later one moving."""
    for number in range(1, subjects + 1):
        image, labels = _brain(number, (20, 24, 28))
        write_image(root / "imagesTr" / f"OASIS_{number:04d}_0000.nii.gz", image)
        write_image(root / "labelsTr" / f"OASIS_{number:04d}_0000.nii.gz", labels)
    pairs = [
        {"fixed": f"./imagesTr/OASIS_{n:04d}_0000.nii.gz",
         "moving": f"./imagesTr/OASIS_{n + 1:04d}_0000.nii.gz"}
        for n in range(subjects - 2, subjects)
    ]  # fmt: skip
    described = {"name": "OASIS", "registration_val": pairs, "numTraining": subjects}
    (root / "OASIS_dataset.json").write_text(json.dumps(described))
    return root


def write_pickles(root: Path, subjects: int = 4) -> Path:
    """Subjects 1 to 4 to train with, and the pair 438 (moving), 439 (fixed)."""
    (root / "All").mkdir(parents=True)
    (root / "Test").mkdir()
    for number in range(1, subjects + 1):
        content = tuple(a.transpose(2, 1, 0) for a in _brain(number, (20, 24, 28)))
        with (root / "All" / f"subject_{number}.pkl").open("wb") as file:
            pickle.dump(content, file)
    (x, xs), (y, ys) = _brain(1, (20, 24, 28)), _brain(2, (20, 24, 28))
    content = tuple(a.transpose(2, 1, 0) for a in (x, y, xs, ys))
    with (root / "Test" / "p_0438_0439.pkl").open("wb") as file:
        pickle.dump(content, file)
    return root


def write_abdomen(
    root: Path,
    numbers: Sequence[int] = (1, 2, 3, 4, 5, 7, 10),
    shape: tuple[int, int, int] = (24, 20, 28),
) -> Path:
    """CT of Hounsfield units, organs as shells; registration_val are pairs of 1, 4, 7, 10."""
    for number in numbers:
        r = blob(shape, 11 - number % 4)
        labels = np.where(r < 1, np.clip((13 * r).astype(int) + 1, 1, 13), 0).astype(np.uint8)
        ct = np.where(r < 1, 40 + 200 * (1 - r), -1000).astype(np.int16)
        name = f"AbdomenCTCT_{number:04d}_0000.nii.gz"
        write_image(root / "imagesTr" / name, ct, (2, 2, 2))
        write_image(root / "labelsTr" / name, labels, (2, 2, 2))
    held = [n for n in numbers if n % 3 == 1]
    pairs = [
        {"fixed": f"./imagesTr/AbdomenCTCT_{a:04d}_0000.nii.gz",
         "moving": f"./imagesTr/AbdomenCTCT_{b:04d}_0000.nii.gz"}
        for i, a in enumerate(held) for b in held[i + 1:]
    ]  # fmt: skip
    described = {"name": "AbdomenCTCT", "registration_val": pairs, "labels": {"0": {"1": "spleen"}}}
    (root / "AbdomenCTCT_dataset.json").write_text(json.dumps(described))
    return root


def _breath(number: int, phase: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (20, 18, 22)
    r = blob(shape, 6 + 2 * phase)
    ct = np.where(r < 1, -800 + 40 * number, 50).astype(np.int16)
    points = np.array([[10.5, 8.5, 9.5 + s * (6 + 2 * phase)] for s in (-1, 0, 1)])
    return ct, (r < 1).astype(np.uint8), points


def write_lung(root: Path, cases: int = 5) -> Path:
    """Exhale (0000) and inhale (0001), a lung of 6 and 8 voxels; keypoints at its poles."""
    for number in range(1, cases + 1):
        for phase in (0, 1):
            ct, mask, points = _breath(number, phase)
            name = f"LungCT_{number:04d}_{phase:04d}"
            write_image(root / "imagesTr" / f"{name}.nii.gz", ct, (1.75, 1.25, 1.5))
            write_image(root / "masksTr" / f"{name}.nii.gz", mask, (1.75, 1.25, 1.5))
            (root / "keypointsTr").mkdir(exist_ok=True)
            np.savetxt(root / "keypointsTr" / f"{name}.csv", points, delimiter=",", fmt="%.3f")
    pairs = [{"fixed": "./imagesTr/LungCT_0001_0000.nii.gz",
              "moving": "./imagesTr/LungCT_0001_0001.nii.gz"}]  # fmt: skip
    described = {"name": "LungCT", "registration_val": pairs}
    (root / "LungCT_dataset.json").write_text(json.dumps(described))
    return root


def write_lung_zenodo(root: Path, cases: int = 5) -> Path:
    """The older layout: both phases in one file of keypoints."""
    for number in range(1, cases + 1):
        columns = []
        for phase, name in enumerate(("exp", "insp")):
            ct, mask, points = _breath(number, phase)
            file = f"case_{number:03d}_{name}.nii.gz"
            write_image(root / "training" / "scans" / file, ct, (1.75, 1.25, 1.5))
            write_image(root / "training" / "lungMasks" / file, mask, (1.75, 1.25, 1.5))
            columns.append(points)
        keypoints = root / "training" / "keypoints" / f"case_{number:03d}.csv"
        keypoints.parent.mkdir(exist_ok=True)
        np.savetxt(keypoints, np.hstack(columns), delimiter=",", fmt="%.3f")
    return root


def write_sunnybrook(
    root: Path, patients: Sequence[str] = ("SC-HF-I-1", "SC-HF-I-2", "SC-HYP-3", "SC-N-40")
) -> Path:
    """6 slices of 20 phases; diastole is phase 1, systole phase 9; outlines in slices 2 to 5."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    for order, patient in enumerate(patients):
        series = root / "DICOM" / patient
        contours = root / "Contours" / patient / "contours-manual" / "IRCCI-expert"
        series.mkdir(parents=True)
        contours.mkdir(parents=True)
        study, uid = generate_uid(), generate_uid()
        for position in range(6):
            for phase, radius in ((0, 22), (8, 14)):
                number = 20 * position + phase + 1
                centre = (90 + order, 100)
                r = blob((200, 180), radius - position, centre)
                data = pydicom.Dataset()
                data.file_meta = FileMetaDataset()
                data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
                data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = MRImageStorage
                data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
                data.StudyInstanceUID, data.SeriesInstanceUID = study, uid
                data.Modality, data.InstanceNumber = "MR", number
                data.Rows, data.Columns = r.shape
                data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
                data.BitsAllocated = data.BitsStored = 16
                data.HighBit, data.PixelRepresentation = 15, 0
                data.PixelSpacing, data.SliceThickness = [1.25, 1.25], 8
                data.ImagePositionPatient = [0, 0, 8 * position]
                data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
                data.CardiacNumberOfImages = 20
                data.PixelData = (500 * np.exp(-r) + phase).astype(np.uint16).tobytes()
                data.save_as(series / f"IM-0004-{number:04d}.dcm", enforce_file_format=True)
                if not 1 <= position <= 4:
                    continue
                angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
                x, y = (centre[1] + (radius - position) * np.cos(angle),
                        centre[0] + (radius - position) * np.sin(angle))  # fmt: skip
                lines = "".join(f"{a:.2f} {b:.2f}\n" for a, b in zip(x, y, strict=True))
                name = f"IM-0001-{number:04d}-icontour-manual.txt"
                (contours / name).write_text(lines)
    return root
