"""Map of the Jacobian determinant with marked folds."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from .drawing import note, show
from .figure_data import FigureData, PlaneView

__all__ = ["FOLD_COLOR", "JACOBIAN_MAP", "draw_jacobian", "jacobian_scale"]

FOLD_COLOR = "#39ff14"
JACOBIAN_MAP = LinearSegmentedColormap.from_list(
    "jacobian", ["#0b3c8c", "#3f8fd2", "#f4f4f2", "#dc6b4b", "#8a1022"]
)
# Groups of folds in a plane up to which each is ringed; more rings would hide the map. Not tuned.
_MAX_RINGS = 60


def _jacobian_norm(data: FigureData) -> LogNorm:
    return LogNorm(1.0 / data.jacobian_limit, data.jacobian_limit)


def draw_jacobian(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the Jacobian determinant, 1 in the middle of the scale; paint and ring the folds."""
    shown = np.clip(view.jacobian, 1.0 / data.jacobian_limit, data.jacobian_limit)
    show(axes, view, shown, cmap=JACOBIAN_MAP, norm=_jacobian_norm(data), interpolation="nearest")
    folds = int(view.folds.sum())
    if folds:
        paint = np.zeros((*view.folds.shape, 4))
        paint[view.folds] = (*(int(FOLD_COLOR[n : n + 2], 16) / 255 for n in (1, 3, 5)), 1.0)
        show(axes, view, paint, interpolation="nearest")
        _fold_rings(axes, view)
    if data.fold_count:
        note(axes, 0.03, 0.03, f"{folds} folded", FOLD_COLOR)
    else:
        note(axes, 0.03, 0.03, "no folds")


def _fold_rings(axes: Axes, view: PlaneView) -> None:
    """Ring each connected group of folds, so that even a single folded pixel is noticed."""
    from scipy import ndimage  # most pictures have no folds, and it is slow to import

    groups, number = ndimage.label(view.folds, structure=np.ones((3, 3)))
    if number > _MAX_RINGS:
        return
    centres = ndimage.center_of_mass(view.folds, groups, range(1, number + 1))
    sizes = ndimage.sum_labels(view.folds, groups, range(1, number + 1))
    across, down = view.plane.spacing
    pixel = 1.0 / max(view.folds.shape)
    for (row, column), size in zip(centres, np.atleast_1d(sizes), strict=True):
        diameter = 9.0 + 300.0 * pixel * np.sqrt(size)
        axes.plot(
            column * across,
            row * down,
            marker="o",
            markersize=diameter,
            markerfacecolor="none",
            markeredgecolor="#10131a",
            markeredgewidth=1.0,
        )


def jacobian_scale(data: FigureData) -> tuple[ScalarMappable, list[float]]:
    """Return colours and ticks of the determinant for the colour bar."""
    limit = data.jacobian_limit
    middle = limit**0.5
    ticks = [1 / limit, 1 / middle, 1.0, middle, limit]
    return ScalarMappable(_jacobian_norm(data), JACOBIAN_MAP), ticks
