from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import (
    as_image,
    as_labels,
    read_image,
    read_labels,
)


def ramp(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) % 200).astype(dtype)


def write(array: np.ndarray, path: Path, is_vector: bool = False) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=is_vector), str(path))
    return path


def write_dicom(folder: Path, uid: str, number: int, slices: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(slices):
        image = sitk.GetImageFromArray(ramp(10, 12, dtype=np.int16) + np.int16(k))
        image = sitk.JoinSeries(image)
        image.SetSpacing((1.0, 1.0, 2.0))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{k}",
            "0020|000d": "1.2.3.4",
            "0020|000e": uid,
            "0020|0013": str(k),
            "0020|0032": f"0\\0\\{2 * k}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{number}_{k}.dcm"))
        writer.Execute(image)


@pytest.mark.parametrize(
    "suffix", [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".tif"]
)
def test_reads_2d(tmp_path: Path, suffix: str) -> None:
    image = read_image(write(ramp(12, 16), tmp_path / f"a{suffix}"))
    assert image.GetSize() == (16, 12)
    assert image.GetNumberOfComponentsPerPixel() == 1
    tolerance = 20 if suffix.startswith(".jp") else 0
    difference = sitk.GetArrayFromImage(image).astype(int) - ramp(12, 16)
    assert np.abs(difference).mean() <= tolerance


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha", ".tiff"])
def test_reads_3d(tmp_path: Path, suffix: str) -> None:
    path = write(ramp(8, 12, 16), tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), ramp(8, 12, 16))


def test_reads_a_dicom_series(tmp_path: Path) -> None:
    write_dicom(tmp_path / "one", "1.2.3.4.5", 0, slices=9)
    image = read_image(tmp_path / "one")
    assert image.GetSize() == (12, 10, 9)
    assert image.GetSpacing() == pytest.approx((1, 1, 2))


def test_several_dicom_series_are_listed_and_one_can_be_named(tmp_path: Path) -> None:
    folder = tmp_path / "two"
    write_dicom(folder, "1.2.3.4.5", 0, slices=9)
    write_dicom(folder, "1.2.3.4.6", 1, slices=8)
    with pytest.raises(InputError, match=r"2 DICOM series.*1\.2\.3\.4\.5.*1\.2\.3\.4\.6"):
        read_image(folder)
    assert read_image(folder / "1.2.3.4.6").GetSize() == (12, 10, 8)
    with pytest.raises(InputError, match=r"no DICOM series 1\.2\.3\.4\.7"):
        read_image(folder / "1.2.3.4.7")


def test_missing_and_unreadable(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_image(tmp_path / "a.nrrd")
    (tmp_path / "b.nrrd").write_text("this is text")
    with pytest.raises(InputError, match=r"not an image.*supported: .nrrd"):
        read_image(tmp_path / "b.nrrd")
    (tmp_path / "c.docx").write_text("this is text")
    with pytest.raises(InputError, match="not an image"):
        read_image(tmp_path / "c.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no DICOM series"):
        read_image(tmp_path / "empty")
    assert capfd.readouterr().err == ""  # ITK's own words stay inside


def test_colour(tmp_path: Path) -> None:
    colour = np.stack([ramp(12, 16), ramp(12, 16) // 2, ramp(12, 16)], axis=-1)
    with pytest.raises(InputError, match="convert it to a grey image"):
        read_image(write(colour, tmp_path / "rgb.png", is_vector=True))
    grey = np.stack([ramp(12, 16)] * 3, axis=-1)
    image = read_image(write(grey, tmp_path / "grey.png", is_vector=True))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), ramp(12, 16))
    opaque = np.concatenate([grey, np.full((12, 16, 1), 255, np.uint8)], axis=-1)
    assert read_image(write(opaque, tmp_path / "rgba.png", is_vector=True)).GetDimension() == 2
    with pytest.raises(InputError, match="grey"):
        as_image(sitk.GetImageFromArray(np.zeros((9, 9, 2)), isVector=True))


def test_4d(tmp_path: Path) -> None:
    frames = sitk.JoinSeries([sitk.GetImageFromArray(ramp(8, 9, 10))] * 2)
    sitk.WriteImage(frames, str(tmp_path / "4d.nii.gz"))
    with pytest.raises(InputError, match=r"4D.*one frame"):
        read_image(tmp_path / "4d.nii.gz")
    assert as_image(frames[..., :1]).GetDimension() == 3
    with pytest.raises(InputError, match="shape"):
        as_image(ramp(2, 8, 9, 10))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad: float) -> None:
    array = ramp(12, 16, dtype=np.float32)
    array[3, 4] = bad
    with pytest.raises(InputError, match="1 of 192 voxels are NaN or infinite"):
        as_image(array)


def test_constant_small_complex_and_text() -> None:
    with pytest.raises(InputError, match="all voxels are 7"):
        as_image(np.full((12, 16), 7))
    with pytest.raises(InputError, match="at least 2 pixels along two axes"):
        as_image(ramp(12, 1))
    with pytest.raises(InputError, match="at least 2 pixels along two axes"):
        as_image(ramp(1, 12, 1))
    with pytest.raises(InputError, match="complex"):
        as_image(sitk.Image(12, 12, sitk.sitkComplexFloat32))
    with pytest.raises(InputError, match="array of numbers"):
        as_image(np.array([["a"]]))
    assert as_image(ramp(1, 12, 12)).GetDimension() == 3  # one slice with a place in space
    for shape in ((12, 7), (2, 2), (2, 12, 12), (7, 12, 12), (3, 3, 3)):
        assert as_image(ramp(*shape)).GetSize() == shape[::-1]


def test_labels(tmp_path: Path) -> None:
    image = as_image(ramp(12, 16))
    labels = (ramp(12, 16) % 3).astype(np.uint8)
    assert as_labels(labels, image).GetSize() == (16, 12)
    whole = read_labels(write(labels.astype(np.float32), tmp_path / "f.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(whole), labels)
    with pytest.raises(InputError, match="fractions"):
        read_labels(write(labels + np.float32(0.5), tmp_path / "g.nrrd"))
    with pytest.raises(InputError, match="from 0 up"):
        as_labels(labels.astype(np.int16) - 1, image)


def test_labels_on_another_grid() -> None:
    image = as_image(ramp(12, 16))
    moved = sitk.GetImageFromArray(ramp(12, 16) % 3)
    moved.SetOrigin((1.0, 0.0))
    for other in (moved, sitk.GetImageFromArray(ramp(12, 15) % 3), ramp(8, 12, 16) % 3):
        with pytest.raises(InputError, match=r"lattice of its image.*resample"):
            as_labels(other, image)
