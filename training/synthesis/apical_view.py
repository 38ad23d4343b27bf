"""The probe's sector, speckle and motion of generated apical echocardiographies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from training.synthesis.deformation import Composition, Contraction, VelocityFlow
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid

__all__ = ["Sector", "Ventricle", "apical_motion", "both_phases", "speckle"]


class Sector:
    """Sector of a probe at the top of the picture: depth and angle of every pixel."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        unit = size / 128
        self.apex = np.array([rng.uniform(-2, 6), 63.5 + rng.normal(0, 3)]) * unit
        self.half_angle = np.radians(rng.uniform(36, 46))
        self.depth = rng.uniform(108, 124) * unit
        row, column = pixel_grid(size) - self.apex[:, None, None]
        self.radius = np.sqrt(row**2 + column**2)
        self.angle = np.arctan2(column, row)
        near = 4 * unit
        self.mask = (
            (np.abs(self.angle) < self.half_angle)
            & (self.radius < self.depth)
            & (self.radius > near)
        )

    def beams(self, points: np.ndarray) -> np.ndarray:
        """Return depth (pixels) and angle (1/96 radian) of ``points``, as rows and columns."""
        row, column = points - self.apex[:, None, None]
        return np.stack([np.sqrt(row**2 + column**2), (np.arctan2(column, row) + 1) * 96])


def speckle(rng: np.random.Generator, depth: int, lateral: float, axial: float = 0.8) -> Field:
    """Draw complex speckle ``(2, depth, 192)``, long across the beam and short along it.

    Args:
        rng: source of randomness.
        depth: pixels along the beam.
        lateral, axial: its width across and along the beam; 1/96 radian and pixels.
    """
    noise = rng.standard_normal((2, depth, 192))
    noise = gaussian_filter(noise, (0, axial, lateral))
    return Field(noise / noise.std(), margin=0)


class Ventricle:
    """Long axis of a left ventricle, from its apex at the top to the mitral valve.

    Attributes:
        scale: pixels of this image in one of a picture of 128 pixels.
        tilt: of the axis from the vertical, radians.
        apex: (row, column) in pixels.
        length, radius, wall: of the cavity and its wall, pixels.
    """

    scale: float
    tilt: float
    apex: np.ndarray
    length: float
    radius: float
    wall: float

    @property
    def axis(self) -> np.ndarray:
        """Unit vector from the apex to the base."""
        return np.array([np.cos(self.tilt), np.sin(self.tilt)])

    def along(self, fraction: float) -> np.ndarray:
        """Return a point of the long axis: 0 is the apex, 1 the valve."""
        return self.apex + fraction * self.length * self.axis


def apical_motion(rng: np.random.Generator, size: int, anatomy: Ventricle) -> Composition:
    """Draw the motion from end-diastole to end-systole: ventricle contracts, valve rises."""
    unit = anatomy.scale
    turn = np.array([anatomy.axis, [-anatomy.axis[1], anatomy.axis[0]]])
    axes = np.diag([anatomy.radius / (0.5 * anatomy.length), 1.0]) @ turn
    ratio = np.clip(rng.normal(0.76, 0.1), 0.5, 1.0)
    contraction = Contraction(
        anatomy.along(0.45),
        anatomy.radius,
        anatomy.radius + anatomy.wall,
        ratio,
        wall_growth=1 + 0.3 * (1 - ratio),
        reach=rng.uniform(10, 18) * unit,
        axes=axes,
    )
    rise = rng.uniform(2, 9) * unit * (1 - ratio) / 0.3

    def valve_plane(points: np.ndarray) -> np.ndarray:
        """Move the base towards the apex and fill the atrium."""
        offset = points - anatomy.along(1.0)[:, None, None]
        depth = np.tensordot(anatomy.axis, offset, 1)
        side = anatomy.axis[0] * offset[1] - anatomy.axis[1] * offset[0]
        fade = np.exp(-((depth / (0.4 * anatomy.length)) ** 2) - (side / (2 * anatomy.radius)) ** 2)
        return -rise * anatomy.axis[:, None, None] * fade

    scales = [(50 * unit, rng.uniform(0, 2.0) * unit), (22 * unit, rng.uniform(0.2, 1.0) * unit)]
    return Composition(contraction, VelocityFlow.random(rng, size, scales, valve_plane))


def both_phases(
    acquire: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]],
    deformation: Composition,
    grid: np.ndarray,
    correlation: float,
) -> PhantomPair:
    """Acquire end-diastole (fixed) and end-systole (moving).

    Args:
        acquire: image and labels of the tissue at points ``(2, H, W)`` of the fixed image, with a
            share of speckle that does not follow the tissue.
        deformation: of the fixed image onto the moving one.
        grid: ``(2, H, W)``, the pixels.
        correlation: of the speckle of both phases.
    """
    fixed, fixed_labels = acquire(grid, 0.0)
    moving, moving_labels = acquire(deformation.inverse(grid), np.sqrt(1 - correlation**2))
    displacement = (deformation.forward(grid) - grid).astype(np.float32)
    return PhantomPair(fixed, moving, fixed_labels, moving_labels, displacement)
