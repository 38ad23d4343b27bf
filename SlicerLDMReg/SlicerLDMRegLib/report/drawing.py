"""Drawing of images, differences and label outlines, one plane into given axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from .figure_data import FigureData, PlaneView, round_number
from .unmatched import UNLIKE, UNSEEN

__all__ = [
    "difference_scale",
    "draw_difference_after",
    "draw_difference_before",
    "draw_edges",
    "draw_fixed",
    "draw_labels_after",
    "draw_labels_before",
    "draw_moving",
    "draw_unmatched",
    "draw_warped",
    "note",
    "show",
    "show_gray",
]

UNLIKE_COLOR, UNSEEN_COLOR = "#ff5a36", "#4aa8ff"
FIXED_COLOR, OTHER_COLOR = "#37d0ff", "#ff9f1c"
# Dark in the middle, so that "no difference" looks like the background of a medical image.
DIFFERENCE_MAP = LinearSegmentedColormap.from_list(
    "difference", ["#9be7ff", "#2f7fd6", "#10131a", "#e0662a", "#ffdf9b"]
)
_SHADOW = [withStroke(linewidth=2.0, foreground="#000000b0")]
_BACKING = {"boxstyle": "round,pad=0.25", "facecolor": "#000000a0", "edgecolor": "none"}


def _extent(view: PlaneView) -> tuple[float, float, float, float]:
    """Return the extent in mm, y downwards, with pixel centres at multiples of the spacing."""
    rows, columns = view.fixed.shape
    across, down = view.plane.spacing
    return (-0.5 * across, (columns - 0.5) * across, (rows - 0.5) * down, -0.5 * down)


def show(axes: Axes, view: PlaneView, array: np.ndarray, **options: object) -> None:
    """Show an array of the plane, axes in mm."""
    options.setdefault("interpolation", "bilinear")
    axes.imshow(array, extent=_extent(view), aspect="equal", **options)  # type: ignore[arg-type]


def show_gray(axes: Axes, view: PlaneView, array: np.ndarray, white: float = 1.0) -> None:
    """Show an array in grey; ``white`` is the value shown as white."""
    show(axes, view, array, cmap="gray", vmin=0.0, vmax=white)


def draw_fixed(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the fixed image; its scale bar is valid for all planes."""
    show_gray(axes, view, view.fixed)
    if view is data.views[0] and (data.dimension == 3 or not data.unit_spacing):
        _scale_bar(axes, view)


def _scale_bar(axes: Axes, view: PlaneView) -> None:
    """Draw a scale bar of round length, about a quarter of the width."""
    width = view.fixed.shape[1] * view.plane.spacing[0]
    length = round_number(width / 4)
    (bar,) = axes.plot([0.04, 0.04 + length / width], [0.045] * 2, transform=axes.transAxes)
    bar.set(color="white", linewidth=2.0, solid_capstyle="butt", path_effects=_SHADOW)
    text = axes.text(0.04, 0.065, f"{length:g} mm", transform=axes.transAxes, va="bottom")
    text.set(color="white", fontsize=6.5, path_effects=_SHADOW)


def draw_moving(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the moving image before the deformation."""
    show_gray(axes, view, view.moving)


def draw_warped(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the warped image."""
    show_gray(axes, view, view.warped)


def _difference_norm(data: FigureData) -> Normalize:
    return Normalize(-data.difference_limit, data.difference_limit)


def draw_difference_before(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw moving minus fixed."""
    show(axes, view, view.before, cmap=DIFFERENCE_MAP, norm=_difference_norm(data))


def draw_difference_after(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw warped minus fixed, on the scale of the difference before."""
    show(axes, view, view.after, cmap=DIFFERENCE_MAP, norm=_difference_norm(data))


def difference_scale(data: FigureData) -> tuple[ScalarMappable, list[float]]:
    """Return colours and ticks of the differences for the colour bar."""
    limit = data.difference_limit
    return ScalarMappable(_difference_norm(data), DIFFERENCE_MAP), [-limit, 0.0, limit]


def draw_unmatched(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw where the images do not match over the fixed image."""
    show_gray(axes, view, view.fixed)
    if view.unmatched is None:
        return
    colors = np.zeros((*view.unmatched.shape, 4))
    for mark, color in ((UNLIKE, UNLIKE_COLOR), (UNSEEN, UNSEEN_COLOR)):
        colors[view.unmatched == mark] = (*to_rgb(color), 0.6)
    show(axes, view, colors, interpolation="nearest")


def _contours(
    axes: Axes, view: PlaneView, data: FigureData, labels: np.ndarray | None, color: str
) -> None:
    if labels is None or min(labels.shape) < 2:
        return
    across, down = view.plane.spacing
    columns, rows = np.arange(labels.shape[1]) * across, np.arange(labels.shape[0]) * down
    width = 1.4 if len(data.outlined) <= 2 else 0.9
    for label in view.outlined:
        mask = labels == label
        if mask.any():
            mask = mask.astype(np.float32)
            axes.contour(columns, rows, mask, levels=[0.5], colors=[color], linewidths=width)


def draw_labels_before(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the outlines of the fixed and the moving labels on the fixed image."""
    show_gray(axes, view, view.fixed, white=1.25)
    _contours(axes, view, data, view.fixed_labels, FIXED_COLOR)
    _contours(axes, view, data, view.moving_labels, OTHER_COLOR)
    moving = "aligned" if data.moving_aligned else "moving"
    _legend(axes, view, data, [("fixed", FIXED_COLOR), (moving, OTHER_COLOR)])


def draw_labels_after(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the outlines of the fixed and the warped labels on the fixed image."""
    show_gray(axes, view, view.fixed, white=1.25)
    _contours(axes, view, data, view.fixed_labels, FIXED_COLOR)
    _contours(axes, view, data, view.warped_labels, OTHER_COLOR)
    _legend(axes, view, data, [("fixed", FIXED_COLOR), ("warped", OTHER_COLOR)])


def note(axes: Axes, x: float, y: float, text: str, color: str = "white") -> None:
    """Write on a picture, at a position in fractions of the axes."""
    axes.text(
        x, y, text, transform=axes.transAxes, color=color, fontsize=7, va="bottom", bbox=_BACKING
    )


def _legend(axes: Axes, view: PlaneView, data: FigureData, entries: list[tuple[str, str]]) -> None:
    if view is not data.views[0]:
        return
    axes.legend(
        handles=[Line2D([], [], color=color, label=name) for name, color in entries],
        loc="lower right",
        fontsize=7,
        labelcolor="white",
        facecolor="#00000090",
        edgecolor="none",
        handlelength=1.2,
        borderpad=0.3,
    )


def draw_edges(axes: Axes, view: PlaneView) -> None:
    """Write the directions at the edges of the plane, e.g. R and L, and hide the axes."""
    axes.set_axis_off()
    left, right, top, bottom = view.plane.edges
    places = [
        (0.015, 0.5, left, "left", "center"),
        (0.985, 0.5, right, "right", "center"),
        (0.5, 0.985, top, "center", "top"),
        (0.5, 0.015, bottom, "center", "bottom"),
    ]
    if view.plane.normal is None:
        places = [(0.02, 0.98, f"{right} →\n{bottom} ↓", "left", "top")]
    for x, y, letter, across, down in places:
        text = axes.text(x, y, letter, transform=axes.transAxes, ha=across, va=down)
        text.set(color="white", fontsize=7.5, linespacing=1.0)
        text.set(bbox=_BACKING) if view.plane.normal is None else text.set(path_effects=_SHADOW)
