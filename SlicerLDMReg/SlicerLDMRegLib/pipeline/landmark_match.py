"""Local search for the partner of a landmark, around where it was placed by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from ..resampling import resample

__all__ = ["LandmarkMatch", "match_landmark"]

_PATCH, _REACH = 7, 6  # voxels to each side: what is compared, and how far the partner is sought
_ALIKE = 0.5  # correlation from which on two patches show the same thing. Not tuned
_LEAST_SPREAD = 1e-6  # of the range of the image: a patch with less shows nothing


@dataclass(frozen=True)
class LandmarkMatch:
    """The outcome of a local search.

    Attributes:
        point: of the moving image, LPS mm; where nothing was found, as it was.
        correlation: of the patches around the fixed and the moving point, -1 to 1; NaN where one of
            them shows nothing.
        found: whether the patches are alike, and the best place is not at the edge of the search.
    """

    point: np.ndarray
    correlation: float
    found: bool


def match_landmark(
    fixed: sitk.Image, moving: sitk.Image, fixed_point: np.ndarray, moving_point: np.ndarray
) -> LandmarkMatch:
    """Move a landmark to where the moving image resembles the fixed one around its partner most.

    Patches of 15 voxels of the fixed image, along its axes, are compared by normalised correlation,
    within 6 voxels of where the landmark was; a parabola through the best place and its neighbours
    tells parts of a voxel.

    Args:
        fixed, moving: scalar images, 2D or 3D.
        fixed_point, moving_point: of the pair, LPS mm.

    Raises:
        InputError: when a point lies outside of its image.
    """
    geometry = ImageGeometry.from_image(fixed)
    points = [np.asarray(point, np.float64) for point in (fixed_point, moving_point)]
    for point, image, role in zip(points, (fixed, moving), ("fixed", "moving"), strict=True):
        own = ImageGeometry.from_image(image)
        index = own.physical_to_index(point)
        if (index < -0.5).any() or (index > np.asarray(own.size) - 0.5).any():
            raise InputError(f"the landmark lies outside of the {role} image; place it inside")
    # Along a single slice there is nothing to compare.
    deep = np.array([n > 1 for n in geometry.size])
    patch = np.where(deep, _PATCH, 0)
    reach = np.where(deep, _REACH, 0)
    first = _around(fixed, geometry, points[0], patch)
    second = _around(moving, geometry, points[1], patch + reach)
    scores = _correlations(first, second)
    start = float(scores[tuple(reach[::-1])])
    best = np.array(np.unravel_index(np.nanargmax(_known(scores)), scores.shape))
    top = float(scores[tuple(best)])
    far = np.abs(best - reach[::-1]) == reach[::-1]
    if not np.isfinite(top) or top < _ALIKE or (far & deep[::-1]).any():
        return LandmarkMatch(points[1], start, False)
    offset = (best - reach[::-1] + _vertex(scores, best))[::-1]
    return LandmarkMatch(points[1] + geometry.matrix @ offset, top, True)


def _around(
    image: sitk.Image, like: ImageGeometry, point: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Return the image around a point, on the axes and with the spacing of a lattice."""
    lattice = ImageGeometry(
        tuple((2 * radius + 1).tolist()),
        like.spacing,
        tuple((point - like.matrix @ radius).tolist()),
        like.direction,
    )
    found = resample(sitk.Cast(image, sitk.sitkFloat32), lattice, None, float("nan"))
    values = sitk.GetArrayFromImage(found).astype(np.float64)
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)


def _correlations(patch: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Return the correlation of a patch with the field at each place where it fits in."""
    windows = np.lib.stride_tricks.sliding_window_view(field, patch.shape)
    axes = tuple(range(patch.ndim, 2 * patch.ndim))
    mean = windows.mean(axis=axes)
    spread = np.sqrt(np.maximum((windows**2).mean(axis=axes) - mean**2, 0))
    own = (patch - patch.mean()) / patch.size
    product = np.tensordot(windows, own, axes=patch.ndim)
    least = _LEAST_SPREAD * max(np.ptp(field), np.ptp(patch), 1e-300)
    scale = spread * patch.std()
    shows = (spread > least) & (patch.std() > least)
    return np.where(shows, product / np.where(shows, scale, 1.0), np.nan)


def _known(scores: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(scores), scores, -2.0)


def _vertex(scores: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Return where the parabolas through a place and its neighbours have their tops, in voxels."""
    offset = np.zeros(len(best))
    for axis in range(len(best)):
        if scores.shape[axis] < 3:
            continue
        step = np.eye(len(best), dtype=int)[axis]
        low, middle, high = (_known(scores)[tuple(best + n * step)] for n in (-1, 0, 1))
        bend = low - 2 * middle + high
        if bend < 0:
            offset[axis] = float(np.clip((low - high) / (2 * bend), -0.5, 0.5))
    return offset
