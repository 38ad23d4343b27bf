"""What every backbone offers."""

from __future__ import annotations

from torch import nn

__all__ = ["Backbone"]


class Backbone(nn.Module):
    """Base class: a module called as ``backbone(moving, fixed)``.

    Attributes:
        out_channels: channels of the features.
        stride: voxels of the images per voxel of the features.
        divisor: the sizes of the images must be multiples of it.
    """

    out_channels: int
    stride: int
    divisor: int

    def fuse(self) -> None:
        """Replace, in place, what training needs by what is fast; for inference."""
