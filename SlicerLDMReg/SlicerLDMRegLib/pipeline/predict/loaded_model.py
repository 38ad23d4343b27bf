"""Which model registers a pair, loaded and ready; and what the slices have to do with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from ...errors import InputError, ModelError
from ...geometry import ImageGeometry
from ...model_store import ModelCard, default_model, find_model, load_network
from ..device import select_device, select_precision
from ..regions.segmentation_cache import RememberingSegmenter
from ..slices import SliceRange, SliceSelection
from .predictor import Predictor
from .test_time_augmentation import choose_views

__all__ = ["LoadedModel", "choose_card", "choose_slices", "load_model"]


@dataclass(frozen=True)
class LoadedModel:
    """A model that stays in memory for many registrations; ``register(..., model=loaded)``.

    Attributes:
        card: what the model is.
        predictor: its network, and the features of the images that it has seen.
        device: where the network is.
        precision: ``"float32"`` or ``"bfloat16"``.
    """

    card: ModelCard
    predictor: Predictor
    device: torch.device
    precision: str
    _segmenters: dict[str, RememberingSegmenter] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def segmenter(self, segmenter: str) -> RememberingSegmenter:
        """Return a segmenter beside the model; it is loaded when first asked for.

        Args:
            segmenter: id of a segmentation model, its folder, or a file of weights.

        Raises:
            ModelError: when there is none, or it is damaged.
        """
        from ...model_store import build_segmenter

        if segmenter not in self._segmenters:
            own = RememberingSegmenter(build_segmenter(segmenter, self.device))
            self._segmenters[segmenter] = own
        return self._segmenters[segmenter]

    def forget(self) -> None:
        """Forget the images that network and segmenters have seen; all stays loaded."""
        self.predictor.clear()
        for segmenter in self._segmenters.values():
            segmenter.clear()


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


def choose_card(
    model: str | Path | ModelCard | None, dimension: int, slicewise: bool
) -> ModelCard | None:
    """Return the card of the model to use; None: no model.

    Args:
        model: ``"auto"``, ``"none"`` or None, an id, the path of a model folder, or a card.
        dimension: of the images.
        slicewise: whether slices were asked for, which need a 2D model.

    Raises:
        ModelError: when there is no such model.
        InputError: when it does not fit the dimension of the images.
    """
    if model is None or model == "none":
        return None
    if model == "auto":
        if dimension == 3 and not slicewise:
            try:
                return default_model(3)
            except ModelError:
                # Better slice by slice than not at all; the report says so.
                return default_model(2)
        return default_model(2)
    card = model if isinstance(model, ModelCard) else find_model(model, "registration")
    if card.spatial_dims > dimension:
        raise InputError(f"model {card.id!r} registers 3D images, the images are 2D")
    if card.spatial_dims == 3 and slicewise:
        raise InputError(f"model {card.id!r} registers 3D images; leave --slices out")
    return card


def choose_slices(
    selection: str | SliceSelection | None, fixed: ImageGeometry, card: ModelCard | None
) -> SliceRange | None:
    """Return the slices to register one by one; None: register the images as they are.

    Without a selection these are all slices where the model is 2D and the images are 3D, and the
    only one of a volume that has but one.

    Raises:
        InputError: when the image has no such slices.
    """
    if selection is not None:
        if not isinstance(selection, SliceSelection):
            selection = SliceSelection.parse(selection)
        return selection.resolve(fixed)
    if fixed.dimension == 2:
        return None
    if 1 in fixed.size:
        return SliceRange(fixed.size.index(1), 0, 1)
    if card is not None and card.spatial_dims == 2:
        return SliceSelection().resolve(fixed)
    return None
