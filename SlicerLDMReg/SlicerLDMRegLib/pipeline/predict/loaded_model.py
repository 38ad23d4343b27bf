"""A registration model that is loaded and stays in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from ...errors import ModelError
from ...model_store import ModelCard, find_model, load_network
from ..device import select_device, select_precision
from .predictor import Predictor
from .test_time_augmentation import choose_views

__all__ = ["LoadedModel", "load_model"]


class Remembers(Protocol):
    """A model that remembers the images that it has seen."""

    def clear(self) -> None: ...


@dataclass(frozen=True)
class LoadedModel:
    """A model that stays in memory for many registrations; ``register(..., model=loaded)``.

    Attributes:
        card: what the model is.
        predictor: its network, and the features of the images that it has seen.
        device: where the network is.
        precision: ``"float32"`` or ``"bfloat16"``.
        companions: by name, other models that stay in memory as long as this one, such as the
            segmenter that finds its regions.
    """

    card: ModelCard
    predictor: Predictor
    device: torch.device
    precision: str
    companions: dict[str, Remembers] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def forget(self) -> None:
        """Forget the images that network and companions have seen; all stays loaded."""
        self.predictor.clear()
        for companion in self.companions.values():
            companion.clear()


def load_model(
    model: str | Path | ModelCard, device: str = "auto", precision: str = "auto"
) -> LoadedModel:
    """Verify and load a model.

    Args:
        model: id, path of a model folder, or card.
        device: see :func:`SlicerLDMRegLib.pipeline.device.select_device`.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        ModelError: when there is no such model, or it is damaged or does not register.
        InputError: when the device is not there.
    """
    card = model if isinstance(model, ModelCard) else find_model(model, "registration")
    if card.kind != "registration":
        raise ModelError(f"model {card.id!r} is a model for {card.kind}, not for registration")
    where = select_device(device)
    chosen = select_precision(precision, where)
    dtype = torch.bfloat16 if chosen == "bfloat16" else torch.float32
    network = load_network(card, where)
    predictor = Predictor(network, dtype, views=choose_views(card))
    return LoadedModel(card, predictor, where, chosen)
