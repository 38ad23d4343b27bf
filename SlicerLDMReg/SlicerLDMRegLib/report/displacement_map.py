"""Pictures of the displacement field: colours, arrows and the deformed grid."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, hsv_to_rgb

from .drawing import note, show, show_gray
from .figure_data import FigureData, PlaneView

__all__ = ["displacement_scale", "draw_displacement", "draw_grid"]

GRID_COLOR = "#ffd23f"
_DISTANCE_MAP = colormaps["magma"]
_ARROWS = 18  # along the longest side of the planes; more would overlap. Not tuned.


def _wheel_rgb(across: np.ndarray, down: np.ndarray, limit: float) -> np.ndarray:
    """Return the colours of in-plane vectors: hue is the direction, brightness the length."""
    hue = (np.arctan2(-down, across) / (2 * np.pi)) % 1.0
    value = np.clip(np.hypot(across, down) / limit, 0.0, 1.0)
    # The square root keeps small motion visible.
    return hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.85), np.sqrt(value)], axis=-1))


def draw_displacement(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the displacement: 2D coloured by direction, 3D by length with in-plane arrows."""
    if data.dimension == 2:
        limit = data.displacement_limit
        show(axes, view, _wheel_rgb(view.local[..., 0], view.local[..., 1], limit))
        _wheel_legend(axes, limit)
    else:
        show(axes, view, view.distance, cmap=_DISTANCE_MAP, norm=_distance_norm(data))
        _arrows(axes, view, data)


def _distance_norm(data: FigureData) -> Normalize:
    return Normalize(0.0, data.displacement_limit)


def displacement_scale(data: FigureData) -> tuple[ScalarMappable, list[float]] | None:
    """Return colours and ticks of the length in mm for the colour bar; None in 2D."""
    if data.dimension == 2:
        return None
    limit = data.displacement_limit
    return ScalarMappable(_distance_norm(data), _DISTANCE_MAP), [0.0, limit / 2, limit]


def _arrows(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw in-plane arrows; the longest reach to the next arrow's position."""
    extent = max(
        n * s for v in data.views for n, s in zip(v.fixed.shape[::-1], v.plane.spacing, strict=True)
    )
    step = extent / _ARROWS
    places = []
    for count, spacing in zip(view.fixed.shape[::-1], view.plane.spacing, strict=True):
        number = max(1, round(count * spacing / step))
        places.append(np.round((np.arange(number) + 0.5) * count / number - 0.5).astype(int))
    columns, rows = np.meshgrid(*places)
    vectors = view.local[rows, columns]
    lengths = np.linalg.norm(vectors, axis=-1)
    shown = lengths > 0.05 * data.displacement_limit
    # The few that are longer than the limit are shortened to it.
    factor = step / np.maximum(lengths, data.displacement_limit)[shown]
    across, down = view.plane.spacing
    axes.quiver(
        (columns * across)[shown],
        (rows * down)[shown],
        vectors[..., 0][shown] * factor,
        vectors[..., 1][shown] * factor,
        color="white",
        alpha=0.85,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        units="width",
        width=0.006,
        headwidth=3.5,
        headlength=4.0,
        headaxislength=3.6,
    )


def _wheel_legend(axes: Axes, limit: float) -> None:
    inset = axes.inset_axes((0.02, 0.02, 0.2, 0.2))
    across, down = np.meshgrid(np.linspace(-1, 1, 128), np.linspace(-1, 1, 128))
    rgb = _wheel_rgb(across, down, 1.0)
    alpha = np.clip((1.0 - np.hypot(across, down)) * 40, 0.0, 1.0)[..., None]
    inset.imshow(np.concatenate([rgb, alpha], axis=-1))
    inset.set_axis_off()
    note(axes, 0.25, 0.03, f"rim {limit:.3g} mm")


def draw_grid(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw a regular grid of the moving image, warped with the image.

    The warped image takes its value at x from x + u(x), so the grid line "moving coordinate = c"
    appears where that coordinate of x + u(x) equals c. Such a level line needs no inverse, is exact
    between samples, and shows a fold as a loop.
    """
    show_gray(axes, view, view.fixed, white=1.6)
    rows, columns = view.fixed.shape
    if min(rows, columns) < 2:
        return
    across, down = view.plane.spacing
    x, y = np.arange(columns) * across, np.arange(rows) * down
    for coordinate in (x[None, :] + view.motion[..., 0], y[:, None] + view.motion[..., 1]):
        first = np.ceil(coordinate.min() / data.grid_spacing)
        last = np.floor(coordinate.max() / data.grid_spacing)
        levels = np.arange(first, last + 1) * data.grid_spacing
        if levels.size:
            axes.contour(
                x,
                y,
                coordinate,
                levels=levels,
                colors=[GRID_COLOR],
                linewidths=0.8,
                linestyles="solid",
            )
    note(axes, 0.03, 0.03, f"{data.grid_spacing:g} mm")
