"""Messages come out as they went in, whatever the pipe makes of them."""

from __future__ import annotations

import doctest
import json
import math
from collections.abc import Iterable

import numpy as np
import pytest

from SlicerLDMRegLib.errors import CancelledError, InputError, ModelError, OutOfMemoryError
from SlicerLDMRegLib.worker import WorkerError, protocol
from SlicerLDMRegLib.worker.errors import describe_error, restore_error
from SlicerLDMRegLib.worker.protocol import decode, encode, lines


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
    "line", [b"", b"hello", b"5", b"[]", b'{"type": 5}', b'{"id": "a', b"\xff"]
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
