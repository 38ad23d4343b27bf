"""Noting when, or where, the real functions are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

__all__ = ["note_calls"]

T = TypeVar("T")


def note_calls(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, what: Callable[[], T]
) -> list[T]:
    """Return the list that gets ``what()`` with each call of a function, which runs as ever."""
    noted: list[T] = []
    function = getattr(place, name)

    def called(*arguments: Any, **options: Any) -> Any:
        noted.append(what())
        return function(*arguments, **options)

    monkeypatch.setattr(place, name, called)
    return noted
