"""Probabilities of the structures that a 2D segmenter knows, for a batch of prepared images."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from ...model_store import find_model, load_network
from .loaded_model import LoadedModel
from .predictor import image_key

__all__ = ["StructurePredictor", "structures_beside"]

_MULTIPLE = 32  # of the sides of an image: of blocks of 2 pixels on five levels


class StructurePredictor:
    """Asks a 2D segmentation network once for each image; it is recognised by its content.

    Args:
        network: ``(B, 1, H, W)`` in [0, 1] to logits ``(B, N, H, W)``, background first.
        device: of the network.
        cache_size: number of images whose probabilities are kept; the ones unused for longest go
            first.

    Attributes:
        asked, computed: of how many images they were wanted, and of how many not there.
    """

    def __init__(
        self, network: nn.Module, device: torch.device | str = "cpu", cache_size: int = 64
    ) -> None:
        self.network, self.device = network, torch.device(device)
        self.cache_size = cache_size
        self._found: OrderedDict[str, Tensor] = OrderedDict()
        self.asked = self.computed = 0

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Return the probability of each structure, ``(B, N - 1, H, W)`` float32.

        Args:
            images: ``(B, 1, H, W)`` in [0, 1] on the grid of the registration network.
        """
        keys = [image_key(image) for image in images]
        missing = {k: i for k, i in zip(keys, images, strict=True) if k not in self._found}
        self.asked += len(keys)
        self.computed += len(missing)
        if missing:
            batch = torch.stack(list(missing.values())).to(self.device)
            size = batch.shape[2:]
            rows, columns = (-n % _MULTIPLE for n in size)
            logits = self.network(F.pad(batch, (0, columns, 0, rows)))[..., : size[0], : size[1]]
            own = logits.float().softmax(1)[:, 1:]
            self._found |= dict(zip(missing, own, strict=True))
        found = torch.stack([self._found[key] for key in keys])
        for key in keys:
            self._found.move_to_end(key)
        while len(self._found) > self.cache_size:
            self._found.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all images."""
        self._found.clear()


def structures_beside(model: LoadedModel) -> StructurePredictor | None:
    """Return the segmenter of a 2D model, which stays in memory with it; None: there is none.

    Args:
        model: the registration model; its card names the segmenter.

    Raises:
        ModelError: when the segmenter is damaged, or is not one of 2D images.
    """
    name = model.card.segmenter
    if name is None or model.card.spatial_dims != 2:
        return None
    if name not in model.companions:
        try:
            card = find_model(name, "segmentation")
        except ModelError:
            return None
        if card.spatial_dims != 2:
            raise ModelError(
                f"model {model.card.id!r}: its segmenter {name!r} is for 3D images, expected one "
                "for 2D"
            )
        network = load_network(card, model.device)
        model.companions[name] = StructurePredictor(network, model.device)
    found: StructurePredictor = model.companions[name]
    return found
