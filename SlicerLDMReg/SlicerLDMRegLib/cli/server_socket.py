"""Socket between ``ldmreg serve`` and the commands of the same user, and what is said over it.

The socket lies in a folder that its owner alone can enter. A command hands its standard output and
error over, then a JSON object: its arguments, working directory, umask and variables. The answer is
a JSON object with the exit code. A server and its commands are of one installation: the name of the
socket is made of the version, the place of the library and the interpreter.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import InputError

__all__ = ["AVAILABLE", "ServerSocketError", "receive", "send", "socket_path"]

#: Whether this system can hand open files over.
AVAILABLE = hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")
_MOST = 2**20  # bytes of a message: as long as the arguments of a command can be
_SECONDS = 5.0  # that a message may take


class ServerSocketError(OSError):
    """A message that is no message, or too long."""


def socket_path(make: bool = False) -> Path | None:
    """Return where the socket of this user and installation lies.

    Args:
        make: make the folder where it is missing.

    Returns:
        None where the folder is missing or is not safe.

    Raises:
        InputError: with ``make``, for a folder that others can enter, or that is not ours.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path(tempfile.gettempdir(), f"ldmreg-{os.getuid()}")
    folder = base / "ldmreg" if runtime else base
    if make:
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        state = folder.lstat()
    except OSError:
        return None
    safe = stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid()
    if not safe or state.st_mode & 0o077:
        if make:
            raise InputError(
                f"{folder}: expected a folder that you alone can enter; remove it, or set "
                "XDG_RUNTIME_DIR to a folder of your own"
            )
        return None
    installation = "\n".join((__version__, str(Path(__file__).resolve()), sys.executable))
    name = hashlib.sha256(installation.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return folder / f"{name}.sock"


def send(connection: socket.socket, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
    """Send a message, with open files."""
    data = json.dumps(message).encode("ascii")
    length = struct.pack(">I", len(data))
    if files:
        socket.send_fds(connection, [length], files)
    else:
        connection.sendall(length)
    connection.sendall(data)


def receive(connection: socket.socket, files: int = 0) -> tuple[dict[str, Any], list[int]]:
    """Receive a message, and ``files`` open files, which the caller closes.

    Raises:
        ServerSocketError: when something else comes.
        OSError: when nothing comes.
    """
    connection.settimeout(_SECONDS if files else None)
    received: list[int] = []
    try:
        if files:
            head, received, _, _ = socket.recv_fds(connection, 4, files)
        else:
            head = connection.recv(4)
        if len(head) != 4 or len(received) != files:
            raise ServerSocketError("expected a message, got the end of the connection")
        (length,) = struct.unpack(">I", head)
        if length > _MOST:
            raise ServerSocketError(f"expected at most {_MOST} bytes, got {length}")
        data = b""
        while len(data) < length:
            part = connection.recv(length - len(data))
            if not part:
                raise ServerSocketError(f"expected {length} bytes, got {len(data)}")
            data += part
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ServerSocketError("expected a JSON object")
    except (OSError, ValueError, RecursionError) as error:
        for number in received:
            os.close(number)
        raise error if isinstance(error, OSError) else ServerSocketError(str(error)) from error
    return message, received
