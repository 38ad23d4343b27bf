"""Interface of the backbones."""

from __future__ import annotations

from torch import nn

__all__ = ["Backbone"]


class Backbone(nn.Module):
    """Base class of modules called as ``backbone(moving, fixed)``.

    Attributes:
        out_channels: channels of the features.
        stride: image voxels per feature voxel, along each axis.
        divisor: required divisor of the image sizes.
    """

    out_channels: int
    stride: int
    divisor: int

    def fuse(self) -> None:
        """Merge training-time branches in place, for faster inference; default: do nothing."""
