"""Messages between the client and the worker: one JSON object a line.

The client writes to the worker's standard input, the worker answers on its standard output; lines
are ASCII. Arrays travel as files, see :mod:`.transfer`.

To the worker (``id`` names the job):

=========  ==========================================  =============================================
type       fields                                      meaning
=========  ==========================================  =============================================
run        id, request, inputs, folder, directory      register; see :class:`RegistrationRequest`
load       id, model, dimension, device, precision     import what is needed, keep the model
cancel     id                                          answered at once with an error; the text of
                                                       it tells whether results were written
ping       id
quit                                                   as the end of the input: the worker ends
=========  ==========================================  =============================================

From the worker: ``ready`` (protocol, version, python, pid) once; ``progress`` (id, stage, fraction,
message); ``log`` (level, text); ``pong`` (id, busy, models, mib); and for every job one ``done``
(id; the result lies in its folder) or ``error`` (id, kind, text, detail).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .._printable import shown

__all__ = [
    "FROM_WORKER",
    "PROTOCOL",
    "TO_WORKER",
    "decode",
    "encode",
    "from_json",
    "lines",
    "output_of",
    "problem_of",
    "to_json",
    "write_all",
]

#: Both sides must say the same number.
PROTOCOL = 1

#: Fields without which a message cannot be understood, by the type of the message.
TO_WORKER: dict[str, tuple[str, ...]] = {
    "run": ("id", "request", "folder"),
    "load": ("id",),
    "cancel": ("id",),
    "ping": ("id",),
}
FROM_WORKER: dict[str, tuple[str, ...]] = {
    "ready": ("protocol",),
    "progress": ("id", "stage", "fraction", "message"),
    "log": ("level", "text"),
    "pong": ("id", "models", "mib"),
    "done": ("id",),
    "error": ("id", "text"),
}
# Kinds of values, and the fields that hold them in every message.
_FIELDS: tuple[tuple[tuple[type, ...], str, tuple[str, ...]], ...] = (
    ((str,), "a text", ("id", "folder", "directory", "model", "device", "precision")),
    ((str,), "a text", ("stage", "message", "level", "text", "busy")),
    ((int,), "an integer", ("dimension", "protocol", "pid")),
    ((int, float), "a finite number", ("fraction", "mib")),
    ((dict,), "an object", ("request", "inputs")),
    ((list,), "a list", ("models",)),
)
_LEVELS = ("debug", "info", "warning", "error", "critical", "notset")
_DICT, _TUPLE = "$dict", "$tuple"
_CHUNK = 1 << 16
# Bytes of a line: arrays travel as files, so that a longer one is none of ours, and need not fit
# into memory. The values of JSON take up to thirty times as much; 100,000 names of labels are 3 MB.
_LONGEST = 1 << 25
_LONGEST_ID = 100  # characters: it is the name of a folder, too
_LARGEST = 2**31 - 1  # integer: the number of a process is one


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as a line, its end included."""
    return to_json(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """Return the message in a line; None for anything else, such as the print of a launcher."""
    try:
        message = from_json(line)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    return message


def problem_of(message: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> str:
    """Return why a message cannot be understood, empty when it can.

    Args:
        message: from :func:`decode`.
        known: :data:`TO_WORKER` or :data:`FROM_WORKER`.
    """
    kind = message["type"]
    if kind not in known:
        return f"message: expected a type among {', '.join(known)}, got {shown(kind)}"
    for types, text, names in _FIELDS:
        for name in names:
            value = message.get(name)
            if value is None and name not in known[kind]:
                continue
            if not isinstance(value, types) or not _is_sound(name, value):
                return f"message {kind!r}: expected {text} as {name}, got {shown(value)}"
    return ""


def _is_sound(name: str, value: Any) -> bool:
    """Whether a value of the right type can be one of a field."""
    if name == "id":
        return len(value) <= _LONGEST_ID
    if name == "level":
        return value in _LEVELS
    if name == "pid":
        # No other number is a process: kill would take -1 for all processes.
        return not isinstance(value, bool) and 1 < value <= _LARGEST
    if isinstance(value, int | float):
        return not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
    return True


def output_of(message: Mapping[str, Any]) -> str | None:
    """Return the folder in which the request of a message wants its results; None without one."""
    request = message.get("request")
    output = request.get("output") if isinstance(request, Mapping) else None
    return output if isinstance(output, str) else None


def lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield complete lines, without their ends, as soon as they are there, until the data ends.

    A last line without an end was cut off in the middle; it is yielded, too. Of a line that is too
    long for a message, the beginning is yielded.

    Args:
        read: returns some bytes, at most so many, none at the end.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := read(_CHUNK):
        first, *others = chunk.split(b"\n")
        size += len(first)
        if size <= _LONGEST:
            parts.append(first)
        for other in others:
            yield b"".join(parts)
            parts, size = [other], len(other)
    if rest := b"".join(parts):
        yield rest


def write_all(write: Callable[[memoryview], int | None], line: bytes) -> None:
    """Write a line to a pipe that may take a part only, and tells how many bytes it took."""
    rest = memoryview(line)
    while rest:
        rest = rest[write(rest) :]


def to_json(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return a value as JSON; what JSON would change, keys and tuples, is in a form that it keeps.

    Args:
        value: plain data.
        default: called for other values, returns plain data; None: numbers of numpy only.

    Raises:
        TypeError: for a value that JSON cannot hold.

    Example:
        >>> to_json({1: (2.0, "a")})
        '{"$dict":[[1,{"$tuple":[2.0,"a"]}]]}'
        >>> from_json(to_json({1: (2.0, "a")}))
        {1: (2.0, 'a')}
    """
    return json.dumps(_packed(value), separators=(",", ":"), default=default or _plain)


def from_json(text: str | bytes) -> Any:
    """Undo :func:`to_json`."""
    return json.loads(text, object_hook=_restored)


def _packed(value: Any) -> Any:
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key not in (_DICT, _TUPLE) for key in value):
            return {key: _packed(item) for key, item in value.items()}
        return {_DICT: [[_packed(key), _packed(item)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {_TUPLE: [_packed(item) for item in value]}
    return [_packed(item) for item in value] if isinstance(value, list) else value


def _restored(value: dict[str, Any]) -> Any:
    if value.keys() == {_DICT}:
        return {key: item for key, item in value[_DICT]}
    return tuple(value[_TUPLE]) if value.keys() == {_TUPLE} else value


def _plain(value: Any) -> Any:
    """Return a number of numpy's as a number of Python's."""
    if callable(getattr(value, "item", None)):
        return value.item()
    raise TypeError(f"a message cannot hold a {type(value).__name__}")
