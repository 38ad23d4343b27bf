"""How each kind of picture is drawn: a function draws one plane of a scene into given axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, hsv_to_rgb
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy import ndimage

from .scene import PlaneView, Scene

__all__ = [
    "FOLD_COLOR",
    "JACOBIAN_MAP",
    "difference_scale",
    "draw_difference_after",
    "draw_difference_before",
    "draw_displacement",
    "draw_edges",
    "draw_fixed",
    "draw_grid",
    "draw_jacobian",
    "draw_labels_after",
    "draw_labels_before",
    "draw_moving",
    "draw_warped",
    "jacobian_scale",
]

FIXED_COLOR, OTHER_COLOR = "#37d0ff", "#ff9f1c"
GRID_COLOR = "#ffd23f"
FOLD_COLOR = "#39ff14"
# Dark in the middle, so that "no difference" looks like the background of a medical image.
DIFFERENCE_MAP = LinearSegmentedColormap.from_list(
    "difference", ["#9be7ff", "#2f7fd6", "#10131a", "#e0662a", "#ffdf9b"]
)
JACOBIAN_MAP = LinearSegmentedColormap.from_list(
    "jacobian", ["#0b3c8c", "#3f8fd2", "#f4f4f2", "#dc6b4b", "#8a1022"]
)
_SHADOW = [withStroke(linewidth=2.0, foreground="#000000b0")]
_BACKING = {"boxstyle": "round,pad=0.25", "facecolor": "#000000a0", "edgecolor": "none"}
_MAX_RINGS = 60


def _extent(view: PlaneView) -> tuple[float, float, float, float]:
    """Place pixel centres at multiples of the spacing, so that axes are in mm, y downwards."""
    rows, columns = view.fixed.shape
    across, down = view.plane.spacing
    return (-0.5 * across, (columns - 0.5) * across, (rows - 0.5) * down, -0.5 * down)


def _show(axes: Axes, view: PlaneView, array: np.ndarray, **options: object) -> None:
    options.setdefault("interpolation", "bilinear")
    axes.imshow(array, extent=_extent(view), aspect="equal", **options)  # type: ignore[arg-type]


def _gray(axes: Axes, view: PlaneView, array: np.ndarray, white: float = 1.0) -> None:
    _show(axes, view, array, cmap="gray", vmin=0.0, vmax=white)


def draw_fixed(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the fixed image."""
    _gray(axes, view, view.fixed)


def draw_moving(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the moving image as it lies before registration."""
    _gray(axes, view, view.moving)


def draw_warped(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the warped image."""
    _gray(axes, view, view.warped)


def _difference_norm(scene: Scene) -> Normalize:
    return Normalize(-scene.difference_limit, scene.difference_limit)


def draw_difference_before(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw moving minus fixed."""
    _show(axes, view, view.before, cmap=DIFFERENCE_MAP, norm=_difference_norm(scene))


def draw_difference_after(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw warped minus fixed, on the scale of the difference before."""
    _show(axes, view, view.after, cmap=DIFFERENCE_MAP, norm=_difference_norm(scene))


def difference_scale(scene: Scene) -> tuple[ScalarMappable, list[float]]:
    """Return the colours of the differences and the ticks of their bar."""
    limit = scene.difference_limit
    return ScalarMappable(_difference_norm(scene), DIFFERENCE_MAP), [-limit, 0.0, limit]


def _contours(axes: Axes, view: PlaneView, labels: np.ndarray | None, color: str) -> None:
    if labels is None:
        return
    across, down = view.plane.spacing
    columns, rows = np.arange(labels.shape[1]) * across, np.arange(labels.shape[0]) * down
    if min(labels.shape) < 2:
        return
    for label in np.unique(labels[labels > 0]):
        mask = (labels == label).astype(np.float32)
        axes.contour(columns, rows, mask, levels=[0.5], colors=[color], linewidths=1.4)


def draw_labels_before(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the outlines of the fixed and the moving labels on the fixed image."""
    _gray(axes, view, view.fixed, white=1.25)
    _contours(axes, view, view.fixed_labels, FIXED_COLOR)
    _contours(axes, view, view.moving_labels, OTHER_COLOR)
    _legend(axes, view, scene, [("fixed", FIXED_COLOR), ("moving", OTHER_COLOR)])


def draw_labels_after(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the outlines of the fixed and the warped labels on the fixed image."""
    _gray(axes, view, view.fixed, white=1.25)
    _contours(axes, view, view.fixed_labels, FIXED_COLOR)
    _contours(axes, view, view.warped_labels, OTHER_COLOR)
    _legend(axes, view, scene, [("fixed", FIXED_COLOR), ("warped", OTHER_COLOR)])


def _note(axes: Axes, x: float, y: float, text: str, color: str = "white") -> None:
    axes.text(
        x, y, text, transform=axes.transAxes, color=color, fontsize=7, va="bottom", bbox=_BACKING
    )


def _legend(axes: Axes, view: PlaneView, scene: Scene, entries: list[tuple[str, str]]) -> None:
    if view is not scene.views[0]:
        return
    axes.legend(
        handles=[Line2D([], [], color=color, label=name) for name, color in entries],
        loc="lower right",
        fontsize=7,
        labelcolor="white",
        facecolor="#00000090",
        edgecolor="none",
        handlelength=1.2,
        borderpad=0.3,
    )


def _wheel_rgb(across: np.ndarray, down: np.ndarray, limit: float) -> np.ndarray:
    """Colour in-plane vectors: hue is the direction on the screen, brightness the length."""
    hue = (np.arctan2(-down, across) / (2 * np.pi)) % 1.0
    value = np.clip(np.hypot(across, down) / limit, 0.0, 1.0)
    # The square root keeps small motion visible.
    return hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.85), np.sqrt(value)], axis=-1))


def _component_rgb(displacement: np.ndarray, limit: float) -> np.ndarray:
    return np.clip(0.5 + 0.5 * displacement / limit, 0.0, 1.0)


def draw_displacement(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Colour the displacement: by direction in 2D, by component in 3D; with a legend."""
    limit = scene.displacement_limit
    if scene.dimension == 2:
        _show(axes, view, _wheel_rgb(view.local[..., 0], view.local[..., 1], limit))
        _wheel_legend(axes, limit)
    else:
        _show(axes, view, _component_rgb(view.local, limit))
        if view is scene.views[0]:
            _component_legend(axes, limit)


def _wheel_legend(axes: Axes, limit: float) -> None:
    inset = axes.inset_axes((0.02, 0.02, 0.2, 0.2))
    across, down = np.meshgrid(np.linspace(-1, 1, 128), np.linspace(-1, 1, 128))
    rgb = _wheel_rgb(across, down, 1.0)
    alpha = np.clip((1.0 - np.hypot(across, down)) * 40, 0.0, 1.0)[..., None]
    inset.imshow(np.concatenate([rgb, alpha], axis=-1))
    inset.set_axis_off()
    _note(axes, 0.25, 0.03, f"rim {limit:.3g} mm")


def _component_legend(axes: Axes, limit: float) -> None:
    ramp = np.full((1, 64, 3), 0.5)
    for row, (channel, low, high) in enumerate([(2, "I", "S"), (1, "A", "P"), (0, "R", "L")]):
        bottom = 0.03 + 0.075 * row
        inset = axes.inset_axes((0.08, bottom, 0.18, 0.05))
        colors = ramp.copy()
        colors[..., channel] = np.linspace(0, 1, 64)
        inset.imshow(colors, aspect="auto")
        inset.set_axis_off()
        for x, letter, side in ((0.07, low, "right"), (0.27, high, "left")):
            text = axes.text(x, bottom + 0.022, letter, transform=axes.transAxes, ha=side)
            text.set(color="white", fontsize=6.5, va="center", path_effects=_SHADOW)
    _note(axes, 0.03, 0.275, f"±{limit:.3g} mm")


def draw_grid(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Draw the lines of a regular grid on the moving image as they lie after warping.

    The warped image takes its value at x from x + u(x); so the grid line "moving coordinate = c"
    ends up where that coordinate of x + u(x) equals c. Such a level line needs no inverse, is
    exact between samples, and shows a fold as a loop.
    """
    _gray(axes, view, view.fixed, white=1.6)
    rows, columns = view.fixed.shape
    if min(rows, columns) < 2:
        return
    across, down = view.plane.spacing
    x, y = np.arange(columns) * across, np.arange(rows) * down
    for coordinate in (x[None, :] + view.motion[..., 0], y[:, None] + view.motion[..., 1]):
        first = np.ceil(coordinate.min() / scene.grid_spacing)
        last = np.floor(coordinate.max() / scene.grid_spacing)
        levels = np.arange(first, last + 1) * scene.grid_spacing
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
    _note(axes, 0.03, 0.03, f"{scene.grid_spacing:g} mm")


def _jacobian_norm(scene: Scene) -> LogNorm:
    return LogNorm(1.0 / scene.jacobian_limit, scene.jacobian_limit)


def draw_jacobian(axes: Axes, view: PlaneView, scene: Scene) -> None:
    """Colour the Jacobian determinant, 1 in the middle; paint and ring the folds."""
    shown = np.clip(view.jacobian, 1.0 / scene.jacobian_limit, scene.jacobian_limit)
    _show(axes, view, shown, cmap=JACOBIAN_MAP, norm=_jacobian_norm(scene), interpolation="nearest")
    folds = int(view.folds.sum())
    if folds:
        paint = np.zeros((*view.folds.shape, 4))
        paint[view.folds] = (*(int(FOLD_COLOR[n : n + 2], 16) / 255 for n in (1, 3, 5)), 1.0)
        _show(axes, view, paint, interpolation="nearest")
        _fold_rings(axes, view)
    if scene.fold_count:
        _note(axes, 0.03, 0.03, f"{folds} folded", FOLD_COLOR)
    else:
        _note(axes, 0.03, 0.03, "no folds")


def _fold_rings(axes: Axes, view: PlaneView) -> None:
    """Ring each connected group of folds, so that a single folded pixel is not overlooked."""
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


def jacobian_scale(scene: Scene) -> tuple[ScalarMappable, list[float]]:
    """Return the colours of the determinant and the ticks of their bar."""
    limit = scene.jacobian_limit
    middle = limit**0.5
    ticks = [1 / limit, 1 / middle, 1.0, middle, limit]
    return ScalarMappable(_jacobian_norm(scene), JACOBIAN_MAP), ticks


def draw_edges(axes: Axes, view: PlaneView) -> None:
    """Write what lies at the edges of the plane, e.g. R and L, and hide the axes."""
    axes.set_axis_off()
    left, right, top, bottom = view.plane.edges
    places = [
        (0.015, 0.5, left, "left", "center"),
        (0.985, 0.5, right, "right", "center"),
        (0.5, 0.985, top, "center", "top"),
        (0.5, 0.015, bottom, "center", "bottom"),
    ]
    if view.plane.normal is None:
        places = [(0.02, 0.98, f"{right} →\n{bottom} ↓", "left", "top")]
    for x, y, letter, across, down in places:
        text = axes.text(x, y, letter, transform=axes.transAxes, ha=across, va=down)
        text.set(color="white", fontsize=7.5, linespacing=1.0)
        text.set(bbox=_BACKING) if view.plane.normal is None else text.set(path_effects=_SHADOW)
