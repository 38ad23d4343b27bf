"""Map of the Jacobian determinant with marked folds."""

from __future__ import annotations

import numpy as np

from .color_maps import ColorMap, ColorScale, rgb8
from .figure_data import FigureData, PlaneView
from .frame import Frame

__all__ = ["FOLD_COLOR", "JACOBIAN_MAP", "draw_jacobian", "jacobian_scale"]

FOLD_COLOR = "#39ff14"
JACOBIAN_MAP = ColorMap.between(["#0b3c8c", "#3f8fd2", "#f4f4f2", "#dc6b4b", "#8a1022"])
# Groups of folds in a plane up to which each is ringed; more rings would hide the map. Not tuned.
_MAX_RINGS = 60


def draw_jacobian(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the Jacobian determinant, 1 in the middle of the scale; paint and ring the folds."""
    shown = np.clip(view.jacobian, 1.0 / data.jacobian_limit, data.jacobian_limit)
    frame.show(shown, jacobian_scale(data), nearest=True)
    folds = int(view.folds.sum())
    if folds:
        paint = np.zeros((*view.folds.shape, 4))
        paint[view.folds] = (*(part / 255 for part in rgb8(FOLD_COLOR)), 1.0)
        frame.show_colors(paint, nearest=True)
        _fold_rings(frame, view)
    if data.fold_count:
        frame.note(0.03, 0.03, f"{folds} folded", FOLD_COLOR)
    else:
        frame.note(0.03, 0.03, "no folds")


def _fold_rings(frame: Frame, view: PlaneView) -> None:
    """Ring each connected group of folds, so that even a single folded pixel is noticed."""
    from scipy import ndimage  # most pictures have no folds, and it is slow to import

    groups, number = ndimage.label(view.folds, structure=np.ones((3, 3)))
    if number > _MAX_RINGS:
        return
    centres = ndimage.center_of_mass(view.folds, groups, range(1, number + 1))
    sizes = ndimage.sum_labels(view.folds, groups, range(1, number + 1))
    pixel = 1.0 / max(view.folds.shape)
    for (row, column), size in zip(centres, np.atleast_1d(sizes), strict=True):
        diameter = 9.0 + 300.0 * pixel * np.sqrt(size)
        ((x, y),) = frame.places(np.array([(column, row)]) * view.plane.spacing)
        frame.canvas.disc(float(x), float(y), diameter, None, "#10131a", 1.0)


def jacobian_scale(data: FigureData) -> ColorScale:
    """Return colours and ticks of the determinant for the colour bar."""
    limit = data.jacobian_limit
    middle = limit**0.5
    ticks = (1 / limit, 1 / middle, 1.0, middle, limit)
    return ColorScale(JACOBIAN_MAP, 1 / limit, limit, ticks, logarithmic=True)
