"""A segmenter that remembers: each image once, as many as fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.pipeline.regions.segmentation_cache import RememberingSegmenter
from SlicerLDMRegLib.segmentation import ReportsProgress, Segmentation

SIZE = 8
BYTES = SIZE**3 * (1 + 4)  # of labels and confidence


class Threshold:
    """A segmenter of what is bright."""

    names: Mapping[int, str] = {1: "bright"}

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        labels = sitk.Cast(image > 0.5, sitk.sitkUInt8)
        return Segmentation(labels, self.names, sitk.Cast(image, sitk.sitkFloat32))


def scan(seed: int) -> sitk.Image:
    return sitk.GetImageFromArray(np.random.default_rng(seed).random((SIZE,) * 3))


def test_each_image_is_segmented_once_in_whatever_order() -> None:
    segmenter = RememberingSegmenter(Threshold())
    scans = [scan(n) for n in range(8)]
    for _ in range(4):  # as the fixed images of a block come again with other moving ones
        found = [segmenter.segment(sitk.Image(image)) for image in scans]
    assert (segmenter.asked, segmenter.computed) == (32, 8)
    for image, one in zip(scans, found, strict=True):
        expected = sitk.GetArrayFromImage(image) > 0.5
        assert np.array_equal(sitk.GetArrayFromImage(one.labels), expected)


def test_the_ones_unused_for_longest_go_first() -> None:
    segmenter = RememberingSegmenter(Threshold(), bytes_limit=2 * BYTES)
    for seed in (0, 1, 0, 2, 0, 1):  # 1 goes when 2 comes
        segmenter.segment(scan(seed))
    assert segmenter.computed == 4
    segmenter.clear()
    segmenter.segment(scan(0))
    assert segmenter.computed == 5


def test_one_that_is_larger_than_the_room_is_kept_until_the_next() -> None:
    segmenter = RememberingSegmenter(Threshold(), bytes_limit=1)
    for seed in (0, 0, 1, 1, 0):
        segmenter.segment(scan(seed))
    assert segmenter.computed == 3


def test_the_same_voxels_elsewhere_are_another_image() -> None:
    segmenter = RememberingSegmenter(Threshold())
    for change in ("SetSpacing", "SetOrigin"):
        image = scan(0)
        getattr(image, change)((2.0, 3.0, 4.0))
        segmenter.segment(image)
    segmenter.segment(scan(0))
    assert segmenter.computed == 3
