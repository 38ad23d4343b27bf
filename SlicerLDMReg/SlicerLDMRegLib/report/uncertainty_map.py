"""Map of the error to expect, over the fixed image."""

from __future__ import annotations

import numpy as np

from .color_maps import ColorMap, ColorScale
from .figure_data import FigureData, PlaneView
from .frame import Frame

__all__ = ["draw_uncertainty", "uncertainty_scale"]

_MAP = "inferno"
_FAINTEST, _STRONGEST = 0.35, 0.9  # opacity. Not tuned


def draw_uncertainty(frame: Frame, view: PlaneView, data: FigureData) -> None:
    """Draw the uncertainty in mm, faint where the images decide."""
    if view.uncertainty is None:
        return
    frame.show_gray(view.fixed)
    scale = uncertainty_scale(data)
    share = np.nan_to_num(scale.share(view.uncertainty)).clip(0, 1)
    # The image shows through where there is little doubt.
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * share**0.5
    frame.show_colors(np.concatenate([scale.colors(share), opacity[..., None]], -1), nearest=True)


def uncertainty_scale(data: FigureData) -> ColorScale:
    """Return colours and ticks in mm for the colour bar, up to what 99 % of the pixels reach."""
    shown = [view.uncertainty.ravel() for view in data.views if view.uncertainty is not None]
    limit = float(np.percentile(np.concatenate(shown), 99.0)) if shown else 0.0
    limit = max(limit, 1e-3)
    return ColorScale(ColorMap.named(_MAP), 0.0, limit, (0.0, limit / 2, limit))
