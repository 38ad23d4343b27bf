"""Regions of the fixed image that a segmenter finds, for networks guided by them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.model_store import build_segmenter
from SlicerLDMRegLib.segmentation import SwinUNETRSegmenter

from ..datasets.evaluation import EvaluationPair
from ..datasets.layouts.abdomen_ct import WINDOW

__all__ = ["segment_with"]


def segment_with(
    spec: str, device: str = "cpu"
) -> Callable[[EvaluationPair], tuple[np.ndarray, np.ndarray | None]]:
    """Return a segmenter of the fixed image of a pair: labels, and confidence if it tells one.

    SwinUNETR gets Hounsfield units: the intensities of the data set are those of -500 to 800, and
    its own window, -175 to 250, lies within.

    Args:
        spec: id or folder of a model, or the file of SwinUNETR's public weights.
        device: where it runs.
    """
    segmenter = build_segmenter(spec, device)
    ct = isinstance(segmenter, SwinUNETRSegmenter)

    def segment(pair: EvaluationPair) -> tuple[np.ndarray, np.ndarray | None]:
        image = np.asarray(pair.fixed, np.float32)
        if ct:
            low, high = WINDOW
            image = low + (high - low) * image
        found = segmenter.segment(pair.lattice.to_image(image))
        labels = sitk.GetArrayFromImage(found.labels)
        own = found.confidence
        return labels, None if own is None else sitk.GetArrayFromImage(own)

    return segment
