"""The segmentation network: a 3D U-Net of MONAI, with the options that a model folder stores."""

from __future__ import annotations

from typing import Any

from monai.networks.nets import BasicUNet

from ..errors import ModelError

__all__ = ["UNetSegmenter"]

_OPTIONS = ("classes", "features")
_LEVELS = 5


class UNetSegmenter(BasicUNet):
    """A U-Net with instance normalisation; ``(B, 1, *S)`` in [0, 1] to logits ``(B, classes, *S)``.

    Each side of S must be a multiple of :attr:`divisor`. Instance normalisation sees the whole of
    its input: prefer one pass over the grid of the training to patches of it.

    Args:
        classes: classes, the background with number 0 included.
        features: channels of the five levels from fine to coarse, and of the last stage.

    Raises:
        ModelError: for an option that cannot be.

    Example:
        >>> network = UNetSegmenter(classes=4, features=(4, 4, 8, 8, 16, 4))
        >>> network(torch.zeros(1, 1, 32, 16, 16)).shape
        torch.Size([1, 4, 32, 16, 16])
    """

    spatial_dims = 3
    divisor = 2 ** (_LEVELS - 1)

    def __init__(
        self, classes: int, features: tuple[int, ...] = (32, 32, 64, 128, 256, 32)
    ) -> None:
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:
            raise ModelError(f"classes must be an integer of at least 2, got {classes!r}")
        if len(features) != _LEVELS + 1 or not all(isinstance(n, int) and n > 0 for n in features):
            raise ModelError(f"features must be {_LEVELS + 1} positive integers, got {features}")
        super().__init__(
            spatial_dims=self.spatial_dims,
            in_channels=1,
            out_channels=classes,
            features=features,
            norm=("instance", {"affine": True}),
        )
        self.classes = classes

    @classmethod
    def from_dict(cls, arguments: dict[str, Any]) -> UNetSegmenter:
        """Build the network from JSON values.

        Raises:
            ModelError: for a name that is no option, or a value that cannot be.
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
