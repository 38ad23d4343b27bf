"""One network call for a batch of pairs, with a memory for what depends on one image alone."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ...networks import FieldPrediction, Regions
from .test_time_augmentation import View, average

__all__ = ["Predictor", "image_key"]


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

    The encoder takes most of the time of LDM-Morph and sees each image alone. In a cine series or a
    cohort the same image comes back; it is recognised by its content.

    Args:
        network: a registration network in evaluation mode, on its device.
        precision: ``torch.float32`` or ``torch.bfloat16``; fields are float32 in any case.
        cache_size: number of images whose features are kept; the ones unused for longest go first.
        views: of each pair, whose predictions are averaged; of a network without a cache.

    Attributes:
        asked, computed: of how many images features were wanted, and of how many of these they were
            not there.
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
        self.cache_size = cache_size
        self.views = tuple(views)
        self._cache: OrderedDict[str, list[Tensor]] = OrderedDict()
        parameter = next(network.parameters(), None)
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.asked = self.computed = 0

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

    def clear(self) -> None:
        """Forget the features of all images."""
        self._cache.clear()

    def _features(
        self, network: _WithFeatures, images: Sequence[Tensor], seed: int
    ) -> list[list[Tensor]]:
        keys = [image_key(image, seed) for image in images]
        # A repeated image is computed once; moving and fixed go through as one batch.
        missing = {k: i for k, i in zip(keys, images, strict=True) if k not in self._cache}
        found = {k: self._cache[k] for k in keys if k in self._cache}
        self.asked += len(keys)
        self.computed += len(missing)
        if missing:
            levels = network.features(torch.stack(list(missing.values())), seed)
            for i, key in enumerate(missing):
                found[key] = [level[i] for level in levels]
        for key in found:
            self._cache[key] = found[key]
            self._cache.move_to_end(key)
        while len(self._cache) > self.cache_size:
            self._cache.popitem(last=False)
        return [found[key] for key in keys]


def image_key(image: Tensor, seed: int = 0) -> str:
    """Return a digest of the values of an image and of what else decides the work on it."""
    content = image.detach().cpu().contiguous().float().numpy()
    digest = hashlib.sha256(repr((content.shape, seed)).encode())
    digest.update(content.tobytes())
    return digest.hexdigest()


def _on_device(regions: Regions, device: torch.device) -> Regions:
    confidence, filters = (
        None if t is None else t.to(device) for t in (regions.confidence, regions.filters)
    )
    return Regions(regions.labels.to(device), confidence, filters)


def _stack(features: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(list(level)) for level in zip(*features, strict=True)]
