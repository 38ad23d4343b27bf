"""Work in the thread of the application, in steps between which the window stays alive."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

__all__ = ["Steps", "all_at_once"]

T = TypeVar("T")

#: Yields after each step, and returns what was made.
Steps = Generator[None, None, T]


def all_at_once(steps: Generator[object, None, T]) -> T:
    """Do all steps without a break; return what was made."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            made: T = stop.value
            return made
