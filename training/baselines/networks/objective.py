"""Loss of a predicted field: similarity of the images, overlap of the labels, smoothness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import warp
from SlicerLDMRegLib.losses import label_dice_loss, lncc, mse, ncc, smoothness
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.networks.backbones.layers import average_pool

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """Weights of the terms of a baseline's loss.

    Args:
        metric: "mse", "ncc" over the whole image, or "lncc" in windows.
        similarity: weight of the metric.
        smoothness: weight of the squared differences of the displacement, or of the velocity where
            one is integrated, in voxels.
        dice: weight of the soft Dice of the labels.
        window: edge of the windows of "lncc", in voxels.
        scales: resolutions at which "lncc" is measured and summed: each next is half as fine, with
            a window smaller by 2 and half the weight, as in LapIRN.
        classes: labels, background included.

    Raises:
        InputError: for more scales than the window has room for.
    """

    metric: Literal["mse", "ncc", "lncc"] = "mse"
    similarity: float = 1.0
    smoothness: float = 0.1
    dice: float = 0.0
    window: int = 9
    scales: int = 1
    classes: int = 2

    def __post_init__(self) -> None:
        if self.metric == "lncc" and self.window - 2 * (self.scales - 1) < 3:
            raise InputError(
                f"losses.scales: expected at most {(self.window - 1) // 2} with a window of "
                f"{self.window} voxels, got {self.scales}; each is smaller by 2, the last has 3"
            )

    def difference(self, warped: Tensor, fixed: Tensor) -> Tensor:
        """Return the metric of two images ``(B, 1, *S)``, not weighted; lower is better."""
        if self.metric == "lncc":
            total = lncc(warped, fixed, self.window)
            for scale in range(1, self.scales):
                warped, fixed = average_pool(warped, 2), average_pool(fixed, 2)
                total = total + lncc(warped, fixed, self.window - 2 * scale) / 2**scale
            return total
        return (mse if self.metric == "mse" else ncc)(warped, fixed)

    def terms(
        self,
        moving: Tensor,
        fixed: Tensor,
        prediction: FieldPrediction,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted terms by name.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1].
            fixed: of the same shape.
            prediction: of a network.
            labels: moving and fixed label map ``(B, 1, *S)``, integers; needed for ``dice``.
        """
        field = prediction.displacement.float()
        regularised = field if prediction.velocity is None else prediction.velocity.float()
        terms = {
            "similarity": self.similarity * self.difference(warp(moving, field), fixed),
            "smoothness": self.smoothness * smoothness(regularised),
        }
        if self.dice and labels is not None:
            terms["dice_loss"] = self.dice * label_dice_loss(*labels, field, self.classes)
        return terms
