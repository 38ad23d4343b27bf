"""Pictures of the displacement field: colours, arrows and the deformed grid."""

from __future__ import annotations

import numpy as np

from .color_maps import ColorMap, ColorScale
from .figure_data import FigureData, PlaneView
from .frame import Frame

__all__ = ["displacement_scale", "draw_displacement", "draw_grid"]

GRID_COLOR = "#ffd23f"
_ARROW_COLOR = "#ffffffd9"
_DISTANCE_MAP = "magma"
_SATURATION = 0.85
_ARROWS = 18  # along the longest side of the planes; more would overlap. Not tuned.


def _wheel_rgb(across: np.ndarray, down: np.ndarray, limit: float) -> np.ndarray:
    """Return the colours of in-plane vectors: hue is the direction, brightness the length."""
    hue = (np.arctan2(-down, across) / (2 * np.pi)) % 1.0
    value = np.clip(np.hypot(across, down) / limit, 0.0, 1.0)
    # The square root keeps small motion visible.
    return _rgb(hue, _SATURATION, np.sqrt(value))


def _rgb(hue: np.ndarray, saturation: float, value: np.ndarray) -> np.ndarray:
    """Return red, green and blue of hue, saturation and value in [0, 1], shape ``(..., 3)``.

    Each of the three falls linearly with the distance of the hue from its own, over a sixth of the
    circle, from the value to what the saturation leaves of it.
    """
    sixths = (hue[..., None] * 6 + np.array([5, 3, 1])) % 6
    share = np.clip(np.minimum(sixths, 4 - sixths), 0, 1)
    return np.asarray(value[..., None] * (1 - saturation * share))


def draw_displacement(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the displacement: 2D coloured by direction, 3D by length with in-plane arrows."""
    if data.dimension == 2:
        limit = data.displacement_limit
        frame.show_colors(_wheel_rgb(view.local[..., 0], view.local[..., 1], limit))
        _wheel_legend(frame, limit)
    else:
        frame.show(view.distance, _distance_scale(data))
        _arrows(frame, view, data)


def _distance_scale(data: FigureData) -> ColorScale:
    limit = data.displacement_limit
    return ColorScale(ColorMap.named(_DISTANCE_MAP), 0.0, limit, (0.0, limit / 2, limit))


def displacement_scale(data: FigureData) -> ColorScale | None:
    """Return colours and ticks of the length in mm for the colour bar; None in 2D."""
    return None if data.dimension == 2 else _distance_scale(data)


def _arrows(frame: Frame, view: PlaneView, data: FigureData) -> None:
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
    starts = np.stack([columns, rows], axis=-1)[shown] * view.plane.spacing
    frame.arrows(starts, vectors[shown] * factor[:, None], _ARROW_COLOR)


def _wheel_legend(frame: Frame, limit: float) -> None:
    across, down = np.meshgrid(np.linspace(-1, 1, 128), np.linspace(-1, 1, 128))
    rgb = _wheel_rgb(across, down, 1.0)
    alpha = np.clip((1.0 - np.hypot(across, down)) * 40, 0.0, 1.0)[..., None]
    colors = np.round(np.concatenate([rgb, alpha], axis=-1) * 255).astype(np.uint8)
    _, _, width, height = frame.box
    side = 0.2 * min(width, height)
    left, top = frame.at(0.12, 0.12)
    frame.canvas.paste((left - side / 2, top - side / 2, side, side), colors)
    frame.note(0.25, 0.03, f"rim {limit:.3g} mm")


def draw_grid(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw a regular grid of the moving image, warped with the image.

    The warped image takes its value at x from x + u(x), so the grid line "moving coordinate = c"
    appears where that coordinate of x + u(x) equals c. Such a level line needs no inverse, is exact
    between samples, and shows a fold as a loop.
    """
    frame.show_gray(view.fixed, white=1.6)
    rows, columns = view.fixed.shape
    if min(rows, columns) < 2:
        return
    across, down = view.plane.spacing
    x, y = np.arange(columns) * across, np.arange(rows) * down
    for coordinate in (x[None, :] + view.motion[..., 0], y[:, None] + view.motion[..., 1]):
        first = np.ceil(coordinate.min() / data.grid_spacing)
        last = np.floor(coordinate.max() / data.grid_spacing)
        levels = np.arange(first, last + 1) * data.grid_spacing
        frame.contours(coordinate, levels, GRID_COLOR, 0.8)
    frame.note(0.03, 0.03, f"{data.grid_spacing:g} mm")
