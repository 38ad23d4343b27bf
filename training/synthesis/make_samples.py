"""Write the sample images of Resources/SampleData.

python -m training.synthesis.make_samples            # into Resources/SampleData
python -m training.synthesis.make_samples --output DIR

The brains are made from label maps; without these files the other samples are written alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from training.synthesis.make_brain_images import LABEL_MAPS, make_brain_images
from training.synthesis.phantoms import generate_pair

__all__ = ["SAMPLES", "make_brain_samples", "make_samples"]

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "Resources" / "SampleData"

# (seed, pixel spacing in mm) by kind of phantom
SAMPLES = {"cardiac": (9, 1.4), "echo": (16, 1.2)}

# Two subjects outside of the training split, in their own frames.
_BRAINS = {"fixed": 17, "moving": 18}
_MARGIN = 8  # voxels of air around a brain


def make_samples(output: Path) -> list[Path]:
    """Write every sample pair with its labels into ``output`` and return the files.

    Images are 8-bit, 0 to 255, as exported by scanners; all files are 2D NRRD in mm.
    """
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, (seed, spacing) in SAMPLES.items():
        pair = generate_pair(kind, seed)
        arrays = {
            "fixed": np.round(255 * pair.fixed),
            "moving": np.round(255 * pair.moving),
            "fixed_labels": pair.fixed_labels,
            "moving_labels": pair.moving_labels,
        }
        for name, array in arrays.items():
            image = sitk.GetImageFromArray(array.astype(np.uint8))
            image.SetSpacing([spacing, spacing])
            path = output / f"{kind}_{name}.nrrd"
            sitk.WriteImage(image, path, useCompression=True)
            written.append(path)
    return written


def make_brain_samples(output: Path, root: Path) -> list[Path]:
    """Write the brain pair, T1-like, 2 mm, 8-bit, with its 35 structures; return the files.

    Raises:
        FileNotFoundError: when the label maps are not in ``root``.
    """
    output.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as folder:
        files = make_brain_images(
            root, list(_BRAINS.values()), Path(folder), space="native", spacing=2.0
        )
        for number, role in enumerate(_BRAINS):
            image, labels = (sitk.ReadImage(str(file)) for file in files[2 * number :][:2])
            image = sitk.Cast(sitk.RescaleIntensity(image, 0, 255), sitk.sitkUInt8)
            shape = sitk.LabelShapeStatisticsImageFilter()
            shape.Execute(labels > 0)
            box = np.reshape(shape.GetBoundingBox(1), (2, 3))
            first = np.maximum(box[0] - _MARGIN, 0)
            last = np.minimum(box.sum(axis=0) + _MARGIN, image.GetSize())
            inside = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
            for name, part in ((role, image[inside]), (f"{role}_labels", labels[inside])):
                path = output / f"brain_{name}.nrrd"
                sitk.WriteImage(part, path, useCompression=True)
                written.append(path)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the sample images of LDMReg.")
    parser.add_argument("--output", type=Path, default=SAMPLE_DATA, help="default: %(default)s")
    parser.add_argument(
        "--brain-labels", type=Path, default=LABEL_MAPS, help="label maps, default: %(default)s"
    )
    arguments = parser.parse_args()
    written = make_samples(arguments.output)
    if arguments.brain_labels.is_dir():
        written += make_brain_samples(arguments.output, arguments.brain_labels)
    for path in written:
        print(path)


if __name__ == "__main__":
    main()
