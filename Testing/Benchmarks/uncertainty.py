"""The uncertainty of registrations against their true error, where the warp is known.

    python -m Testing.Benchmarks.uncertainty --output results/uncertainty

registers generated hearts and echocardiographies (2D) and, with ``../shared/data``, brains and an
abdomen under random warps (3D), with the defaults and ``uncertainty=True``. It prints for each set,
over the voxels that show something:

- error: mean of the true error, mm; uncertainty: mean of what was expected;
- ratio: root mean square of the error by that of the uncertainty, 1 where it is calibrated;
- rank: Spearman's correlation of both, the mean over the pairs;
- within 1x, 2x, 3x: share of the voxels whose error is at most that multiple of the uncertainty;
- worst tenth: mean error of the tenth of the voxels with the largest uncertainty, by that of all.

The constants of ``pipeline.refine.field_spread`` come from the pairs of ``--half first``; the table
of the other half is the test.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy.stats import spearmanr

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.refine.field_spread import CALIBRATION
from SlicerLDMRegLib.resampling import warp_image
from training.datasets.evaluation_sets import DATA_FOLDER
from training.datasets.evaluation_volumes import abdomen_warp, brain_images, random_warp
from training.machine import describe_machine, load_average, use_threads
from training.synthesis.phantoms import generate_pair

__all__ = ["SETS", "Known", "compare", "main"]

_FIRST_SEED = 2_000_000  # far from those of training, tests and other tables
_HALVES = {"first": 0, "second": 1}
_COLUMNS = (
    "pairs", "error", "uncertainty", "ratio", "rank", "within 1x", "within 2x", "within 3x",
    "worst tenth",
)  # fmt: skip

#: Fixed image, moving image, true displacement in mm ``(*S, d)``, voxels that show something.
Known = tuple[sitk.Image, sitk.Image, np.ndarray, np.ndarray]


def _phantoms(kind: str, count: int, half: int) -> Iterator[Known]:
    for number in range(count):
        pair = generate_pair(kind, _FIRST_SEED + 2 * number + half)
        # Channels along rows and columns become x and y.
        truth = np.moveaxis(pair.displacement[::-1], 0, -1)
        images = (sitk.GetImageFromArray(image) for image in (pair.fixed, pair.moving))
        yield *images, truth, pair.fixed_labels > 0


def _brains(count: int, half: int) -> Iterator[Known]:
    subjects = brain_images(DATA_FOLDER / "brain_label_maps", "test", "t1", (56, 76, 64), 3.0)
    for number in range(count):
        yield _warped(subjects[number % len(subjects)].image, 2 * number + half, 0.02)


def _abdomens(count: int, half: int) -> Iterator[Known]:
    pair = abdomen_warp(DATA_FOLDER / "abdomen_ct")[0]
    for number in range(count):
        yield _warped(pair.images[1], 100 + 2 * number + half, 0.02)


def _warped(image: sitk.Image, seed: int, noise: float) -> Known:
    """Return an image and itself under a random warp, each with noise of its own."""
    image = sitk.RescaleIntensity(sitk.Cast(image, sitk.sitkFloat32), 0.0, 1.0)
    geometry = ImageGeometry.from_image(image)
    forward, _ = random_warp(geometry, seed)
    rng = np.random.default_rng(seed)
    fixed = sitk.GetArrayFromImage(warp_image(image, geometry, forward.to_transform()))
    moving = sitk.GetArrayFromImage(image)
    shown = fixed > 0.15
    noisy = [a + noise * rng.standard_normal(a.shape) for a in (fixed, moving)]
    first, second = (geometry.to_image(a.astype(np.float32)) for a in noisy)
    return first, second, forward.vectors, shown


#: Pairs of each set, by their number and the half.
SETS: dict[str, tuple[Callable[[int, int], Iterator[Known]], int]] = {
    "hearts": (lambda count, half: _phantoms("cardiac", count, half), 12),
    "echo": (lambda count, half: _phantoms("echo", count, half), 12),
    "brains": (_brains, 4),
    "abdomen": (_abdomens, 3),
}


def compare(pairs: Iterator[Known]) -> dict[str, float]:
    """Return the columns of the table for some pairs."""
    errors, expected, ranks = [], [], []
    for fixed, moving, truth, shown in pairs:
        result = register(fixed, moving, align="none", uncertainty=True)
        assert result.uncertainty is not None
        error = np.linalg.norm(result.field.vectors - truth, axis=-1)[shown]
        own = sitk.GetArrayFromImage(result.uncertainty)[shown]
        ranks.append(float(spearmanr(error, own)[0]))
        errors.append(error)
        expected.append(own)
    error, own = np.concatenate(errors), np.concatenate(expected)
    doubtful = own >= np.percentile(own, 90)
    return {
        "pairs": len(ranks),
        "error": float(error.mean()),
        "uncertainty": float(own.mean()),
        "ratio": float(np.sqrt(np.mean(error**2) / np.mean(own**2))),
        "rank": float(np.mean(ranks)),
        **{f"within {n}x": float((error <= n * own).mean()) for n in (1, 2, 3)},
        "worst tenth": float(error[doubtful].mean() / error.mean()),
    }


def main(argv: list[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m Testing.Benchmarks.uncertainty",
        description="Compare the uncertainty of registrations with their true error.",
    )
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--half", default="second", choices=list(_HALVES))
    parser.add_argument("--pairs", type=int, help="of each set; default 12 in 2D, 4 and 3 in 3D")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="folder of the table")
    arguments = parser.parse_args(argv)
    use_threads(arguments.threads, 1)
    rows: dict[str, Any] = {}
    print(f"{'':9}" + "".join(f"{name:>13}" for name in _COLUMNS))
    for name in arguments.sets:
        build, usual = SETS[name]
        count = usual if arguments.pairs is None else arguments.pairs
        rows[name] = compare(build(count, _HALVES[arguments.half]))
        print(f"{name:9}" + "".join(f"{rows[name][c]:13.3g}" for c in _COLUMNS), flush=True)
    run = {
        "half": arguments.half,
        "calibration": CALIBRATION,
        "machine": describe_machine(),
        "load_average": load_average(),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"run": run, "sets": rows}, indent=2)
    (arguments.output / "uncertainty.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
