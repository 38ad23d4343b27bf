"""The numbers of a result: how alike the images are before and after, how regular the field is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk

from .. import metrics
from ..displacement import DisplacementField
from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..metrics.local_similarity import LocalSimilarity
from ..resampling import coverage, resample, warp_image
from .inputs import Inputs

__all__ = ["deformation_metrics", "linear_part", "match_metrics"]

_CONSISTENCY_POINTS = 1_000_000  # a mean to a thousandth, in less than a second
_FITTED = 32  # samples along an axis for the affine fit
_COUNTABLE = 2**20  # labels below are found by counting, which is faster than sorting

PointMap = Callable[[np.ndarray], np.ndarray]


def match_metrics(
    inputs: Inputs,
    transform: sitk.Transform,
    intensities: tuple[IntensityMap, IntensityMap],
    points: PointMap | None = None,
    local: LocalSimilarity | None = None,
) -> dict[str, Any]:
    """Measure how well a transform brings the moving image onto the fixed one.

    Args:
        inputs: images, masks, labels and landmarks; they are compared on the lattice of the result.
        transform: fixed to moving points.
        intensities: maps of the fixed and the moving image to [0, 1], for the MSE.
        points: fixed to moving landmarks; None: by the transform.
        local: comparison with the fixed image around each voxel; None: it is left out.

    Returns:
        ``ncc`` and ``mse`` where both images are defined and their masks allow it, the fraction
        ``overlap`` of the lattice where both are defined; with ``local`` the fraction ``covered``
        of the structures of the fixed image that are compared, the mean ``local_similarity`` of
        these, and the fraction ``unlike`` that has nothing in common with its partner; with labels
        ``dice``, ``hd95`` (mm) per label and ``dice_mean``, ``hd95_mean``, and where other numbers
        of the labels fit far better ``better_numbers`` of the moving image by that of the fixed one
        and the ``better_numbers_dice`` with these; with landmarks ``tre`` (mean, mm),
        ``tre_max_mm`` and ``tre_per_landmark``, of those that lie on the lattice.
    """
    output = inputs.output
    both = coverage(inputs.moving, output, transform).astype(bool)
    fixed = _on(inputs.fixed, output)
    moving = _on(inputs.moving, output, transform)
    result: dict[str, Any] = {
        "ncc": float("nan"),
        "mse": float("nan"),
        "overlap": float(both.mean()),
    }
    if inputs.masks.roles:
        both &= inputs.masks.inside(output, transform)
    if both.any():
        result["ncc"] = metrics.ncc(fixed[both], moving[both])
        mapped = intensities[0](fixed[both]), intensities[1](moving[both])
        result["mse"] = metrics.mse(*mapped)
    if local is not None:
        masked = inputs.masks.inside(local.lattice, transform) if inputs.masks.roles else None
        found = local.of(inputs.moving, transform, masked)
        result |= {
            "covered": found.covered,
            "local_similarity": found.mean,
            "unlike": found.unlike,
        }
    if inputs.fixed_labels is not None and inputs.moving_labels is not None:
        result |= _label_metrics(inputs.fixed_labels, inputs.moving_labels, output, transform)
    landmarks = _landmarks_on(inputs)
    if landmarks is not None:
        errors = metrics.target_registration_error(*landmarks, points or _by_transform(transform))
        result["tre"] = float(errors.mean())
        result["tre_max_mm"] = float(errors.max())
        result["tre_per_landmark"] = [float(error) for error in errors]
    return result


def deformation_metrics(
    field: DisplacementField,
    determinant: np.ndarray,
    inverse: DisplacementField | None = None,
) -> dict[str, float]:
    """Measure the regularity of a field on its lattice.

    Beside it stand the diagonal of the lattice, ``diagonal_mm``, the least and the largest factor
    by which the affine part of the field stretches a length, and ``bending_mm``, the root mean
    square of what is not affine.

    Args:
        field: the whole map, fixed to moving.
        determinant: its Jacobian determinant, ``array_shape``.
        inverse: moving to fixed; gives ``inverse_consistency_mm``, the mean distance of a fixed
            point from itself after the field and the inverse.
    """
    lengths = metrics.displacement_statistics(field.vectors)
    result = {
        "fold_count": int((~(determinant > 0)).sum()),
        "fold_percent": metrics.fold_percentage(determinant),
        "jacobian_min": float(determinant.min()),
        "jacobian_max": float(determinant.max()),
        "jacobian_mean": float(determinant.mean()),
        "sdlogj": metrics.sdlogj(determinant),
        "sdlogj_learn2reg": metrics.sdlogj_learn2reg(_flat_map(determinant)),
        "displacement_mean_mm": lengths["mean"],
        "displacement_max_mm": lengths["max"],
        "diagonal_mm": float(np.linalg.norm(field.geometry.extent_mm)),
    }
    result |= _stretches(field)
    if inverse is not None:
        result["inverse_consistency_mm"] = _inverse_consistency(field, inverse)
    return result


def linear_part(field: DisplacementField) -> sitk.AffineTransform:
    """Return the affine map that fits a field best, fixed to moving points."""
    return _fitted(field)[0]


def _fitted(field: DisplacementField) -> tuple[sitk.AffineTransform, np.ndarray]:
    """Return the affine map that fits best, and the rest of the displacements, ``(N, d)`` mm."""
    places = [np.arange(0, n, max(1, n // _FITTED)) for n in field.geometry.array_shape]
    vectors = field.vectors[np.ix_(*places)].reshape(-1, field.dimension)
    grid = np.meshgrid(*places, indexing="ij")[::-1]
    index = np.stack(grid, axis=-1).reshape(-1, field.dimension)
    center = field.geometry.center()
    points = field.geometry.index_to_physical(index) - np.asarray(center)
    design = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    # Of the solutions for a lattice of one slice this is the one that does nothing across it.
    fit = np.linalg.lstsq(design, vectors, rcond=None)[0]
    transform = sitk.AffineTransform(field.dimension)
    transform.SetMatrix((np.eye(field.dimension) + fit[:-1].T).ravel().tolist())
    transform.SetCenter(center)
    transform.SetTranslation(fit[-1].tolist())
    return transform, vectors - design @ fit


def _stretches(field: DisplacementField) -> dict[str, float]:
    """Return what the affine part of a field does to lengths, and what is not affine."""
    transform, rest = _fitted(field)
    matrix = np.reshape(transform.GetMatrix(), (field.dimension, field.dimension))
    flat = [n > 1 for n in field.geometry.size]
    axes = field.geometry.direction_matrix[:, flat]
    stretches = np.linalg.svd(matrix @ axes, compute_uv=False) if any(flat) else np.ones(1)
    return {
        "linear_stretch_min": float(stretches.min()),
        "linear_stretch_max": float(stretches.max()),
        "bending_mm": float(np.sqrt(np.mean((rest**2).sum(axis=1)))),
    }


def _landmarks_on(inputs: Inputs) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the landmarks that lie on the lattice of the result: slices do not hold all."""
    if inputs.fixed_landmarks is None or inputs.moving_landmarks is None:
        return None
    output = inputs.output
    if inputs.slices is None:
        return inputs.fixed_landmarks, inputs.moving_landmarks
    index = output.physical_to_index(inputs.fixed_landmarks)
    inside = ((index >= -0.5) & (index <= np.asarray(output.size) - 0.5)).all(axis=1)
    if not inside.any():
        return None
    return inputs.fixed_landmarks[inside], inputs.moving_landmarks[inside]


def _inverse_consistency(field: DisplacementField, inverse: DisplacementField) -> float:
    vectors = field.vectors.reshape(-1, field.dimension)
    voxels = np.arange(len(vectors))
    if len(voxels) > _CONSISTENCY_POINTS:
        # Every n-th one would lie in a few planes where n shares a factor with the size.
        voxels = np.random.default_rng(0).integers(len(vectors), size=_CONSISTENCY_POINTS)
    places = np.stack(np.unravel_index(voxels, field.geometry.array_shape)[::-1], axis=-1)
    start = field.geometry.index_to_physical(places)
    moved = start + vectors[voxels]
    index = inverse.geometry.physical_to_index(moved)
    last = np.asarray(inverse.geometry.size) - 1
    inside = ((index >= -0.5) & (index <= last + 0.5)).all(axis=-1)
    if not inside.any():
        return float("nan")
    back = inverse.warp_points(moved[inside])
    return float(np.linalg.norm(back - start[inside], axis=-1).mean())


def _by_transform(transform: sitk.Transform) -> PointMap:
    def move(points: np.ndarray) -> np.ndarray:
        return np.array([transform.TransformPoint(p.tolist()) for p in points])

    return move


def _on(
    image: sitk.Image,
    output: ImageGeometry,
    transform: sitk.Transform | None = None,
    labels: bool = False,
) -> np.ndarray:
    """Return an image on a lattice; without a transform where the two agree, as it is."""
    if transform is None and output.matches(ImageGeometry.from_image(image)):
        return np.asarray(sitk.GetArrayViewFromImage(image))
    if labels:
        resampled = warp_image(image, output, transform, labels=True)
    else:
        resampled = resample(image, output, transform, 0.0)  # nothing is compared outside
    return np.asarray(sitk.GetArrayFromImage(resampled))


def _label_metrics(
    fixed: sitk.Image, moving: sitk.Image, output: ImageGeometry, transform: sitk.Transform
) -> dict[str, Any]:
    a = _flat_map(_on(fixed, output, labels=True))
    b = _flat_map(_on(moving, output, transform, labels=True))
    whole = a, b
    # A label that only one of the images holds has no counterpart: it is not the field's fault.
    names = sorted((_present(fixed) & _present(moving)) - {0})
    spacing = [s for s, n in zip(output.spacing, output.size, strict=True) if n > 1][::-1]
    numbers = dict(zip(names, names, strict=True))
    if names and max(a.max(), b.max()) >= _COUNTABLE:
        # Some atlases count up to 600 million, and the metrics have tables as long as that.
        numbers = {name: place for place, name in enumerate(names, 1)}
        a, b = (_places(labels, names) for labels in (a, b))
    overlap = metrics.dice(a, b, numbers.values())
    distance = metrics.hd95(a, b, spacing, numbers.values())
    overlap, distance = (
        {name: values[number] for name, number in numbers.items()} for values in (overlap, distance)
    )
    found = {
        "dice": overlap,
        "dice_mean": _mean(overlap),
        "hd95": distance,
        "hd95_mean": _mean(distance),
    }
    better = metrics.better_numbers(whole[0], whole[1])
    if better is not None:
        found["better_numbers"], found["better_numbers_dice"] = better
    return found


def _places(labels: np.ndarray, names: list[int]) -> np.ndarray:
    """Return the places, from 1, of labels in an ascending list; 0 of those that it has not."""
    known = np.array(names, labels.dtype)
    place = np.searchsorted(known, labels).clip(max=len(names) - 1)
    return np.where(known[place] == labels, place + 1, 0)


def _present(labels: sitk.Image) -> set[int]:
    values = sitk.GetArrayViewFromImage(labels).reshape(-1)
    if values.max() < _COUNTABLE:
        return set(np.flatnonzero(np.bincount(values)).tolist())
    return {int(n) for n in np.unique(values)}


def _mean(values: dict[int, float]) -> float:
    known = [v for v in values.values() if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def _flat_map(labels: np.ndarray) -> np.ndarray:
    """Return a volume of one slice as a 2D map."""
    return labels.reshape([n for n in labels.shape if n > 1])
