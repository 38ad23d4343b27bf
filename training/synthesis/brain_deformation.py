"""Random anatomy from a label map: a smooth deformation without folds, then labels at points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicerLDMRegLib.geometry import ImageGeometry

from .brain_anatomy import MIRROR
from .random_fields import spline_matrix

__all__ = ["DeformationOptions", "RandomMap", "sample_labels", "smooth_volume"]

# Largest norm of the gradient of the displacement: below 1 the map is one-to-one.
_STEEPEST = 0.7


@dataclass(frozen=True)
class DeformationOptions:
    """How far an anatomy is changed. All are limits of uniform draws unless said otherwise.

    Args:
        strength: factor on everything below, 0 for no change.
        rotation: degrees about each axis.
        scaling: of each axis, relative to 1.
        shearing: of each pair of axes.
        translation: mm along each axis.
        waves: pairs (width, amplitude) in mm; each scale of the smooth displacement has a standard
            deviation drawn between 0 and its amplitude.
    """

    strength: float = 1.0
    rotation: float = 8.0
    scaling: float = 0.08
    shearing: float = 0.04
    translation: float = 6.0
    waves: Sequence[tuple[float, float]] = ((64.0, 5.0), (32.0, 2.5), (16.0, 1.0))


class RandomMap:
    """A random one-to-one map from points of the new anatomy to points of the old.

    ``point -> matrix (point + displacement(point)) + translation``, all in mm from the centre.

    Args:
        rng: source of randomness.
        geometry: lattice on which the displacement is known, axes along LPS.
        options: how strong.

    Attributes:
        matrix: ``(3, 3)``, x, y, z.
        translation: ``(3,)`` mm.
        displacement: ``(3, z, y, x)`` float32 mm, components x, y, z, or None when it is zero.
    """

    def __init__(
        self, rng: np.random.Generator, geometry: ImageGeometry, options: DeformationOptions
    ) -> None:
        self.geometry = geometry
        strength = options.strength
        angles = np.deg2rad(strength * options.rotation) * rng.uniform(-1, 1, 3)
        scales = 1 + strength * options.scaling * rng.uniform(-1, 1, 3)
        shears = strength * options.shearing * rng.uniform(-1, 1, 3)
        self.matrix = _rotation(angles) @ _shear(shears) @ np.diag(scales)
        self.translation = strength * options.translation * rng.uniform(-1, 1, 3)
        self.displacement: np.ndarray | None = None
        if strength > 0 and options.waves:
            amplitudes = [strength * amplitude * rng.uniform() for _, amplitude in options.waves]
            widths = [width / geometry.spacing[0] for width, _ in options.waves]
            shape = geometry.array_shape
            field = np.stack([smooth_volume(rng, shape, widths, amplitudes) for _ in range(3)])
            steepest = _largest_gradient(field, geometry.spacing)
            if steepest > _STEEPEST:
                field *= _STEEPEST / steepest
            self.displacement = field

    def points(self, flip: bool = False) -> np.ndarray:
        """Return where the voxels come from: ``(3, z, y, x)`` float32 mm, components x, y, z.

        Args:
            flip: mirror the old anatomy left to right first.
        """
        axes = [
            origin + spacing * np.arange(n)
            for origin, spacing, n in zip(
                self.geometry.origin, self.geometry.spacing, self.geometry.size, strict=True
            )
        ]
        matrix, translation = self.matrix, self.translation
        if flip:
            mirror = np.array([-1.0, 1.0, 1.0])
            matrix, translation = mirror[:, None] * matrix, mirror * translation
        out = np.empty((3, *self.geometry.array_shape), np.float32)
        for i in range(3):
            x, y, z = (matrix[i, j] * axes[j] for j in range(3))
            out[i] = (z[:, None, None] + y[:, None] + x + translation[i]).astype(np.float32)
            if self.displacement is not None:
                for j in range(3):
                    out[i] += np.float32(matrix[i, j]) * self.displacement[j]
        return out


def sample_labels(
    labels: np.ndarray, geometry: ImageGeometry, points: np.ndarray, flip: bool = False
) -> np.ndarray:
    """Return the label nearest to each point; beyond the map its border goes on.

    Args:
        labels: ``(z, y, x)`` uint8 indices, on ``geometry`` with axes along LPS.
        geometry: lattice of the labels.
        points: ``(3, ...)`` mm, components x, y, z.
        flip: exchange the left and right structures, for points of a mirrored map.
    """
    flat: np.ndarray | None = None
    for i in (2, 1, 0):
        index = points[i] - np.float32(geometry.origin[i])
        index /= np.float32(geometry.spacing[i])
        np.rint(index, out=index)
        np.clip(index, 0, geometry.size[i] - 1, out=index)
        whole = index.astype(np.int32)
        flat = whole if flat is None else flat * np.int32(geometry.size[i]) + whole
    out = labels.ravel().take(flat)
    return MIRROR[out] if flip else out


def smooth_volume(
    rng: np.random.Generator,
    shape: Sequence[int],
    widths: Sequence[float],
    amplitudes: Sequence[float],
) -> np.ndarray:
    """Draw the sum of smooth random volumes, ``shape`` float32 of zero mean.

    Args:
        rng: source of randomness.
        shape: ``(z, y, x)``.
        widths: of the structures of each volume in voxels.
        amplitudes: standard deviation of each volume.
    """
    bases, planes = [], []
    for width, amplitude in zip(widths, amplitudes, strict=True):
        z, y, x = (spline_matrix(n, width) for n in shape)
        noise = amplitude * rng.standard_normal((z.shape[1], y.shape[1], x.shape[1]))
        planes.append((y @ (noise @ x.T)).astype(np.float32).reshape(z.shape[1], -1))
        bases.append(z)
    basis = np.concatenate(bases, axis=1).astype(np.float32)
    return (basis @ np.concatenate(planes)).reshape(tuple(shape))


def _largest_gradient(field: np.ndarray, spacing: Sequence[float]) -> float:
    """Largest Frobenius norm of the gradient, from differences over two voxels."""
    coarse = field[:, ::2, ::2, ::2]
    total = np.zeros([n - 1 for n in coarse.shape[1:]], np.float32)
    for axis, step in ((1, spacing[2]), (2, spacing[1]), (3, spacing[0])):
        slope = np.diff(coarse, axis=axis) / np.float32(2 * step)
        cut = [slice(None, n) for n in total.shape]
        total += (slope[(slice(None), *cut)] ** 2).sum(0)
    return float(np.sqrt(total.max()))


def _rotation(angles: np.ndarray) -> np.ndarray:
    out = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        out = turn @ out
    return out


def _shear(values: np.ndarray) -> np.ndarray:
    out = np.eye(3)
    out[0, 1], out[0, 2], out[1, 2] = values
    return out
