"""Synthetic apical echocardiography of two or four chambers, with drop-out, clutter and marks.

:mod:`~training.synthesis.echo` draws a clear phantom: every wall is seen, and tissue fills the
sector. Here walls along the beam fade, blood and lung are black at a small dynamic range, the valve
plane and the pericardium glare, and the scanner's ruler stays while the heart moves.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from training.synthesis.apical_view import Sector, Ventricle, apical_motion, both_phases, speckle
from training.synthesis.imaging import paint
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid, smooth_noise

__all__ = ["APICAL_LABELS", "apical_pair"]

APICAL_LABELS = {
    1: "left ventricle cavity",
    2: "myocardium",
    3: "left atrium",
    4: "right ventricle cavity",
}


class _Heart(Ventricle):
    """Random heart of two or four chambers: echogenicity at the source point of each pixel."""

    def __init__(self, rng: np.random.Generator, size: int, sector: Sector) -> None:
        self.scale = unit = size / 128
        self.tilt = rng.normal(0, rng.choice([0.12, 0.35]))
        self.apex = sector.apex + np.array([rng.uniform(6, 28), 0.0]) * unit
        self.apex[1] += rng.normal(0.1, 0.35) * (self.apex[0] - sector.apex[0])
        self.length = rng.uniform(38, 72) * unit
        self.radius = np.clip(self.length * rng.uniform(0.22, 0.40), 11 * unit, 25 * unit)
        self.wall = rng.uniform(4, 11) * unit
        self.septum, self.lateral, self.cap = self.wall * rng.uniform(0.75, 1.25, 3)
        self.bend = rng.normal(0, 0.08)
        self.curve = rng.normal(0, 0.12)
        self.square = rng.uniform(1.8, 2.7)  # exponent of the ellipse
        self.taper = rng.uniform(0.0, 0.35)
        self.side = rng.choice([-1, 1], p=[0.95, 0.05])  # the septum is on the left of most views
        self.four = rng.random() < 0.7
        self.atrium = self.length * rng.uniform(0.22, 0.42)
        self.atrium_shape = rng.uniform(0.8, 1.3)
        self.right_width = self.radius * rng.uniform(0.8, 2.6)
        self.right_start = rng.uniform(0.1, 0.45)
        self.right_wall = rng.uniform(1.5, 8) * unit
        self.right_atrium = self.atrium * rng.uniform(0.7, 1.5)
        self.muscles = [
            (rng.uniform(0.35, 0.7), rng.uniform(-0.8, 0.8), rng.uniform(1.0, 3.5) * unit)
            for _ in range(rng.integers(0, 4))
        ]
        # Logarithm of the echo of each tissue.
        self.blood = -rng.uniform(1.0, 4.0)
        self.muscle = rng.uniform(-0.8, 0.5)
        self.bright_septum = rng.uniform(-0.2, 1.2)
        self.faint_lateral = rng.uniform(-0.3, 1.6)
        self.outside = rng.uniform(-2.5, 0.4)
        self.patchy = rng.uniform(0.3, 1.0)
        self.uneven = rng.uniform(0.2, 0.9)  # how much the echo of the walls varies
        self.pericardium = (rng.uniform(0.2, 2.2), rng.uniform(1.5, 5) * unit)
        self.ring = (rng.uniform(0.2, 2.0), rng.uniform(1.5, 4.5) * unit)
        self.leaflet = (rng.uniform(-0.3, 1.5), rng.uniform(-0.2, 0.45), rng.uniform(0.4, 1.3))
        self.floor = rng.uniform(-1.0, 1.5)  # below the atria
        self.coarse = Field.noise(rng, size, 16 * unit)
        self.middle = Field.noise(rng, size, 6 * unit)
        self.fine = Field.noise(rng, size, max(3 * unit, 1.5))

    def _ellipse(
        self, depth: np.ndarray, side: np.ndarray, where: tuple[float, float], radii: np.ndarray
    ) -> np.ndarray:
        """Return the signed distance to an ellipse of the long axis's frame, about in pixels."""
        scaled = np.hypot((depth - where[0]) / radii[0], (side - where[1]) / radii[1])
        return (scaled - 1) * float(min(radii))

    def look(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log echogenicity and labels of the tissue at ``points`` of the fixed image."""
        unit, axis, length = self.scale, self.axis, self.length
        coarse, middle, fine = self.coarse(points), self.middle(points), self.fine(points)
        offset = points - self.apex[:, None, None]
        depth = np.tensordot(axis, offset, 1)
        side = axis[0] * offset[1] - axis[1] * offset[0] + self.bend * depth
        side = side + self.curve * (depth - 0.5 * length) ** 2 / length
        septal = self.side * side  # positive where the septum is
        # The cavity: half a superellipse from the apex, tapered towards the valve.
        centre = 0.6 * length
        half = np.where(depth < centre, 0.6, 0.9 - 0.3 * self.taper) * length
        power = self.square
        scaled = (np.abs(depth - centre) / half) ** power + (np.abs(side) / self.radius) ** power
        bullet = (scaled ** (1 / power) - 1) * self.radius + 0.7 * unit * (coarse + 0.5 * middle)
        valve = depth - length
        cavity = np.maximum(bullet, valve)
        part = 0.5 + 0.5 * np.tanh(septal / (0.4 * self.radius))
        thick = part * self.septum + (1 - part) * self.lateral
        near = np.exp(-np.clip(depth / (0.25 * length), -3, 20))
        thick = thick + np.clip(near, 0, 1) * (self.cap - thick)
        epicardium = bullet - thick
        wall = np.maximum(epicardium, valve - 2 * unit)

        image = self.outside + self.patchy * (coarse + 0.4 * middle)
        level = self.muscle + 0.35 * middle + self.uneven * coarse
        faint = self.faint_lateral * (1 - part) - self.bright_septum * part
        faint = faint * (1 - 0.6 * np.clip(near, 0, 1))
        glare, width = self.pericardium
        line = np.abs(epicardium - 0.5 * width) - 0.5 * width
        line = line + unit * (coarse + middle)
        line = np.maximum(line, np.maximum(septal, 0.3 * length - depth))
        past = np.clip(valve / (0.3 * length), 0, 2)  # it fades beyond the valve
        paint(image, line, glare * (1 - past) + self.outside * past + 0.6 * coarse)
        below = length + 1.9 * self.atrium - depth + 3 * unit * coarse
        paint(image, below, self.floor + 0.5 * coarse)
        blood = self.blood + 0.25 * coarse
        if self.four:
            right, right_atrium = self._right_side(depth, septal, bullet, coarse, middle)
            paint(image, right - self.right_wall, level - 0.3)
            paint(image, right_atrium - 1.5 * unit, level)
            paint(image, right, blood + 0.5 * np.clip(fine - 0.5, 0, None))
            paint(image, right_atrium, blood)
        else:
            right = np.ones_like(depth)
        radii = self.atrium * np.array([1.0, self.atrium_shape])
        atrium = self._ellipse(depth, side, (length + 0.95 * radii[0], 0.0), radii)
        atrium = np.maximum(atrium + 0.7 * unit * coarse, -(valve - 1.5 * unit))
        paint(image, atrium - 2 * unit, level)
        paint(image, wall, level - faint)
        paint(image, cavity, blood)
        paint(image, atrium, blood)
        for along, across, radius in self.muscles:
            muscle = np.hypot(
                (depth - along * length) / (2.5 * radius), (side - across * self.radius) / radius
            )
            muscle = np.maximum((muscle - 1) * radius, cavity)
            paint(image, muscle + 0.6 * unit * fine, level + 0.3)
        glow, slope, extent = self.leaflet
        leaflets = np.abs(valve - slope * np.abs(side) + 2 * unit) - 0.9 * unit
        closed = self.radius * (1 - extent) - np.abs(side)
        paint(image, np.maximum(np.maximum(leaflets, bullet), closed), glow + 0.4 * middle)
        glow, radius = self.ring
        for across in (-1, 1):
            ring = np.hypot(valve, side - across * 1.05 * self.radius) - radius
            ring = ring + 1.2 * unit * (0.5 * middle + 0.5 * fine)
            paint(image, ring, glow + 0.4 * middle)

        labels = np.zeros(depth.shape, np.uint8)
        labels[right < 0] = 4
        labels[wall < 0] = 2
        labels[atrium < 0] = 3
        labels[cavity < 0] = 1
        return image, labels

    def _right_side(
        self,
        depth: np.ndarray,
        septal: np.ndarray,
        bullet: np.ndarray,
        coarse: np.ndarray,
        middle: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the signed distances to right ventricle and right atrium."""
        unit, length = self.scale, self.length
        start = self.right_start * length
        wide = self.right_width * np.clip((depth - start) / (0.7 * length - start), 0, 1) ** 0.7
        outside = bullet - self.septum
        right = np.maximum(-outside, outside - wide) + 0.6 * unit * (coarse + middle)
        right = np.maximum(right, np.maximum(depth - 1.02 * length, start - depth))
        right = np.maximum(right, -septal)
        radii = self.right_atrium * np.array([1.0, 1.0])
        across = 0.5 * (self.septum + self.radius) + self.atrium_shape * self.atrium
        across = across + 0.6 * radii[1]
        atrium = self._ellipse(depth, septal, (1.05 * length + 0.95 * radii[0], across), radii)
        atrium = atrium + 0.7 * unit * coarse
        return right, np.maximum(atrium, 1.04 * length - depth)


def _marks(rng: np.random.Generator, size: int, sector: Sector) -> np.ndarray:
    """Draw the probe's mark and a ruler with ticks outside of the sector; (H, W) in [0, 1]."""
    image = np.zeros((size, size))
    if rng.random() < 0.5:
        return image
    row, column = np.clip(sector.apex + rng.integers(-3, 8, 2), 0, size - 3).astype(int)
    image[row : row + 2, column : column + 2] = rng.uniform(0.4, 1)
    along = rng.integers(8, 24)
    first = np.array([rng.uniform(0.1, 0.45), rng.uniform(0.72, 0.9)]) * size
    step = np.array([1.0, rng.uniform(0.6, 1.1)])
    for k in range(along):
        where = (first + k * step).astype(int)
        if (where < size).all() and k % rng.integers(1, 4) == 0:
            image[tuple(where)] = rng.uniform(0.4, 1)
    return image * ~sector.mask


def apical_pair(rng: np.random.Generator, size: int) -> PhantomPair:
    """Draw an apical view at end-diastole (fixed) and end-systole (moving); labels APICAL_LABELS.

    Part of the speckle follows the tissue; the rest, and the haze near the probe, does not.
    """
    sector = Sector(rng, size)
    heart = _Heart(rng, size, sector)
    deformation = apical_motion(rng, size, heart)
    grid = pixel_grid(size)
    depth = int(1.6 * size)
    lateral, axial = rng.uniform(0.6, 2.4), rng.uniform(0.4, 1.2)
    tissue = speckle(rng, depth, lateral, axial)
    correlation = rng.uniform(0.0, 0.9)
    far = sector.radius / size
    angle = np.abs(sector.angle) / sector.half_angle
    fading = rng.uniform(-0.6, 1.8) * far + rng.uniform(0, 1.6) * angle**2
    beams = sector.beams(grid)
    width = rng.uniform(0.1, 0.3) * 100
    fading += rng.uniform(0, 1.6) * np.clip(
        Field(smooth_noise(rng, (depth, 192), 2 * width), 0)(beams), 0, 2
    )
    # A shadow, as of a rib: all that lies behind, in a band of beams.
    middle, half = rng.uniform(-0.9, 0.9) * sector.half_angle, rng.uniform(0.03, 0.12)
    shadow = 1 / (1 + np.exp((np.abs(sector.angle - middle) - half) / 0.02))
    fading += rng.choice([0.0, rng.uniform(0.5, 2.5)], p=[0.7, 0.3]) * shadow
    haze = rng.uniform(0, 2.0) * np.exp(-sector.radius / (rng.uniform(8, 30) * heart.scale))
    haze += rng.uniform(0, 0.5) * smooth_noise(rng, (size, size), 30 * heart.scale)
    bright, gain = rng.uniform(0.2, 0.62), rng.uniform(0.12, 0.26)
    blur = rng.uniform(0.0, 0.8)
    grain = rng.uniform(0, 0.04)
    marks = _marks(rng, size, sector)

    def acquire(points: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        echo, labels = heart.look(points)
        scatter = np.sqrt(1 - own**2) * tissue(sector.beams(points))
        if own > 0:
            scatter = scatter + own * speckle(rng, depth, lateral, axial)(beams)
        amplitude = np.log(np.hypot(*scatter) + 0.1)
        signal = bright + gain * (1.2 * echo + amplitude - fading + haze)
        signal = gaussian_filter(np.clip(signal, 0, 1), blur) * sector.mask
        signal = signal + grain * rng.standard_normal(signal.shape) * sector.mask
        image = np.clip(np.maximum(signal, marks), 0, 1)
        return image.astype(np.float32), (sector.mask * labels).astype(np.uint8)

    return both_phases(acquire, deformation, grid, correlation)
