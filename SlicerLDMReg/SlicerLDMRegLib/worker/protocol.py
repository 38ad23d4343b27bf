"""What the client and the worker say to each other: one JSON object a line.

The client writes to the worker's standard input, the worker answers on its standard output; lines
are ASCII. Arrays travel as files, see :mod:`.transfer`.

To the worker (``id`` names the job):

=========  ==========================================  =============================================
type       fields                                      meaning
=========  ==========================================  =============================================
run        id, request, inputs, folder, directory      register; see :class:`RegistrationRequest`
load       id, model, dimension, device, precision     import what is needed, keep the model
cancel     id                                          answered at once with an error
ping       id
quit                                                   as the end of the input: the worker ends
=========  ==========================================  =============================================

From the worker: ``ready`` (protocol, version, python, pid) once; ``progress`` (id, stage, fraction,
message); ``log`` (level, text); ``pong`` (id, busy, models, mib); and for every job one ``done``
(id; the result lies in its folder) or ``error`` (id, kind, text, detail).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["PROTOCOL", "decode", "encode", "lines", "pack", "unpack"]

#: Both sides must say the same number.
PROTOCOL = 1

_DICT, _TUPLE = "$dict", "$tuple"
_CHUNK = 1 << 16


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as a line, its end included."""
    return json.dumps(pack(dict(message)), separators=(",", ":"), default=_plain).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """Return the message in a line; None for anything else, such as the print of a launcher."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    unpacked: dict[str, Any] = unpack(message)
    return unpacked


def lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield complete lines, without their ends, as soon as they are there, until the data ends.

    A last line without an end was cut off in the middle; it is yielded, too.

    Args:
        read: returns some bytes, at most so many, none at the end.
    """
    parts: list[bytes] = []
    while chunk := read(_CHUNK):
        first, *others = chunk.split(b"\n")
        parts.append(first)
        for other in others:
            yield b"".join(parts)
            parts = [other]
    if rest := b"".join(parts):
        yield rest


def pack(value: Any) -> Any:
    """Return a value with everything that JSON would change, keys and tuples, in a form it keeps.

    Example:
        >>> pack({1: (2.0, "a")})
        {'$dict': [[1, {'$tuple': [2.0, 'a']}]]}
        >>> unpack(pack({1: (2.0, "a")}))
        {1: (2.0, 'a')}
    """
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key not in (_DICT, _TUPLE) for key in value):
            return {key: pack(item) for key, item in value.items()}
        return {_DICT: [[pack(key), pack(item)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {_TUPLE: [pack(item) for item in value]}
    if isinstance(value, list):
        return [pack(item) for item in value]
    return value


def unpack(value: Any) -> Any:
    """Undo :func:`pack`."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_DICT}:
        return {unpack(key): unpack(item) for key, item in value[_DICT]}
    if value.keys() == {_TUPLE}:
        return tuple(unpack(item) for item in value[_TUPLE])
    return {key: unpack(item) for key, item in value.items()}


def _plain(value: Any) -> Any:
    """Return a number of numpy's as a number of Python's."""
    if callable(getattr(value, "item", None)):
        return value.item()
    raise TypeError(f"a message cannot hold a {type(value).__name__}")
