"""Short-axis cine MR of a heart: end-diastole to end-systole."""

from __future__ import annotations

import numpy as np

from training.synthesis.deformation import Composition, Contraction, VelocityFlow
from training.synthesis.imaging import paint, rician, shading, to_unit_range
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid

__all__ = ["CARDIAC_LABELS", "cardiac_pair"]

CARDIAC_LABELS = {1: "left ventricle cavity", 2: "myocardium", 3: "right ventricle cavity"}


def _direction(degrees: float) -> np.ndarray:
    """Unit vector (row, column); 0 points right, 90 down, as angles appear on the screen."""
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


class _Anatomy:
    """A chest drawn once at random, to be looked at where every pixel's tissue comes from."""

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
        # Right ventricle: a disk behind the left one, so that a crescent remains.
        self.rv_direction = _direction(180 + turn + rng.normal(0, 20))
        depth = rng.uniform(0.5, 1.0) * self.outer
        self.rv_radii = np.array([self.outer * rng.uniform(0.75, 1.0), depth + 5 * unit])
        self.rv_centre = self.centre + self.rv_direction * self.outer * rng.uniform(0.75, 0.95)
        self.rv_wall = rng.uniform(1.5, 3.5) * unit
        self.fat_rim = rng.uniform(0, 3.0) * unit
        # Surroundings: chest wall, diaphragm with liver or stomach below it.
        self.wall_direction = _direction(225 + turn + rng.normal(0, 25))
        self.wall_distance = (self.outer + rng.uniform(8, 45) * unit, rng.uniform(-0.004, 0.006))
        self.liver_direction = _direction(95 + turn + rng.normal(0, 18))
        self.liver_distance = (self.outer + rng.uniform(2, 22) * unit, rng.uniform(-0.002, 0.008))
        self.stomach = self.centre + self.liver_direction * (self.liver_distance[0] + 22 * unit)
        self.stomach = self.stomach + rng.normal(0, 20 * unit, 2)
        self.stomach_radii = rng.uniform(8, 24, 2) * unit
        # Papillary muscles, opposite the septum, and trabeculae along the rim.
        self.papillary = []
        for side in (-1, 1):
            angle = np.degrees(np.arctan2(*(-self.rv_direction))) + side * rng.uniform(30, 75)
            where = self.centre + _direction(angle) * self.inner * rng.uniform(0.55, 0.85)
            self.papillary.append((where, self.inner * rng.uniform(0.08, 0.2)))
        self.trabeculae = rng.uniform(0.05, 0.3)
        # Signal of every tissue relative to fat.
        blood = rng.uniform(0.35, 0.75)
        self.values = {
            "lung": rng.uniform(0.02, 0.1),
            "fat": rng.uniform(0.6, 1.1),
            "muscle": rng.uniform(0.12, 0.35),
            "liver": rng.uniform(0.08, 0.4),
            "stomach": rng.uniform(0.05, 0.6),
            "blood": blood,
            "rv_blood": blood * rng.uniform(0.85, 1.25),
            "myocardium": blood * rng.uniform(0.22, 0.5),
        }
        self.coarse = Field.noise(rng, size, 14 * unit)
        self.middle = Field.noise(rng, size, 5 * unit)
        self.fine = Field.noise(rng, size, max(2.5 * unit, 1.5))

    def _polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, column = np.tensordot(self.axes, points - self.centre[:, None, None], 1)
        return np.sqrt(row**2 + column**2), np.arctan2(row, column)

    def _beyond(self, points, direction, line) -> np.ndarray:
        """Signed distance to a bent line; negative behind it, seen from the heart."""
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
        self, points: np.ndarray, blood: float, compaction: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return signal and labels of the tissue that lies at ``points`` in the fixed image.

        Args:
            points: ``(2, H, W)`` pixels of the fixed image.
            blood: factor on the signal of blood, which depends on its flow.
            compaction: how far trabeculae have filled the cavity, 0 to 1.
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

        image = v["lung"] * (1 + 0.3 * middle) + 0.25 * np.clip(fine - 1.8, 0, None)
        chest = self._beyond(points, self.wall_direction, self.wall_distance) + 2 * unit * coarse
        layers = np.clip(np.sin(chest / (2.5 * unit) + coarse) * 2 + 0.5, 0, 1)
        paint(image, chest, v["fat"] * layers + v["muscle"] * (1 - layers) + 0.05 * middle)
        liver = self._beyond(points, self.liver_direction, self.liver_distance) + unit * coarse
        paint(image, liver, v["liver"] * (1 + 0.12 * middle + 0.08 * fine))
        stomach = self._ellipse(points, self.stomach, self.stomach_radii, self.wall_direction)
        stomach = np.maximum(stomach + unit * coarse, liver + 3 * unit)
        paint(image, stomach, v["stomach"] * (1 + 0.4 * middle))
        paint(image, heart - self.fat_rim * np.clip(1 + coarse, 0, None), 0.8 * v["fat"])
        paint(image, heart, v["myocardium"] * (1 + 0.08 * fine + 0.05 * coarse))
        cavity = np.maximum(right + 0.6 * unit * middle, 1.0 - epicardium)
        paint(image, cavity, blood * v["rv_blood"] * (1 + 0.12 * middle + 0.06 * fine))
        rim = self.trabeculae * (1 + compaction) * self.inner * np.clip(middle - 0.3, 0, 1.5)
        signal = blood * v["blood"] * (1 + 0.06 * coarse + 0.05 * fine)
        paint(image, inside + rim, signal)
        for centre, size in self.papillary:
            muscle = self._ellipse(points, centre, (size, 1.5 * size), self.rv_direction)
            paint(image, muscle + 0.6 * unit * fine, v["myocardium"] * 1.1)

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
        """The right ventricle's free wall moves towards the septum."""
        middle = anatomy.rv_centre + 0.7 * anatomy.rv_radii[1] * anatomy.rv_direction
        distance = ((points - middle[:, None, None]) ** 2).sum(axis=0)
        spread = (0.8 * anatomy.outer) ** 2
        return -pull * anatomy.rv_direction[:, None, None] * np.exp(-distance / spread)

    scales = [(50 * unit, rng.uniform(0, 2.5) * unit), (20 * unit, rng.uniform(0.2, 1.2) * unit)]
    flow = VelocityFlow.random(rng, size, scales, free_wall)
    deformation = Composition(contraction, flow)

    grid = pixel_grid(size)
    origin = deformation.inverse(grid)
    fixed, fixed_labels = anatomy.look(grid, 1.0, 0.0)
    blood = rng.uniform(0.8, 1.1)
    moving, moving_labels = anatomy.look(origin, blood, rng.uniform(0, 2) * (1 - ratio))

    towards_coil = np.tensordot(anatomy.wall_direction, grid - (size - 1) / 2, 1) / size
    coil = np.exp(rng.uniform(0, 1.8) * towards_coil) * shading(rng, size, rng.uniform(0, 0.25))
    blur, noise = rng.uniform(0.4, 0.9), rng.uniform(0.004, 0.03)
    return PhantomPair(
        fixed=to_unit_range(rician(rng, fixed * coil, blur, noise)),
        moving=to_unit_range(rician(rng, moving * coil * rng.uniform(0.9, 1.1), blur, noise)),
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        displacement=(deformation.forward(grid) - grid).astype(np.float32),
    )
