"""Pictures of the report: what is drawn where, in which colours, and the files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import LogNorm, hsv_to_rgb
from PIL import Image

from SlicerLDMRegLib.report.canvas import LIGHT, Canvas
from SlicerLDMRegLib.report.color_maps import ColorMap, ColorScale, rgb8
from SlicerLDMRegLib.report.displacement_map import _wheel_rgb
from SlicerLDMRegLib.report.figure_data import PlaneView
from SlicerLDMRegLib.report.frame import Frame, level_lines
from SlicerLDMRegLib.report.planes import Plane
from SlicerLDMRegLib.report.png_file import png_bytes


def pixels(canvas: Canvas) -> np.ndarray:
    return np.asarray(canvas.image).astype(int)


def darkness(canvas: Canvas) -> np.ndarray:
    """Return 1 where a pixel is black and 0 where it is white."""
    return 1 - pixels(canvas).mean(axis=-1) / 255


def frame(canvas: Canvas, rows: int, columns: int, spacing: tuple[float, float]) -> Frame:
    plane = Plane("", 2, 0, (0, 1), (False, False), spacing, ("R", "L", "A", "P"))
    empty = np.zeros((rows, columns))
    motion = np.zeros((rows, columns, 2))
    view = PlaneView(plane, empty, empty, empty, motion, motion, empty, empty, empty > 0)
    return Frame(canvas, (0.0, 0.0, canvas.width, canvas.height), view)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (33, 20)])
def test_files_hold_every_pixel(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    read = Image.open(io.BytesIO(png_bytes(picture)))
    read.verify()  # the sums that guard the parts of the file
    assert read.mode == "RGB"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(picture)))), picture)


def test_scales_are_those_of_matplotlib() -> None:
    values = np.array([0.01, 0.25, 0.5, 1.0, 1.7, 4.0, 90.0])
    scale = ColorScale(ColorMap.named("magma"), 0.25, 4.0, logarithmic=True)
    expected = 1.0 * colormaps["magma"](LogNorm(0.25, 4.0)(values), bytes=True)[:, :3]
    assert np.allclose(scale.rgb8(values), expected, atol=1)  # it rounds down
    between = ColorMap.between(["#000000", "#ff8000", "#ffffff"])
    assert between(0.5) == pytest.approx([1.0, 0.5, 0.0], abs=0.01)
    assert between(-3.0) == pytest.approx([0.0, 0.0, 0.0])
    assert between(7.0) == pytest.approx([1.0, 1.0, 1.0])


def test_hues_are_those_of_the_wheel() -> None:
    angles = np.linspace(-np.pi, np.pi, 50)
    across, down = 0.5 * np.cos(angles), 0.5 * np.sin(angles)
    hue = (np.arctan2(-down, across) / (2 * np.pi)) % 1.0
    hsv = np.stack([hue, np.full(50, 0.85), np.full(50, np.sqrt(0.5))], axis=-1)
    assert np.allclose(_wheel_rgb(across, down, 1.0), hsv_to_rgb(hsv), atol=1e-6)


@pytest.mark.parametrize("points", [0.8, 1.4, 3.0])
def test_lines_have_their_width_and_place(points: float) -> None:
    canvas = Canvas(1.0, 1.0, LIGHT, dpi=144)
    canvas.lines([[(0.5, 0.1), (0.5, 0.9)]], "#000000", points)
    row = darkness(canvas)[60:80].mean(axis=0)
    assert row.sum() == pytest.approx(2 * points, abs=0.3)  # two pixels a point
    assert (row * (np.arange(144) + 0.5)).sum() / row.sum() == pytest.approx(72, abs=0.3)
    assert darkness(canvas)[:12].sum() == 0


def test_colours_may_be_translucent() -> None:
    canvas = Canvas(1.0, 1.0, LIGHT, dpi=50)
    canvas.rectangle((0.2, 0.2, 0.6, 0.6), "#00000080")
    assert pixels(canvas)[25, 25] == pytest.approx(127, abs=2)
    assert pixels(canvas)[2, 2] == pytest.approx(255)


def test_circles_are_filled_and_rimmed() -> None:
    canvas = Canvas(1.0, 1.0, LIGHT, dpi=72)
    canvas.disc(0.5, 0.5, 40.0, "#37d0ff", "#c2272d", 4.0)
    shown = pixels(canvas)
    assert shown[36, 36] == pytest.approx(rgb8("#37d0ff"))
    assert shown[36, 16] == pytest.approx(rgb8("#c2272d"), abs=3)
    assert shown[36, 12] == pytest.approx(255)


@pytest.mark.parametrize("anchor", ["left", "center", "right"])
def test_texts_are_where_they_belong(anchor: str) -> None:
    canvas = Canvas(3.0, 1.0, LIGHT, dpi=100)
    canvas.text(1.5, 0.5, "HHHH", fontsize=20, ha=anchor, va="center", color="#000000")
    rows, columns = np.nonzero(darkness(canvas) > 0.5)
    start, end = columns.min(), columns.max()
    place = {"left": start, "center": (start + end) / 2, "right": end}[anchor]
    assert place == pytest.approx(150, abs=4)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(50, abs=1.5)


def test_texts_shrink_to_their_width_and_stand_upright() -> None:
    canvas = Canvas(2.0, 1.0, LIGHT, dpi=100)
    canvas.text(0.1, 0.6, "a name that is much too long for its place", 1.5, fontsize=12)
    _, columns = np.nonzero(darkness(canvas) > 0.3)
    assert 140 < columns.max() <= 161
    upright = Canvas(1.0, 2.0, LIGHT, dpi=100)
    upright.row_title(0.5, 1.0, "WWWWWWWW", fontsize=12)
    rows, columns = np.nonzero(darkness(upright) > 0.2)
    assert np.ptp(rows) > 4 * np.ptp(columns)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(100, abs=2)


def test_images_lie_where_their_pixels_are() -> None:
    canvas = Canvas(2.0, 1.0, LIGHT, dpi=80)
    drawn = frame(canvas, 5, 10, (2.0, 2.0))
    array = np.zeros((5, 10))
    array[3, 7] = 1.0
    drawn.show(array, ColorScale(ColorMap.between(["#000000", "#ffffff"]), 0, 1), nearest=True)
    rows, columns = np.nonzero(pixels(canvas)[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (48, 63, 112, 127)
    # Interpolated: the middle of the pixel, the same place as in mm.
    drawn.show_gray(array)
    shown = pixels(canvas)[..., 0]
    x, y = (drawn.places(np.array([[14.0, 6.0]])) * 80)[0]
    assert (x, y) == pytest.approx((120, 56))
    assert shown[round(y), round(x)] > 230 > 160 > shown[round(y) + 8, round(x)]


def test_level_lines_run_where_the_level_is() -> None:
    y, x = np.mgrid[:20, :30] * 1.0
    (line,) = level_lines(x * 2.0, (0.5, 3.0), [11.0])
    assert np.allclose(line[:, 0], 5.5 * 0.5) and np.ptp(line[:, 1]) == 19 * 3.0
    assert len(level_lines((np.hypot(x - 8, y - 9) < 4) * 1.0, (1.0, 1.0), [0.5])) == 1


def test_arrows_point_along_their_vectors_and_stay_in_their_frame() -> None:
    canvas = Canvas(2.0, 2.0, LIGHT, dpi=100)
    drawn = frame(canvas, 20, 20, (1.0, 1.0))
    drawn.box = (0.5, 0.5, 1.0, 1.0)
    drawn.arrows(np.array([[3.0, 9.5]]), np.array([[10.0, 0.0]]), "#000000")
    dark = darkness(canvas)
    _, columns = np.nonzero(dark > 0.5)
    assert (columns.min(), columns.max()) == pytest.approx((67, 117), abs=2)
    heights = (dark > 0.3).sum(axis=0)
    assert heights[114] > heights[75] or heights[113] > heights[75]  # the head is at the end
    drawn.arrows(np.array([[15.0, 9.5]]), np.array([[30.0, 0.0]]), "#000000")
    assert darkness(canvas)[:, 151:].max() == 0
