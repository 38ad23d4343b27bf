"""Affine alignment of brains by the centroids of their structures.

Centroids are dictionaries label number -> ``(3,)`` in LPS mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..synthesis.brain_anatomy import LABEL_NUMBERS, MIRROR

__all__ = ["Centroids", "fit_affine", "mean_brain", "structure_centroids"]

Centroids = Mapping[int, np.ndarray]

# Solid structures; ventricles, lesions and vessels vary too much between subjects.
_LANDMARKS = (
    *(2, 3, 7, 8, 10, 11, 12, 13, 16, 17, 18, 26, 28),
    *(41, 42, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60),
)
_OTHER_SIDE = dict(zip(LABEL_NUMBERS, (LABEL_NUMBERS[i] for i in MIRROR), strict=True))
_ITERATIONS = 20  # of the re-weighting and of the mean brain; not tuned
_TYPICAL_ERROR = 1.0  # mm, residual below which a structure is never an outlier; not tuned


def structure_centroids(
    indices: np.ndarray, origin: np.ndarray, matrix: np.ndarray
) -> dict[int, np.ndarray]:
    """Return the centroids of the landmark structures, LPS mm by label number.

    Args:
        indices: ``(k, j, i)`` uint8, see :mod:`training.synthesis.brain_anatomy`.
        origin: ``(3,)`` LPS mm of voxel (0, 0, 0).
        matrix: ``(3, 3)`` from index (i, j, k) to mm: direction times spacing.
    """
    counts = np.zeros(len(LABEL_NUMBERS))
    sums = np.zeros((len(LABEL_NUMBERS), 3))
    for k, plane in enumerate(indices):
        table = np.bincount(plane.ravel(), minlength=len(counts))
        counts += table
        sums[:, 2] += k * table
        j, i = np.indices(plane.shape, sparse=True)
        for axis, index in ((0, i), (1, j)):
            weights = np.broadcast_to(index, plane.shape).ravel()
            sums[:, axis] += np.bincount(plane.ravel(), weights, minlength=len(counts))
    return {
        number: origin + matrix @ (sums[n] / counts[n])
        for n, number in enumerate(LABEL_NUMBERS)
        if number in _LANDMARKS and counts[n]
    }


def fit_affine(source: Centroids, target: Centroids) -> np.ndarray:
    """Return the 4 x 4 matrix from ``source`` to ``target`` by robust least squares.

    Iteratively re-weighted with Huber weights, so that a single outlier does not tilt a brain.

    Raises:
        ValueError: for fewer than 4 common structures, or all of them in one plane.
    """
    a, b = _common(source, target)
    design = np.column_stack([a, np.ones(len(a))])
    if len(a) < 4 or np.linalg.matrix_rank(design - design.mean(0), tol=1e-3) < 3:
        raise ValueError(
            f"expected at least 4 structures in both brains, not in one plane, got {len(a)}"
        )
    weights = np.ones(len(a))
    for _ in range(_ITERATIONS):
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(root * design, root * b, rcond=None)[0]
        residual = np.linalg.norm(design @ solution - b, axis=1)
        limit = max(1.5 * float(np.median(residual)), _TYPICAL_ERROR)
        weights = limit / np.maximum(residual, limit)
    return np.vstack([solution.T, [0, 0, 0, 1]])


def mean_brain(subjects: Sequence[Centroids]) -> dict[int, np.ndarray]:
    """Return the centroids of an upright, symmetric mean brain with its middle at x = 0.

    Iterates: fit each subject to the mean by a similarity transform (Umeyama 1991), average, and
    symmetrise. The pitch is the mean pitch of the subjects.
    """
    numbers = sorted(set.intersection(*(set(s) for s in subjects)))
    numbers = [n for n in numbers if _OTHER_SIDE[n] in numbers]
    if len(numbers) < 4:
        raise ValueError(f"expected at least 4 structures in all brains, got {len(numbers)}")
    points = [np.array([s[n] for n in numbers]) for s in subjects]
    swap = [numbers.index(_OTHER_SIDE[n]) for n in numbers]
    mean = _symmetric(points[0] - points[0].mean(0), swap)
    for _ in range(_ITERATIONS):
        fits = [_similarity(p, mean) for p in points]
        size = np.exp(np.mean([np.log(scale) for scale, _, _ in fits]))
        mean = np.mean(
            [(s * (r @ p.T)).T + t for p, (s, r, t) in zip(points, fits, strict=True)], 0
        )
        mean = _symmetric(mean - mean.mean(0), swap) / size
    rotation = np.sum([r for _, r, _ in fits], axis=0)
    pitch = -np.arctan2(rotation[2, 1] - rotation[1, 2], rotation[1, 1] + rotation[2, 2])
    cos, sin = np.cos(pitch), np.sin(pitch)
    mean = mean @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]).T
    return dict(zip(numbers, mean, strict=True))


def _common(source: Centroids, target: Centroids) -> tuple[np.ndarray, np.ndarray]:
    numbers = sorted(set(source) & set(target))
    return (
        np.array([source[n] for n in numbers]).reshape(-1, 3),
        np.array([target[n] for n in numbers]).reshape(-1, 3),
    )


def _symmetric(points: np.ndarray, swap: list[int]) -> np.ndarray:
    points = points - [points[:, 0].mean(), 0, 0]
    return (points + points[swap] * [-1, 1, 1]) / 2


def _similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return scale, rotation and translation from ``source`` (n, 3) to ``target``."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (a**2).sum())
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)
