"""Measure a segmenter on unseen images: ``python -m training.evaluate_segmenter MODEL``."""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from tqdm import tqdm

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib.model_store import build_segmenter
from SlicerLDMRegLib.pipeline.device import select_device
from SlicerLDMRegLib.segmentation import Segmenter
from SlicerLDMRegLib.text import scheme_names

from .datasets.evaluation_sets import DATA_FOLDER
from .datasets.evaluation_volumes import BrainImage, brain_images
from .datasets.structure_images import LabelledImage, heart_images
from .machine import available_cpus, describe_machine, load_average, use_threads
from .result_files import markdown_table, write_json
from .scores import Row, summarise, summarise_structures

__all__ = ["evaluate", "main", "score_segmentation"]

#: Title of each contrast in the table.
_CONTRASTS = {"t1": "T1-like", "t2": "T2-like", "random": "Random contrast"}
_COLUMNS = (
    ("dice", "Dice", 3),
    ("hd95", "HD95 (mm)", 2),
    ("confidence", "Confidence", 3),
    ("accuracy", "Correct voxels", 3),
    ("seconds", "Seconds an image", 2),
)
_WORST = 5  # structures listed in the table


def score_segmentation(
    found: np.ndarray, truth: np.ndarray, spacing: Sequence[float], confidence: np.ndarray
) -> Row:
    """Score a segmentation against the true labels.

    Args:
        found: label numbers ``(z, y, x)``.
        truth: true label numbers ``(z, y, x)``.
        spacing: mm along z, y, x.
        confidence: of ``found``, 0 to 1.

    Returns:
        ``dice``, ``hd95`` (mm), means over the structures of the truth, and ``dice_<label>``,
        ``hd95_<label>``; ``accuracy``, the share of correct voxels among those that are a structure
        in either map, and ``confidence``, its mean there, equal to it if calibrated.

    Raises:
        ValueError: for a truth without structures.
    """
    labels = sorted(set(np.unique(truth).tolist()) - {0})
    if not labels:
        raise ValueError("truth: expected at least one structure, got background alone")
    overlap = metrics.dice(truth, found, labels)
    surface = metrics.hd95(truth, found, spacing, labels)
    inside = (truth > 0) | (found > 0)
    row: Row = {
        "dice": float(np.mean(list(overlap.values()))),
        # A missed structure has no surface.
        "hd95": float(np.nanmean(list(surface.values()))),
        "confidence": float(confidence[inside].mean()),
        "accuracy": float((found == truth)[inside].mean()),
    }
    row |= {f"dice_{label}": value for label, value in overlap.items()}
    return row | {f"hd95_{label}": value for label, value in surface.items()}


def evaluate(
    segmenter: Segmenter, images: Mapping[str, Sequence[BrainImage | LabelledImage]]
) -> list[Row]:
    """Segment images and score the segmentations.

    Args:
        segmenter: segmenter with the label numbers of the images.
        images: images by the title of their table row.
    """
    rows = []
    # Warm-up call, which loads libraries.
    first = next(iter(images.values()))[0]
    segmenter.segment(sitk.Flip(first.image, (True,) + (False,) * (first.image.GetDimension() - 1)))
    with tqdm(total=sum(map(len, images.values())), unit="image") as bar:
        for title, own in images.items():
            for brain in own:
                start = time.perf_counter()
                found = segmenter.segment(brain.image)
                seconds = time.perf_counter() - start
                labels = sitk.GetArrayFromImage(found.labels)
                drawn = getattr(brain, "drawn", None)
                if drawn is not None:
                    labels[~np.isin(labels, drawn)] = 0
                assert found.confidence is not None
                scores = score_segmentation(
                    labels,
                    brain.labels,
                    brain.image.GetSpacing()[::-1],
                    sitk.GetArrayFromImage(found.confidence),
                )
                rows.append({"method": title, "pair": brain.name, "seconds": seconds, **scores})
                bar.update()
    return rows


def main(argv: list[str] | None = None) -> None:
    """Measure a segmenter from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate_segmenter",
        description="Measure a segmenter on images that its training never saw: brains for a 3D "
        "one, hearts for a 2D one.",
        epilog="python -m training.export MODEL --results OUTPUT/results.json puts it in the card.",
    )
    parser.add_argument("model", help="id or folder of a model")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--root", type=Path, help="folder of the label maps, or of the cine MR")
    parser.add_argument("--split", default="test", help="subjects: test or validation")
    parser.add_argument(
        "--contrasts", nargs="+", default=list(_CONTRASTS), choices=list(_CONTRASTS)
    )
    parser.add_argument(
        "--size", type=int, nargs=3, metavar="N", default=[80, 112, 96], help="voxels along x y z"
    )
    parser.add_argument("--spacing", type=float, default=2.0, help="mm; default 2")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=available_cpus(), help="CPU threads")
    arguments = parser.parse_args(argv)
    use_threads(arguments.threads, 1)
    segmenter = build_segmenter(arguments.model, select_device(arguments.device))
    card = getattr(segmenter, "card", None)
    images: Mapping[str, Sequence[BrainImage | LabelledImage]]
    split: str | None = arguments.split
    if card is not None and card.spatial_dims == 2:
        names = dict(card.label_names)
        # Images of what it was trained on: one of echocardiography has never seen cine MR.
        kinds = card.training["data"].get("mixture", {"real": 1.0})
        root = arguments.root or DATA_FOLDER / "cardiac_mr"
        images = heart_images(root, arguments.split, kinds=kinds)
        if "real" not in kinds:
            split = None  # generated hearts have no patients
        what: dict[str, Any] = {"data": "hearts", "dimension": 2, "options": {}}
    else:
        names = scheme_names("freesurfer35")
        root = arguments.root or DATA_FOLDER / "brain_label_maps"
        images = {
            _CONTRASTS[contrast]: brain_images(
                root, arguments.split, contrast, arguments.size, arguments.spacing
            )
            for contrast in arguments.contrasts
        }
        options = {"size": arguments.size, "spacing": arguments.spacing}
        what = {"data": "brain-mr", "dimension": 3, "options": options}
    load = load_average()
    rows = evaluate(segmenter, images)
    run = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "what": "images",
        "split": split,
        "model": arguments.model,
        **what,
        "machine": describe_machine(),
        "load_average": [load, load_average()],
    }
    print(_write(arguments.output, rows, run, names))


def _write(folder: Path, rows: Sequence[Row], run: dict[str, Any], names: Mapping[int, str]) -> str:
    """Write ``results.json`` and ``table.md``; return the text of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(rows)
    structures = summarise_structures(rows, names)
    content = {"run": run, "summary": summary, "structures": structures, "pairs": list(rows)}
    write_json(folder / "results.json", content)
    machine = run["machine"]
    subjects = f", {run['split']} subjects" if run["split"] else ""
    text = (
        f"# {run['model']}: {summary[0]['pairs']} images of each contrast{subjects}"
        f"\n\n{markdown_table(summary, _COLUMNS, ('method', 'Images', 0))}\n"
        "Mean ± standard deviation over the images; Dice and HD95 are means over the structures; "
        f"median time, warm.\n{machine['cpu']}, threads: {machine['threads']}.\n"
        "Confidence and correct voxels: within what is a structure or was taken for one; where "
        "they are equal the confidence can be believed.\n"
    )
    first = [row for row in structures if row["method"] == summary[0]["method"]]
    worst = sorted(first, key=lambda row: row["dice"])[:_WORST]
    named = ", ".join(f"{row['name']} {row['dice']:.2f}" for row in worst)
    text += f"\nHardest for it ({summary[0]['method']}, Dice): {named}.\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    main()
