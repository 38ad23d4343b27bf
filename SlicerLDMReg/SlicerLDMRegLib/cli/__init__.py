"""Command line ``ldmreg``: ``register``, ``repeat``, ``segment``, ``models`` and the others.

Nothing here imports torch before a command needs it, so that help and lists appear at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .._waiting_threads import let_threads_sleep
from .console import run_line
from .handover import handed_over
from .parser import build_parser

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: the arguments; those of the process without it.

    Returns:
        0 done, 1 unexpected error, 2 bad usage or input, 3 a problem with a model, 4 out of memory,
        5 and 6 the verdict is Check or Bad (``register --strict``), 7 repeated with another
        result, 8 some pairs of a cohort failed, 130 cancelled.
    """
    let_threads_sleep(os.environ)
    words = list(sys.argv[1:] if argv is None else argv)
    code = handed_over(words) if argv is None else None
    return run_line(build_parser(), words) if code is None else code
