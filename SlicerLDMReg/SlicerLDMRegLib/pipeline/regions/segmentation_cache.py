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
        size: number of segmentations that are kept; the ones unused for longest go first.
    """

    def __init__(self, segmenter: Segmenter, size: int = 4) -> None:
        self._segmenter = segmenter
        self._size = size
        self._found: OrderedDict[tuple[object, ...], Segmentation] = OrderedDict()

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        """Segment a 3D image.

        Raises:
            InputError: when the image is not one that it can segment.
        """
        place = image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        key = (voxel_digest(image), *place)
        if key not in self._found:
            self._found[key] = self._segmenter.segment(image, progress)
        self._found.move_to_end(key)
        while len(self._found) > self._size:
            self._found.popitem(last=False)
        return self._found[key]

    def clear(self) -> None:
        """Forget all segmentations."""
        self._found.clear()
