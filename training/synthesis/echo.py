"""Synthetic apical echocardiography with speckle, end-diastole to end-systole."""

from __future__ import annotations

import numpy as np

from training.synthesis.apical_view import Sector, Ventricle, apical_motion, both_phases, speckle
from training.synthesis.imaging import paint
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid, smooth_noise

__all__ = ["ECHO_LABELS", "echo_pair"]

ECHO_LABELS = {1: "left ventricle cavity", 2: "myocardium", 3: "left atrium"}


class _Anatomy(Ventricle):
    """Random apical anatomy: echogenicity at the source point of each pixel."""

    def __init__(self, rng: np.random.Generator, size: int, sector: Sector) -> None:
        self.scale = unit = size / 128
        self.tilt = rng.normal(0, 0.1)
        self.apex = sector.apex + np.array([rng.uniform(17, 26), rng.normal(0, 3)]) * unit
        self.length = rng.uniform(44, 62) * unit
        self.radius = self.length * rng.uniform(0.26, 0.36)
        self.wall = rng.uniform(6, 11) * unit
        self.bend = rng.normal(0, 0.08)
        self.atrium = self.length * rng.uniform(0.28, 0.40)
        self.contrast = rng.uniform(0.7, 2.2)
        self.outside = rng.uniform(-0.6, 0.2)
        self.right_side = rng.choice([-1, 1])
        self.coarse = Field.noise(rng, size, 16 * unit)
        self.middle = Field.noise(rng, size, 6 * unit)

    def look(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log echogenicity and labels of the tissue at ``points`` of the fixed image."""
        unit, axis = self.scale, self.axis
        coarse, middle = self.coarse(points), self.middle(points)
        offset = points - self.apex[:, None, None]
        depth = np.tensordot(axis, offset, 1)
        side = axis[0] * offset[1] - axis[1] * offset[0] + self.bend * depth
        # A bullet: half an ellipse from the apex, slightly tapered towards the valve.
        centre = 0.6 * self.length
        half = np.where(depth < centre, 0.6, 0.85) * self.length
        scaled = np.sqrt(((depth - centre) / half) ** 2 + (side / self.radius) ** 2)
        bullet = (scaled - 1) * self.radius + 0.5 * unit * coarse
        valve = depth - self.length
        cavity = np.maximum(bullet, valve)
        wall = np.maximum(bullet - self.wall, valve - 2 * unit)
        atrium_centre = self.length + 0.95 * self.atrium
        atrium = np.sqrt((depth - atrium_centre) ** 2 + (0.95 * side) ** 2) - self.atrium
        atrium = np.maximum(atrium + 0.5 * unit * coarse, -(valve - 1.5 * unit))
        right = np.sqrt(
            ((depth - 0.75 * self.length) / (0.55 * self.length)) ** 2
            + ((side - self.right_side * 2.1 * (self.radius + 0.5 * self.wall)) / self.radius) ** 2
        )

        dark = -self.contrast
        image = self.outside + 0.5 * coarse
        paint(image, (right - 1) * self.radius, dark + 0.4 * middle)
        paint(image, atrium - 3 * unit, 0.1 + 0.3 * middle)
        paint(image, wall, 0.25 + 0.35 * middle + 0.25 * coarse)
        blood = dark + 0.2 * coarse
        paint(image, cavity, blood)
        paint(image, atrium, blood)
        leaflets = np.abs(valve - 0.25 * np.abs(side) + 2 * unit) - 1.0 * unit
        paint(image, np.maximum(leaflets, bullet), 0.3 + 0.3 * middle)

        labels = np.zeros(depth.shape, np.uint8)
        labels[wall < 0] = 2
        labels[atrium < 0] = 3
        labels[cavity < 0] = 1
        return image, labels


def echo_pair(rng: np.random.Generator, size: int) -> PhantomPair:
    """Draw an apical view at end-diastole (fixed) and end-systole (moving); labels ECHO_LABELS.

    Part of the speckle follows the tissue; the rest decorrelates, as by out-of-plane motion.
    """
    sector = Sector(rng, size)
    anatomy = _Anatomy(rng, size, sector)
    deformation = apical_motion(rng, size, anatomy)
    grid = pixel_grid(size)
    depth = int(1.6 * size)
    lateral = rng.uniform(1.2, 2.2)
    tissue = speckle(rng, depth, lateral)
    correlation = rng.uniform(0.0, 0.9)
    attenuation = rng.uniform(0.0, 1.0) * (sector.radius / size)
    shadow_width = rng.uniform(0.1, 0.3) * 100
    brightness, gain = rng.uniform(0.42, 0.6), rng.uniform(0.13, 0.2)
    dropout = rng.uniform(0, 1.2)
    shadows = Field(smooth_noise(rng, (depth, 192), shadow_width * 2), 0)(sector.beams(grid))
    haze = rng.uniform(0, 1.5) * np.exp(-sector.radius / (22 * anatomy.scale))

    def acquire(points: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        echo, labels = anatomy.look(points)
        scatter = np.sqrt(1 - own**2) * tissue(sector.beams(points))
        if own > 0:
            scatter = scatter + own * speckle(rng, depth, lateral)(sector.beams(grid))
        amplitude = np.log(np.hypot(*scatter) + 0.1)
        log_signal = 1.2 * echo + amplitude - attenuation - dropout * np.clip(shadows, 0, 2) + haze
        image = np.clip(brightness + gain * log_signal, 0, 1)
        return (sector.mask * image).astype(np.float32), sector.mask * labels

    return both_phases(acquire, deformation, grid, correlation)
