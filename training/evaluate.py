"""Compare registration methods on one set of pairs, in one run: ``python -m training.evaluate``."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .baselines import Method, demons, identity, ldmreg_method, syn, syn_cc
from .baselines.syn import require_ants
from .datasets.evaluation import EVALUATION_SETS, EvaluationPair, evaluation_pairs
from .machine import available_cpus, describe_machine, load_average, use_threads
from .scores import Row, score, write_results

__all__ = ["METHODS", "build_methods", "evaluate", "main"]

#: Methods without a model, by the names that the command line knows.
METHODS = ("identity", "demons", "syn", "syn-cc", "refinement")

_EPILOG = """
All methods get the same pairs, threads and scores, one after the other in one process. Times are
comparable with each other, not with those of other machines.

  python -m training.evaluate --data cardiac-mr --models ldm-morph-cardiac-mr --output results/eval
"""


def build_methods(
    names: Sequence[str], models: Sequence[str], device: str = "auto", seed: int = 0
) -> dict[str, Callable[[], Method]]:
    """Return what prepares each method, by its title in the table.

    Args:
        names: of :data:`METHODS`.
        models: ids or folders of models; each gives two methods, without and with refinement.
        device: of models and refinement.
        seed: of models and refinement.

    Raises:
        ValueError: for an unknown name.
        ImportError: when ANTs is needed and not installed.
    """
    for name in names:
        if name not in METHODS:
            raise ValueError(f"methods must be among {', '.join(METHODS)}, got {name!r}")
    if {"syn", "syn-cc"} & set(names):
        require_ants()
    known: dict[str, tuple[str, Callable[[], Method]]] = {
        "identity": ("Identity", lambda: identity),
        "demons": ("Demons (SimpleITK)", lambda: demons),
        "syn": ("SyN (ANTs, default)", lambda: syn),
        "syn-cc": ("SyN-CC (ANTs, as in the LDM-Morph paper)", lambda: syn_cc),
        "refinement": ("Refinement alone", _ldmreg(None, True, device, seed)),
    }
    methods = dict(known[name] for name in names)
    for model in models:
        title = Path(model).name
        if title in methods:
            title = model
        methods[title] = _ldmreg(model, False, device, seed)
        methods[f"{title} + refinement"] = _ldmreg(model, True, device, seed)
    return methods


def _ldmreg(model: str | None, refine: bool, device: str, seed: int) -> Callable[[], Method]:
    return lambda: ldmreg_method(model, refine, device, seed)


def evaluate(
    pairs: Sequence[EvaluationPair],
    methods: Mapping[str, Callable[[], Method]],
    progress: bool = True,
) -> list[Row]:
    """Register every pair with every method and score the fields.

    Args:
        pairs: at least one.
        methods: of :func:`build_methods`.
        progress: whether to show a bar.

    Returns:
        One row for each method and pair: ``method``, ``pair``, ``seconds`` and the scores of
        :func:`training.scores.score`.
    """
    rows: list[Row] = []
    with tqdm(total=len(methods) * len(pairs), disable=not progress, unit="pair") as bar:
        for title, prepare in methods.items():
            bar.set_description(title)
            method = prepare()
            # A first call loads libraries and plans; mirrored, so that no cache knows the pair.
            method(*(np.ascontiguousarray(i[::-1]) for i in (pairs[0].fixed, pairs[0].moving)))
            for pair in pairs:
                found = method(pair.fixed, pair.moving)
                rows.append(
                    {
                        "method": title,
                        "pair": pair.name,
                        "seconds": found.seconds,
                        **score(pair, found.field),
                    }
                )
                bar.update()
    return rows


def main(argv: list[str] | None = None) -> None:
    """Run a comparison from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Compare registration methods on one set of pairs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, choices=list(EVALUATION_SETS))
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--models", nargs="*", default=[], help="ids or folders of models")
    parser.add_argument("--root", type=Path, help="folder of the data; default ../shared/data/...")
    parser.add_argument("--split", default="test", help="patients of cardiac-mr: test, validation")
    parser.add_argument("--limit", type=int, help="only the first pairs")
    parser.add_argument("--device", default="auto", help="of models and refinement")
    parser.add_argument("--threads", type=int, default=available_cpus(), help="of all methods")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    arguments = parser.parse_args(argv)
    use_threads(arguments.threads, arguments.seed)
    pairs = evaluation_pairs(arguments.data, arguments.root, arguments.split)[: arguments.limit]
    methods = build_methods(arguments.methods, arguments.models, arguments.device, arguments.seed)
    if not methods:
        parser.error("nothing to compare: name --methods or --models")
    machine, load = describe_machine(), [load_average()]
    rows = evaluate(pairs, methods)
    load.append(load_average())
    run = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "data": arguments.data,
        "split": arguments.split if arguments.data == "cardiac-mr" else None,
        "models": arguments.models,
        "seed": arguments.seed,
        "machine": machine,
        "load_average": load,  # before and after; much above the threads: times are too long
    }
    print(write_results(arguments.output, rows, run))


if __name__ == "__main__":
    main()
