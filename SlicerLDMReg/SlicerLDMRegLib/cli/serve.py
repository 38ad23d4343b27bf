"""``ldmreg serve``: a process that stays ready, so that commands take as long as they compute."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import io
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError
from .console import run_line
from .handover import COMMANDS, set_variables, variables
from .server_socket import AVAILABLE, receive, send, socket_path

__all__ = ["add_serve", "run_serve"]

_EPILOG = """\
examples:
  ldmreg serve &
  ldmreg register --fixed ed.nrrd --moving es.nrrd --output results      (executed by the server)
  LDMREG_SERVER=off ldmreg register ...                                  (not by the server)
"""


def add_serve(commands: Any, root: argparse.ArgumentParser) -> None:
    """Add the command; ``root`` is the parser of ``ldmreg``."""
    parser = commands.add_parser(
        "serve",
        help="stay ready, so that register, repeat and segment start at once",
        description=(
            "Stay ready with libraries and models in memory. As long as it runs, register, repeat "
            "and segment of the same user and\ninstallation are executed by it, one at a time; "
            "one that comes meanwhile starts a process of its own. Ctrl-C ends it."
        ),
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_serve, root=root)
    parser.add_argument("--idle", type=float, default=60.0, metavar="MINUTES", help=(
        "end after this time without a command (default 60)"))  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C, a signal to end, or the time without a command is over."""
    if not AVAILABLE:
        raise InputError("serve: expected a system with Unix sockets; Windows does without it")
    if not arguments.idle > 0:
        raise InputError(f"--idle: expected more than 0 minutes, got {arguments.idle}")
    path = socket_path(make=True)
    assert path is not None
    with contextlib.suppress(KeyboardInterrupt), _listening(path) as listener:
        from .. import pipeline

        pipeline.Runner  # noqa: B018  # imports torch and all that a registration needs
        if not arguments.quiet:
            print(f"ready, until Ctrl-C or {arguments.idle:g} minutes without a command")
            sys.stdout.flush()
        _Server(listener, 60 * arguments.idle, partial(run_line, arguments.root)).run()
    return 0


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as probe:
        if path.exists():
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink()  # of a server that was killed
            else:
                raise InputError("serve: expected that no server runs yet, and one does")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    try:
        path.chmod(0o600)
        listener.listen(16)
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


class _Server:
    """Executes one command after the other in the main thread.

    Args:
        listener: a listening socket.
        idle: seconds without a command after which it ends.
        execute: runs a line of arguments, and returns its exit code.
    """

    def __init__(
        self, listener: socket.socket, idle: float, execute: Callable[[list[str]], int]
    ) -> None:
        self._listener, self._idle, self._run_line = listener, idle, execute
        self._last = time.monotonic()

    def run(self) -> None:
        while time.monotonic() - self._last < self._idle:
            left = self._idle - (time.monotonic() - self._last)
            ready, _, _ = select.select([self._listener], [], [], max(0.0, left))
            if ready:
                connection, _ = self._listener.accept()
                with connection:
                    if not self._serve(connection):
                        return
                self._last = time.monotonic()

    def _serve(self, connection: socket.socket) -> bool:
        """Execute the command of a connection; return whether to go on."""
        if not _is_ours(connection):
            return True
        try:
            request, files = receive(connection, files=2)
        except OSError:
            return True
        watch = _Watch(connection, self._listener)
        try:
            with watch:
                code = _execute(request, files, self._run_line)
        except KeyboardInterrupt:  # came when the command was at its end
            code = 130
        finally:
            for number in files:
                os.close(number)
        with contextlib.suppress(OSError):
            send(connection, {"code": code})
        return code != 130 or watch.cancelled


class _Watch:
    """While a command runs: passes its cancel on, and tells others that the server is busy.

    Attributes:
        cancelled: whether the command was cancelled by its caller, or its caller is gone.
    """

    def __init__(self, connection: socket.socket, listener: socket.socket) -> None:
        self.cancelled = False
        self._connection, self._listener = connection, listener
        self._awake, self._wake = socket.socketpair()
        self._lock, self._running = threading.Lock(), True
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running = False
        self._wake.send(b"x")
        self._thread.join()
        self._wake.close()
        self._awake.close()

    def _look(self) -> None:
        looked_at = [self._connection, self._listener, self._awake]
        while True:
            ready, _, _ = select.select(looked_at, [], [])
            if self._awake in ready:
                return
            if self._listener in ready:
                with contextlib.suppress(OSError):
                    other, _ = self._listener.accept()
                    with other:
                        send(other, {"busy": True})
            if self._connection in ready:
                looked_at.remove(self._connection)
                with self._lock:
                    if self._running:
                        self.cancelled = True
                        # Not SIGINT, which a server in the background of a script may not get.
                        signal.raise_signal(signal.SIGTERM)


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other side is a process of the same user, as far as the system tells."""
    kind = getattr(socket, "SO_PEERCRED", None)
    if kind is None:
        return True  # the folder of the socket lets no other in
    credentials = connection.getsockopt(socket.SOL_SOCKET, kind, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.getuid())


def _execute(
    request: dict[str, Any], files: Sequence[int], run: Callable[[list[str]], int]
) -> int | None:
    """Return the exit code of a command; None for a request that makes no sense."""
    argv, folder, umask = (request.get(name) for name in ("argv", "folder", "umask"))
    others = request.get("variables")
    good = isinstance(argv, list) and all(isinstance(word, str) for word in argv)
    good = good and isinstance(folder, str) and isinstance(umask, int) and isinstance(others, dict)
    if not good or not argv or argv[0] not in COMMANDS:
        return None
    assert isinstance(argv, list) and isinstance(folder, str)
    assert isinstance(umask, int) and isinstance(others, dict)
    encoding = request.get("encoding")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_changed(str(Path.cwd()), folder, os.chdir))
        except OSError:
            return None
        before = os.umask(umask)
        stack.callback(os.umask, before)
        stack.enter_context(_changed(variables(), others, set_variables))
        stack.enter_context(_standard_files(files, encoding if isinstance(encoding, str) else None))
        if "--verbose" in argv:
            print(f"executed by ldmreg serve, process {os.getpid()}", file=sys.stderr)
        return run(argv)


@contextmanager
def _changed(old: Any, new: Any, change: Callable[[Any], None]) -> Iterator[None]:
    change(new)
    try:
        yield
    finally:
        change(old)


@contextmanager
def _standard_files(files: Sequence[int], encoding: str | None) -> Iterator[None]:
    """Let standard output and error, those of C libraries as well, be given files."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        stream.flush()
    own = [os.dup(number) for number in (1, 2)]
    try:
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(file, number)
        sys.stdout, sys.stderr = (_text(number, encoding) for number in (1, 2))
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        sys.stdout, sys.stderr = streams
        for number, copy in zip((1, 2), own, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _text(number: int, encoding: str | None) -> io.TextIOWrapper:
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        encoding = "utf-8"
    raw = open(number, "wb", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        raw,
        encoding=encoding or "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or os.isatty(number),  # as those of any process
    )
