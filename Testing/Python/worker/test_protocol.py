"""Messages come out as they went in, whatever the pipe makes of them."""

from __future__ import annotations

import doctest
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError, ModelError, OutOfMemoryError
from SlicerLDMRegLib.worker import WorkerError, protocol
from SlicerLDMRegLib.worker.errors import describe_error, restore_error
from SlicerLDMRegLib.worker.protocol import TO_WORKER, decode, encode, lines, problem_of


def through(data: Iterable[bytes]) -> list[bytes]:
    """Lines of data that arrives in these pieces."""
    pieces = iter([*data, b""])
    return list(lines(lambda size: next(pieces)))


def test_a_message_is_one_ascii_line_and_comes_back_equal() -> None:
    message = {
        "type": "run",
        "path": "C:\\Bilder ü\n\udc80\\🧠.nrrd",
        "dice": {1: 0.5, 2: {3: None}},
        "size": (3, [4, (5,)]),
        "odd": {"$dict": {"$tuple": []}},
        "seconds": np.float32(0.25),
    }
    line = encode(message)
    assert line.isascii() and line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode(line) == message
    assert type(decode(line)["size"]) is tuple
    nan = decode(encode({"type": "x", "value": math.nan}))
    assert nan is not None and math.isnan(nan["value"])


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"hello", b"5", b"[]", b'{"type": 5}', b'{"id": "a', b"\xff"),
        b'{"type": "x", "id": {"$dict": 5}}',
        b'{"type": "x", "id": {"$dict": [[[], 5]]}}',
        b'{"type": "x", "id": {"$tuple": 5}}',
        b'{"type": ' * 10_000 + b'"x"' + b"}" * 10_000,
    ],
    ids=lambda line: line[:40].decode("latin-1"),
)
def test_anything_else_is_no_message(line: bytes) -> None:
    assert decode(line) is None


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode({"type": "x", "value": object()})


def test_lines_are_found_in_any_pieces() -> None:
    assert through([b"a", b"b\nc\n\nd", b"", b"never"]) == [b"ab", b"c", b"", b"d"]
    assert through([b"cut off"]) == [b"cut off"]
    assert through([b"whole\n"]) == [b"whole"]
    data = encode({"type": "log", "text": "ü" * 3_000_000})
    pieces = [data[start : start + 65536] for start in range(0, len(data), 65536)]
    (line,) = through(pieces)
    assert decode(line) == {"type": "log", "text": "ü" * 3_000_000}


def test_a_line_that_is_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_LONGEST", 10)
    pieces = [b"a\n", *[b"12345"] * 100, b"\nb\n1234567890\n", *[b"x"] * 12]
    assert through(pieces) == [b"a", b"1234512345", b"b", b"1234567890", b"x" * 10]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"type": "cancel", "id": "a"}, ""),
        ({"type": "load", "id": "a", "model": None}, ""),
        ({"type": "done", "id": "a"}, "expected a type among run, load, cancel, ping, got 'done'"),
        ({"type": "cancel"}, "message 'cancel': expected a text as id, got None"),
        ({"type": "load", "id": "a", "dimension": 2.5}, "expected an integer as dimension, got 2"),
        ({"type": "run", "id": "a", "request": "x" * 1000, "folder": ""}, "an object as request"),
    ],
)
def test_what_is_wrong_with_a_message(message: dict[str, Any], problem: str) -> None:
    found = problem_of(message, TO_WORKER)
    assert problem in found and bool(problem) == bool(found) and len(found) < 200


@pytest.mark.parametrize("kind", [InputError, ModelError, OutOfMemoryError, CancelledError])
def test_known_errors_come_back_as_they_were(kind: type[Exception]) -> None:
    error = restore_error(json.loads(json.dumps(describe_error(kind("what to do")))))
    assert type(error) is kind and str(error) == "what to do"


def test_unknown_errors_tell_where_they_come_from() -> None:
    try:
        raise KeyError("a\nb")
    except KeyError as error:
        restored = restore_error(describe_error(error))
    assert isinstance(restored, WorkerError)
    assert str(restored).startswith("unexpected KeyError: ") and "\n" not in str(restored)
    assert "test_protocol.py" in restored.detail
    assert isinstance(restore_error(describe_error(MemoryError())), OutOfMemoryError)
    missing = str(restore_error(describe_error(ModuleNotFoundError("no", name="torch.nn"))))
    assert missing.startswith("the package torch is missing in ")


def test_example_is_true() -> None:
    assert doctest.testmod(protocol) == (0, 2)
