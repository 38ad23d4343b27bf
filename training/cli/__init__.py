"""Command line ``ldmreg-train``: data sets, training, evaluation and export of models.

A command is the ``main`` of a module, which is imported when the command is given: help and usage
errors appear at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from SlicerLDMRegLib._waiting_threads import let_threads_sleep

__all__ = ["COMMANDS", "main"]

#: Module and help text of each command.
COMMANDS: dict[str, tuple[str, str]] = {
    "data": ("training.cli.data", "look at data sets: layout, splits, pairs, labels"),
    "train": ("training.train", "train one stage of a model"),
    "evaluate": ("training.evaluate", "compare registration methods on one set of pairs"),
    "exhibit": ("training.exhibit", "run a table or figure of the papers, beside its figures"),
    "submission": ("training.submissions", "write submissions to Learn2Reg, and evaluate them"),
    "export": ("training.export", "make a model folder of a finished run"),
    "finetune": ("training.finetune", "adapt a model to pairs of your own"),
}
_EPILOG = """\
From the images to a model that the panel lists:

  ldmreg-train data check ~/data/CAMUS
  ldmreg-train train training/configs/ldm-morph-cardiac-mr/vqgan.yaml --output runs/vqgan
  ldmreg-train evaluate --data camus-2ch --root ~/data/CAMUS --output results/camus
  ldmreg-train exhibit ldm-morph-table-1 --root camus-2ch=$HOME/data/CAMUS --rehearse
  ldmreg-train export runs/registration --card training/configs/ldm-morph-cardiac-mr/card.yaml
  ldmreg-train finetune ldm-morph-cardiac-mr mine.csv

ldmreg-train COMMAND --help tells the options of a command, with examples.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: the arguments; those of the process without it.

    Returns:
        0 done, 2 bad usage or input, 3 a problem with a model or its weights, 130 cancelled. A
        method that fails in an evaluation ends it with 1.
    """
    let_threads_sleep(os.environ)
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    name, *rest = arguments
    if name.startswith("-"):
        try:
            parser.parse_args([name])
        except SystemExit as stop:
            return _code(stop)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        print(
            f"ldmreg-train: error: expected a command, {', '.join(COMMANDS)}, got {name!r}{meant}",
            file=sys.stderr,
        )
        return 2
    return _run(name, rest)


def _run(name: str, arguments: Sequence[str]) -> int:
    from SlicerLDMRegLib.errors import LDMRegError, ModelError

    try:
        module = importlib.import_module(COMMANDS[name][0])
        module.main(list(arguments), prog=f"ldmreg-train {name}")
    except SystemExit as stop:
        return _code(stop)
    except KeyboardInterrupt:
        print("ldmreg-train: cancelled", file=sys.stderr)
        return 130
    except (LDMRegError, FileNotFoundError) as error:
        print(f"ldmreg-train: error: {error}", file=sys.stderr)
        return 3 if isinstance(error, ModelError) else 2
    return 0


def _code(stop: SystemExit) -> int:
    """Return the exit code of an end; a text is printed, as Python does."""
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ldmreg-train",
        description="Train and measure registration models of LDMReg.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser
