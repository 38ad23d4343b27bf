"""``ldmreg check``: whether the installation works."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..errors import LDMRegError
from .console import add_device, add_loudness, check_room, progress_bar

__all__ = ["add_check", "run_check"]

_DESCRIPTION = """\
Look at packages, folders, disk, memory and models, and register two small generated images. One
line says that all is well (exit code 0), or what is wrong first and what to do (exit code 1; where
memory runs out, 4)."""


def add_check(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check", help="check that the installation works", description=_DESCRIPTION
    )
    parser.set_defaults(run=run_check)
    add_device(parser)
    add_loudness(parser)


def run_check(arguments: argparse.Namespace) -> int:
    """Print one line; raise what is wrong."""
    check_room()
    started = time.monotonic()
    try:
        from ..pipeline.installation_check import (
            check_request,
            check_summary,
            installation_problems,
        )

        problems = installation_problems()
        if problems:
            raise LDMRegError(problems[0])
        from ..pipeline import Progress, Runner

        with progress_bar(arguments) as bar:
            result = Runner().run(check_request(arguments.device), Progress(bar))
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        raise LDMRegError(
            f"the package {name or error} cannot be imported; install it again"
        ) from error
    summary = check_summary(result, time.monotonic() - started)
    if not arguments.quiet:
        print(summary)
    return 0
