"""Work in steps, between which the window stays alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["SHARE_SECONDS", "Steps", "all_at_once", "in_thread"]

#: Time in which the threads of this process may do what needs Python's lock, whenever the steps
#: wait: Slicer keeps the lock while its window waits for the user.
SHARE_SECONDS = 0.01

T = TypeVar("T")

#: Yields after each step, True where it waits for somebody else, and returns what was made.
Steps = Generator[bool, None, T]


def all_at_once(steps: Steps[T]) -> T:
    """Do all steps without a break; return what was made."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            made: T = stop.value
            return made


def in_thread(function: Callable[[], T]) -> Steps[T]:
    """Call a function in a thread, and wait for it; return what it returns, raise what it raises.

    Args:
        function: must not touch the scene, VTK or Qt.
    """
    outcome: Future[T] = Future()

    def call() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SHARE_SECONDS)
    while thread.is_alive():
        yield True
        thread.join(SHARE_SECONDS)
    return outcome.result()
