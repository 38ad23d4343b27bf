"""Construction of segmenters from a model or a weights file."""

from __future__ import annotations

from pathlib import Path

import torch

from ..segmentation import Segmenter, SwinUNETRSegmenter
from .card import ModelCard
from .import_checkpoint.reading import read_checkpoint
from .load import load_network
from .model_segmenter import ModelSegmenter
from .store import find_model

__all__ = ["build_segmenter"]

_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".tar")


def build_segmenter(spec: str | Path | ModelCard, device: torch.device | str = "cpu") -> Segmenter:
    """Load a segmenter.

    Args:
        spec: id, folder or card of a model of the kind "segmentation"; or a file (``.pt``,
            ``.pth``) with the public weights of SwinUNETR for BTCV.
        device: device of its network.

    Raises:
        ModelError: when the model does not exist, is not for segmentation, or is damaged.
    """
    if isinstance(spec, ModelCard):
        card = spec
    else:
        path = Path(spec).expanduser()
        if path.suffix.lower() in _CHECKPOINTS:
            return SwinUNETRSegmenter(read_checkpoint(path), device=device)
        card = find_model(spec, "segmentation")
    return ModelSegmenter(card, load_network(card, device), device)
