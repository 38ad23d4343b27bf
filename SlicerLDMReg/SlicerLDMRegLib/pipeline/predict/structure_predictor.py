"""Probabilities of the structures that a 2D segmenter knows, for a batch of prepared images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from ...model_store import find_model, load_network
from .image_memory import ImageMemory
from .loaded_model import LoadedModel

__all__ = ["StructurePredictor", "structures_beside"]

_MULTIPLE = 32  # of the sides of an image: of blocks of 2 pixels on five levels


class StructurePredictor(ImageMemory[Tensor]):
    """Asks a 2D segmentation network once for each image.

    Args:
        network: ``(B, 1, H, W)`` in [0, 1] to logits ``(B, N, H, W)``, background first.
        device: of the network.
        cache_size: number of images whose probabilities are kept.
    """

    def __init__(
        self, network: nn.Module, device: torch.device | str = "cpu", cache_size: int = 64
    ) -> None:
        super().__init__(cache_size)
        self.network, self.device = network, torch.device(device)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Return the probability of each structure, ``(B, N - 1, H, W)`` float32.

        Args:
            images: ``(B, 1, H, W)`` in [0, 1] on the grid of the registration network.
        """
        return torch.stack(self.of(list(images), self._compute))

    def _compute(self, images: Tensor) -> list[Tensor]:
        size = images.shape[2:]
        rows, columns = (-n % _MULTIPLE for n in size)
        padded = F.pad(images.to(self.device), (0, columns, 0, rows))
        logits = self.network(padded)[..., : size[0], : size[1]]
        return list(logits.float().softmax(1)[:, 1:])


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
