"""Tables and figures of the papers, run anew: ``ldmreg-train exhibit NAME``."""

from __future__ import annotations

import argparse
import datetime
import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.errors import InputError

from .datasets.evaluation import structure_names
from .datasets.layouts import LAYOUTS
from .evaluate import evaluate
from .exhibits import EXHIBITS, SEGMENTERS, Exhibit, Setting
from .exhibits.figures import draw, draw_pair
from .exhibits.report import Measured, write_exhibit
from .exhibits.run import Choices, adapted, described, methods, pairs_of
from .machine import available_cpus, describe_machine, use_threads
from .result_files import write_results
from .scores import Row, summarise

__all__ = ["main", "run_exhibit"]

_EPILOG = """
exhibits:
{names}

All networks of Table 1 are trained on CAMUS, two chambers, measured, and printed beside the paper's
figures; data sets without a folder are left out. What is trained already is taken:

  ldmreg-train exhibit ldm-morph-table-1 --root camus-2ch=$HOME/data/CAMUS

See first that all works, with small networks and single steps, and what is to be trained:

  ldmreg-train exhibit ldm-morph-table-1 --root camus-2ch=$HOME/data/CAMUS --rehearse
  ldmreg-train exhibit ldm-morph-table-1 --root camus-2ch=$HOME/data/CAMUS --plan

On your own data set, with the same budget for every network, and with a model that exists:

  ldmreg-train exhibit ldm-morph-table-1 --instead camus-2ch=cardiac-mr --root cardiac-mr=DIR \\
      --set registration.steps=3000 --set baseline.steps=3000 --take "Ours=ldm-morph-cardiac-mr"

The same on a CPU, with small networks, each pair tested in one of three folds by patient:

  ldmreg-train exhibit ldm-morph-table-1 --instead camus-2ch=cardiac-mr --root cardiac-mr=DIR \\
      --compact --cross-validate 3

textSCF with the masks of the public SwinUNETR, whose files you name:

  ldmreg-train exhibit textscf-table-5 --root abdomen-ct=DIR --segmenter base=swin_unetr.base.pt
"""


def run_exhibit(
    exhibit: Exhibit,
    choices: Choices,
    output: Path,
    only: Sequence[str] | None = None,
    limit: int | None = None,
    pair: str | None = None,
) -> str:
    """Train what is not there, measure it, and write the exhibit.

    Args:
        exhibit: of :data:`~training.exhibits.EXHIBITS`.
        choices: folders and options.
        output: folder of the exhibit; below it the full evaluation of each data set.
        only: titles of rows; None: all.
        limit: only the first pairs.
        pair: name of the pair that pictures show; None: the first.

    Returns:
        The text of ``exhibit.md``.

    Raises:
        InputError: for a missing folder, a pair that does not exist, or subjects that cannot be
            divided into folds.
    """
    own = adapted(exhibit, choices)
    output.mkdir(parents=True, exist_ok=True)
    done: dict[str, _Part] = {}
    run: dict[str, Any] = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "rehearsal": choices.rehearse,
        "compact": choices.compact,
        "changes": {stage: list(changes) for stage, changes in choices.changes.items()},
    }
    text = ""
    # Turn by turn of a cross-validation, with the exhibit of those done: the rest may take long.
    for fold in range(1, choices.folds + 1) if choices.folds else (0,):
        turn = replace(choices, fold=fold)
        measured = []
        pictures: list[Path] = []
        for setting in own.settings:
            part = done.setdefault(setting.key, _Part())
            picture = _measure(own, setting, turn, output, part, run, only, limit, pair)
            pictures += [] if picture is None else [picture]
            summaries = {row["method"]: row for row in summarise(part.rows)}
            measured.append(Measured(setting, part.pairs, summaries, part.left_out, part.folds))
        pictures += draw(output, own, measured, {key: part.rows for key, part in done.items()})
        text = write_exhibit(output, own, measured, run, choices.rehearse, pictures)
        if own.kind == "pictures":
            break
    return text


@dataclass
class _Part:
    """Measurements of a data set, over the turns of a cross-validation."""

    rows: list[Row] = field(default_factory=list)
    pairs: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    folds: tuple[int, int] | None = None


def _measure(
    exhibit: Exhibit,
    setting: Setting,
    choices: Choices,
    output: Path,
    part: _Part,
    run: Mapping[str, Any],
    only: Sequence[str] | None,
    limit: int | None,
    pair: str | None,
) -> Path | None:
    """Train and measure one data set, add it to its part, and return the picture of a pair."""
    pairs = pairs_of(setting, choices)
    if exhibit.kind == "pictures":
        pairs = [_named(pairs, pair)]
    pairs = pairs[:limit]
    prepared, left_out = methods(exhibit, setting, choices, only)
    if not prepared:
        reasons = "; ".join(f"{title}: {why}" for title, why in left_out.items())
        raise InputError(f"{exhibit.name}: no row can be measured; {reasons or 'check --only'}")
    failed: dict[str, str] = {}
    threads = choices.threads if choices.apart else None
    found = evaluate(pairs, prepared, threads, choices.seed, failed=failed)
    part.left_out |= left_out
    part.left_out |= {title: text.strip().splitlines()[-1] for title, text in failed.items()}
    part.rows += found
    part.pairs += len(pairs)
    part.folds = (choices.fold, choices.folds) if choices.folds else None
    if part.rows:
        about = {"data": setting.data, "split": setting.split, "dimension": pairs[0].fixed.ndim}
        names = structure_names(pairs)
        what = {**run, **about, "folds": part.folds, "failed": failed}
        write_results(output / setting.key, part.rows, what, None, names)
    if exhibit.kind != "pictures":
        return None
    titles = {row["method"] for row in found}
    ready = {title: prepare() for title, prepare in prepared.items() if title in titles}
    file = output / f"{exhibit.name}-{setting.key}.png"
    return draw_pair(file, exhibit, pairs[0], ready)


def _named(pairs: Sequence[Any], name: str | None) -> Any:
    if name is None:
        return pairs[0]
    for pair in pairs:
        if pair.name == name:
            return pair
    raise InputError(f"--pair: expected the name of a pair such as {pairs[0].name}, got {name!r}")


def main(argv: list[str] | None = None, prog: str = "python -m training.exhibit") -> None:
    """Run an exhibit from the command line; ``prog``: the program in its help."""
    parser = _parser(prog)
    arguments = parser.parse_args(argv)
    if arguments.list:
        print("\n".join(_listed()))
        return
    if arguments.name is None:
        parser.error("an exhibit is needed; --list has their names")
    if arguments.name not in EXHIBITS:
        near = difflib.get_close_matches(arguments.name, EXHIBITS, 1)
        meant = f"; did you mean {near[0]}?" if near else "; --list has their names"
        parser.error(f"expected the name of an exhibit, got {arguments.name!r}{meant}")
    exhibit = EXHIBITS[arguments.name]
    titles = [row.title for row in exhibit.rows]
    for title in [*(arguments.only or ()), *_named_values(parser, "--take", arguments.take)]:
        if title not in titles:
            parser.error(f"expected a row of {', '.join(titles)}, got {title!r}")
    choices = Choices(
        runs=arguments.runs,
        roots={k: Path(v).expanduser() for k, v in
               _named_values(parser, "--root", arguments.root, LAYOUTS).items()},
        rehearse=arguments.rehearse,
        changes=_changes(parser, arguments.set),
        taken=_named_values(parser, "--take", arguments.take),
        segmenters=_named_values(parser, "--segmenter", arguments.segmenter, SEGMENTERS),
        lungs=arguments.lungs,
        embeddings=arguments.embeddings,
        instead=_named_values(parser, "--instead", arguments.instead, LAYOUTS),
        incomplete=arguments.incomplete,
        device=arguments.device,
        devices=arguments.devices,
        seed=arguments.seed,
        threads=arguments.threads,
        compact=arguments.compact,
        latents=arguments.latents,
        folds=arguments.cross_validate,
        apart=not arguments.one_process,
    )  # fmt: skip
    if arguments.cross_validate == 1 or arguments.cross_validate < 0:
        parser.error(f"--cross-validate: expected 2 or more, got {arguments.cross_validate}")
    if arguments.plan:
        _print_plan(described(_with_roots(exhibit, choices), choices))
        return
    use_threads(arguments.threads, arguments.seed)
    output = arguments.output or Path("results/exhibits") / exhibit.name
    limit = arguments.limit or (1 if arguments.rehearse else None)
    print(run_exhibit(exhibit, choices, output, arguments.only, limit, arguments.pair))


def _with_roots(exhibit: Exhibit, choices: Choices) -> Exhibit:
    """Return the exhibit on the data sets with a folder, or on all where none is named."""
    return adapted(exhibit, choices) if choices.roots else exhibit


def _print_plan(runs: Sequence[Mapping[str, Any]]) -> None:
    for run in runs:
        state = "finished" if run["finished"] else f"{run['steps']} steps"
        print(f"{run['run']}: {run['config']} {' '.join(run['changes'])}: {state}")
    left = sum(run["steps"] for run in runs if not run["finished"])
    print(f"{len(runs)} runs, {left} steps to train", file=sys.stderr)


def _named_values(
    parser: argparse.ArgumentParser,
    option: str,
    texts: Sequence[str],
    known: Sequence[str] | Mapping[str, Any] | None = None,
) -> dict[str, str]:
    result = {}
    for text in texts:
        name, separator, value = text.rpartition("=") if option == "--take" else text.partition("=")
        if not separator or not value:
            parser.error(f"{option}: expected NAME=VALUE, got {text!r}")
        if known is not None and name not in known:
            parser.error(f"{option}: expected one of {', '.join(known)}, got {name!r}")
        result[name] = value
    return result


def _changes(parser: argparse.ArgumentParser, texts: Sequence[str]) -> dict[str, list[str]]:
    stages = ("vqgan", "ldm", "registration", "textscf", "baseline")
    result: dict[str, list[str]] = {}
    for text in texts:
        stage, separator, change = text.partition(".")
        if stage not in stages or not separator or "=" not in change:
            parser.error(
                f"--set: expected STAGE.KEY=VALUE with a stage of {', '.join(stages)}, got {text!r}"
            )
        result.setdefault(stage, []).append(change)
    return result


def _listed() -> list[str]:
    return [f"{name:<22} {exhibit.title}" for name, exhibit in EXHIBITS.items()]


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run a table or figure of the papers; print the paper's figures beside ours.",
        epilog=_EPILOG.format(names="\n".join(f"  {line}" for line in _listed())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="of an exhibit below")
    add("--list", action="store_true", help="list the exhibits")
    add("--root", action="append", default=[], metavar="SET=DIR", help=(
        "folder of a data set, by the name of its layout"))  # fmt: skip
    add("--output", type=Path, help="folder; default results/exhibits/NAME")
    add("--runs", type=Path, default=Path("runs/exhibits"), help=(
        "folder of the training runs, shared by all exhibits; default runs/exhibits"))  # fmt: skip
    add("--rehearse", action="store_true", help=(
        "small networks, single steps, one pair: whether all works"))  # fmt: skip
    add("--plan", action="store_true", help="print what would be trained, and train nothing")
    add("--compact", action="store_true", help=(
        "small networks with one budget, of the configurations compact, for a CPU"))  # fmt: skip
    add("--latents", metavar="RUN", help=(
        "finished run of the stage ldm, or a model, whose latents LDM-Morph takes"))  # fmt: skip
    add("--cross-validate", type=int, default=0, metavar="N", help=(
        "train and test N times, each time on other subjects, instead of the split"))  # fmt: skip
    add("--only", nargs="+", metavar="ROW", help="rows by their titles; default all")
    add("--take", action="append", default=[], metavar="ROW=RUN", help=(
        "a finished run, or a model, instead of training"))  # fmt: skip
    add("--set", action="append", default=[], metavar="STAGE.KEY=VALUE", help=(
        "change an option of all runs of a stage: vqgan, ldm, registration, textscf, "
        "baseline"))  # fmt: skip
    add("--instead", action="append", default=[], metavar="SET=LAYOUT", help=(
        "another data set in place of one of the exhibit"))  # fmt: skip
    add("--segmenter", action="append", default=[], metavar="NAME=FILE", help=(
        f"weights of SwinUNETR: {', '.join(SEGMENTERS)}; or any other segmenter"))  # fmt: skip
    add("--lungs", type=Path, metavar="DIR", help="Learn2Reg lung CT, for textscf-table-4")
    add("--embeddings", type=Path, metavar="FILE", help=(
        "vectors of the prompts by ada-002 as JSON, for textscf-table-1"))  # fmt: skip
    add("--pair", metavar="NAME", help="pair of a picture; default the first")
    add("--limit", type=int, help="only the first pairs")
    add("--incomplete", action="store_true", help=(
        "go on without subjects of which files are missing"))  # fmt: skip
    add("--device", default="auto", help="of training and measurement: auto, cpu, cuda")
    add("--devices", type=int, default=1, help="of training")
    add("--threads", type=int, default=available_cpus(), help="of every method")
    add("--seed", type=int, default=1, help="of the methods")
    add("--one-process", action="store_true", help=(
        "train and measure in this process; memory is not measured"))  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
