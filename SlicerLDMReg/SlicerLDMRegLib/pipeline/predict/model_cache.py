"""Models that are kept in memory between registrations."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ...model_store import ModelCard
from .loaded_model import LoadedModel, load_model

__all__ = ["ModelCache"]


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
    def bytes(self) -> int:
        """Bytes of the weights of all models."""
        return sum(_bytes(model.predictor.network) for model in self._models.values())

    def clear(self) -> None:
        """Forget all models."""
        self._models.clear()


def _bytes(network: nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
