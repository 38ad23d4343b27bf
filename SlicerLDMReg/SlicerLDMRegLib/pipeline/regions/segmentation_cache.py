"""A segmenter that remembers what it has found."""

from __future__ import annotations

from collections import OrderedDict

import SimpleITK as sitk

from ...segmentation import ReportsProgress, Segmentation, Segmenter
from ..predict.loaded_model import LoadedModel
from ..provenance import voxel_digest

__all__ = ["RememberingSegmenter", "segmenter_beside"]


def segmenter_beside(model: LoadedModel, segmenter: str) -> RememberingSegmenter:
    """Return a segmenter that stays in memory with a model; it is loaded when first asked for.

    Args:
        model: the registration model.
        segmenter: id of a segmentation model, its folder, or a file of weights.

    Raises:
        ModelError: when there is none, or it is damaged.
    """
    if segmenter not in model.companions:
        from ...model_store import build_segmenter

        built = build_segmenter(segmenter, model.device)
        model.companions[segmenter] = RememberingSegmenter(built)
    found: RememberingSegmenter = model.companions[segmenter]
    return found


class RememberingSegmenter:
    """Asks a segmenter once for each image; it is recognised by its voxels and where they lie.

    Args:
        segmenter: that does the work.
        bytes_limit: of the segmentations that are kept; the ones unused for longest go first, the
            last one stays. By default those of 8 brains of 160 x 224 x 192 fit in, as many as one
            block of a cohort has fixed images.

    Attributes:
        asked, computed: how many segmentations were wanted, and how many of these were not there.
    """

    def __init__(self, segmenter: Segmenter, bytes_limit: int = 512 * 2**20) -> None:
        self._segmenter = segmenter
        self._limit = bytes_limit
        self._found: OrderedDict[tuple[object, ...], Segmentation] = OrderedDict()
        self.asked = self.computed = 0

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        """Segment a 3D image.

        Raises:
            InputError: when the image is not one that it can segment.
        """
        place = image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        key = (voxel_digest(image), *place)
        self.asked += 1
        if key not in self._found:
            self._found[key] = self._segmenter.segment(image, progress)
            self.computed += 1
        self._found.move_to_end(key)
        while len(self._found) > 1 and sum(map(_bytes, self._found.values())) > self._limit:
            self._found.popitem(last=False)
        return self._found[key]

    def clear(self) -> None:
        """Forget all segmentations."""
        self._found.clear()


def _bytes(found: Segmentation) -> int:
    images = [found.labels] if found.confidence is None else [found.labels, found.confidence]
    return sum(image.GetNumberOfPixels() * image.GetSizeOfPixelComponent() for image in images)
