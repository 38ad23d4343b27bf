"""Exact convolutions slab by slab, so that wide maps of large volumes are never whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["in_slabs", "is_large"]

# Bytes of the widest map from which slabs are used: smaller ones fit beside each other anywhere.
_LARGE = 128 * 2**20
# Bytes of a map within a slab, and planes of it at least: fewer are mostly margin. With 8 start
# channels at 160 x 192 x 224, 16, 32 and 64 MiB take 504, 647 and 720 MiB above the inputs.
_SLAB, _LEAST_PLANES = 16 * 2**20, 8


def is_large(image: Tensor, channels: int) -> bool:
    """Return whether a map of ``channels`` over an image ``(B, C, *S)`` wants slabs.

    Slabs are for volumes on a CPU without gradients; a graph would keep every map anyway.
    """
    return (
        image.ndim == 5
        and image.device.type == "cpu"
        and not torch.is_grad_enabled()
        and image[:, 0].numel() * channels * image.element_size() > _LARGE
    )


def in_slabs(
    function: Callable[..., Tensor],
    maps: Sequence[Tensor],
    shape: Sequence[int],
    channels: int,
    margin: int,
) -> Tensor:
    """Return ``function(*maps)``, computed in slabs along the first spatial axis.

    Args:
        function: convolutions; of maps of a slab it returns the slab of the result.
        maps: each ``(B, C, D, H, W)``, on the lattice of the result, or one twice or half as fine.
        shape: of the result, ``(D, H, W)``; D is even.
        channels: of the widest map on the lattice of the result.
        margin: planes of the result at the ends of a slab that see beyond its maps, even.

    Returns:
        ``(B, C, D, H, W)``.
    """
    depth = shape[0]
    plane = maps[0].shape[0] * channels * shape[1] * shape[2] * maps[0].element_size()
    planes = max(_LEAST_PLANES, _SLAB // plane // 2 * 2)
    result: Tensor | None = None
    for first in range(0, depth, planes):
        last = min(first + planes, depth)
        # Ends of the volume have no margin: there the convolutions pad, as they do for the whole.
        low, high = max(0, first - margin), min(depth, last + margin)
        parts = [
            whole[:, :, low * whole.shape[2] // depth : high * whole.shape[2] // depth]
            for whole in maps
        ]
        slab = function(*parts)[:, :, first - low : last - low]
        if result is None:
            result = slab.new_empty((*slab.shape[:2], *shape))
        result[:, :, first:last] = slab
    assert result is not None
    return result
