"""Throughput of a cohort, and the work that it saves by what a process has seen of images.

    python -m Testing.Benchmarks.cohort hearts --images 30 --compared 60 --workers 2
    python -m Testing.Benchmarks.cohort brains --images 30 --compared 20 --folder DIR

All ordered pairs of generated images are registered with processes of ``ldmreg cohort``: printed
are the shares of encodings and segmentations that were not done again, and how the memory of all
processes grows. Some of the pairs are registered beside by ``register`` in a loop, as one would
without a cohort, in turn with the cohort, in blocks: printed is the ratio of the seconds of the
processor that a pair takes in one process; those of the clock tell of the other users of a busy
machine. Pairs have no pictures; both write their results.

``hearts`` takes the shipped 2D model with its own refinement, which asks its segmenter. ``brains``
takes the shipped textSCF with its segmenter, both
on lattices of 8 mm (``--spacing``) in place of 2 mm, as 870 pairs would take hours of one core
otherwise: what is asked for and kept is the same, the registrations themselves are worth nothing.
The brains are drawn from ``../shared/data/brain_label_maps``, of T1 and T2 contrast.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from safetensors.torch import load_file

from SlicerLDMRegLib import register
from SlicerLDMRegLib.cohort import CohortFolder, Means, Totals, make_plan, run_cohort
from SlicerLDMRegLib.cohort.records import read_records
from SlicerLDMRegLib.model_store import Anatomy, find_model, write_model_folder
from Testing.Prove.cohort import Growth, some
from Testing.Prove.dask_processes import resident_mib, worker_pids

_OPTIONS = {"refine": False, "align": "none", "device": "cpu"}
_SIZE = 128  # pixels of a heart, as many as the model's grid has
_BRAIN_MM = (160, 224, 192)  # extent of the networks' lattices
_BLOCK = 10  # pairs that one way registers before the other one has its turn


def main() -> None:
    """Register, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.cohort")
    parser.add_argument("what", nargs="?", choices=("hearts", "brains"), default="hearts")
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--compared", type=int, default=60, help="pairs of the loop beside it")
    parser.add_argument("--workers", type=int, default=1, help="processes, of all-to-all")
    parser.add_argument("--spacing", type=float, default=8.0, help="mm, of brains")
    parser.add_argument("--folder", type=Path, help="keeps all results, and goes on there")
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with contextlib.ExitStack() as stack:
        kept = arguments.folder
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()) if kept is None else kept)
        root = root.absolute()
        root.mkdir(parents=True, exist_ok=True)
        if arguments.what == "hearts":
            write, options = hearts(root)
        else:
            write, options = brains(root, arguments.spacing)
        table = _table(root, write(arguments.images))
        found: dict[str, Any] = {"images": arguments.images}
        if arguments.compared:
            found.update(compare(table, root, options, arguments.compared))
            print(
                f"{found['pairs']} pairs in turn: register in a loop {found['loop']:.2f} CPU s a "
                f"pair, cohort {found['cohort']:.2f}; the loop takes {found['ratio']:.2f} times as "
                "long",
                flush=True,
            )
        found["work"], grown = all_to_all(table, root, options, arguments.workers)
        found["memory"] = {**asdict(grown), "slope_kib": grown.slope_kib}
        found["workers"] = arguments.workers
    print(
        f"{grown.pairs} pairs all-to-all with {arguments.workers} workers in {grown.seconds:.0f} "
        f"s, {grown.pairs / grown.seconds:.2f} a second; memory of all processes, MiB: "
        f"{', '.join(f'{mib:.0f} at {n}' for n, mib in some(grown.mib))}; over the second half "
        f"{grown.slope_kib:.0f} KiB a pair"
    )
    for kind, (asked, computed) in found["work"].items():
        saved = 100 * (1 - computed / asked)
        print(f"{kind}: {asked} asked for, {computed} computed, {saved:.1f} % saved")
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


_Images = Callable[[int], list[Path]]


def hearts(root: Path) -> tuple[_Images, dict[str, Any]]:
    """Return what writes generated hearts, and the options of their registration."""
    from training.synthesis.cardiac import cardiac_pair

    def write(count: int) -> list[Path]:
        paths = []
        for n in range(count):
            pair = cardiac_pair(np.random.default_rng(n), _SIZE)
            paths.append(root / f"heart-{n:02d}.nrrd")
            sitk.WriteImage(sitk.GetImageFromArray(pair.fixed.astype(np.float32)), paths[-1])
        return paths

    return write, {**_OPTIONS, "model": "ldm-morph-cardiac-mr", "refine": "auto"}


def brains(root: Path, spacing: float) -> tuple[_Images, dict[str, Any]]:
    """Return what draws brains, and the options of their registration."""
    from training.synthesis.make_brain_images import LABEL_MAPS, make_brain_images

    def write(count: int) -> list[Path]:
        paths: list[Path] = []
        for contrast in ("t1", "t2"):
            subjects = range(1, 21)[: count - len(paths)]
            if subjects:
                written = make_brain_images(
                    LABEL_MAPS, subjects, root, contrast=contrast, spacing=spacing
                )
                paths += [path for path in written if "labels" not in path.name]
        return paths

    options = {"model": _coarse("textscf-brain-mr", root, spacing), "diffeomorphic": False}
    return write, {**_OPTIONS, **options, "segmenter": _coarse("segment-brain-mr", root, spacing)}


def _coarse(model: str, root: Path, spacing: float) -> str:
    """Write a shipped brain model with a coarser lattice; return its folder."""
    card = find_model(model)
    divisor = card.grid.divisor
    size = tuple(divisor * math.ceil(mm / spacing / divisor) for mm in _BRAIN_MM)
    grid = replace(card.grid, size=size, spacing=spacing)
    folder = root / "models" / model
    write_model_folder(
        folder,
        # It would not know its own brains by their sizes.
        replace(card, grid=grid, anatomy=Anatomy(), weights=None, folder=None),
        load_file(card.weights_path),
        (card.weights_path.parent / "LICENSE").read_text(encoding="utf-8"),
    )
    return str(folder)


def _table(root: Path, paths: list[Path]) -> Path:
    table = root / "images.csv"
    text = "\n".join(["image", *(path.name for path in paths)])
    table.write_text(text + "\n", encoding="utf-8")
    return table


def compare(table: Path, root: Path, options: dict[str, Any], compared: int) -> dict[str, Any]:
    """Register some pairs in both ways, in turn."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        return _compared(table, Path(name), options, compared)


def _compared(table: Path, root: Path, options: dict[str, Any], compared: int) -> dict[str, Any]:
    folder = CohortFolder(root / "compared")
    plan = make_plan(table, folder, options, pairing="all-to-all")
    folder.prepare(share=False)
    pairs, seconds = plan.pairs[:compared], {"loop": [], "cohort": []}
    means = Means(workers=0, threads=1, pictures="none")
    for begin in range(0, len(pairs), _BLOCK):
        part = pairs[begin : begin + _BLOCK]
        start = time.process_time()
        run_cohort(replace(plan, pairs=part), folder, means)
        seconds["cohort"].append((time.process_time() - start) / len(part))
        start = time.process_time()
        for pair in part:
            result = register(str(pair.entry.fixed), str(pair.entry.moving), **options)
            result.save(root / "loop" / pair.id, pictures=False)
        seconds["loop"].append((time.process_time() - start) / len(part))
    # The first block of each loads what stays.
    loop, cohort = (statistics.median(seconds[way][1:] or seconds[way]) for way in seconds)
    return {"pairs": len(pairs), "loop": loop, "cohort": cohort, "ratio": loop / cohort}


def all_to_all(
    table: Path, root: Path, options: dict[str, Any], workers: int = 1
) -> tuple[dict[str, tuple[int, int]], Growth]:
    """Register all pairs with so many processes.

    Returns:
        What was asked for and what was computed, by kind; and the memory of all processes.
    """
    folder = CohortFolder(root / "all")
    plan = make_plan(table, folder, options, pairing="all-to-all")
    folder.prepare(share=False)
    seen: dict[int, float] = {}

    def look(totals: Totals) -> None:
        pids = worker_pids(os.getpid())
        if len(pids) == workers and totals.done not in seen:
            seen[totals.done] = sum(map(resident_mib, pids))

    began = time.perf_counter()
    means = Means(workers=workers, threads=1, pictures="none")
    totals = run_cohort(plan, folder, means, look=look)
    if totals.failed:
        failed = next(o for o in totals.outcomes.values() if o.status == "failed")
        raise RuntimeError(f"{totals.failed} of {totals.every} pairs failed, such as {failed}")
    found: dict[str, tuple[int, int]] = {}
    for _, record in read_records(folder, (pair.id for pair in plan.pairs)):
        for kind, (asked, computed) in ((record or {}).get("work") or {}).items():
            before = found.get(kind, (0, 0))
            found[kind] = before[0] + asked, before[1] + computed
    return found, Growth(totals.done, sorted(seen.items()), time.perf_counter() - began)


if __name__ == "__main__":
    main()
