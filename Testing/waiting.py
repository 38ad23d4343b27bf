"""Waiting for an application, in the host and in Slicer itself: imports nothing of either."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["run_until"]


def run_until(
    process_events: Callable[[], object], condition: Callable[[], Any], timeout: float, what: str
) -> Any:
    """Run an application until a condition holds; its value.

    Args:
        process_events: lets the application do what is due.
        condition: called until what it returns is true.
        timeout: seconds.
        what: is waited for, for the error.

    Raises:
        TimeoutError: when it does not hold in time.
    """
    end = time.monotonic() + timeout
    while True:
        process_events()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.005)
