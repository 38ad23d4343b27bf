"""Drawing of images, differences and label outlines, one plane into a frame."""

from __future__ import annotations

import numpy as np

from .color_maps import ColorMap, ColorScale, rgb8
from .figure_data import FigureData, PlaneView, round_number
from .frame import Frame
from .unmatched import UNLIKE, UNSEEN

__all__ = [
    "DIFFERENCE_MAP",
    "difference_scale",
    "draw_difference_after",
    "draw_difference_before",
    "draw_fixed",
    "draw_labels_after",
    "draw_labels_before",
    "draw_moving",
    "draw_unmatched",
    "draw_warped",
]

UNLIKE_COLOR, UNSEEN_COLOR = "#ff5a36", "#4aa8ff"
FIXED_COLOR, OTHER_COLOR = "#37d0ff", "#ff9f1c"
# Dark in the middle, so that "no difference" looks like the background of a medical image.
DIFFERENCE_MAP = ColorMap.between(["#9be7ff", "#2f7fd6", "#10131a", "#e0662a", "#ffdf9b"])


def draw_fixed(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the fixed image; its scale bar is valid for all planes."""
    frame.show_gray(view.fixed)
    if view is data.views[0] and (data.dimension == 3 or not data.unit_spacing):
        width = view.fixed.shape[1] * view.plane.spacing[0]
        length = round_number(width / 4)
        frame.scale_bar(length / width, f"{length:g} mm")


def draw_moving(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the moving image before the deformation."""
    frame.show_gray(view.moving)


def draw_warped(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the warped image."""
    frame.show_gray(view.warped)


def draw_difference_before(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw moving minus fixed."""
    frame.show(view.before, difference_scale(data))


def draw_difference_after(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw warped minus fixed, on the scale of the difference before."""
    frame.show(view.after, difference_scale(data))


def difference_scale(data: FigureData) -> ColorScale:
    """Return colours and ticks of the differences for the colour bar."""
    limit = data.difference_limit
    return ColorScale(DIFFERENCE_MAP, -limit, limit, (-limit, 0.0, limit))


def draw_unmatched(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw where the images do not match over the fixed image."""
    frame.show_gray(view.fixed)
    if view.unmatched is None:
        return
    colors = np.zeros((*view.unmatched.shape, 4))
    for mark, color in ((UNLIKE, UNLIKE_COLOR), (UNSEEN, UNSEEN_COLOR)):
        colors[view.unmatched == mark] = (*(part / 255 for part in rgb8(color)), 0.6)
    frame.show_colors(colors, nearest=True)


def _contours(
    frame: Frame, view: PlaneView, data: FigureData, labels: np.ndarray | None, color: str
) -> None:
    if labels is None or min(labels.shape) < 2:
        return
    width = 1.4 if len(data.outlined) <= 2 else 0.9
    for label in view.outlined:
        mask = labels == label
        if mask.any():
            frame.contours(mask, [0.5], color, width, rounded=True)


def draw_labels_before(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the outlines of the fixed and the moving labels on the fixed image."""
    frame.show_gray(view.fixed, white=1.25)
    _contours(frame, view, data, view.fixed_labels, FIXED_COLOR)
    _contours(frame, view, data, view.moving_labels, OTHER_COLOR)
    moving = "aligned" if data.moving_aligned else "moving"
    _legend(frame, view, data, [("fixed", FIXED_COLOR), (moving, OTHER_COLOR)])


def draw_labels_after(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the outlines of the fixed and the warped labels on the fixed image."""
    frame.show_gray(view.fixed, white=1.25)
    _contours(frame, view, data, view.fixed_labels, FIXED_COLOR)
    _contours(frame, view, data, view.warped_labels, OTHER_COLOR)
    _legend(frame, view, data, [("fixed", FIXED_COLOR), ("warped", OTHER_COLOR)])


def _legend(
    frame: Frame, view: PlaneView, data: FigureData, entries: list[tuple[str, str]]
) -> None:
    if view is data.views[0]:
        frame.legend(entries)
