"""Random augmentation of pairs of 2D images and label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

__all__ = ["AugmentOptions", "Pair", "augment"]


@dataclass
class Pair:
    """Training pair ``(H, W)``: images float32 in [0, 1], label maps uint8 (0 = none)."""

    fixed: np.ndarray
    moving: np.ndarray
    fixed_labels: np.ndarray
    moving_labels: np.ndarray


@dataclass(frozen=True)
class AugmentOptions:
    """Ranges of the augmentation.

    Args:
        rotation_deg: maximum rotation of both images, degrees.
        log_scale: scaling of both images by ``exp(u)``, maximum of ``|u|``.
        shift: maximum translation of both images, fraction of the side.
        gamma: contrast curve ``x ** exp(u)`` of both images, maximum of ``|u|``.
        gamma_difference: the same for a further curve of the moving image alone.
        noise: maximum standard deviation of white noise.
        flip: whether to mirror both images at random.
        swap: whether to exchange moving and fixed at random.
        extra_shift: maximum translation of the moving image alone, fraction of the side.
        elastic: maximum standard deviation of a smooth random displacement of both images, fraction
            of the side.
        bias: maximum standard deviation of the logarithm of a smooth random field by which both
            images are multiplied.
    """

    rotation_deg: float = 30.0
    log_scale: float = 0.2
    shift: float = 0.06
    gamma: float = 0.35
    gamma_difference: float = 0.08
    noise: float = 0.02
    flip: bool = True
    swap: bool = True
    extra_shift: float = 0.015
    elastic: float = 0.0
    bias: float = 0.0

    @classmethod
    def from_config(cls, values: Mapping[str, Any] | str) -> AugmentOptions:
        """Return ranges by name, the others by default; of ``"none"`` all are zero."""
        if values == "none":
            return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False, False, 0.0)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def changes_nothing(self) -> bool:
        """True if no range is above zero."""
        return self == AugmentOptions.from_config("none")


def _affine(rng: np.random.Generator, options: AugmentOptions) -> np.ndarray:
    angle = np.deg2rad(rng.uniform(-1, 1) * options.rotation_deg)
    scale = np.exp(rng.uniform(-1, 1) * options.log_scale)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = rng.uniform(-2, 2, 2) * options.shift
    if options.flip and rng.random() < 0.5:
        matrix[0, :2] *= -1
    return matrix


def _smooth(rng: np.random.Generator, channels: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Return smooth noise of unit variance on average, ``(channels, H, W)``, of two scales."""
    total = torch.zeros(channels, *shape)
    # Waves of about a quarter and a tenth of the side; the latter are those of single walls.
    for cells, part in ((5, 0.9), (11, 0.45)):
        noise = torch.from_numpy(
            rng.standard_normal((1, channels, cells, cells)).astype(np.float32)
        )
        total += part * F.interpolate(noise, shape, mode="bicubic", align_corners=True)[0]
    return total


def _resample(
    arrays: list[np.ndarray],
    matrices: list[np.ndarray],
    mode: str,
    elastic: torch.Tensor | None = None,
) -> list[np.ndarray]:
    stack = torch.from_numpy(np.stack(arrays).astype(np.float32))[:, None]
    theta = torch.from_numpy(np.stack(matrices).astype(np.float32))
    grid = F.affine_grid(theta, list(stack.shape), align_corners=True)
    if elastic is not None:
        grid = grid + elastic
    padding = "border" if mode == "bilinear" else "zeros"
    out = F.grid_sample(stack, grid, mode=mode, padding_mode=padding, align_corners=True)
    return list(out[:, 0].numpy())


def augment(pair: Pair, rng: np.random.Generator, options: AugmentOptions) -> Pair:
    """Return an augmented copy of ``pair``; deterministic for a given generator state."""
    if options.changes_nothing:
        return pair
    common = _affine(rng, options)
    own = common.copy()
    own[:, 2] += rng.uniform(-2, 2, 2) * options.extra_shift
    elastic = None
    if options.elastic > 0:
        size = 2 * options.elastic * rng.uniform()  # the grid has a side of 2
        elastic = size * _smooth(rng, 2, pair.fixed.shape).permute(1, 2, 0)
    fixed, moving = _resample([pair.fixed, pair.moving], [common, own], "bilinear", elastic)
    labels = _resample([pair.fixed_labels, pair.moving_labels], [common, own], "nearest", elastic)
    if options.bias > 0:
        field = np.exp(options.bias * rng.uniform() * _smooth(rng, 1, pair.fixed.shape)[0].numpy())
        fixed, moving = fixed * field, moving * field
        fixed, moving = fixed / max(fixed.max(), 1e-6), moving / max(moving.max(), 1e-6)
    gamma = rng.uniform(-1, 1) * options.gamma
    fixed = np.clip(fixed, 0, 1) ** np.exp(gamma)
    moving = np.clip(moving, 0, 1) ** np.exp(gamma + rng.uniform(-1, 1) * options.gamma_difference)
    sigma = rng.uniform(0, options.noise)
    images = [i + sigma * rng.standard_normal(i.shape) for i in (fixed, moving)]
    # As in the pipeline, each image is stretched to [0, 1] for the network.
    images = [(i - i.min()) / max(i.max() - i.min(), 1e-6) for i in images]
    out = Pair(
        *(i.astype(np.float32) for i in images), *(label.astype(np.uint8) for label in labels)
    )
    if options.swap and rng.random() < 0.5:
        out = Pair(out.moving, out.fixed, out.moving_labels, out.fixed_labels)
    return out
