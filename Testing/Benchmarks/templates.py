"""Templates of real data, as a user builds them, and what they are worth.

    python -m Testing.Benchmarks.templates mouse --spacing 0.28 --output results/mouse
    python -m Testing.Benchmarks.templates brain --spacing 3 --output results/brain

``mouse`` takes the 8 mouse heads of ``../shared/data/mouse_heads``: the edge energy of the template
beside that of the affine mean and of the single images as they were warped, which a mean of images
that fit perfectly would have (their noise apart), and the target registration error of all ordered
pairs through the template of each step, beside that through the affine alignments to the reference
alone. ``brain`` draws 20
brains from the label maps of ``../shared/data/brain_label_maps``: the mean Dice, over images and
labels, of each image's labels and those that most images have on the template, carried to it; again
beside the affine alignments alone. The template is built by the command ``ldmreg template``, which
goes on where it was ended; its further options follow ``--``. Everything is written to
``numbers.json``, too; ``templates.png`` shows an image, the affine mean, and the templates.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import CohortFolder
from SlicerLDMRegLib.cohort.majority import MajorityLabels, mean_overlap
from SlicerLDMRegLib.cohort.template import edge_energy
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.intensity import IntensityMap
from SlicerLDMRegLib.pipeline.landmarks import load_landmarks
from SlicerLDMRegLib.resampling import antialiased, resample

__all__ = ["label_overlap", "pair_errors"]

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_AFFINE, _FINAL = "step-00", "final"


#: The map from the template to an image, and its inverse.
Maps = tuple[DisplacementField, DisplacementField]


def pair_errors(maps: Sequence[Maps], points: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean error of each ordered pair of images through a template, in mm.

    Args:
        maps: of the images.
        points: for each image, its landmarks ``(N, d)``, LPS mm, in one order.

    Returns:
        ``(images, images)``; NaN on the diagonal.
    """
    found = np.full((len(maps), len(maps)), np.nan)
    for i, j in permutations(range(len(maps)), 2):
        moved = maps[j][0].warp_points(maps[i][1].warp_points(points[i]))
        found[i, j] = np.linalg.norm(moved - points[j], axis=1).mean()
    return found


def label_overlap(
    maps: Sequence[Maps], labels: Sequence[sitk.Image], lattice: ImageGeometry
) -> list[float]:
    """Return for each image the mean Dice of its labels and those of most images, carried to it.

    Args:
        maps: of the images.
        labels: of the images.
        lattice: of the template.
    """
    majority = MajorityLabels(lattice)
    for (field, _), image in zip(maps, labels, strict=True):
        majority.vote(image, field.to_transform())
    return [
        mean_overlap(majority.carried(inverse.geometry, inverse.to_transform()), image)
        for (_, inverse), image in zip(maps, labels, strict=True)
    ]


def _coarser(path: Path, spacing: float | None, output: Path) -> Path:
    """Write an image with voxels of some mm, smoothed for it; the path itself without."""
    if spacing is None:
        return path
    image = sitk.ReadImage(str(path))
    lattice = ImageGeometry.from_image(image).resampled(spacing=(spacing,) * 3)
    written = output / path.name
    sitk.WriteImage(resample(antialiased(image, lattice), lattice, None, 0.0), str(written))
    return written


def _mouse(spacing: float | None, output: Path) -> list[dict[str, str]]:
    """Return the rows of the table of mouse heads."""
    rows = []
    for path in sorted((DATA / "mouse_heads").glob("*.nii.gz")):
        stem = path.name.removesuffix(".nii.gz")
        rows.append(
            {
                "image": str(_coarser(path, spacing, output)),
                "landmarks": str(path.with_name(f"{stem}.mrk.json")),
                "id": stem.strip("_").replace(".", "-"),
            }
        )
    return rows


def _brain(spacing: float | None, output: Path) -> list[dict[str, str]]:
    """Return the rows of the table of generated brains."""
    from training.synthesis.make_brain_images import LABEL_MAPS, make_brain_images

    subjects = range(1, 21)
    if not (output / f"subject-{subjects[-1]:02d}_labels.nii.gz").exists():
        make_brain_images(LABEL_MAPS, subjects, output, spacing=spacing or 2.0)
    return [
        {
            "image": str(output / f"subject-{n:02d}_t1.nii.gz"),
            "labels": str(output / f"subject-{n:02d}_labels.nii.gz"),
            "id": f"s{n:02d}",
        }
        for n in subjects
    ]


def _measure(kind: str, rows: Sequence[dict[str, str]], atlas: Path) -> dict[str, Any]:
    with (atlas / "convergence.csv").open(encoding="utf-8", newline="") as file:
        steps = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    sharp = [step["sharpness"] ** 2 for step in steps]
    single = [edge_energy(*_warped(atlas / _FINAL, row)) for row in rows]
    found: dict[str, Any] = {
        "images": len(rows),
        "steps": steps,
        "edge_energy": {
            "affine mean": sharp[0],
            "templates": sharp[1:],
            "single images": float(np.mean(single)),
        },
    }
    names = [*(f"step-{int(step['step']):02d}" for step in steps), _FINAL]
    maps = {
        name: [
            _maps(CohortFolder(atlas / name).results(f"{row['id']}_to_template")) for row in rows
        ]
        for name in names
        if (atlas / name).is_dir()  # with --align none there are no affine ones
    }
    if kind == "mouse":
        images = [ImageGeometry.from_image(sitk.ReadImage(row["image"])) for row in rows]
        marks = [load_landmarks(r["landmarks"], g) for r, g in zip(rows, images, strict=True)]
        points = [mark.points for mark in marks]
        used = [
            n
            for n, known in enumerate(zip(points, images, rows, strict=True))
            if _lie_inside(*known)
        ]
        points = [points[n] for n in used]
        maps = {name: [of_step[n] for n in used] for name, of_step in maps.items()}
        found["tre_mm"] = {
            name: _distribution(pair_errors(of_step, points)) for name, of_step in maps.items()
        }
    else:
        labels = [sitk.ReadImage(row["labels"]) for row in rows]
        lattice = ImageGeometry.from_image(sitk.ReadImage(str(atlas / "template.nrrd")))
        found["dice"] = {
            name: _distribution(np.array(label_overlap(of_step, labels, lattice)))
            for name, of_step in maps.items()
        }
    return found


def _warped(step: Path, row: dict[str, str]) -> tuple[np.ndarray, ImageGeometry]:
    """Return an image as it was warped to the template, in [0, 1] as in the mean."""
    scale = IntensityMap.from_image(sitk.ReadImage(row["image"]), 0.5, 99.5)
    results = CohortFolder(step).results(f"{row['id']}_to_template")
    image = sitk.ReadImage(str(results / "warped.nrrd"), sitk.sitkFloat32)
    return scale(sitk.GetArrayFromImage(image)), ImageGeometry.from_image(image)


def _draw(rows: Sequence[dict[str, str]], atlas: Path, output: Path) -> None:
    """Draw middle slices of an image at the template, the affine mean, and the templates."""
    from matplotlib.figure import Figure

    paths = sorted(atlas.glob("template-*.nrrd"))
    shown = [("one image", _warped(atlas / _FINAL, rows[-1])[0])]
    for path in paths:
        step = int(path.stem.rpartition("-")[2])
        title = "affine mean" if step == 0 else f"step {step}"
        shown.append((title, sitk.GetArrayFromImage(sitk.ReadImage(str(path)))))
    figure = Figure(figsize=(2.6 * len(shown), 7.8), facecolor="black", layout="tight")
    for column, (title, values) in enumerate(shown):
        for axis in range(3):
            axes = figure.add_subplot(3, len(shown), axis * len(shown) + column + 1)
            plane = values.take(values.shape[axis] // 2, axis)
            axes.imshow(plane, cmap="gray", vmin=0, vmax=1, origin="lower")
            axes.set_axis_off()
            if axis == 0:
                axes.set_title(title, color="white", fontsize=10)
    figure.savefig(output, dpi=110)


def _lie_inside(points: np.ndarray, lattice: ImageGeometry, row: dict[str, str]) -> bool:
    """Whether landmarks belong to an image; two files of the mouse heads are of another frame."""
    index = lattice.physical_to_index(points)
    inside = float(((index >= 0) & (index < lattice.size)).all(axis=1).mean()) > 0.5
    if not inside:
        print(f"{row['id']}: the landmarks lie outside of the image; left out of the errors")
    return inside


def _maps(results: Path) -> Maps:
    """Read the maps of a pair to the template."""
    return tuple(DisplacementField.read(results / f"{n}.h5") for n in ("transform", "inverse"))


def _distribution(values: np.ndarray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    return {
        "count": int(values.size),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "least": float(values.min()),
        "largest": float(values.max()),
    }


def main() -> None:
    """Build a template, measure it, print and write the numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m Testing.Benchmarks.templates",
        epilog="What follows -- are options of ldmreg template.",
    )
    parser.add_argument("kind", choices=("mouse", "brain"))
    parser.add_argument("--spacing", type=float, help="mm; default: as they are, brains 2")
    parser.add_argument("--output", type=Path, required=True)
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    arguments, options = parser.parse_args(given[:cut]), given[cut + 1 :]
    place = arguments.output.absolute()
    (place / "images").mkdir(parents=True, exist_ok=True)
    make = _mouse if arguments.kind == "mouse" else _brain
    rows = make(arguments.spacing, place / "images")
    table = place / "images.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    command = [sys.executable, "-m", "SlicerLDMRegLib", "template", str(table), "--output"]
    command += [str(place / "atlas"), *options]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    found = _measure(arguments.kind, rows, place / "atlas")
    found["seconds"] = time.perf_counter() - began
    _draw(rows, place / "atlas", place / "templates.png")
    text = json.dumps(found, indent=2)
    (place / "numbers.json").write_text(text + "\n", encoding="utf-8")
    energy = found["edge_energy"]
    for n, value in enumerate([*energy["templates"], energy["single images"]], start=1):
        what = f"template of step {n}" if n <= len(energy["templates"]) else "single images"
        print(f"edge energy, {what}: {value / energy['affine mean']:.3f} times the affine mean")
    for what in ("tre_mm", "dice"):
        for name, numbers in found.get(what, {}).items():
            values = ", ".join(f"{key} {value:.3g}" for key, value in numbers.items())
            print(f"{what} {name}: {values}")


if __name__ == "__main__":
    main()
