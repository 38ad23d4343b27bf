"""Synthetic short-axis cine MR of a heart, end-diastole to end-systole."""

from __future__ import annotations

import numpy as np

from training.synthesis.deformation import Composition, Contraction, VelocityFlow
from training.synthesis.imaging import paint, rician, shading, to_unit_range
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid, smooth_noise

__all__ = ["CARDIAC_LABELS", "cardiac_pair"]

CARDIAC_LABELS = {1: "left ventricle cavity", 2: "myocardium", 3: "right ventricle cavity"}


def _direction(degrees: float) -> np.ndarray:
    """Return the unit vector (row, column) of a screen angle; 0 points right, 90 down."""
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


class _Anatomy:
    """Random chest anatomy, sampled at the source point of each pixel."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.scale = size / 128
        self.size = size
        unit = self.scale
        turn = rng.normal(0, 20)
        self.centre = (size - 1) / 2 + rng.normal(0, 3 * unit, 2)
        self.inner = rng.uniform(14, 29) * unit
        self.outer = self.inner + rng.uniform(6, 13) * unit
        stretch, tilt = np.exp(rng.normal(0, 0.06)), rng.uniform(0, np.pi)
        turning = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        self.axes = turning.T @ np.diag([stretch, 1 / stretch]) @ turning
        self.ripple = [(k, rng.normal(0, 0.06 / k), rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)]
        # Right ventricle: an ellipse behind the left one, so that a crescent remains.
        self.rv_direction = _direction(180 + turn + rng.normal(0, 20))
        offset, extent = rng.uniform(0.45, 0.8), rng.uniform(0.3, 0.95)
        self.rv_radii = self.outer * np.array([rng.uniform(0.75, 1.1), 1 + extent - offset])
        across = self.rv_direction[::-1] * [1, -1] * rng.normal(0, 0.15)
        self.rv_centre = self.centre + self.outer * (offset * self.rv_direction + across)
        self.rv_wall = rng.uniform(1.0, 3.0) * unit
        # Surroundings: chest wall in layers, diaphragm with liver and stomach, pericardial fat.
        self.wall_direction = _direction(225 + turn + rng.normal(0, 25))
        self.wall_distance = (
            self.outer * rng.uniform(1.0, 2.0) + rng.uniform(2, 14) * unit,
            rng.uniform(-0.003, 0.006),
        )
        self.wall_layers = rng.random(20) < np.linspace(0.25, 0.9, 20)
        self.layer_width = rng.uniform(2.0, 5.0) * unit
        self.liver_direction = _direction(95 + turn + rng.normal(0, 18))
        self.liver_distance = (self.outer + rng.uniform(0, 12) * unit, rng.uniform(-0.002, 0.006))
        self.organs = [
            (
                self.centre
                + self.liver_direction * (self.liver_distance[0] + rng.uniform(8, 24) * unit)
                + self.liver_direction[::-1] * [1, -1] * rng.normal(0, 26 * unit),
                rng.uniform(5, 18, 2) * unit,
                rng.uniform(0.05, 0.8, 2),
            )
            for _ in range(rng.integers(0, 4))
        ]
        self.fat_rim, self.fat_pad = rng.uniform([0, 0], [2.5, 22]) * unit
        # Papillary muscles, opposite the septum, and trabeculae along the rim.
        self.papillary = []
        for side in (-1, 1):
            angle = np.degrees(np.arctan2(*(-self.rv_direction))) + side * rng.uniform(30, 75)
            where = self.centre + _direction(angle) * self.inner * rng.uniform(0.55, 0.85)
            self.papillary.append((where, self.inner * rng.uniform(0.08, 0.2)))
        self.trabeculae = rng.uniform(0.1, 0.45)
        # Signal of every tissue relative to fat.
        blood = rng.uniform(0.45, 0.95)
        self.values = {
            "lung": rng.uniform(0.03, 0.12),
            "fat": rng.uniform(0.6, 1.1),
            "muscle": rng.uniform(0.12, 0.35),
            "liver": rng.uniform(0.15, 0.6),
            "blood": blood,
            "rv_blood": blood * rng.uniform(0.85, 1.25),
            "myocardium": blood * rng.uniform(0.25, 0.55),
        }
        self.turbulence = rng.uniform(0.02, 0.12)
        self.coarse = Field.noise(rng, size, 14 * unit)
        self.middle = Field.noise(rng, size, 5 * unit)
        self.fine = Field.noise(rng, size, max(2.5 * unit, 1.5))

    def leave_plane(self, rng: np.random.Generator, share: float) -> None:
        """Replace a share of the fine structure, as by through-plane motion of the heart."""
        for field in (self.middle, self.fine):
            other = Field.noise(rng, self.size, 4 * self.scale)
            field.values = np.sqrt(1 - share**2) * field.values + share * other.values

    def _polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, column = np.tensordot(self.axes, points - self.centre[:, None, None], 1)
        return np.sqrt(row**2 + column**2), np.arctan2(row, column)

    def _beyond(self, points, direction, line) -> np.ndarray:
        """Return the signed distance to a bent line; negative on its far side from the heart."""
        offset = points - self.centre[:, None, None]
        along = np.tensordot(direction, offset, 1)
        across = direction[0] * offset[1] - direction[1] * offset[0]
        return line[0] + line[1] / self.scale * across**2 - along

    def _ellipse(self, points, centre, radii, direction) -> np.ndarray:
        offset = points - np.asarray(centre)[:, None, None]
        along = np.tensordot(direction, offset, 1)
        across = direction[0] * offset[1] - direction[1] * offset[0]
        scaled = np.sqrt((along / radii[1]) ** 2 + (across / radii[0]) ** 2)
        return (scaled - 1) * min(radii)

    def look(
        self, rng: np.random.Generator, points: np.ndarray, blood: float, compaction: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return signal and labels of the tissue at ``points`` of the fixed image.

        Args:
            rng: source of the flow patterns in blood, which do not move with the tissue.
            points: ``(2, H, W)`` pixels of the fixed image.
            blood: factor on the signal of blood, for the effect of flow.
            compaction: depth to which trabeculae fill the cavity, fraction of its radius.
        """
        v, unit = self.values, self.scale
        coarse, middle, fine = self.coarse(points), self.middle(points), self.fine(points)
        radius, angle = self._polar(points)
        wave = sum(a * np.cos(k * angle + p) for k, a, p in self.ripple)
        inside = radius - self.inner * (1 + wave)
        epicardium = radius - self.outer * (1 + 0.5 * wave)
        right = self._ellipse(points, self.rv_centre, self.rv_radii, self.rv_direction)
        right = right + 0.8 * unit * coarse
        heart = np.minimum(epicardium, right - self.rv_wall)

        image = v["lung"] * (1 + 0.3 * middle) + 0.25 * np.clip(fine - 1.4, 0, None)
        chest = self._beyond(points, self.wall_direction, self.wall_distance) + 2 * unit * coarse
        depth = np.clip(-chest / self.layer_width + 0.7 * coarse, 0, None)
        fat = np.interp(depth, np.arange(len(self.wall_layers)), self.wall_layers)
        layers = v["muscle"] + (v["fat"] - v["muscle"]) * fat
        paint(image, chest, layers + 0.12 * middle + 0.08 * fine)
        liver = self._beyond(points, self.liver_direction, self.liver_distance) + unit * coarse
        paint(image, liver, v["liver"] * (1 + 0.2 * middle + 0.15 * fine))
        for centre, radii, (rim, content) in self.organs:
            organ = self._ellipse(points, centre, radii, self.wall_direction) + unit * coarse
            organ = np.maximum(organ, liver + 2 * unit)
            paint(image, organ, rim)
            paint(image, organ + 0.3 * radii.min(), content * (1 + 0.5 * middle))
        towards_wall = np.tensordot(self.wall_direction, points - self.centre[:, None, None], 1)
        pad = self.fat_pad * np.clip(towards_wall / (radius + 1) - 0.4, 0, None)
        surroundings = heart - self.fat_rim * np.clip(0.3 + coarse, 0, None) - pad
        paint(image, surroundings, v["fat"] * (0.7 + 0.25 * middle))
        paint(image, heart, v["myocardium"] * (1 + 0.15 * fine + 0.08 * coarse))
        cavity = np.maximum(right + 0.8 * unit * middle, 1.0 - epicardium)
        swirl = 1 + self.turbulence * smooth_noise(rng, radius.shape, 8 * unit)
        paint(image, cavity, blood * v["rv_blood"] * swirl * (1 + 0.12 * middle + 0.06 * fine))
        ragged = np.clip(0.8 * middle + 0.5 * fine - 0.2, 0, 1.5)
        blood_pool = inside + (self.trabeculae + compaction) * self.inner * ragged
        paint(image, blood_pool, blood * v["blood"] * swirl * (1 + 0.08 * fine))
        for centre, size in self.papillary:
            size = size + 0.4 * compaction * self.inner
            muscle = self._ellipse(points, centre, (size, 1.5 * size), self.rv_direction)
            paint(image, muscle + 0.8 * unit * fine, v["myocardium"] * 1.1)

        labels = np.zeros(radius.shape, np.uint8)
        labels[np.maximum(right, -epicardium) < 0] = 3
        labels[epicardium < 0] = 2
        labels[inside < 0] = 1
        return image, labels


def cardiac_pair(rng: np.random.Generator, size: int) -> PhantomPair:
    """Draw a heart at end-diastole (fixed) and at end-systole (moving); labels CARDIAC_LABELS."""
    anatomy = _Anatomy(rng, size)
    unit = anatomy.scale
    ratio = np.clip(rng.normal(0.74, 0.16), 0.38, 1.0)
    contraction = Contraction(
        anatomy.centre,
        anatomy.inner,
        anatomy.outer,
        ratio,
        wall_growth=1 + rng.uniform(0, 0.4) * (1 - ratio),
        twist=rng.normal(0, 0.12),
        reach=rng.uniform(12, 24) * unit,
        axes=anatomy.axes,
    )
    pull = rng.uniform(0, 0.35) * (1 - ratio) * anatomy.outer

    def free_wall(points: np.ndarray) -> np.ndarray:
        """Move the right ventricle's free wall towards the septum."""
        middle = anatomy.rv_centre + 0.7 * anatomy.rv_radii[1] * anatomy.rv_direction
        distance = ((points - middle[:, None, None]) ** 2).sum(axis=0)
        spread = (0.8 * anatomy.outer) ** 2
        return -pull * anatomy.rv_direction[:, None, None] * np.exp(-distance / spread)

    scales = [(50 * unit, rng.uniform(0, 2.5) * unit), (20 * unit, rng.uniform(0.2, 1.2) * unit)]
    flow = VelocityFlow.random(rng, size, scales, free_wall)
    deformation = Composition(contraction, flow)

    grid = pixel_grid(size)
    origin = deformation.inverse(grid)
    fixed, fixed_labels = anatomy.look(rng, grid, 1.0, 0.0)
    blood, compaction = rng.uniform(0.75, 1.1), rng.uniform(0, 1.2) * (1 - ratio)
    anatomy.leave_plane(rng, rng.uniform(0, 0.5))
    moving, moving_labels = anatomy.look(rng, origin, blood, compaction)

    towards_coil = np.tensordot(anatomy.wall_direction, grid - (size - 1) / 2, 1) / size
    coil = np.exp(rng.uniform(0.0, 2.2) * towards_coil) * shading(rng, size, rng.uniform(0, 0.25))
    blur, noise = rng.uniform(0.25, 0.7), rng.uniform(0.004, 0.03)
    return PhantomPair(
        fixed=to_unit_range(rician(rng, fixed * coil, blur, noise)),
        moving=to_unit_range(rician(rng, moving * coil * rng.uniform(0.9, 1.1), blur, noise)),
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        displacement=(deformation.forward(grid) - grid).astype(np.float32),
    )
