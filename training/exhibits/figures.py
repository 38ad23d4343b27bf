"""Figures of the exhibits: box plots, sweeps, scatter plots and pictures of a pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch

from SlicerLDMRegLib.functional import jacobian_determinant, warp

from ..baselines import Method
from ..datasets.evaluation import EvaluationPair
from ..scores import Row as Scores
from .exhibit import Exhibit
from .report import Measured, cells

__all__ = ["draw", "draw_pair"]

_GRID = 8  # pixels between the lines of a deformed grid


def draw(
    folder: Path, exhibit: Exhibit, measured: Sequence[Measured], rows: Mapping[str, list[Scores]]
) -> list[Path]:
    """Draw the figure of an exhibit into a folder.

    Args:
        folder: exists.
        exhibit: of the kind "boxes", "structures", "sweep" or "scatter"; of others none is drawn.
        measured: of each data set.
        rows: of each pair and method, by key of the data set.

    Returns:
        The files, PNG.
    """
    kinds: dict[str, Callable[..., None]] = {
        "boxes": _boxes,
        "structures": _structures,
        "sweep": _sweep,
        "scatter": _scatter,
    }
    if exhibit.kind not in kinds:
        return []
    plt = _pyplot()
    files = []
    for part in measured:
        figure = plt.figure(figsize=(8, 4.5), layout="constrained")
        kinds[exhibit.kind](figure, exhibit, part, rows[part.setting.key])
        figure.suptitle(f"{exhibit.name}, {part.setting.title}")
        files.append(folder / f"{exhibit.name}-{part.setting.key}.png")
        figure.savefig(files[-1], dpi=150)
        plt.close(figure)
    return files


def draw_pair(
    file: Path, exhibit: Exhibit, pair: EvaluationPair, methods: Mapping[str, Method]
) -> Path:
    """Draw a pair as all methods register it: warped image, field as a grid, difference.

    Of a volume the middle slice is drawn, with the components of the field in its plane.
    """
    plt = _pyplot()
    names = list(methods)
    figure, axes = plt.subplots(
        3,
        len(names) + 1,
        figsize=(1.8 * (len(names) + 1), 5.6),
        layout="constrained",
        squeeze=False,
    )
    fixed, moving = _plane(pair.fixed), _plane(pair.moving)
    for axis, image, title in zip(
        axes[:, 0], (fixed, moving, fixed - moving), ("fixed", "moving", "difference"), strict=True
    ):
        _show(axis, image, title, difference=title == "difference")
    for column, (name, method) in enumerate(methods.items(), start=1):
        field = torch.from_numpy(method(pair.for_methods()).field.to_voxels())[None]
        image = torch.from_numpy(np.ascontiguousarray(pair.moving, np.float32))[None, None]
        warped = _plane(warp(image, field.float())[0, 0].numpy())
        folded = float((jacobian_determinant(field) <= 0).float().mean()) * 100
        _show(axes[0, column], warped, name)
        _grid(axes[1, column], field[0].numpy(), f"folds {folded:.3f} %")
        _show(axes[2, column], fixed - warped, "", difference=True)
    figure.suptitle(f"{exhibit.name}, {pair.name}")
    figure.savefig(file, dpi=150)
    plt.close(figure)
    return file


def _pyplot() -> Any:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _plane(array: np.ndarray) -> np.ndarray:
    return array if array.ndim == 2 else array[len(array) // 2]


def _show(axis: Any, image: np.ndarray, title: str, difference: bool = False) -> None:
    limits = {"cmap": "RdBu", "vmin": -1, "vmax": 1} if difference else {"cmap": "gray"}
    axis.imshow(image, **limits)
    axis.set_title(title, fontsize=8)
    axis.axis("off")


def _grid(axis: Any, field: np.ndarray, title: str) -> None:
    """Draw where the lines of a regular grid are led, by the last two components."""
    rows, columns = field[-2:] if field.ndim == 3 else field[-2:, field.shape[1] // 2]
    y, x = np.indices(rows.shape)
    y, x = y + rows, x + columns
    for index in range(0, rows.shape[0], _GRID):
        axis.plot(x[index], y[index], color="black", linewidth=0.5)
    for index in range(0, rows.shape[1], _GRID):
        axis.plot(x[:, index], y[:, index], color="black", linewidth=0.5)
    axis.set_ylim(rows.shape[0], 0)
    axis.set_xlim(0, rows.shape[1])
    axis.set_aspect("equal")
    axis.set_title(title, fontsize=8)
    axis.axis("off")


def _values(rows: Sequence[Scores], method: str, key: str) -> list[float]:
    found = [row.get(key, np.nan) for row in rows if row["method"] == method]
    return [value for value in found if np.isfinite(value)]


def _boxes(figure: Any, exhibit: Exhibit, part: Measured, rows: Sequence[Scores]) -> None:
    axis = figure.add_subplot()
    quantity = exhibit.quantities[0]
    names = [r.title for r in exhibit.rows if r.title in part.summaries]
    values = [np.array(_values(rows, name, quantity.key)) * quantity.scale for name in names]
    axis.boxplot(values, tick_labels=names)
    paper = [exhibit.paper(name, part.setting.key, quantity) for name in names]
    marks = [(i, p[0] if isinstance(p, tuple) else p) for i, p in enumerate(paper, 1) if p]
    if marks:
        axis.plot(*zip(*marks, strict=True), "x", color="tab:red", label="mean in the paper")
        axis.legend()
    axis.tick_params(axis="x", rotation=30)
    axis.set_ylabel(quantity.title)


def _structures(figure: Any, exhibit: Exhibit, part: Measured, rows: Sequence[Scores]) -> None:
    axis = figure.add_subplot()
    names = [r.title for r in exhibit.rows if r.title in part.summaries]
    labels = sorted({int(k.removeprefix("dice_")) for row in rows for k in row
                     if k.startswith("dice_")})  # fmt: skip
    width = 0.8 / max(len(names), 1)
    for index, name in enumerate(names):
        places = [n + (index - (len(names) - 1) / 2) * width for n in range(len(labels))]
        values = [np.array(_values(rows, name, f"dice_{label}")) * 100 for label in labels]
        colour = f"C{index}"
        axis.boxplot(
            values, positions=places, widths=0.8 * width, showfliers=False, manage_ticks=False,
            boxprops={"color": colour}, medianprops={"color": colour},
        )  # fmt: skip
        axis.plot([], [], color=colour, label=name)
    axis.set_xticks(range(len(labels)), [str(label) for label in labels])
    axis.set_xlabel("number of the label")
    axis.set_ylabel("Dice (%)")
    axis.legend(fontsize=7)


def _sweep(figure: Any, exhibit: Exhibit, part: Measured, rows: Sequence[Scores]) -> None:
    places = {row.title: row.x for row in exhibit.rows}
    axes = figure.subplots(1, len(exhibit.quantities), squeeze=False)[0]
    for axis, quantity in zip(axes, exhibit.quantities, strict=True):
        own = [c for c in cells(exhibit, [part]) if c["quantity"] == quantity.title]
        for key, mark in (("ours", "o-"), ("paper", "x")):
            known = [(places[c["method"]], c[key]) for c in own if c[key] is not None]
            if known:
                axis.plot(*zip(*known, strict=True), mark, label=key)
        axis.set_xlabel(exhibit.axis)
        axis.set_ylabel(quantity.title)
        axis.legend()


def _scatter(figure: Any, exhibit: Exhibit, part: Measured, rows: Sequence[Scores]) -> None:
    axis = figure.add_subplot()
    across, up = exhibit.quantities[:2]
    found = cells(exhibit, [part])
    for key, mark in (("ours", "o"), ("paper", "x")):
        values: dict[str, dict[str, float]] = {}
        for cell in found:
            if cell[key] is not None:
                values.setdefault(cell["method"], {})[cell["quantity"]] = cell[key]
        for index, (name, own) in enumerate(values.items()):
            if across.title in own and up.title in own:
                place = own[across.title], own[up.title]
                axis.plot(*place, mark, color=f"C{index % 10}")
                axis.annotate(f"{name} ({key})", place, fontsize=6)
    axis.set_xlabel(across.title)
    axis.set_ylabel(up.title)
