"""Pictures of the views, and the places of their pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

SIZE = (240, 240)


def _nothing(points: np.ndarray) -> np.ndarray:
    return np.zeros_like(points)


def _shift_left(points: np.ndarray) -> np.ndarray:
    """From everywhere 3 mm towards patient left: moving anatomy goes 3 mm towards the right."""
    vectors = np.zeros_like(points)
    vectors[..., 0] = 3.0
    return vectors


def _grow_and_shrink(points: np.ndarray) -> np.ndarray:
    """Determinant ``1 - x / 40``: above 1 at the patient's right, below 1 at the left."""
    vectors = np.zeros_like(points)
    vectors[..., 0] = -(points[..., 0] ** 2) / 80
    return vectors


FOLD = np.array([8.0, -6.0, 4.0])  # LPS mm


def _fold(points: np.ndarray) -> np.ndarray:
    vectors = np.zeros_like(points)
    offset = points - FOLD[: points.shape[-1]]
    vectors[..., 0] = -2.5 * offset[..., 0] * np.exp(-((offset / 6) ** 2).sum(axis=-1))
    return vectors


def _bright(geometry: Any) -> Any:
    array = np.full(geometry.array_shape, 100, np.float32)
    array[:, 0, 0] = 0  # black is 0, white 100
    return geometry.to_image(array)


def _display(pair: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay

    return ResultDisplay(pair.fixed, pair.moving)


def _colored(pixels: np.ndarray) -> np.ndarray:
    return pixels.max(axis=2) - pixels.min(axis=2) > 60


def _green(pixels: np.ndarray) -> np.ndarray:
    """The colour of folds, #39ff14."""
    return (np.abs(pixels - [0x39, 0xFF, 0x14]).max(axis=2)) < 40


def _pixel(host: Any, view: str, point: np.ndarray) -> tuple[float, float]:
    """Row and column of an LPS point in the picture of a view."""
    import vtk

    node = host.slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}")
    matrix = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), matrix)
    x, y, _, _ = matrix.MultiplyPoint([-point[0], -point[1], point[2], 1])
    return SIZE[1] - y, x


def _mm(host: Any, view: str) -> float:
    """Size of a pixel."""
    node = host.slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}")
    return node.GetFieldOfView()[0] / node.GetDimensions()[0]


def _columns(pixels: np.ndarray) -> np.ndarray:
    """Middles of the vertical lines of a grid."""
    share = _colored(pixels).mean(axis=0) > 0.9
    groups, number = ndimage.label(share)
    return np.array([np.mean(np.nonzero(groups == n)[0]) for n in range(1, number + 1)])


@pytest.mark.parametrize("view", ["Red", "Green"])
def test_grid_lines_move_with_the_moving_anatomy(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any], view: str
) -> None:
    places = []
    for vectors in (_nothing, _shift_left):
        display = _display(registered(vectors))
        picture(view, SIZE)
        display.fit()
        display.set_spacing(10.0)
        display.show_grid(True)
        lines = _columns(picture(view, SIZE)[160:220])
        assert len(lines) > 3
        places.append(lines)
        host.slicer.mrmlScene.Clear(0)
    period = np.diff(places[0]).mean()
    assert period * _mm_of(places[0]) == pytest.approx(10.0, abs=0.5)
    # 3 mm towards the patient's right, which is the left of the picture.
    moved = (places[1][:, None] - places[0][None, :]).ravel()
    nearest = moved[np.abs(moved) < period / 2]
    assert np.median(nearest) * _mm_of(places[0]) == pytest.approx(-3.0, abs=0.5)


def _mm_of(lines: np.ndarray) -> float:
    return 10.0 / float(np.diff(lines).mean())


def test_the_jacobian_map_is_red_where_tissue_shrinks_and_blue_where_it_grows(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any]
) -> None:
    pair = registered(_grow_and_shrink)
    display = _display(pair)
    display.overlay_opacity = 1.0
    picture("Red", SIZE)
    display.show_jacobian(True)
    display.fit()
    pixels = picture("Red", SIZE)
    for x, color in ((-15.0, "red"), (0.0, "white"), (15.0, "blue")):
        row, column = _pixel(host, "Red", np.array([x, 12.0, 0.0]))
        red, _, blue = pixels[int(row), int(column)]
        assert {"red": red > blue + 60, "white": abs(red - blue) < 25, "blue": blue > red + 60}[
            color
        ], (x, pixels[int(row), int(column)])
    # The bar at the right: red above, blue below, no change in the middle: it is logarithmic.
    bar = pixels[:, 231:236].mean(axis=1)
    assert bar[86, 0] > bar[86, 2] + 60
    assert bar[160, 2] > bar[160, 0] + 60
    colored = np.flatnonzero(np.ptp(bar, axis=1) > 60)
    middle = bar[(colored[0] + colored[-1]) // 2]
    assert middle.min() > 150 and np.ptp(middle) < 60, middle


@pytest.mark.parametrize(
    ("largest", "numbers"),
    [
        (1.0, "0.826 0.909 1 1.1 1.21"),
        (1.3, "0.694 0.833 1 1.2 1.44"),
        (2.0, "0.444 0.667 1 1.5 2.25"),
        (3.9, "0.25 0.5 1 2 4"),
        (8.0, "0.11 0.33 1 3 9"),
        (11.1, "0.082 0.29 1 3.5 12"),
        (14.0, "0.062 0.25 1 4 16"),
    ],
)
def test_few_round_numbers_stand_at_the_bar_of_the_jacobian(
    running_host: Any, host: Any, largest: float, numbers: str
) -> None:
    """Fourteen of a range from 1/12 to 12 were on top of each other in a small view."""
    from SlicerLDMRegLib.slicer_app.display import colors, jacobian
    from SlicerLDMRegLib.slicer_app.display.view_memory import DisplayMemory
    from Testing.Python.slicer_app.scenes import lattice, volume_node

    geometry = lattice((4, 4, 4))
    determinant = np.full(geometry.array_shape, 1 / largest, np.float32)
    volume = volume_node(geometry.to_image(determinant), "determinant")
    scene, memory = host.slicer.mrmlScene, DisplayMemory(host.slicer.mrmlScene)
    nodes = scene.GetNumberOfNodes()
    jacobian.color_jacobian(volume, memory)
    jacobian.color_jacobian(volume, memory)  # once more adds nothing
    legend = colors.legend_of(volume)
    shown = legend.GetPrimaryDisplayNode()
    low, high = shown.GetWindowLevelMin(), shown.GetWindowLevelMax()
    table = shown.GetColorNode().CreateLookupTableCopy()
    assert table.UsingLogScale()  # then the bar spaces its numbers so
    places = np.geomspace(low, high, legend.GetNumberOfLabels())
    assert " ".join(legend.GetLabelFormat() % place for place in places) == numbers
    # The image itself is shown by its own display, in the same colours.
    own = volume.GetDisplayNode()
    assert own is not shown and (own.GetWindowLevelMin(), own.GetWindowLevelMax()) == (low, high)
    memory.restore()
    assert scene.GetNumberOfNodes() <= nodes + 1


def test_colors_are_those_of_the_report(host: Any, registered: Callable[..., Any]) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.colors import LogNorm

    from SlicerLDMRegLib.report.drawing import DIFFERENCE_MAP
    from SlicerLDMRegLib.report.jacobian_map import FOLD_COLOR, JACOBIAN_MAP
    from SlicerLDMRegLib.slicer_app.display import colors, jacobian

    pair = registered(_grow_and_shrink)
    volume = pair.nodes["jacobian"]
    _display(pair).show_jacobian(True)
    limit = jacobian.jacobian_limit(volume)
    assert limit == 4.0
    display = volume.GetDisplayNode()
    window = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    assert window == pytest.approx((1 / 4, 4))
    table = display.GetColorNode().GetLookupTable()
    norm = LogNorm(1 / limit, limit)
    for value in (1 / 4, 0.7, 1.0, 1.3, 4.0):
        entry = round((value - 1 / 4) / (4 - 1 / 4) * 255)
        shown = np.array(table.GetTableValue(entry)[:3])
        assert shown == pytest.approx(JACOBIAN_MAP(norm(value))[:3], abs=0.02), value
    for place, color in zip((0.0, 0.25, 0.5, 0.75, 1.0), colors.DIFFERENCE_COLORS, strict=True):
        assert colors.rgb(color) == pytest.approx(DIFFERENCE_MAP(place)[:3], abs=0.02)
    assert colors.FOLD_COLOR == FOLD_COLOR


@pytest.mark.parametrize("images", [None, _bright])
def test_folds_are_ringed_where_they_are(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any], images: Any
) -> None:
    pair = registered(_fold, **({} if images is None else {"images": images}))
    folded = pair.determinant <= 0
    assert 20 < folded.sum() < 400
    display = _display(pair)
    picture("Red", SIZE)
    display.show_folds(True)
    # The views went through the middle; the folds lie elsewhere.
    pixels = picture("Red", SIZE)
    green = _green(pixels)
    assert green.sum() > 20
    filled = ndimage.binary_fill_holes(green)
    assert filled.sum() > 1.3 * green.sum()  # rings are closed
    row, column = _pixel(host, "Red", FOLD + 0.0)
    middle = ndimage.center_of_mass(filled)
    assert np.hypot(middle[0] - row, middle[1] - column) * _mm(host, "Red") < 2.0
    # A dark rim makes it visible on white.
    rim = ndimage.binary_dilation(green, iterations=4) & ~green
    assert pixels[rim].max(axis=1).min() < 60
    display.show_folds(False)
    assert not _green(picture("Red", SIZE)).any()


@pytest.mark.parametrize("mode", ["fixed", "warped", "blend", "checkerboard", "difference"])
def test_the_images_fill_the_views(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any], mode: str
) -> None:
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode

    pair = registered(_nothing, images=_bright)
    display = _display(pair)
    display.show(Mode(mode))
    for view in ("Red", "Green", "Yellow"):
        picture(view, SIZE)
        display.fit()
        lit = picture(view, SIZE).max(axis=2) > 8
        columns, rows = lit.any(axis=0).mean(), lit.any(axis=1).mean()
        assert max(columns, rows) > 0.95
        assert min(columns, rows) > 0.5


def test_the_3d_view_shows_slices_and_grid(
    host: Any, registered: Callable[..., Any], picture: Callable[..., Any]
) -> None:
    pair = registered(_shift_left, images=_bright)
    display = _display(pair)
    picture("3d", SIZE)
    before = picture("3d", SIZE)
    display.show_in_3d(True)
    slices = picture("3d", SIZE)
    white = slices.min(axis=2) > 200
    assert white.mean() > 0.1
    middle = ndimage.center_of_mass(white)
    assert np.hypot(middle[0] - 120, middle[1] - 120) < 30
    display.show_grid(True)
    grid = picture("3d", SIZE)
    assert (np.abs(grid - slices).max(axis=2) > 60).mean() > 0.02
    display.reset()
    assert np.abs(picture("3d", SIZE) - before).mean() < 2
