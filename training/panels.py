"""Pictures of a training for TensorBoard: what goes in and comes out, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from SlicerLDMRegLib.functional import jacobian_determinant

__all__ = ["image_panel", "label_colours", "registration_panel"]

# Spread over the hues so that neighbouring numbers differ; 0 is black.
_HUES = 0.618034  # the golden ratio
_STRONGEST = 1.0  # of log2 of the determinant: twice or half the volume has the full colour


def image_panel(*images: Tensor) -> Tensor:
    """Return pictures side by side, ``(3, H, sum of W)`` in [0, 1].

    Args:
        images: ``(H, W)`` in [0, 1], or ``(3, H, W)``; of volumes, ``(D, H, W)`` with another D,
            the middle slice is shown.
    """
    return torch.cat([_coloured(image) for image in images], dim=2)


def registration_panel(
    moving: Tensor, fixed: Tensor, warped: Tensor, displacement: Tensor
) -> Tensor:
    """Return moving, fixed and warped image, their difference and the determinant, side by side.

    The determinant of the Jacobian is red where it is above 1, blue below, green where it folds.

    Args:
        moving: ``(*S)`` in [0, 1].
        fixed: ``(*S)``.
        warped: ``(*S)``, the moving image after the warp.
        displacement: ``(d, *S)`` in voxels.
    """
    determinant = jacobian_determinant(displacement[None].float())[0]
    colours = _determinant(_slice(determinant))
    difference = (_slice(warped) - _slice(fixed)).abs()
    return image_panel(_slice(moving), _slice(fixed), _slice(warped), difference, colours)


def label_colours(labels: Tensor) -> Tensor:
    """Return a label map ``(*S)`` in colours, ``(3, H, W)``; of a volume, its middle slice."""
    shown = _slice(labels).long()
    hue = (shown.float() * _HUES % 1) * 6
    colours = [((hue + offset) % 6 - 3).abs().sub(1).clamp(0, 1) for offset in (0, 4, 2)]
    return torch.stack(colours).masked_fill(shown == 0, 0.0)


def _slice(image: Tensor) -> Tensor:
    """Return the middle slice of a volume ``(D, H, W)``; an image as it is. On the CPU, float32."""
    image = image.detach().float().cpu()
    return image[image.shape[0] // 2] if image.ndim == 3 else image


def _coloured(image: Tensor) -> Tensor:
    image = image.detach().float().cpu()
    if image.ndim == 3 and image.shape[0] == 3:
        return image.clamp(0, 1)
    return _slice(image).clamp(0, 1)[None].repeat(3, 1, 1)


def _determinant(values: Tensor) -> Tensor:
    change = values.clamp(min=1e-6).log2().clamp(-_STRONGEST, _STRONGEST) / _STRONGEST
    pale = 1 - change.abs()
    red, blue = torch.where(change > 0, 1.0, pale), torch.where(change < 0, 1.0, pale)
    colours = torch.stack([red, pale, blue])
    folds: Sequence[float] = (0.0, 0.7, 0.0)
    for channel, value in zip(colours, folds, strict=True):
        channel[values <= 0] = value
    return colours
