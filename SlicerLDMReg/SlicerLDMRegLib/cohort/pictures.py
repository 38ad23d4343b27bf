"""Pictures of the page of a cohort: small overviews, and the determinant on the template."""

from __future__ import annotations

import base64
import io
import math
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image

from .moments import Moments

__all__ = ["moments_picture", "overview_picture", "ratio_ticks"]

_WIDTH = 900  # pixels of an overview: its numbers can be read
_QUALITY = 80
_DPI = 100
_MOST_SHOWN = 99.5  # percentile beyond which colours stay the same: a few voxels lie far out
_FACTORS = (1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)


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
    flat = len(planes) == 1  # of a 2D image both are side by side
    rows, columns = (1, 2) if flat else (2, len(planes))
    figure = Figure(
        figsize=(3.6 * columns + 0.6, 3.4 * rows), facecolor="#0d1015", dpi=_DPI, layout="tight"
    )
    agg = FigureCanvasAgg(figure)
    for n, (title, pictures) in enumerate(
        (
            ("Mean", [plane for plane, _ in planes]),
            ("Standard deviation", [np.sqrt(plane) for _, plane in planes]),
        )
    ):
        for c, picture in enumerate(pictures):
            axes = figure.add_subplot(rows, columns, n * len(planes) + c + 1)
            axes.set_axis_off()
            if n == 0:
                # 1 is in the middle, and twice as large is as far from it as half as large.
                distance = np.abs(np.log(np.clip(picture, 1e-3, 1e3)))
                spread = max(1.05, float(np.exp(np.percentile(distance, _MOST_SHOWN))))
                norm = LogNorm(1 / spread, spread, clip=True)
                shown = axes.imshow(picture, cmap="RdBu_r", norm=norm)
            else:
                most = max(float(np.percentile(picture, _MOST_SHOWN)), 1e-6)
                shown = axes.imshow(picture, cmap="magma", vmin=0, vmax=most)
            axes.set_title(title if c == 0 else "", color="#e8eaee", fontsize=10, loc="left")
            bar = figure.colorbar(
                shown, ax=axes, fraction=0.046, pad=0.03, extend="max" if n else "both"
            )
            if n == 0:
                ticks = ratio_ticks(spread)
                bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks], minor=False)
                bar.minorticks_off()
            bar.ax.tick_params(which="both", colors="#a3abb8", labelsize=7)
    agg.draw()
    return _uri(Image.fromarray(np.asarray(agg.buffer_rgba())).convert("RGB"), "PNG")


def ratio_ticks(spread: float) -> list[float]:
    """Return 1, and at most two factors up to a largest one, each with its inverse, ascending.

    Args:
        spread: largest factor, above 1.
    """
    factors = [factor for factor in _FACTORS if factor <= spread][-1:]
    # One between, as near as may be to the middle of a logarithmic scale.
    if factors:
        middle = math.sqrt(factors[0])
        inner = [factor for factor in _FACTORS if factor < factors[0]]
        factors += sorted(inner, key=lambda factor: abs(math.log(factor / middle)))[:1]
    return sorted([1.0, *factors, *(1 / factor for factor in factors)])


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
