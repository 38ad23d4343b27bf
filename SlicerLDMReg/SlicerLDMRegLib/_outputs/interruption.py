"""A few steps that Ctrl-C and the signal to end do not come between."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["uninterrupted"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def uninterrupted(done: str) -> Iterator[None]:
    """Hold signals back until the end of the block; it must be short.

    Args:
        done: told by the KeyboardInterrupt of a signal that came meanwhile.

    Raises:
        KeyboardInterrupt: at the end, when Ctrl-C was pressed meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    previous = {n: signal.getsignal(n) for n in numbers}
    held = [n for n, handler in previous.items() if handler not in (None, signal.SIG_IGN)]
    for number in held:
        signal.signal(number, note)
    finished = False
    try:
        yield
        finished = True
    finally:
        for number in held:
            signal.signal(number, previous[number])
        if came:
            try:
                signal.raise_signal(came[0])
            except KeyboardInterrupt as error:
                raise KeyboardInterrupt(*([done] if finished else [])) from error
