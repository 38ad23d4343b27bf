"""Segmentation network: MONAI's U-Net with group normalisation, 2D or 3D."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

from torch import Tensor

from .._monai import BasicUNet, pixelshuffle, pixelunshuffle
from ..errors import ModelError

__all__ = ["UNetSegmenter"]

_OPTIONS = ("classes", "features", "patch", "spatial_dims")
_LEVELS = 5  # of MONAI's BasicUNet
# Groups of the normalisation; fewer where the widths are no multiples of it. Not tuned.
_GROUPS = 8


class UNetSegmenter(BasicUNet):
    """A U-Net with group normalisation; ``(B, 1, *S)`` in [0, 1] to logits ``(B, classes, *S)``.

    Each side of S must be a multiple of :attr:`divisor`. The normalisation uses statistics of the
    whole input: prefer one pass over the training grid to a sliding window.

    Args:
        classes: number of classes, background 0 included.
        features: channels of the five levels from fine to coarse, and of the last stage.
        patch: edge of the blocks of voxels that are the U-Net's pixels: the intensities of a block
            are its input channels, their logits its output channels. In 3D 2 costs an eighth of 1.
        spatial_dims: 2 or 3.

    Raises:
        ModelError: for an invalid option.

    Example:
        >>> import torch
        >>> network = UNetSegmenter(classes=4, features=(4, 4, 8, 8, 16, 4))
        >>> network(torch.zeros(1, 1, 32, 16, 16)).shape
        torch.Size([1, 4, 32, 16, 16])
    """

    divisor = 2 ** (_LEVELS - 1)

    def __init__(
        self,
        classes: int,
        features: tuple[int, ...] = (32, 32, 64, 128, 256, 32),
        patch: int = 1,
        spatial_dims: int = 3,
    ) -> None:
        if isinstance(spatial_dims, bool) or spatial_dims not in (2, 3):
            raise ModelError(f"spatial_dims must be 2 or 3, got {spatial_dims!r}")
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:
            raise ModelError(f"classes must be an integer of at least 2, got {classes!r}")
        if len(features) != _LEVELS + 1 or not all(isinstance(n, int) and n > 0 for n in features):
            raise ModelError(f"features must be {_LEVELS + 1} positive integers, got {features}")
        if isinstance(patch, bool) or not isinstance(patch, int) or not 1 <= patch <= 4:
            raise ModelError(f"patch must be an integer from 1 to 4, got {patch!r}")
        voxels = patch**spatial_dims
        # MONAI 1.6.0 prints the widths, into what the shell prints for other programs.
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(
                spatial_dims=spatial_dims,
                in_channels=voxels,
                out_channels=classes * voxels,
                features=features,
                norm=("group", {"num_groups": math.gcd(_GROUPS, *features)}),
            )
        self.classes, self.patch, self.spatial_dims = classes, patch, spatial_dims

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(B, classes, *S)`` of images ``(B, 1, *S)`` in [0, 1]."""
        if self.patch == 1:
            return super().forward(x)
        blocks = pixelunshuffle(x, self.spatial_dims, self.patch)
        return pixelshuffle(super().forward(blocks), self.spatial_dims, self.patch)

    @classmethod
    def from_dict(cls, arguments: dict[str, Any]) -> UNetSegmenter:
        """Build the network from JSON values.

        Raises:
            ModelError: for an unknown option or an invalid value.
        """
        unknown = sorted(set(arguments) - set(_OPTIONS))
        if unknown:
            raise ModelError(f"unknown U-Net options {unknown}; known ones are {list(_OPTIONS)}")
        if "classes" not in arguments:
            raise ModelError("classes must be an integer of at least 2, got nothing")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()
        }
        return cls(**values)
