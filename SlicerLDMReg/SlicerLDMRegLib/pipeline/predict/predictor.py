"""One network call for a batch of pairs, with a memory for what depends on one image alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ...networks import FieldPrediction, Regions
from .image_memory import ImageMemory
from .test_time_augmentation import View, average

__all__ = ["Predictor"]


@runtime_checkable
class _WithFeatures(Protocol):
    """A network whose work on each image alone can be kept."""

    def features(self, images: Tensor, seed: int = 0) -> list[Tensor]: ...
    def predict(
        self,
        moving: Tensor,
        fixed: Tensor,
        moving_features: Sequence[Tensor],
        fixed_features: Sequence[Tensor],
    ) -> FieldPrediction: ...


class Predictor:
    """Calls a registration network and remembers the features of the images it has seen.

    The encoder takes most of the time of LDM-Morph and sees each image alone.

    Args:
        network: a registration network in evaluation mode, on its device.
        precision: ``torch.float32`` or ``torch.bfloat16``; fields are float32 in any case.
        cache_size: number of images whose features are kept.
        views: of each pair, whose predictions are averaged; of a network without a cache.

    Attributes:
        memory: features of the images seen last.
    """

    def __init__(
        self,
        network: nn.Module,
        precision: torch.dtype = torch.float32,
        cache_size: int = 64,
        views: Sequence[View] = (View(),),
    ) -> None:
        self.network = network
        self.precision = precision
        self.views = tuple(views)
        self.memory: ImageMemory[list[Tensor]] = ImageMemory(cache_size)
        parameter = next(network.parameters(), None)
        self.device = torch.device("cpu") if parameter is None else parameter.device

    @property
    def uses_regions(self) -> bool:
        """Whether the network wants to know the regions of the fixed image."""
        return bool(getattr(self.network, "uses_regions", False))

    @torch.no_grad()
    def predict(
        self, moving: Tensor, fixed: Tensor, seed: int = 0, regions: Regions | None = None
    ) -> FieldPrediction:
        """Predict the deformation of each pair of a batch.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1] on the network grid.
            fixed: likewise.
            seed: of the noise that the network draws.
            regions: of the fixed image, for a network that uses them.

        Returns:
            Field (velocity, inverse) ``(B, d, *S)`` in voxels of the network grid, float32, on the
            device of the network.
        """
        moving, fixed = moving.to(self.device), fixed.to(self.device)
        low = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=low):
            if isinstance(self.network, _WithFeatures):
                features = self._features(self.network, [*moving, *fixed], seed)
                count = len(moving)
                prediction = self.network.predict(
                    moving, fixed, _stack(features[:count]), _stack(features[count:])
                )
            else:
                if regions is not None:
                    regions = _on_device(regions, self.device)
                views = [view for view in self.views if view.takes(regions)]
                seen = [self._look(view, moving, fixed, seed, regions) for view in views]
                prediction = average(views, seen)
        velocity, distance, inverse = (
            None if t is None else t.float()
            for t in (prediction.velocity, prediction.distance, prediction.inverse)
        )
        return FieldPrediction(prediction.displacement.float(), velocity, distance, inverse)

    @torch.no_grad()
    def distance(self, images: Tensor, seed: int = 0) -> Tensor | None:
        """Return the distance of images to the training images; None: the network measures none.

        The features are kept for a prediction.

        Args:
            images: ``(B, 1, *S)`` in [0, 1] on the network grid.
            seed: of the noise that the network draws.

        Returns:
            ``(B,)`` float32, up to 1 for images like those of the training.
        """
        measure = getattr(self.network, "familiarity", None)
        if measure is None or not isinstance(self.network, _WithFeatures):
            return None
        images = images.to(self.device)
        low = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=low):
            features = self._features(self.network, list(images), seed)
            found: Tensor = measure(_stack(features)[0])
        return found.float()

    def _look(
        self, view: View, moving: Tensor, fixed: Tensor, seed: int, regions: Regions | None
    ) -> FieldPrediction:
        moving, fixed = view.of(moving), view.of(fixed)
        found: FieldPrediction
        if self.uses_regions and regions is not None:
            found = self.network(moving, fixed, seed, regions=view.of_regions(regions))
        else:
            found = self.network(moving, fixed, seed)
        return found

    def _features(
        self, network: _WithFeatures, images: Sequence[Tensor], seed: int
    ) -> list[list[Tensor]]:
        """Return the features of each image; moving and fixed ones go through as one batch."""

        def compute(batch: Tensor) -> list[list[Tensor]]:
            levels = network.features(batch, seed)
            return [[level[i] for level in levels] for i in range(len(batch))]

        return self.memory.of(images, compute, seed)


def _on_device(regions: Regions, device: torch.device) -> Regions:
    confidence, filters = (
        None if t is None else t.to(device) for t in (regions.confidence, regions.filters)
    )
    return Regions(regions.labels.to(device), confidence, filters)


def _stack(features: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(list(level)) for level in zip(*features, strict=True)]
