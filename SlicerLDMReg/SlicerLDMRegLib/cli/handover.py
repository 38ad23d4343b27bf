"""Commands that a running ``ldmreg serve`` executes, in the place of a new process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from .._memory import address_space_left
from .server_socket import AVAILABLE, receive, send, socket_path

__all__ = ["COMMANDS", "handed_over", "set_variables", "variables"]

#: Commands that gain by it.
COMMANDS = ("register", "repeat", "segment")
_PREFIX = "LDMREG_"


def variables() -> dict[str, str]:
    """Return the environment's variables that LDMReg goes by."""
    return {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}


def set_variables(values: Mapping[str, Any]) -> None:
    """Set these variables, and remove the others of LDMReg; variables of others are left alone."""
    for name in variables():
        del os.environ[name]
    os.environ.update({n: str(v) for n, v in values.items() if n.startswith(_PREFIX)})


def handed_over(argv: Sequence[str]) -> int | None:
    """Let a server execute a command.

    Args:
        argv: arguments of ``ldmreg``.

    Returns:
        The exit code; None where no server runs or it is busy, or where this process has limits
        of memory of its own. The caller executes the command then.
    """
    if not AVAILABLE or not argv or argv[0] not in COMMANDS or address_space_left() is not None:
        return None
    if os.environ.get("LDMREG_SERVER", "").lower() in ("0", "off", "no"):
        return None
    path = socket_path()
    if path is None or not path.is_socket():
        return None
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        umask = os.umask(0o077)
        os.umask(umask)
        request = {
            "argv": list(argv),
            "folder": str(Path.cwd()),
            "umask": umask,
            "variables": variables(),
            "encoding": sys.stdout.encoding,
        }
        sys.stdout.flush()
        sys.stderr.flush()
        with _passing_signals_on(connection):
            send(connection, request, (1, 2))
            answer, _ = receive(connection)
        code = answer.get("code")
        return code if isinstance(code, int) else None
    return None


@contextmanager
def _passing_signals_on(connection: socket.socket) -> Iterator[None]:
    """Tell the server of Ctrl-C and the signals to end; it answers when all is cleaned up.

    The second of them does not wait for that.
    """
    told = False

    def tell(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            raise SystemExit(130)
        told = True
        with contextlib.suppress(OSError):
            connection.send(b"x")

    previous: dict[signal.Signals, Any] = {}
    try:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(name) not in (None, signal.SIG_IGN):
                previous[name] = signal.signal(name, tell)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
