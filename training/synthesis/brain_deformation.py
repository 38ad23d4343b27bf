"""Random anatomies from a label map, by smooth deformations without folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicerLDMRegLib.geometry import ImageGeometry

from .brain_anatomy import MIRROR
from .random_fields import spline_matrix
from .threads import single_threaded

__all__ = [
    "Affine",
    "DeformationOptions",
    "RandomMap",
    "lattice_points",
    "read_labels_at",
    "smooth_volume",
]

# Maximum norm of the gradient of the displacement. Any value below 1 makes the map one-to-one; a
# larger one allows stronger local deformations. Not tuned.
_STEEPEST = 0.7


@dataclass(frozen=True)
class DeformationOptions:
    """Strength of an anatomical deformation; limits of uniform draws unless stated otherwise.

    Args:
        strength: factor on everything below, 0 for no change.
        rotation: degrees about the axes x, y, z.
        scaling: of each axis, relative to 1.
        shearing: of each pair of axes.
        translation: mm along each axis.
        waves: pairs (width, amplitude) in mm; each scale of the smooth displacement has a standard
            deviation drawn between 0 and its amplitude.
    """

    strength: float = 1.0
    rotation: Sequence[float] = (5.0, 5.0, 5.0)
    scaling: float = 0.06
    shearing: float = 0.04
    translation: float = 5.0
    waves: Sequence[tuple[float, float]] = ((64.0, 5.0), (32.0, 2.5), (16.0, 1.0))


@dataclass(frozen=True)
class Affine:
    """Affine map ``point -> matrix point + translation``, in mm, x, y, z."""

    matrix: np.ndarray
    translation: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator, options: DeformationOptions) -> Affine:
        """Draw rotation, shearing, scaling and translation within ``options``."""
        strength = options.strength
        angles = np.deg2rad(strength * np.asarray(options.rotation)) * rng.uniform(-1, 1, 3)
        scales = 1 + strength * options.scaling * rng.uniform(-1, 1, 3)
        shears = strength * options.shearing * rng.uniform(-1, 1, 3)
        matrix = _rotation(angles) @ _shear(shears) @ np.diag(scales)
        return cls(matrix, strength * options.translation * rng.uniform(-1, 1, 3))


class RandomMap:
    """A random one-to-one map from points of the new anatomy to points of the old.

    ``point -> affine(placement(point) + displacement(point))``, mm from the centre.

    Args:
        rng: source of randomness.
        geometry: lattice of the displacement, axes along LPS.
        options: strength of the deformation.
        placement: of the head in the scanner, shared by the images of a pair.

    Attributes:
        affine: drawn from ``options``.
        displacement: ``(3, z, y, x)`` float32 mm, components x, y, z, or None when it is zero.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        geometry: ImageGeometry,
        options: DeformationOptions,
        placement: Affine | None = None,
    ) -> None:
        self.geometry = geometry
        self.placement = placement or Affine(np.eye(3), np.zeros(3))
        self.affine = Affine.random(rng, options)
        self.displacement: np.ndarray | None = None
        if options.strength > 0 and options.waves:
            amplitudes = [options.strength * rng.uniform(0, size) for _, size in options.waves]
            widths = [width / geometry.spacing[0] for width, _ in options.waves]
            shape = geometry.array_shape
            field = np.stack([smooth_volume(rng, shape, widths, amplitudes) for _ in range(3)])
            limit = _STEEPEST * np.linalg.svd(self.placement.matrix, compute_uv=False)[-1]
            steepest = _largest_gradient(field, geometry.spacing)
            if steepest > limit:
                field *= limit / steepest
            self.displacement = field

    def points(self, flip: bool = False) -> np.ndarray:
        """Return the source points of the voxels: ``(3, z, y, x)`` float32 mm, components x, y, z.

        Args:
            flip: mirror the old anatomy left to right first.
        """
        own = self.affine.matrix * np.array([[-1.0], [1.0], [1.0]] if flip else [[1.0]] * 3)
        shift = own @ self.placement.translation
        shift += self.affine.translation * ([-1, 1, 1] if flip else 1)
        matrix = own @ self.placement.matrix
        out = lattice_points(self.geometry, Affine(matrix, shift))
        if self.displacement is not None:
            for i in range(3):
                for j in range(3):
                    out[i] += np.float32(own[i, j]) * self.displacement[j]
        return out


def lattice_points(geometry: ImageGeometry, affine: Affine | None = None) -> np.ndarray:
    """Return the mapped points of an LPS lattice, ``(3, z, y, x)`` float32 mm, x, y, z."""
    affine = affine or Affine(np.eye(3), np.zeros(3))
    g = geometry
    axes = [o + s * np.arange(n) for o, s, n in zip(g.origin, g.spacing, g.size, strict=True)]
    out = np.empty((3, *g.array_shape), np.float32)
    for i in range(3):
        x, y, z = (affine.matrix[i, j] * axes[j] for j in range(3))
        plane = (y[:, None] + x + affine.translation[i]).astype(np.float32)
        np.add(z.astype(np.float32)[:, None, None], plane, out=out[i])
    return out


def read_labels_at(
    labels: np.ndarray,
    geometry: ImageGeometry,
    points: np.ndarray,
    spacing: float,
    flip: bool = False,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the label nearest to each point, and labels around it.

    A voxel larger than those of the map holds several labels. The labels half a voxel from its
    centre, at the corners of a tetrahedron, represent the partial volume; there are none for voxels
    as small as the map's. Outside of the map its border is repeated.

    Args:
        labels: ``(z, y, x)`` uint8 indices, on ``geometry`` with axes along LPS.
        geometry: lattice of the labels.
        points: ``(3, ...)`` mm, components x, y, z.
        spacing: size of the voxels around the points in mm.
        flip: whether to exchange left and right structures, for points of a mirrored map.
    """
    flat = labels.ravel()
    half = int(spacing / geometry.spacing[0] / 2)
    strides = [np.int32(n) for n in (1, geometry.size[0], geometry.size[0] * geometry.size[1])]
    centre = np.zeros(points.shape[1:], np.int32)
    for i in range(3):
        index = points[i] - np.float32(geometry.origin[i])
        index /= np.float32(geometry.spacing[i])
        np.rint(index, out=index)
        np.clip(index, half, geometry.size[i] - 1 - half, out=index)
        centre += index.astype(np.int32) * strides[i]

    def read(where: np.ndarray) -> np.ndarray:
        return MIRROR.take(flat.take(where)) if flip else flat.take(where)

    if not half:
        return read(centre), []
    x, y, z = (half * stride for stride in strides)
    corners = (x + y + z, x - y - z, y - x - z, z - x - y)
    return read(centre), [read(centre + corner) for corner in corners]


@single_threaded
def smooth_volume(
    rng: np.random.Generator,
    shape: Sequence[int],
    widths: Sequence[float],
    amplitudes: Sequence[float],
) -> np.ndarray:
    """Draw a sum of smooth random volumes, ``shape`` float32 of zero mean.

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
    """Return the largest Frobenius norm of the gradient, by central differences."""
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
