"""What each output of a registration holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..scene.labels import segmentation_from_labels
from ..scene.scene_images import SceneImages
from .embed_2d import PlacedResult
from .metrics_table import metrics_table
from .node_content import (
    MakeContent,
    SegmentationContent,
    TableContent,
    grid_content,
    look_like,
    show_around_one,
    volume_content,
)

__all__ = ["result_contents"]

_FOLD_COLOR = (0.9, 0.1, 0.1)


def result_contents(
    placed: PlacedResult,
    metrics: Mapping[str, Any],
    images: SceneImages,
    outputs: Iterable[str],
) -> dict[str, MakeContent]:
    """Compute what the nodes of a result will hold, see :mod:`.node_content`; any thread may do it.

    Args:
        placed: the result in 3D.
        metrics: of the result.
        images: that were registered.
        outputs: what is wanted; what there is not is left out.

    Returns:
        By output; it makes the content in the thread of the application.
    """
    fixed, moving = images.fixed_source.shown, images.moving_source.shown
    makers: dict[str, Callable[[], MakeContent]] = {
        "warped": lambda: volume_content(placed.warped, partial(look_like, other=moving)),
        "transform": lambda: grid_content(placed.field),
        "inverse": lambda: grid_content(placed.inverse),
        "jacobian": lambda: volume_content(placed.jacobian, show_around_one),
        "folds": lambda: (
            lambda: SegmentationContent(
                segmentation_from_labels(placed.folds, {1: "Folds"}, {1: _FOLD_COLOR}), fixed
            )
        ),
        "metrics": lambda: lambda: TableContent(metrics_table(metrics)),
    }
    labels = placed.warped_labels
    if labels is not None:
        makers["warped_labels"] = partial(_label_content, labels, images)
    wanted = set(outputs)
    return {output: make() for output, make in makers.items() if output in wanted}


def _label_content(labels: sitk.Image, images: SceneImages) -> MakeContent:
    known = {**images.label_names, **images.moving_names}
    present = [int(n) for n in np.unique(sitk.GetArrayViewFromImage(labels)) if n > 0]
    names = {number: known.get(number, f"Label {number}") for number in present}
    return lambda: SegmentationContent(
        segmentation_from_labels(labels, names, images.moving_colors), images.fixed_source.shown
    )
