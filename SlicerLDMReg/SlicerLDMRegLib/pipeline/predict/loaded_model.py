"""Registration models that are loaded and stay in memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ...errors import ModelError
from ...model_store import ModelCard, find_model, load_network
from ..device import select_device, select_precision
from .predictor import Predictor
from .test_time_augmentation import choose_views

__all__ = ["LoadedModel", "ModelCache", "load_model"]


@dataclass(frozen=True)
class LoadedModel:
    """A model that stays in memory for many registrations; ``register(..., model=loaded)``.

    Attributes:
        card: what the model is.
        predictor: its network, and the features of the images that it has seen.
        device: where the network is.
        precision: ``"float32"`` or ``"bfloat16"``.
        companions: by name, other models that stay in memory as long as this one, such as the
            segmenter that finds its regions; their ``clear`` forgets the images they have seen.
    """

    card: ModelCard
    predictor: Predictor
    device: torch.device
    precision: str
    companions: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def bytes(self) -> int:
        """Bytes of the weights of its network."""
        network = self.predictor.network
        tensors = [*network.parameters(), *network.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    @property
    def work(self) -> dict[str, tuple[int, int]]:
        """Counts of images to encode and to segment, and of those that had to be."""
        found = {"encoder": (self.predictor.memory.asked, self.predictor.memory.computed)}
        for companion in self.companions.values():
            if hasattr(companion, "computed"):
                asked, computed = found.get("segmenter", (0, 0))
                found["segmenter"] = asked + companion.asked, computed + companion.computed
        return found

    def forget(self) -> None:
        """Forget the images that network and companions have seen; all stays loaded."""
        self.predictor.memory.clear()
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


class ModelCache:
    """Loads each model once, and forgets those unused for longest when they need too much memory.

    A model is loaded anew when its folder has changed.

    Args:
        bytes_limit: of the weights of all models that are kept; the one in use is kept anyhow.
    """

    def __init__(self, bytes_limit: int = 2 * 2**30) -> None:
        self._limit = bytes_limit
        self._models: OrderedDict[tuple[str, ...], LoadedModel] = OrderedDict()

    def get(self, card: ModelCard, device: str, precision: str) -> LoadedModel:
        """Return a model, ready.

        Args:
            card: the model.
            device: a definite one, e.g. ``"cpu"`` or ``"cuda:0"``.
            precision: ``"float32"`` or ``"bfloat16"``.

        Raises:
            ModelError: when it is damaged.
        """
        key = (str(card.folder), card.id, device, precision)
        model = self._models.pop(key, None)
        if model is None or model.card != card:
            model = load_model(card, device, precision)
        self._models[key] = model
        while len(self._models) > 1 and self.bytes > self._limit:
            self._models.popitem(last=False)
        return model

    @property
    def names(self) -> list[str]:
        """The models, e.g. ``"ldm-morph-cardiac-mr on cpu, float32"``; used last comes last."""
        return [
            f"{model.card.id} on {model.device}, {model.precision}"
            for model in self._models.values()
        ]

    @property
    def work(self) -> dict[str, tuple[int, int]]:
        """The sum of :attr:`LoadedModel.work` of all models."""
        found: dict[str, tuple[int, int]] = {}
        for model in self._models.values():
            for name, (asked, computed) in model.work.items():
                before = found.get(name, (0, 0))
                found[name] = before[0] + asked, before[1] + computed
        return found

    @property
    def bytes(self) -> int:
        """Bytes of the weights of all models."""
        return sum(model.bytes for model in self._models.values())

    def forget(self) -> None:
        """Forget the images that the models have seen; the models stay."""
        for model in self._models.values():
            model.forget()

    def clear(self) -> None:
        """Forget all models."""
        self._models.clear()
