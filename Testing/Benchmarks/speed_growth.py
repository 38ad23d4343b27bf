"""Growth of time and memory with the size: pixels, voxels, slices, frames, labels.

Each size is a process of its own, which registers two smooth, generated images by the default
refinement without a model (pixels, voxels), a stack of slices one by one (slices), some frames by
one runner (frames), or measures label maps (labels). A series ends where the next run would take
longer than allowed, or more memory than there is. The exponent is the slope between the largest
two sizes on logarithmic axes: above 1, time or memory grows faster than the input.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from SlicerLDMRegLib import register
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import dice, hd95
from training.machine import peak_memory, use_threads

__all__ = ["SERIES", "Grown", "exponents", "growth_table", "measure_growth", "plot_growth"]

# Sizes of a series: sides of images, or numbers.
SERIES: dict[str, tuple[int, ...]] = {
    "pixels": (128, 256, 512, 1024, 2048, 4096),
    "voxels": (64, 96, 128, 192, 256, 384, 512),
    "slices": (2, 4, 8, 16),
    "frames": (2, 4, 8, 16),
    "labels": (5, 35, 140),
}
_POWERS = {"pixels": 2, "voxels": 3}
_FREE = 0.8  # share of the free memory that a run may take


@dataclass
class Grown:
    """One size of a series.

    Attributes:
        series, size: which.
        inputs: pixels, voxels, slices, frames or labels.
        seconds: of the run.
        peak_mib: memory of the run above that of the process before it.
        failed: last line of the error, of a run that gave no result.
    """

    series: str
    size: int
    inputs: float
    seconds: float = math.nan
    peak_mib: float = math.nan
    failed: str | None = None


def measure_growth(
    seconds: float, threads: int, series: dict[str, tuple[int, ...]] | None = None
) -> list[Grown]:
    """Measure all series, each size in a process, as far as time and memory allow."""
    rows = []
    for name, sizes in (series or SERIES).items():
        done: list[Grown] = []
        for size in sizes:
            row = Grown(name, size, float(size ** _POWERS.get(name, 1)))
            if done and not _fits(done[-1], row, seconds):
                print(f"growth, {name}: {size} and more left out", file=sys.stderr)
                break
            print(f"growth, {name}: {size}", file=sys.stderr)
            command = [sys.executable, "-m", "Testing.Benchmarks.speed_growth", name, str(size),
                       str(threads)]  # fmt: skip
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode:
                row.failed = (ran.stderr.strip().splitlines() or ["killed"])[-1]
                done.append(row)
                break
            row.seconds, row.peak_mib = json.loads(ran.stdout.splitlines()[-1])
            done.append(row)
        rows += done
    return rows


def _fits(last: Grown, following: Grown, seconds: float) -> bool:
    times = following.inputs / last.inputs
    return last.seconds * times <= seconds and last.peak_mib * times <= _FREE * _free_mib()


def _free_mib() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if "MemAvailable" in line) / 2**10
    except (OSError, StopIteration):
        return math.inf


def _images(shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return two smooth images of a shape, of which one is moved a little."""
    generator = np.random.default_rng(0)
    knots = [min(n, 9) for n in shape]
    images = []
    common = generator.random(knots)
    for _ in range(2):
        changed = common + 0.15 * generator.random(knots)
        images.append(zoom(changed, np.array(shape) / knots, order=1).astype(np.float32))
    return images[0], images[1]


def _task(series: str, size: int) -> Callable[[], object]:
    """Return what is measured."""
    if series == "labels":
        first = np.random.default_rng(0).integers(0, size + 1, (16, 16, 16))
        first = np.kron(first, np.ones((6, 6, 6), int))
        second = np.roll(first, 1, axis=0)
        return lambda: (dice(first, second), hd95(first, second, (1.0, 1.0, 1.0)))
    shape = {"pixels": (size, size), "voxels": (size,) * 3, "slices": (size, 128, 128)}
    fixed, moving = (_image(array) for array in _images(shape.get(series, (128, 128))))
    if series == "slices":
        return lambda: register(fixed, moving, model="none", align="none", slices="all")
    if series == "frames":
        return lambda: [register(fixed, moving, model="none", align="none") for _ in range(size)]
    return lambda: register(fixed, moving, model="none", align="none")


def _image(array: np.ndarray) -> object:
    dimension = array.ndim
    geometry = ImageGeometry(
        array.shape[::-1], (1.0,) * dimension, (0.0,) * dimension,
        tuple(np.eye(dimension).ravel().tolist()),
    )  # fmt: skip
    return geometry.to_image(array)


def exponents(rows: Sequence[Grown]) -> dict[str, tuple[float, float]]:
    """Return, by series, the exponents of time and memory between the largest two sizes."""
    found = {}
    for name in dict.fromkeys(row.series for row in rows):
        done = [row for row in rows if row.series == name and row.failed is None]
        if len(done) < 2:
            continue
        last, before = done[-1], done[-2]
        times = math.log(last.inputs / before.inputs)
        found[name] = (
            math.log(last.seconds / before.seconds) / times,
            math.log(max(last.peak_mib, 1.0) / max(before.peak_mib, 1.0)) / times,
        )
    return found


def growth_table(rows: Sequence[Grown]) -> str:
    """Return the table of all sizes, Markdown, and the exponents."""
    lines = ["\n| Series | size | seconds | MiB |", "|---|---|---|---|"]
    for row in rows:
        power = _POWERS.get(row.series)
        size = f"{row.size}^{power}" if power else str(row.size)
        numbers = row.failed or f"{row.seconds:.2f} | {row.peak_mib:.0f}"
        lines.append(f"| {row.series} | {size} | {numbers} |")
    for name, (of_time, of_memory) in exponents(rows).items():
        lines.append(f"{name}: time grows by {of_time:.2f}, memory by {of_memory:.2f}")
    return "\n".join(lines)


def plot_growth(rows: Sequence[Grown], path: Path) -> None:
    """Draw time and memory of all series on logarithmic axes, a dotted line for equal growth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, attribute, label in zip(
        figure.subplots(1, 2), ("seconds", "peak_mib"), ("seconds", "MiB"), strict=True
    ):
        for name in dict.fromkeys(row.series for row in rows):
            done = [row for row in rows if row.series == name and row.failed is None]
            if not done:
                continue
            inputs = [row.inputs for row in done]
            values = [max(getattr(row, attribute), 1e-3) for row in done]
            (line,) = axes.plot(inputs, values, marker="o", markersize=4, label=name)
            axes.plot(inputs, [values[-1] * n / inputs[-1] for n in inputs], ":", linewidth=0.8,
                      color=line.get_color())  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="inputs", ylabel=label)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=130)


def _measure(series: str, size: int, threads: int) -> None:
    use_threads(threads, 0)
    task = _task(series, size)
    if series != "labels":
        _task("voxels" if series == "voxels" else "pixels", 32)()  # imports, first allocations
    before = peak_memory() or math.nan
    begin = time.perf_counter()
    task()
    seconds = time.perf_counter() - begin
    print(json.dumps([seconds, (peak_memory() or math.nan) - before]))


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
