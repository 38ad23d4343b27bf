"""Differentiable losses for training and instance optimisation.

Images are ``(B, C, *S)`` with ``S = (H, W)`` or ``(D, H, W)`` and intensities of about [0, 1];
displacements are ``(B, d, *S)`` in voxels. Every function returns a scalar to minimise and computes
in float32 also inside ``torch.autocast``.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..errors import InputError
from .label_overlap import label_dice_loss, sampled_label_dice_loss
from .mind import mind_ssc, mind_ssc_descriptor, mind_ssc_to
from .overlap import segmentation_loss, soft_dice_loss
from .regularity import smoothness
from .similarity import lncc, mse, ncc

__all__ = [
    "SIMILARITY_LOSSES",
    "label_dice_loss",
    "lncc",
    "mind_ssc",
    "mind_ssc_descriptor",
    "mind_ssc_to",
    "mse",
    "ncc",
    "sampled_label_dice_loss",
    "segmentation_loss",
    "similarity_loss",
    "smoothness",
    "soft_dice_loss",
]

#: Image similarities by option name.
SIMILARITY_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mse,
    "ncc": ncc,
    "lncc": lncc,
    "mind": mind_ssc,
}


def similarity_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of ``(warped, fixed)`` called "mse", "ncc", "lncc" or "mind".

    Raises:
        InputError: for another name.
    """
    if name not in SIMILARITY_LOSSES:
        raise InputError(f"similarity: expected {', '.join(SIMILARITY_LOSSES)}, got {name!r}")
    return SIMILARITY_LOSSES[name]
