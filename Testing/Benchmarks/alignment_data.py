"""Real pairs for the linear alignment: labels or landmarks, or transforms that are known."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import dice
from SlicerLDMRegLib.pipeline.landmarks import read_landmarks

__all__ = ["RealPair", "real_pairs"]

_WARPS = 3  # known transforms of an image


@dataclass(frozen=True)
class RealPair:
    """Two images, and how well a transform brings them together.

    Attributes:
        group: such as ``hippocampus_mr``.
        name: of the pair.
        fixed, moving: images.
        measure: of a transform from fixed to moving points: Dice, or an error in mm.
        is_error: whether less is better.
    """

    group: str
    name: str
    fixed: sitk.Image
    moving: sitk.Image
    measure: Callable[[sitk.Transform], float]
    is_error: bool


def real_pairs(folder: Path) -> Iterator[RealPair]:
    """Yield the pairs of the images for development, ``../shared/data``.

    Between subjects: hippocampi, also mirrored ones (Dice), heads of mice and lungs (landmarks),
    hearts in two phases (Dice). Images moved by random affine transforms: abdomen, brain slices,
    hearts.
    """
    yield from _hippocampi(folder / "hippocampus_mr")
    yield from _lungs(folder / "lung_ct")
    yield from _mice(folder / "mouse_heads")
    yield from _hearts(folder / "cardiac_mr")
    for path in sorted((folder / "brain_slices").glob("*slice.jpg")):
        yield from _warped("brain_slices", path.stem, sitk.ReadImage(str(path), sitk.sitkFloat32))
    abdomen = sitk.ReadImage(str(folder / "abdomen_ct" / "ct_96cube.nii.gz"), sitk.sitkFloat32)
    yield from _warped("abdomen_ct", "abdomen", abdomen)


def _hippocampi(folder: Path) -> Iterator[RealPair]:
    names = sorted(path.name for path in (folder / "images").glob("*.nii.gz"))
    images = {n: sitk.ReadImage(str(folder / "images" / n)) for n in names}
    labels = {n: sitk.ReadImage(str(folder / "labels" / n)) for n in names}
    for number, (fixed, moving) in enumerate(itertools.permutations(names, 2)):
        name = f"{fixed[12:15]} {moving[12:15]}"
        measure = _overlap(labels[fixed], labels[moving])
        yield RealPair("hippocampus_mr", name, images[fixed], images[moving], measure, False)
        if number % 5 == 0:
            measure = _overlap(labels[fixed], _mirrored(labels[moving]))
            other = _mirrored(images[moving])
            yield RealPair("mirrored", name, images[fixed], other, measure, False)


def _lungs(folder: Path) -> Iterator[RealPair]:
    images, points = {}, {}
    for name in ("baseline", "followup"):
        images[name] = sitk.ReadImage(str(folder / f"3DCT_lung_{name}.mha"))
        geometry = ImageGeometry.from_image(images[name])
        points[name] = read_landmarks(folder / f"3DCT_lung_{name}.txt", geometry)
    for fixed, moving in itertools.permutations(images):
        measure = _landmark_error(points[fixed], points[moving])
        yield RealPair("lung_ct", fixed, images[fixed], images[moving], measure, True)


def _mice(folder: Path) -> Iterator[RealPair]:
    images, points = {}, {}
    for path in sorted(folder.glob("*.nii.gz")):
        name = path.name.removesuffix(".nii.gz")
        markups = json.loads((folder / f"{name}.mrk.json").read_text())["markups"][0]
        known = {p["label"].split("-")[-1]: p["position"] for p in markups["controlPoints"]}
        positions = np.array([known[label] for label in sorted(known)])
        image = sitk.ReadImage(str(path))
        geometry = ImageGeometry.from_image(image)
        index = geometry.physical_to_index(positions)
        # The landmarks of two heads lie beside their images.
        if ((index > 0) & (index < np.asarray(geometry.size) - 1)).all():
            images[name], points[name] = image, positions
    for fixed, moving in itertools.permutations(images, 2):
        measure = _landmark_error(points[fixed], points[moving])
        name = f"{fixed} {moving}"
        yield RealPair("mouse_heads", name, images[fixed], images[moving], measure, True)


def _hearts(folder: Path) -> Iterator[RealPair]:
    for number, path in enumerate(sorted(folder.glob("*.npz"))):
        with np.load(path) as arrays:
            fixed, moving, *labels = (
                sitk.GetImageFromArray(arrays[name])
                for name in ("fixed", "moving", "fixed_seg", "moving_seg")
            )
        measure = _overlap(labels[0], labels[1])
        yield RealPair("cardiac_mr", path.stem, fixed, moving, measure, False)
        if number % 6 == 0:
            yield from _warped("cardiac warped", path.stem, fixed)


def _warped(group: str, name: str, image: sitk.Image) -> Iterator[RealPair]:
    """Yield an image and itself after random affine transforms, on a lattice a little larger."""
    generator = np.random.default_rng([ord(letter) for letter in name])
    geometry = ImageGeometry.from_image(image)
    d = geometry.dimension
    points = geometry.points()[sitk.GetArrayFromImage(image) > _middle(image)]
    points = points[:: max(1, len(points) // 200)]
    for number in range(_WARPS):
        turn = np.linalg.qr(generator.normal(size=(d, d)))[0]
        skew = generator.normal(size=(d, d))
        skew = (skew - skew.T) * (0.25 / np.linalg.norm(skew))
        rotation = np.linalg.solve(np.eye(d) - skew / 2, np.eye(d) + skew / 2)
        matrix = rotation @ turn @ np.diag(np.exp(generator.uniform(-0.15, 0.15, d))) @ turn.T
        shift = generator.uniform(-0.15, 0.15, d) * geometry.extent_mm
        truth = sitk.AffineTransform(d)
        truth.SetMatrix(matrix.ravel().tolist())
        truth.SetTranslation(shift.tolist())
        truth.SetCenter(geometry.center())
        margin = np.asarray(geometry.size) // 10
        lattice = geometry.crop((-margin).tolist(), (geometry.size + 2 * margin).tolist())
        outside = float(sitk.GetArrayViewFromImage(image).min())
        moving = sitk.Resample(
            image, lattice.empty_image(), truth.GetInverse(), sitk.sitkLinear, outside
        )
        goals = np.array([truth.TransformPoint(p) for p in points.tolist()])
        measure = _landmark_error(points, goals)
        yield RealPair(group, f"{name} {number}", image, moving, measure, True)


def _mirrored(image: sitk.Image) -> sitk.Image:
    array = np.ascontiguousarray(sitk.GetArrayFromImage(image)[:, :, ::-1])
    return ImageGeometry.from_image(image).to_image(array)


def _middle(image: sitk.Image) -> float:
    """Return the intensity between the darkest and the brightest percent."""
    low, high = np.percentile(sitk.GetArrayViewFromImage(image), [1, 99])
    return float(0.5 * (low + high))


def _landmark_error(fixed: np.ndarray, moving: np.ndarray) -> Callable[[sitk.Transform], float]:
    def measure(transform: sitk.Transform) -> float:
        found = np.array([transform.TransformPoint(p) for p in fixed.tolist()])
        return float(np.linalg.norm(found - moving, axis=1).mean())

    return measure


def _overlap(fixed: sitk.Image, moving: sitk.Image) -> Callable[[sitk.Transform], float]:
    def measure(transform: sitk.Transform) -> float:
        warped = sitk.Resample(moving, fixed, transform, sitk.sitkNearestNeighbor, 0)
        arrays = sitk.GetArrayFromImage(fixed), sitk.GetArrayFromImage(warped)
        return float(np.nanmean(list(dice(*arrays).values())))

    return measure
