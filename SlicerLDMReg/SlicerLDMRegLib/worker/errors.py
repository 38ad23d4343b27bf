"""Errors on their way between two processes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Any

from ..errors import CancelledError, InputError, LDMRegError, ModelError, OutOfMemoryError

__all__ = ["WorkerError", "cancellation", "describe_error", "restore_error"]

_KINDS: dict[str, type[LDMRegError]] = {
    kind.__name__: kind
    for kind in (InputError, ModelError, OutOfMemoryError, CancelledError, LDMRegError)
}
_UNEXPECTED = "unexpected"


class WorkerError(LDMRegError):
    """The worker process could not be started, ended before its time, or met a fault of LDMReg.

    Attributes:
        detail: what helps to find out why: the traceback, or the last lines of the process.
    """

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail


def cancellation(stage: str, output: str | None) -> CancelledError:
    """Return the error of a job that was cancelled.

    Args:
        stage: the last one that the job began.
        output: the folder in which its request wants the results; None: in none.
    """
    if output is None or stage not in ("save", "transfer"):
        return CancelledError("the registration was cancelled; nothing was written")
    when = "while its results were being" if stage == "save" else "after its results were"
    return CancelledError(f"the registration was cancelled {when} written to {output}")


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return an error as plain data: ``kind``, ``text`` (one line), ``detail``, and its option."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # of other people's errors
        text = "no text"
    kind = next((name for name, own in _KINDS.items() if type(error) is own), None)
    if kind is not None and isinstance(error, LDMRegError):
        about = {"option": error.option, "value": error.value}
        return {"kind": kind, "text": " ".join(error.text.split()), "detail": "", **about}
    if isinstance(error, MemoryError):
        text = "out of memory; use smaller images, or a part of them"
        return {"kind": "OutOfMemoryError", "text": text, "detail": ""}
    text = f"unexpected {type(error).__name__}: {text}"
    if isinstance(error, ImportError) and error.name:
        text = f"the package {error.name.partition('.')[0]} is missing in {sys.executable}"
    return {
        "kind": _UNEXPECTED,
        "text": text,
        "detail": "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }


def restore_error(description: Mapping[str, Any]) -> LDMRegError:
    """Return the error that :func:`describe_error` was given; any other kind as a WorkerError."""
    text = str(description.get("text", ""))
    kind = _KINDS.get(str(description.get("kind")))
    if kind is None:
        return WorkerError(text, str(description.get("detail", "")))
    return kind(text, option=description.get("option"), value=description.get("value"))
