"""Invertible 2D deformations with exact or numerically accurate inverses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthesis.random_fields import Field, smooth_noise

__all__ = ["Composition", "Contraction", "Deformation", "VelocityFlow"]

MARGIN = 16  # pixels around the picture in which deformations are defined
LATTICE = 2  # pixels between the lattice points of a velocity field


class Deformation(Protocol):
    """One-to-one map of the plane; points are ``(2, ...)``, rows and columns in pixels."""

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Map points of the fixed image to the moving image."""

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Map points of the moving image to the fixed image."""


class VelocityFlow:
    """Flow of a stationary velocity field, by scaling and squaring (Arsigny et al. 2006).

    Args:
        velocity: ``(2, N, N)`` pixels, on the lattice of :meth:`lattice`.
        steps: number of squarings.
    """

    def __init__(self, velocity: np.ndarray, steps: int = 6) -> None:
        self._grid = np.mgrid[: velocity.shape[1], : velocity.shape[2]] * float(LATTICE) - MARGIN
        self._forward = self._integrate(velocity, steps)
        self._inverse = self._integrate(-velocity, steps)

    @staticmethod
    def lattice(size: int) -> np.ndarray:
        """Return the lattice points ``(2, N, N)`` of the velocity of a picture."""
        side = (size + 2 * MARGIN) // LATTICE + 1
        return np.mgrid[:side, :side] * float(LATTICE) - MARGIN

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        size: int,
        scales: list[tuple[float, float]],
        extra: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> VelocityFlow:
        """Draw a smooth flow.

        Args:
            rng: source of randomness.
            size: side of the picture in pixels.
            scales: pairs (width of the structures, standard deviation), both in pixels.
            extra: velocity ``(2, N, N)`` to add, a function of the lattice points.
        """
        points = cls.lattice(size)
        velocity = np.zeros_like(points) if extra is None else extra(points)
        for width, amplitude in scales:
            for axis in range(2):
                noise = smooth_noise(rng, points.shape[1:], width / LATTICE)
                velocity[axis] += amplitude * noise
        return cls(velocity)

    def _integrate(self, velocity: np.ndarray, steps: int) -> Field:
        flow = Field(velocity / 2**steps, MARGIN, LATTICE)
        for _ in range(steps):
            flow.values = flow.values + flow(self._grid + flow.values)
        return flow

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Map points of the fixed image to the moving image."""
        return points + self._forward(points)

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Map points of the moving image to the fixed image."""
        return points + self._inverse(points)


class Contraction:
    """Contraction of a ring, as of a ventricle: the cavity shrinks, the wall thickens and twists.

    The radius follows a monotonic profile, so the map cannot fold and its inverse is the inverted
    table. Inside the wall, area is preserved up to ``wall_growth``.

    Args:
        centre: (row, column) in pixels.
        inner: cavity radius in pixels.
        outer: radius of the wall's outer side in pixels.
        ratio: cavity radius after contraction relative to before.
        wall_growth: wall area after contraction relative to before; above 1, since the heart
            shortens along its axis.
        twist: rotation of the cavity's rim in radians.
        reach: pixels outside the wall over which the motion fades away.
        axes: 2x2 matrix; distances are measured after it (an ellipse becomes a circle).
    """

    def __init__(
        self,
        centre: np.ndarray,
        inner: float,
        outer: float,
        ratio: float,
        wall_growth: float = 1.0,
        twist: float = 0.0,
        reach: float = 20.0,
        axes: np.ndarray | None = None,
    ) -> None:
        self._centre = np.asarray(centre, float)
        self._axes = np.eye(2) if axes is None else np.asarray(axes, float)
        self._back = np.linalg.inv(self._axes)
        self._twist, self._outer = twist, outer
        step = outer / 120
        wall = (ratio * inner) ** 2 + wall_growth * (outer**2 - inner**2)
        outer_shift = np.sqrt(wall) - outer
        reach = max(reach, 2 * abs(outer_shift))
        radius = np.arange(0.0, outer + 6 * reach, step)
        wall = (ratio * inner) ** 2 + wall_growth * np.clip(radius**2 - inner**2, 0, None)
        shift = np.where(radius < inner, ratio * radius, np.sqrt(wall)) - radius
        outside = outer_shift * np.exp(-(((radius - outer) / reach) ** 2))
        shift = np.where(radius > outer, outside, shift)
        # Rounds the kinks at the rims, which tissue lacks. Mirrored at zero the profile is odd.
        shift = gaussian_filter1d(np.concatenate([-shift[:0:-1], shift]), outer / 15 / step)
        self._radius, self._shift = radius, shift[len(radius) - 1 :]

    def _apply(self, points: np.ndarray, sign: int) -> np.ndarray:
        mapped_radius = self._radius + self._shift
        source = self._radius if sign > 0 else mapped_radius
        offset = points - self._centre.reshape(2, *[1] * (points.ndim - 1))
        row, column = np.tensordot(self._axes, offset, 1)
        radius = np.sqrt(row**2 + column**2) + 1e-9
        mapped = radius + sign * np.interp(radius, source, self._shift)
        fixed_radius = radius if sign > 0 else mapped
        angle = sign * self._twist * np.exp(-((fixed_radius / self._outer) ** 2))
        cos, sin = np.cos(angle) * (mapped / radius), np.sin(angle) * (mapped / radius)
        turned = np.stack([cos * row + sin * column, cos * column - sin * row])
        return points - offset + np.tensordot(self._back, turned, 1)

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Map points of the fixed image to the moving image."""
        return self._apply(points, 1)

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Map points of the moving image to the fixed image."""
        return self._apply(points, -1)


class Composition:
    """Composition of deformations, applied in the given order."""

    def __init__(self, *parts: Deformation) -> None:
        self._parts = parts

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Map points of the fixed image to the moving image."""
        for part in self._parts:
            points = part.forward(points)
        return points

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Map points of the moving image to the fixed image."""
        for part in reversed(self._parts):
            points = part.inverse(points)
        return points
