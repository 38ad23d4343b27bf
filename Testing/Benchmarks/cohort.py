"""Throughput of a cohort, and the work that it saves by what a process has seen of images.

    python -m Testing.Benchmarks.cohort --images 30 --compared 60

All ordered pairs of generated hearts are registered by the shipped 2D model with one process of
``ldmreg cohort``: printed are the shares of encodings and segmentations that were not done again.
Some of the pairs are registered beside by ``register`` in a loop, as one would without a cohort, in
turn with the cohort, in blocks, so that both have the same machine: printed is the ratio of their
seconds a pair. Pairs have no pictures; both write their results.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from SlicerLDMRegLib import register
from SlicerLDMRegLib.cohort import CohortFolder, Means, make_plan, run_cohort
from SlicerLDMRegLib.cohort.records import read_records

_OPTIONS = {"model": "ldm-morph-cardiac-mr", "refine": False, "align": "none", "device": "cpu"}
_SIZE = 128  # pixels of an image, as many as the model's grid has
_BLOCK = 10  # pairs that one way registers before the other one has its turn


def main() -> None:
    """Register, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.cohort")
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--compared", type=int, default=60, help="pairs of the loop beside it")
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with tempfile.TemporaryDirectory() as name:
        table = _images(Path(name), arguments.images)
        found = _compare(table, Path(name), arguments.compared)
        print(
            f"{found['pairs']} pairs in turn: register in a loop {found['loop']:.2f} s a pair, "
            f"cohort {found['cohort']:.2f} s; the loop takes {found['ratio']:.2f} times as long",
            flush=True,
        )
        found["work"] = _work(table, Path(name))
    for kind, (asked, computed) in found["work"].items():
        saved = 100 * (1 - computed / asked)
        print(f"{kind}: {asked} asked for, {computed} computed, {saved:.1f} % saved")
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _images(root: Path, count: int) -> Path:
    """Write generated hearts; return their table."""
    from training.synthesis.cardiac import cardiac_pair

    names = []
    for n in range(count):
        pair = cardiac_pair(np.random.default_rng(n), _SIZE)
        names.append(f"heart-{n:02d}.nrrd")
        sitk.WriteImage(sitk.GetImageFromArray(pair.fixed.astype(np.float32)), root / names[-1])
    table = root / "images.csv"
    table.write_text("\n".join(["image", *names]) + "\n", encoding="utf-8")
    return table


def _compare(table: Path, root: Path, compared: int) -> dict[str, Any]:
    """Register some pairs in both ways, in turn."""
    folder = CohortFolder(root / "compared")
    plan = make_plan(table, folder, _OPTIONS, pairing="all-to-all")
    folder.prepare(share=False)
    pairs, seconds = plan.pairs[:compared], {"loop": [], "cohort": []}
    means = Means(workers=0, threads=1, pictures="none")
    for begin in range(0, len(pairs), _BLOCK):
        part = pairs[begin : begin + _BLOCK]
        start = time.perf_counter()
        run_cohort(replace(plan, pairs=part), folder, means)
        seconds["cohort"].append((time.perf_counter() - start) / len(part))
        start = time.perf_counter()
        for pair in part:
            result = register(str(pair.entry.fixed), str(pair.entry.moving), **_OPTIONS)
            result.save(root / "loop" / pair.id, pictures=False)
        seconds["loop"].append((time.perf_counter() - start) / len(part))
    # The first block of each loads what stays.
    loop, cohort = (statistics.median(seconds[way][1:] or seconds[way]) for way in seconds)
    return {"pairs": len(pairs), "loop": loop, "cohort": cohort, "ratio": loop / cohort}


def _work(table: Path, root: Path) -> dict[str, tuple[int, int]]:
    """Register all pairs in one process; return what was asked for and what was computed."""
    folder = CohortFolder(root / "all")
    plan = make_plan(table, folder, _OPTIONS, pairing="all-to-all")
    folder.prepare(share=False)
    run_cohort(plan, folder, Means(workers=1, threads=1, pictures="none"))
    found: dict[str, tuple[int, int]] = {}
    for _, record in read_records(folder, (pair.id for pair in plan.pairs)):
        for kind, (asked, computed) in ((record or {}).get("work") or {}).items():
            before = found.get(kind, (0, 0))
            found[kind] = before[0] + asked, before[1] + computed
    return found


if __name__ == "__main__":
    main()
