"""3D sets for the comparison of methods: brains, hippocampi, a CT under known warps.

All images of a set are put on one lattice here, without interpolation, so that every method starts
from the same voxels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.functional import integrate
from SlicerLDMRegLib.geometry import ImageGeometry

from ..synthesis.brain_anatomy import REGION_NUMBERS
from ..synthesis.brain_deformation import smooth_volume
from .brain_labels import centred_geometry
from .brain_streams import evaluation_brain_pairs, evaluation_brains
from .evaluation import EvaluationPair

__all__ = [
    "BrainImage",
    "abdomen_warp",
    "brain_images",
    "brain_mr",
    "hippocampus",
    "random_warp",
]

#: Label number of each row of the region table.
_NUMBERS = np.array([0, *REGION_NUMBERS], np.uint8)
# Window of CT intensities of the textSCF paper, HU.
_WINDOW = (-500.0, 800.0)
_AIR, _BODY = -1000.0, -300.0  # HU of air; threshold between air and body
_WARPS = 5  # random warps; more narrow the confidence intervals and take longer
# Width and standard deviation of the components of the velocity, mm; distance from the border over
# which it fades, mm. They give displacements of some 10 mm. Not tuned.
_WAVES = ((60.0, 7.0), (30.0, 2.0))
_FADE_MM = 24.0
_NOISE = 10.0  # standard deviation in each image, HU; not tuned


def brain_mr(
    root: Path,
    split: str | Sequence[int] = "test",
    contrast: str = "t1",
    size: Sequence[int] = (80, 112, 96),
    spacing: float = 2.0,
    cache: Path | None = None,
) -> list[EvaluationPair]:
    """Return all ordered pairs of the subjects of a split, 12 for the 4 test subjects.

    The images are synthesised from affinely aligned label maps; the labels have FreeSurfer's
    numbers.

    Args:
        root: folder of the label maps.
        split: "train", "validation" or "test", or subject numbers.
        contrast: "t1", "t2" or "random".
        size: voxels along x, y, z.
        spacing: mm between them.
        cache: folder of the aligned label maps.
    """
    x, y, z = size
    geometry = centred_geometry((x, y, z), spacing)
    found = evaluation_brain_pairs(
        root, split, contrast=contrast, size=(x, y, z), spacing=spacing, cache=cache
    )
    return [
        EvaluationPair(
            pair.name,
            pair.fixed[0].numpy(),
            pair.moving[0].numpy(),
            _NUMBERS[pair.fixed_labels[0].numpy()],
            _NUMBERS[pair.moving_labels[0].numpy()],
            geometry,
            "freesurfer35",
            subjects=tuple(pair.name.split("-")),
        )
        for pair in found
    ]


@dataclass(frozen=True)
class BrainImage:
    """Image of one subject with its labels.

    Attributes:
        name: name of the subject.
        image: image with its lattice.
        labels: ``(z, y, x)``, FreeSurfer's numbers.
    """

    name: str
    image: sitk.Image
    labels: np.ndarray


def brain_images(
    root: Path,
    split: str = "test",
    contrast: str = "t1",
    size: Sequence[int] = (80, 112, 96),
    spacing: float = 2.0,
) -> list[BrainImage]:
    """Return the images of :func:`brain_mr`, each once.

    Args: see :func:`brain_mr`.
    """
    x, y, z = size
    geometry = centred_geometry((x, y, z), spacing)
    brains = evaluation_brains(root, split, contrast=contrast, size=(x, y, z), spacing=spacing)
    return [
        BrainImage(f"{subject:02d}", geometry.to_image(image[0].numpy()), _NUMBERS[labels[0]])
        for subject, (image, labels) in brains.items()
    ]


def hippocampus(root: Path) -> list[EvaluationPair]:
    """Return pairs of each hippocampus (fixed) and the next one (moving), in a cycle.

    The crops differ in size by some voxels; they are centred on each other and padded with their
    outermost voxels.

    Raises:
        FileNotFoundError: for fewer than two images.
    """
    files = sorted((root / "images").glob("*.nii.gz"))
    if len(files) < 2:
        raise FileNotFoundError(f"no two images (images/*.nii.gz) in {root}")
    images = [sitk.ReadImage(str(file)) for file in files]
    labels = [sitk.ReadImage(str(root / "labels" / file.name)) for file in files]
    shape = tuple(np.max([image.GetSize() for image in images], axis=0).tolist())[::-1]
    first = ImageGeometry.from_image(images[0])
    geometry = ImageGeometry(shape[::-1], first.spacing, (0.0,) * 3, first.direction)
    cases = [
        (_unit(_padded(image, shape, "edge")), _padded(own, shape, "constant").astype(np.uint8))
        for image, own in zip(images, labels, strict=True)
    ]
    names = [file.name.removesuffix(".nii.gz").rpartition("_")[2] for file in files]
    pairs = []
    for i, (fixed, fixed_labels) in enumerate(cases):
        j = (i + 1) % len(cases)
        pairs.append(
            EvaluationPair(
                f"{names[j]}-{names[i]}",
                fixed,
                cases[j][0],
                fixed_labels,
                cases[j][1],
                geometry,
                "msd-hippocampus",
                subjects=(names[j], names[i]),
            )
        )
    return pairs


def abdomen_warp(root: Path) -> list[EvaluationPair]:
    """Return pairs of the abdominal CT of 3 mm (fixed) and its known warps (moving).

    Both images of each pair have independent noise; the truth is compared inside the body.

    Raises:
        FileNotFoundError: when the CT is not in the folder.
    """
    path = root / "ct_3mm_122x101x112.nii.gz"
    if not path.is_file():
        raise FileNotFoundError(f"no abdominal CT: expected {path}")
    image = sitk.ReadImage(str(path))
    geometry = ImageGeometry.from_image(image)
    ct = sitk.GetArrayFromImage(image).astype(np.float32)
    labels = sitk.ReadImage(str(root / "seg13_btcv_style.nii.gz"))
    named = json.loads((root / "labels13.json").read_text(encoding="utf-8"))
    body = _body(ct)
    pairs = []
    for seed in range(_WARPS):
        truth, inverse = random_warp(geometry, seed)
        back = inverse.to_transform()
        moving = sitk.Resample(
            geometry.to_image(ct), geometry.empty_image(), back, sitk.sitkBSpline3, _AIR
        )
        moving_labels = sitk.Resample(
            labels, geometry.empty_image(), back, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8
        )
        rng = np.random.default_rng((seed, 1))
        noisy = [
            array + _NOISE * rng.standard_normal(ct.shape, np.float32)
            for array in (ct, sitk.GetArrayFromImage(moving))
        ]
        low, high = _WINDOW
        fixed, moved = (np.clip((a - low) / (high - low), 0, 1).astype(np.float32) for a in noisy)
        pairs.append(
            EvaluationPair(
                f"warp-{seed}",
                fixed,
                moved,
                sitk.GetArrayFromImage(labels).astype(np.uint8),
                sitk.GetArrayFromImage(moving_labels),
                geometry,
                {int(number): name for number, name in named.items()},
                truth,
                body,
            )
        )
    return pairs


def random_warp(geometry: ImageGeometry, seed: int) -> tuple[DisplacementField, DisplacementField]:
    """Draw a smooth deformation without folds, of some 10 mm, and return it with its inverse.

    Both are exponentials of one random velocity, which fades towards the border so that nothing
    leaves the image.
    """
    rng = np.random.default_rng(seed)
    shape, spacing = geometry.array_shape, np.array(geometry.spacing[::-1])
    widths = [width / float(spacing.mean()) for width, _ in _WAVES]
    amplitudes = [amplitude for _, amplitude in _WAVES]
    velocity = np.stack([smooth_volume(rng, shape, widths, amplitudes) for _ in range(3)])
    for axis, (n, step) in enumerate(zip(shape, spacing, strict=True)):
        depth = np.minimum(np.arange(n), np.arange(n)[::-1]) * step
        fade = np.sin(0.5 * np.pi * np.clip(depth / _FADE_MM, 0, 1)) ** 2
        velocity *= fade.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    voxels = torch.from_numpy(velocity / spacing.astype(np.float32).reshape(3, 1, 1, 1))[None]
    there, back = (integrate(v)[0] for v in (voxels, -voxels))
    return (
        DisplacementField.from_voxels(there, geometry),
        DisplacementField.from_voxels(back, geometry),
    )


def _body(ct: np.ndarray) -> np.ndarray:
    """Return the mask of the body: largest component above air, holes filled in each slice."""
    parts, count = ndimage.label(ct > _BODY)
    if not count:
        raise ValueError(f"expected a CT with a body above {_BODY:g} HU, got at most {ct.max()}")
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return np.stack([ndimage.binary_fill_holes(plane) for plane in largest])


def _padded(image: sitk.Image, shape: Sequence[int], mode: Any) -> np.ndarray:
    array = sitk.GetArrayFromImage(image)
    before = [(n - m) // 2 for n, m in zip(shape, array.shape, strict=True)]
    widths = [(b, n - m - b) for b, n, m in zip(before, shape, array.shape, strict=True)]
    return np.pad(array, widths, mode=mode)


def _unit(array: np.ndarray) -> np.ndarray:
    low, high = np.percentile(array, [0.1, 99.9])
    return np.clip((array - low) / (high - low), 0, 1).astype(np.float32)
