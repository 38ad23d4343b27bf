"""Comparison of registration methods on one set of pairs, in one run: ``ldmreg-train evaluate``."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from SlicerLDMRegLib.model_store import ModelCard, find_model

from .baselines import (
    CLASSICAL,
    MASKS,
    SYN_TITLE,
    Method,
    MethodError,
    MethodProcess,
    Registered,
    installed,
    is_run,
    ldmreg_method,
    require,
    run_method,
    takes_regions,
)
from .datasets.evaluation import EvaluationPair, structure_names
from .datasets.evaluation_sets import DATA_NAMES, SPLIT_SETS, evaluation_pairs
from .datasets.layouts import LAYOUTS
from .machine import available_cpus, describe_machine, load_average, use_threads
from .result_files import write_results
from .scores import Row, score

__all__ = ["METHODS", "build_methods", "default_methods", "evaluate", "main"]

#: Sets that have an option.
_OPTIONS = {
    "contrast": ("brain-mr",),
    "size": ("brain-mr", "manifest"),
    "spacing": ("brain-mr", "manifest"),
}
#: Methods without a model, by command-line name.
METHODS = (*CLASSICAL, "refinement")

_EPILOG = """
All methods get the same pairs, threads and scores, one after the other, each in a process of its
own. Times are comparable with each other, not with those of other machines.

  ldmreg-train evaluate --data cardiac-mr --models ldm-morph-cardiac-mr --output results/eval
  ldmreg-train evaluate --data brain-mr --models textscf-brain-mr --output results/brain
  ldmreg-train evaluate --data abdomen-warp --output results/abdomen

A model is an id, a model folder or a finished run; methods compared with another one than SyN:

  ldmreg-train evaluate --data cardiac-mr --models runs/voxelmorph runs/transmorph \\
      --methods identity greedy --reference "Greedy (NCC)" --output results/learned

Published data sets, and your own as a manifest, see ldmreg-train data --help:

  ldmreg-train evaluate --data camus-2ch --root ~/data/CAMUS --output results/camus
  ldmreg-train evaluate --data manifest --root mine.csv --size 128 128 --output results/mine
"""


def default_methods(dimension: int) -> list[str]:
    """Return the methods that are compared unless others are named.

    Without those whose package is not installed, and in 3D without those that take many minutes for
    a volume.
    """
    names = [
        name
        for name, method in CLASSICAL.items()
        if (method.package is None or installed(method.package))
        and not (dimension == 3 and method.slow)
    ]
    return [*names, "refinement"]


def build_methods(
    names: Sequence[str],
    models: Sequence[str],
    device: str = "auto",
    seed: int = 0,
    masks: Sequence[str] = MASKS,
    segmenter: str = "auto",
    align: str = "none",
) -> dict[str, Callable[[], Method]]:
    """Return the preparation of each method, by its title in the table.

    Args:
        names: of :data:`METHODS`.
        models: ids or folders of models, or folders of finished runs. A model gives two methods,
            without and with refinement; one with regions gives these two for each of ``masks``. A
            run gives its network alone, see :func:`~training.baselines.run_method`.
        device: device of models and refinement.
        seed: seed of models and refinement.
        masks: origin of regions, of :data:`~training.baselines.MASKS`.
        segmenter: segmenter of the predicted masks; "auto": each model's own.
        align: alignment before models and refinement; the pairs are already aligned.

    Raises:
        ValueError: for an unknown name.
        ModelError: for a model that does not exist.
        MissingPackageError: when the package of a method is not installed.
    """
    for name in names:
        if name not in METHODS:
            raise ValueError(f"methods must be among {', '.join(METHODS)}, got {name!r}")
        package = CLASSICAL[name].package if name in CLASSICAL else None
        if package is not None:
            require(package)
    own = partial(ldmreg_method, device=device, seed=seed, align=align)
    methods: dict[str, Callable[[], Method]] = {}
    for name in names:
        if name in CLASSICAL:
            methods[CLASSICAL[name].title] = CLASSICAL[name].prepare
        else:
            methods["Refinement alone"] = partial(own, None, True)
    titles: set[str] = set()
    for model in models:
        title = Path(model).name
        if title in titles:
            title = model
        titles.add(title)
        variants: list[str | None] = [None]
        if is_run(model):
            if takes_regions(model):
                variants = [mask for mask in masks if mask != "predicted"]
            for variant in variants:
                full = title if variant is None else f"{title}, {variant} masks"
                methods[full] = partial(run_method, model, device, seed, variant)
            continue
        if _takes_regions(find_model(model, "registration")):
            variants = list(masks)
        for variant in variants:
            full = title if variant is None else f"{title}, {variant} masks"
            make = partial(own, model, masks=variant, segmenter=segmenter)
            methods[full] = partial(make, refine=False)
            methods[f"{full} + refinement"] = partial(make, refine=True)
    return methods


def _takes_regions(card: ModelCard) -> bool:
    return card.method == "textscf" and card.network.get("filters") != "none"


def evaluate(
    pairs: Sequence[EvaluationPair],
    methods: Mapping[str, Callable[[], Method]],
    threads: int | None = None,
    seed: int = 1,
    progress: bool = True,
    failed: dict[str, str] | None = None,
    after: Callable[[list[Row]], None] | None = None,
) -> list[Row]:
    """Register every pair with every method and score the fields.

    Args:
        pairs: at least one.
        methods: of :func:`build_methods`.
        threads: threads of a separate process for each method; None: all run in this process, and
            their memory is not measured.
        seed: seed of these processes.
        progress: whether to show a progress bar.
        failed: receives the messages of failed methods, whose rows are then missing; None: the
            first failure is raised.
        after: called with all rows so far after each method.

    Returns:
        One row for each method and pair: ``method``, ``pair``, ``seconds``, ``seconds_<stage>``,
        ``peak_mib``, ``gpu_mib``, ``parameters``, ``multiply_adds``, ``subjects`` and the scores of
        :func:`training.scores.score`.

    Raises:
        MethodError: when a method fails in its process.
    """
    rows: list[Row] = []
    with tqdm(total=len(methods) * len(pairs), disable=not progress, unit="pair") as bar:
        for title, prepare in methods.items():
            bar.set_description(title)
            try:
                with _running(prepare, threads, seed) as register:
                    # Warm-up call, which loads libraries; mirrored, so that no cache profits.
                    register(pairs[0].mirrored())
                    for pair in pairs:
                        found, peak = register(pair)
                        rows.append(_row(title, pair, found, peak))
                        bar.update()
            except MethodError as error:
                if failed is None:
                    raise
                failed[title] = str(error)
                print(f"\n{title} failed: {error}", file=sys.stderr)
            if after is not None and rows:
                after(rows)
    return rows


@contextmanager
def _running(
    prepare: Callable[[], Method], threads: int | None, seed: int
) -> Iterator[Callable[[EvaluationPair], tuple[Registered, float | None]]]:
    if threads is None:
        method = prepare()
        yield lambda pair: (method(pair.for_methods()), None)
    else:
        with MethodProcess(prepare, threads, seed) as process:
            yield process.register


def _row(title: str, pair: EvaluationPair, found: Registered, peak: float | None) -> Row:
    row: Row = {"method": title, "pair": pair.name, "seconds": found.seconds}
    if pair.subjects:
        row["subjects"] = " ".join(name.replace(" ", "_") for name in pair.subjects)
    for stage in ("segment", "predict", "refine"):
        if stage in found.stages:
            row[f"seconds_{stage}"] = found.stages[stage]
    if peak is not None:
        row["peak_mib"] = peak
    for name in ("gpu_mib", "parameters", "multiply_adds"):
        value = getattr(found, name)
        if value is not None:
            row[name] = value
    return {**row, **found.scores, **score(pair, found.field)}


def main(argv: list[str] | None = None, prog: str = "python -m training.evaluate") -> None:
    """Run a comparison from the command line; ``prog``: the program in its help."""
    parser = _parser(prog)
    arguments = parser.parse_args(argv)
    options = {
        name: getattr(arguments, name)
        for name in ("contrast", "size", "spacing")
        if getattr(arguments, name) is not None
    }
    for name in options:
        if arguments.data not in _OPTIONS[name]:
            parser.error(f"--{name}: only {' and '.join(_OPTIONS[name])} have it")
    if arguments.incomplete:
        if arguments.data not in LAYOUTS or arguments.data == "cardiac-mr":
            parser.error("--incomplete: only published data sets have it")
        options["incomplete"] = True
    use_threads(arguments.threads, arguments.seed)
    pairs = evaluation_pairs(arguments.data, arguments.root, arguments.split, **options)
    pairs = pairs[: arguments.limit]
    dimension = pairs[0].fixed.ndim
    names = default_methods(dimension) if arguments.methods is None else arguments.methods
    methods = build_methods(
        names,
        arguments.models,
        arguments.device,
        arguments.seed,
        arguments.masks if pairs[0].label_names is not None else ["predicted", "no"],
        arguments.segmenter,
        arguments.align,
    )
    if not methods:
        parser.error("nothing to compare: name --methods or --models")
    reference = arguments.reference
    if reference is None:
        reference = SYN_TITLE if SYN_TITLE in methods else next(iter(methods))
    if reference not in methods:
        parser.error(f"--reference: expected one of {', '.join(methods)}, got {reference!r}")
    failed: dict[str, str] = {}
    run: dict[str, Any] = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "data": arguments.data,
        "split": arguments.split if arguments.data in SPLIT_SETS else None,
        "options": options,
        "dimension": dimension,
        "models": arguments.models,
        "align": arguments.align,
        "seed": arguments.seed,
        "machine": describe_machine(),
        # Before and after each method; a load far above the threads means that times are too long.
        "load_average": [load_average()],
        "failed": failed,
    }
    text = "no method gave a result"

    def save(rows: list[Row]) -> None:
        nonlocal text
        run["load_average"].append(load_average())
        text = write_results(arguments.output, rows, run, reference, structure_names(pairs))

    threads = None if arguments.one_process else arguments.threads
    evaluate(pairs, methods, threads, arguments.seed, failed=failed, after=save)
    print(text)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Compare registration methods on one set of pairs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", required=True, choices=DATA_NAMES, metavar="SET", help=(
        f"one of {', '.join(DATA_NAMES)}"))  # fmt: skip
    add("--output", type=Path, required=True, help="folder of the results")
    add("--methods", nargs="*", choices=METHODS, metavar="METHOD", help=(
        f"of {', '.join(METHODS)}; default all installed, in 3D not syn-cc, lddmm"))  # fmt: skip
    add("--models", nargs="*", default=[], help="ids or folders of models, folders of runs")
    add("--reference", metavar="TITLE", help=(
        "row that the others are compared with; default SyN, or the first"))  # fmt: skip
    add("--masks", nargs="+", default=list(MASKS), choices=MASKS, help="of models with regions")
    add("--segmenter", default="auto", help="model of the predicted masks; auto: the model's own")
    add("--align", default="none", help="of models and refinement: none, rigid, affine, ...")
    add("--root", type=Path, help=(
        "folder of the data, or the file of a manifest; default ../shared/data/..."))  # fmt: skip
    add("--split", default="test", help="subjects: test (default), validation, train, all")
    add("--incomplete", action="store_true", help=(
        "go on without subjects of a published data set of which files are missing"))  # fmt: skip
    add("--contrast", choices=["t1", "t2", "random"], help="of brain-mr; default t1")
    add(
        "--size", type=int, nargs="+", metavar="N", help="of brain-mr, manifest: voxels along x y z"
    )
    add("--spacing", type=float, help="of brain-mr, manifest: mm between voxels")
    add("--limit", type=int, help="only the first pairs")
    add("--device", default="auto", help="of models and refinement")
    add("--threads", type=int, default=available_cpus(), help="of all methods")
    add("--seed", type=int, default=1, help="of everything random")
    add("--one-process", action="store_true", help="start faster and do not measure memory")
    return parser


if __name__ == "__main__":
    main()
