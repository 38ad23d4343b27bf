"""Linear maps of space, and parameters of them that all count in mm of displacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

__all__ = ["STAGES", "Frame", "LinearMap"]

#: From the fewest parameters to the most.
STAGES = ("rigid", "similarity", "affine")


@dataclass(frozen=True)
class LinearMap:
    """``x -> matrix (x - center) + center + shift``, or several; the center is a frame's.

    Attributes:
        matrix: ``(..., d, d)`` float64.
        shift: ``(..., d)`` float64, mm.
    """

    matrix: Tensor
    shift: Tensor

    def __len__(self) -> int:
        return len(self.shift)

    def __getitem__(self, item: int | slice | Tensor | None) -> LinearMap:
        """Return one or some of several maps; with None a single one as one of several."""
        return LinearMap(self.matrix[item], self.shift[item])

    @classmethod
    def identity(cls, dimension: int) -> LinearMap:
        """Return the map that moves nothing."""
        eye = torch.eye(dimension, dtype=torch.float64)
        return cls(eye, torch.zeros(dimension, dtype=torch.float64))

    @classmethod
    def joined(cls, maps: list[LinearMap]) -> LinearMap:
        """Return single maps as several, ``(K, d, d)``."""
        return cls(torch.stack([m.matrix for m in maps]), torch.stack([m.shift for m in maps]))

    @classmethod
    def concatenated(cls, *several: LinearMap) -> LinearMap:
        """Return several maps and several more as one."""
        return cls(torch.cat([m.matrix for m in several]), torch.cat([m.shift for m in several]))

    @property
    def determinant(self) -> float:
        """Of the linear part of a single map."""
        return float(torch.linalg.det(self.matrix))


@dataclass(frozen=True)
class Frame:
    """The place and the size of what is compared of a fixed image.

    An entry of a matrix that changes by 0.1 moves voxels by 10 mm in one image and by 0.1 mm in
    another. The frame gives each parameter of a map the unit mm: what it moves the voxels by.

    Attributes:
        center: mean position of the voxels, ``(d,)`` mm.
        axes: along the lattice of the fixed image, ``(d, d)``, orthonormal columns.
        radii: root mean square distance of the voxels from the center along each axis, ``(d,)`` mm.
    """

    center: Tensor
    axes: Tensor
    radii: Tensor

    @classmethod
    def of(cls, points: np.ndarray, direction: np.ndarray, spacing: np.ndarray) -> Frame:
        """Return the frame of the points ``(N, d)`` mm of voxels on a lattice.

        Args:
            points: positions of the voxels.
            direction: of the lattice, ``(d, d)``.
            spacing: of the lattice, ``(d,)`` mm; a single layer still has a thickness.
        """
        # The nearest orthonormal matrix: directions are read from files with a few digits.
        u, _, v = np.linalg.svd(direction)
        center = points.mean(axis=0)
        spread = ((points - center) @ (u @ v)) ** 2
        radii = np.sqrt(spread.mean(axis=0) + np.square(spacing) / 12)
        arrays = (center, u @ v, radii)
        return cls(*(torch.from_numpy(np.asarray(a, dtype=np.float64)) for a in arrays))

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.center)

    def count(self, stage: str) -> int:
        """Return the number of parameters of a stage."""
        d = self.dimension
        turns = d * (d - 1) // 2
        return d + {"rigid": turns, "similarity": turns + 1, "affine": d * d}[stage]

    def moved(self, base: LinearMap, parameters: Tensor, stage: str) -> LinearMap:
        """Return maps near others.

        Args:
            base: the maps at parameters 0.
            parameters: ``(..., count(stage))`` float64 mm; each alone moves the voxels by about as
                much, root mean square.
            stage: what changes: ``rigid``, ``similarity`` or ``affine``.
        """
        d = self.dimension
        shift = base.shift + parameters[..., :d] @ self.axes.T
        rest = parameters[..., d:]
        if stage == "affine":
            change = rest.unflatten(-1, (d, d)) / self.radii
            return LinearMap(base.matrix + self.axes @ change @ self.axes.T, shift)
        square = self.radii**2
        size = square.sum().sqrt()
        # The voxels' distance from each axis of rotation.
        arms = size if d == 2 else (square.sum() - square).sqrt()
        # Cayley's map: a rotation for every skew-symmetric matrix, without a singular point.
        half = _skew(rest[..., : self.count("rigid") - d] / arms) / 2
        eye = torch.eye(d, dtype=torch.float64)
        turn = torch.linalg.solve(eye - half, eye + half)
        if stage == "similarity":
            turn = turn * torch.exp(rest[..., -1:] / size)[..., None]
        return LinearMap(self.axes @ turn @ self.axes.T @ base.matrix, shift)

    def about(self, matrices: np.ndarray, pivot: np.ndarray, target: np.ndarray) -> LinearMap:
        """Return the maps with linear parts ``(K, d, d)`` that bring one point to another (mm)."""
        center = self.center.numpy()
        shifts = matrices @ (center - pivot) + target - center
        return LinearMap(torch.from_numpy(matrices), torch.from_numpy(shifts))

    def distances(self, maps: LinearMap, other: LinearMap) -> Tensor:
        """Return how far maps and a single one move the voxels apart, rms, ``(K,)`` mm."""
        spread = (maps.matrix - other.matrix) @ self.axes * self.radii
        shift = maps.shift - other.shift
        return (shift.square().sum(-1) + spread.square().sum((-2, -1))).sqrt()

    def deviations(self, maps: LinearMap) -> Tensor:
        """Return how much maps turn and stretch, ``(K,)``.

        The root mean square way of the voxels relative to their center, as a share of their
        distance from it: 0 for a shift, about 0.7 for a quarter turn and 2 for half a turn.
        """
        change = (maps.matrix - torch.eye(self.dimension, dtype=torch.float64)) @ self.axes
        return (change * self.radii).flatten(-2).norm(dim=-1) / self.radii.norm()

    def transform(self, found: LinearMap, stage: str) -> sitk.Transform:
        """Return a single map as an ITK transform around the center, Euler for ``rigid``."""
        types: dict[int, Any] = {2: sitk.Euler2DTransform, 3: sitk.Euler3DTransform}
        rigid = stage == "rigid"
        transform = types[self.dimension]() if rigid else sitk.AffineTransform(self.dimension)
        transform.SetCenter(self.center.tolist())
        transform.SetMatrix(found.matrix.ravel().tolist())
        transform.SetTranslation(found.shift.tolist())
        linear: sitk.Transform = transform
        return linear


def _skew(vector: Tensor) -> Tensor:
    """Return the skew-symmetric matrices of rotation vectors ``(..., 1)`` or ``(..., 3)``."""
    zero = torch.zeros_like(vector[..., 0])
    if vector.shape[-1] == 1:
        angle = vector[..., 0]
        return torch.stack([zero, -angle, angle, zero], dim=-1).unflatten(-1, (2, 2))
    x, y, z = vector.unbind(-1)
    numbers = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(numbers, dim=-1).unflatten(-1, (3, 3))
