"""Random label maps with random contrasts (the idea of SynthMorph, Hoffmann et al. 2022)."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from training.synthesis.deformation import MARGIN, VelocityFlow
from training.synthesis.imaging import rician, shading, to_unit_range
from training.synthesis.pair import PhantomPair
from training.synthesis.random_fields import Field, pixel_grid, smooth_noise

__all__ = ["shapes_pair"]

FINE = 2  # lattice points per pixel and axis of the label map, for smooth rims


def _label_map(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw labels 0..K-1 on the fine lattice around the picture: blobs, then some ellipses."""
    side = FINE * (size + 2 * MARGIN)
    count = int(rng.integers(3, 8))
    width = rng.uniform(14, 48) * size / 128 * FINE
    blobs = np.argmax([smooth_noise(rng, (side, side), width) for _ in range(count)], axis=0)
    grid = np.mgrid[:side, :side].astype(float)
    wobble = smooth_noise(rng, (side, side), 0.2 * side)
    for _ in range(rng.integers(0, 4)):
        centre = rng.uniform(0.25, 0.75, 2) * side
        radii = rng.uniform(0.04, 0.2, 2) * side
        row, column = grid - centre[:, None, None]
        angle = rng.uniform(0, np.pi)
        along = np.cos(angle) * row + np.sin(angle) * column
        across = np.cos(angle) * column - np.sin(angle) * row
        inside = np.hypot(along / radii[0], across / radii[1]) + 0.1 * wobble < 1
        blobs[inside] = count
        count += 1
    return blobs.astype(np.uint8)


def shapes_pair(rng: np.random.Generator, size: int) -> PhantomPair:
    """Draw a random label map and deform it; both images show it in nearly the same contrast."""
    unit = size / 128
    labels = _label_map(rng, size)
    width = rng.uniform(12, 40) * unit
    strain = rng.uniform(0.03, 0.2)
    scales = [(2.5 * width, 0.5 * strain * width), (width, 0.6 * strain * width)]
    flow = VelocityFlow.random(rng, size, scales)

    contrast = rng.uniform(0, 1, int(labels.max()) + 1)
    texture = rng.uniform(0, 0.15) * smooth_noise(rng, labels.shape, rng.uniform(3, 12) * FINE)
    # Lattice point i lies at pixel (i + 0.5) / FINE - 0.5 - MARGIN.
    offset = MARGIN + 0.5 - 0.5 / FINE
    label_field = Field(labels, offset, 1 / FINE)
    grid = pixel_grid(size)
    origin = flow.inverse(grid)
    bias = rng.uniform(0, 0.3)
    blur, noise = rng.uniform(0.3, 1.2), rng.uniform(0.005, 0.06)

    def acquire(points: np.ndarray, change: float) -> tuple[np.ndarray, np.ndarray]:
        values = np.clip(contrast + change * rng.standard_normal(len(contrast)), 0, 1)
        picture = Field(gaussian_filter(values[labels] + texture, 0.7), offset, 1 / FINE)
        image = picture(points) * shading(rng, size, bias)
        return to_unit_range(rician(rng, image, blur, noise)), label_field(points, order=0)

    fixed, fixed_labels = acquire(grid, 0.0)
    moving, moving_labels = acquire(origin, rng.uniform(0, 0.08))
    return PhantomPair(
        fixed,
        moving,
        fixed_labels,
        moving_labels,
        (flow.forward(grid) - grid).astype(np.float32),
    )
