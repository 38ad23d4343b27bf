"""Write MR-like images of subjects of the brain label maps, with their labels, as NIfTI files.

python -m training.synthesis.make_brain_images --subjects 17 18 --contrast t1 --output DIR

Subject 17 becomes ``subject-17_t1.nii.gz`` (0 to 1000) and ``subject-17_labels.nii.gz``, the 35
structures of the brain models by their FreeSurfer numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry

from ..datasets.brain_labels import (
    ALIGNED_GEOMETRY,
    BrainLabels,
    centred_geometry,
    label_file,
    read_labels,
)
from .brain import GOOD_SCANNER, render
from .brain_anatomy import REGION_NUMBERS, REGION_ROW
from .brain_contrast import CONTRASTS, draw_contrast
from .brain_deformation import lattice_points, read_labels_at

__all__ = ["LABEL_MAPS", "make_brain_images"]

LABEL_MAPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "brain_label_maps"
_FIELD_OF_VIEW = (160.0, 224.0, 192.0)  # mm along x, y, z: the network's
_NUMBERS = np.array([0, *REGION_NUMBERS], np.uint8)[REGION_ROW]
_BRIGHTEST = 1000  # intensity that 1 becomes in the files


def make_brain_images(
    root: Path,
    subjects: Sequence[int],
    output: Path,
    contrast: str = "t1",
    space: str = "aligned",
    spacing: float = 2.0,
    skull: bool = False,
    seed: int = 0,
    cache: Path | None = None,
) -> list[Path]:
    """Write an image and a label map of each subject into ``output`` and return the files.

    The aligned images at 2 mm are those of the comparison of methods.

    Args:
        root: folder of the label maps.
        subjects: subject numbers, 1 to 20.
        output: folder, created if missing.
        contrast: "t1", "t2" or "random".
        space: "aligned": affinely to the mean brain, axes along LPS; "native": in the subject's own
            frame, on the lattice of its label map.
        spacing: mm between voxels, the same along all axes.
        skull: the whole head instead of the stripped brain.
        seed: of contrast and noise, which differ between subjects.
        cache: folder of the aligned label maps.

    Raises:
        FileNotFoundError: when a subject has no label map.
        ValueError: for another space or contrast, or a spacing that is not positive.
    """
    if space not in ("aligned", "native"):
        raise ValueError(f"space must be aligned or native, got {space!r}")
    if spacing <= 0:
        raise ValueError(f"spacing must be positive, got {spacing}")
    maps = BrainLabels(root, subjects, cache) if space == "aligned" else None
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for subject in subjects:
        if maps is None:
            labels, geometry = read_labels(label_file(root, subject))
            labels, around, geometry = _native(labels, geometry, spacing)
        else:
            geometry = centred_geometry([round(mm / spacing) for mm in _FIELD_OF_VIEW], spacing)
            points = lattice_points(geometry)
            labels, around = read_labels_at(maps.array(subject), ALIGNED_GEOMETRY, points, spacing)
        rng = np.random.default_rng((seed, subject))
        look = draw_contrast(rng, contrast)
        image = render(rng, labels, spacing, look, around, GOOD_SCANNER, skull)
        arrays = {
            contrast: np.round(_BRIGHTEST * image).astype(np.int16),
            "labels": _NUMBERS[labels],
        }
        for name, array in arrays.items():
            path = output / f"subject-{subject:02d}_{name}.nii.gz"
            sitk.WriteImage(geometry.to_image(array), path, useCompression=True)
            written.append(path)
    return written


def _native(
    labels: np.ndarray, geometry: ImageGeometry, spacing: float
) -> tuple[np.ndarray, list[np.ndarray], ImageGeometry]:
    """Return labels, labels around the voxels and lattice in the frame of a label map."""
    if np.allclose(geometry.spacing, spacing):
        return labels, [], geometry
    target = geometry.resampled(spacing=(spacing,) * 3)
    # Points in the map's own frame, which need not be aligned with the patient's axes.
    own = ImageGeometry(geometry.size, geometry.spacing, (0.0,) * 3, tuple(np.eye(3).ravel()))
    first = geometry.physical_to_index(np.array(target.origin)) * geometry.spacing
    steps = [first[i] + spacing * np.arange(target.size[i]) for i in range(3)]
    z, y, x = np.meshgrid(*steps[::-1], indexing="ij")
    points = np.stack([x, y, z]).astype(np.float32)
    nearest, around = read_labels_at(labels, own, points, spacing)
    return nearest, around, target


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Synthesise MR-like images of the subjects of the brain label maps."
    )
    parser.add_argument("--subjects", type=int, nargs="+", required=True, help="1 to 20")
    parser.add_argument("--output", type=Path, required=True, help="folder for the NIfTI files")
    parser.add_argument("--contrast", choices=CONTRASTS, default="t1", help="default: %(default)s")
    parser.add_argument(
        "--space", choices=("aligned", "native"), default="aligned", help="default: %(default)s"
    )
    parser.add_argument("--spacing", type=float, default=2.0, help="mm, default: %(default)s")
    parser.add_argument("--skull", action="store_true", help="the whole head, not the brain alone")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--root", type=Path, default=LABEL_MAPS, help="label maps, default: %(default)s"
    )
    options = vars(parser.parse_args(arguments))
    try:
        for path in make_brain_images(**options):
            print(path)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
