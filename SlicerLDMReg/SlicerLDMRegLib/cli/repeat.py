"""``ldmreg repeat``."""

from __future__ import annotations

import argparse
from typing import Any

from .console import add_loudness, check_room, progress_bar

__all__ = ["DIFFERENT", "add_repeat"]

#: Exit code of a repetition whose result has other bits.
DIFFERENT = 7
_EPILOG = """\
examples:
  ldmreg repeat results/report.json
  ldmreg repeat results/report.json --output again --device cpu
  ldmreg repeat results/report.json --fixed moved/ed.nrrd
"""


def add_repeat(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "repeat",
        help="run the registration of a report again, and compare",
        description=(
            "Run the registration of a report again, with its inputs, options, model and numbers "
            "of threads, and compare the\nresults bit by bit. The exit code is 0 when all bits are "
            f"the same, {DIFFERENT} when they are not; what differs of inputs,\noptions, model, "
            "versions and machine is printed in any case."
        ),
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_repeat)
    parser.add_argument("report", metavar="REPORT", help="report.json, or the folder that holds it")
    parser.add_argument("--output", metavar="DIR", help="folder for the results (default: none)")
    for role in ("fixed", "moving"):
        parser.add_argument(f"--{role}", metavar="IMAGE", help=(
            f"where the {role} image lies now, if it has moved"))  # fmt: skip
    parser.add_argument("--device", metavar="NAME", help=(
        "another device than then: cpu, cuda, cuda:N or mps"))  # fmt: skip
    add_loudness(parser)


def run_repeat(arguments: argparse.Namespace) -> int:
    """Register again, tell what is the same and what is not."""
    check_room()
    names = ("fixed", "moving", "device")
    changes = {name: getattr(arguments, name) for name in names}
    from ..pipeline import Progress, repeat
    from .kept_runner import kept_runner

    with progress_bar(arguments) as bar:
        again = repeat(
            arguments.report,
            output=arguments.output,
            progress=Progress(bar),
            runner=kept_runner(),
            **{name: value for name, value in changes.items() if value is not None},
        )
    if not arguments.quiet or not again.same:
        same = "the same bits" if again.same else "other bits"
        print(f"{arguments.report}: {same} in the field, its inverse and the warped image")
        for difference in again.differences:
            print(f"  {difference}")
        if not (again.same or again.differences):
            print("  nothing else differs: something in this computer is not deterministic")
    return 0 if again.same else DIFFERENT
