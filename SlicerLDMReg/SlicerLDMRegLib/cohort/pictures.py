"""Pictures of the page of a cohort: small overviews, and the determinant on the template."""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image

from .moments import Moments

__all__ = ["moments_picture", "overview_picture"]

_WIDTH = 900  # pixels of an overview: its numbers can be read
_QUALITY = 80
_DPI = 100


def overview_picture(path: Path) -> str | None:
    """Return the overview of a pair, made smaller, as a data URI; None where it cannot be read."""
    try:
        with warnings.catch_warnings(), Image.open(path, formats=["PNG"]) as picture:
            warnings.simplefilter("ignore")
            small = picture.convert("RGB")
            small.thumbnail((_WIDTH, 4 * _WIDTH))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return _uri(small, "JPEG")


def moments_picture(moments: Moments) -> str:
    """Return the mean and the standard deviation of the determinant, in the middle slices."""
    planes = _middle(moments)
    rows = (
        ("Mean", [plane for plane, _ in planes]),
        ("Standard deviation", [np.sqrt(plane) for _, plane in planes]),
    )
    figure = Figure(figsize=(3.2 * len(planes) + 0.6, 6.4), facecolor="#0d1015", dpi=_DPI)
    agg = FigureCanvasAgg(figure)
    for r, (title, pictures) in enumerate(rows):
        for c, picture in enumerate(pictures):
            axes = figure.add_subplot(2, len(planes), r * len(planes) + c + 1)
            axes.set_axis_off()
            if r == 0:
                # 1 is in the middle, and twice as large is as far from it as half as large.
                spread = float(np.exp(np.abs(np.log(np.clip(picture, 1e-3, 1e3))).max()))
                spread = max(spread, 1.05)
                shown = axes.imshow(picture, cmap="RdBu_r", norm=LogNorm(1 / spread, spread))
            else:
                shown = axes.imshow(picture, cmap="magma", vmin=0)
            axes.set_title(title if c == 0 else "", color="#e8eaee", fontsize=10, loc="left")
            bar = figure.colorbar(shown, ax=axes, fraction=0.046, pad=0.03)
            bar.ax.tick_params(which="both", colors="#a3abb8", labelsize=7)
    figure.tight_layout()
    agg.draw()
    return _uri(Image.fromarray(np.asarray(agg.buffer_rgba())).convert("RGB"), "PNG")


def _middle(moments: Moments) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the middle slice of mean and variance across each axis, as stored."""
    if moments.mean.ndim == 2:
        return [(moments.mean, moments.variance)]
    axes = [axis for axis in range(3) if moments.mean.shape[axis] > 1] or [0]
    middles = [moments.mean.shape[axis] // 2 for axis in axes]
    return [
        (moments.mean.take(middle, axis), moments.variance.take(middle, axis))
        for axis, middle in zip(axes, middles, strict=True)
    ]


def _uri(picture: Image.Image, kind: str) -> str:
    stream = io.BytesIO()
    options = {"quality": _QUALITY} if kind == "JPEG" else {}
    picture.save(stream, kind, optimize=True, **options)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
