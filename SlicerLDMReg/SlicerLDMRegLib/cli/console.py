"""Parts shared by the commands: exit codes, one-line errors, signals, progress, options."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

from .._memory import address_space_left, is_exhaustion
from .._printable import one_line
from ..errors import CancelledError, InputError, LDMRegError, ModelError, OutOfMemoryError
from .terminal import safe_streams

__all__ = [
    "ProgressBar",
    "add_device",
    "add_loudness",
    "add_share",
    "check_room",
    "progress_bar",
    "run_line",
    "run_safely",
]

_WIDTH = 28  # of the words beside the progress bar
# Address space that torch and SimpleITK need beside Python: with ulimit -v of 1.1 GB and less a
# registration of 2D images ended in errors of all kinds, with 1.4 GB and more it did not.
_ROOM_TO_START = 1_250_000_000

_EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (KeyboardInterrupt, 130),
    (CancelledError, 130),
    (OutOfMemoryError, 4),
    (ModelError, 3),
    (InputError, 2),
    (LDMRegError, 1),
)


def add_device(parser: argparse._ActionsContainer) -> None:
    """Add the option of the device to a command."""
    parser.add_argument("--device", default="auto", metavar="NAME", help=(
        "auto (default), cpu, cuda, cuda:N or mps"))  # fmt: skip


def add_loudness(parser: argparse._ActionsContainer) -> None:
    """Add the options of how much a command prints."""
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="print errors only")
    loudness.add_argument("--verbose", action="store_true", help=(
        "print each stage, warnings, and the traceback of an unexpected error"))  # fmt: skip


def add_share(parser: argparse._ActionsContainer) -> None:
    """Add the option of who may read what a command writes."""
    parser.add_argument("--share", action="store_true", help=(
        "let others read the results as the umask says (default: their owner alone)"))  # fmt: skip


def run_line(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    """Run the command that arguments name, and return its exit code."""
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse ends --help, --version and bad usage like this
        return int(stop.code or 0)
    if arguments.run is None:
        arguments.parser.print_help(sys.stderr)
        return 2
    return run_safely(arguments.run, arguments)


def run_safely(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; turn every way it can fail into one line on stderr and an exit code."""
    verbose = bool(getattr(arguments, "verbose", False))
    signals = _Signals()
    try:
        with signals.interrupting(), warnings.catch_warnings(), safe_streams():
            if not verbose:  # those of libraries do not tell a user of the program what to do
                warnings.simplefilter("ignore")
            return command(arguments)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain when it flushes at exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        return 0
    except BaseException as error:
        if isinstance(error, SystemExit | GeneratorExit):
            raise
        if signals.came and not isinstance(error, KeyboardInterrupt | CancelledError):
            # Libraries turn the interruption of a callback into errors of their own.
            error = KeyboardInterrupt()
        with safe_streams():
            if verbose and not isinstance(error, LDMRegError | KeyboardInterrupt):
                traceback.print_exc()
            if is_exhaustion(error) and not isinstance(error, LDMRegError):
                error = _out_of_memory(error)
            print(f"ldmreg: error: {_text(error)}", file=sys.stderr)
        return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def check_room() -> None:
    """Refuse to import what computes where the shell leaves no room for it.

    Raises:
        OutOfMemoryError: with both figures and what helps.
    """
    left = address_space_left()
    if left is not None and left < _ROOM_TO_START:
        raise OutOfMemoryError(
            f"{_ROOM_TO_START / 2**30:.1f} GiB of address space are needed to begin, and ulimit -v "
            f"leaves {left / 2**30:.1f} GiB; raise it, with ulimit -v unlimited for instance"
        )


def _out_of_memory(error: BaseException) -> OutOfMemoryError:
    if address_space_left() is not None and isinstance(error, ImportError | SystemError):
        return OutOfMemoryError(
            "ulimit -v leaves too little address space to begin; raise it, with ulimit -v "
            "unlimited for instance"
        )
    return OutOfMemoryError(
        "out of memory; use smaller images, or {advice} for a part of them", option="slices"
    )


def _text(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return one_line(f"cancelled; {error}" if str(error) else "cancelled; nothing was written")
    if isinstance(error, LDMRegError):
        return one_line(error.told(_flag))
    return one_line(f"unexpected {type(error).__name__}: {error} (--verbose shows where)")


def _flag(option: str, values: tuple[object, ...]) -> str:
    """Return an option as it is typed."""
    names = {"prompts": "--prompt", "refine.max_seconds": "--max-seconds"}
    name = names.get(option) or "--" + option.replace("_", "-").replace(".", "-")
    if values == (False,):
        return name.replace("--", "--no-", 1)
    return f"{name} {' or '.join(map(str, values))}" if values else name


class _Signals:
    """Ctrl-C and the signals to end, which clean up what is half-written.

    Attributes:
        came: whether one has come.
    """

    def __init__(self) -> None:
        self.came = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise KeyboardInterrupt inside the block for each that is not ignored."""
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        previous: dict[int, Any] = {}
        try:
            for number in (getattr(signal, name) for name in names):
                if signal.getsignal(number) not in (None, signal.SIG_IGN):
                    previous[number] = signal.signal(number, self._interrupt)
        except ValueError:  # not in the main thread: whoever runs us there handles signals
            yield
            return
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def progress_bar(arguments: argparse.Namespace) -> ProgressBar:
    """Return the progress bar for the options of :func:`add_loudness`."""
    return ProgressBar("off" if arguments.quiet else "lines" if arguments.verbose else "auto")


class ProgressBar(AbstractContextManager["ProgressBar"]):
    """Progress of a registration on a terminal, and nothing anywhere else.

    Args:
        mode: ``"auto"``: a bar if stderr is a terminal; ``"lines"``: a line per stage; ``"off"``.
    """

    def __init__(self, mode: str = "auto") -> None:
        self._lines = mode == "lines"
        self._stage = ""
        self._bar: Any = None
        if mode == "auto" and sys.stderr.isatty():
            from tqdm import tqdm

            layout = f"{{desc:<{_WIDTH}}} {{percentage:3.0f}}% |{{bar}}| {{elapsed}}"
            # Without miniters=0 tqdm would guess from the first steps how rarely to look.
            self._bar = tqdm(
                total=1.0, bar_format=layout, leave=False, miniters=0, file=_terminal()
            )

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        """Take a report: the stage, the fraction of the whole job, and an optional remark."""
        if self._bar is not None:
            text = one_line(f"{stage}: {message}" if message else stage)
            self._bar.set_description_str(text[:_WIDTH], refresh=False)
            self._bar.update(fraction - self._bar.n)
            if stage != self._stage:
                self._bar.refresh()
        elif self._lines and stage != self._stage:
            line = one_line(f"{stage}: {message}".rstrip(": "))
            print(f"{fraction:4.0%} {line}", file=sys.stderr)
        self._stage = stage

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _terminal() -> Any:
    """Return standard error itself: the bar goes back to the start of its line."""
    return getattr(sys.stderr, "unsafe", sys.stderr)
