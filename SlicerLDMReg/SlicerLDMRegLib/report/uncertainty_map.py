"""Map of the error to expect, over the fixed image."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .drawing import show, show_gray
from .figure_data import FigureData, PlaneView

__all__ = ["draw_uncertainty", "uncertainty_scale"]

_MAP = colormaps["inferno"]
_FAINTEST, _STRONGEST = 0.35, 0.9  # opacity. Not tuned


def draw_uncertainty(axes: Axes, view: PlaneView, data: FigureData) -> None:
    """Draw the uncertainty in mm, faint where the images decide."""
    if view.uncertainty is None:
        return
    show_gray(axes, view, view.fixed)
    share = _norm(data)(np.clip(view.uncertainty, 0, None)).filled(0).clip(0, 1)
    colors = _MAP(share)
    # The image shows through where there is little doubt.
    colors[..., 3] = _FAINTEST + (_STRONGEST - _FAINTEST) * share**0.5
    show(axes, view, colors, interpolation="nearest")


def uncertainty_scale(data: FigureData) -> tuple[ScalarMappable, list[float]]:
    """Return colours and ticks in mm for the colour bar."""
    limit = _norm(data).vmax or 1.0
    return ScalarMappable(_norm(data), _MAP), [0.0, limit / 2, limit]


def _norm(data: FigureData) -> Normalize:
    """Scale to what 99 % of the pixels do not exceed."""
    shown = [view.uncertainty.ravel() for view in data.views if view.uncertainty is not None]
    limit = float(np.percentile(np.concatenate(shown), 99.0)) if shown else 0.0
    return Normalize(0.0, max(limit, 1e-3))
