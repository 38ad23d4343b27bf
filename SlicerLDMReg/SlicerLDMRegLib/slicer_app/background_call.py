"""Long computations beside the application, for what knows neither the scene nor widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from .scene.steps import Steps, in_thread

__all__ = ["HELD_MS", "BackgroundCall", "SteppedCall", "is_held", "timer"]

_INTERVAL_MS = 10
#: How long to wait before looking again whether a dialog is still open.
HELD_MS = 100


def is_held() -> bool:
    """Whether a modal dialog is open, such as the question to save the scene before it is closed.

    Timers go on meanwhile; the scene and the views must stay what the user is asked about.
    """
    return qt.QApplication.activeModalWidget() is not None


def timer(function: Callable[[], object], milliseconds: int, once: bool = False) -> Any:
    """Return a QTimer that calls a function, each time or only once after it is started."""
    made = qt.QTimer()
    made.setInterval(milliseconds)
    made.setSingleShot(once)
    made.connect("timeout()", function)
    return made


class SteppedCall:
    """Does work in steps between which the application is alive; tells the outcome.

    Args:
        steps: what to do; a step may touch the scene.
        on_done: called with what the steps return, once no modal dialog is open.
        on_error: likewise, with what they raise.
        on_wait: called time and again until then.
    """

    def __init__(
        self,
        steps: Steps[Any],
        on_done: Callable[[Any], object],
        on_error: Callable[[Exception], object],
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        self._steps = steps
        self._on_done, self._on_error, self._on_wait = on_done, on_error, on_wait
        self._timer = timer(self._poll, _INTERVAL_MS)
        self._timer.start()

    def forget(self) -> None:
        """Do no more steps, and call back no more."""
        self._timer.stop()
        self._steps.close()

    def _poll(self) -> None:
        if is_held():
            return
        try:
            next(self._steps)
        except StopIteration as end:
            self._timer.stop()
            self._on_done(end.value)
        except Exception as error:
            self._timer.stop()
            self._on_error(error)
        else:
            self._on_wait()


class BackgroundCall(SteppedCall):
    """Calls a function in a thread; its outcome is told in the thread of the application.

    Args:
        function: must not touch the scene or a widget; once begun, it goes on to its end.
        on_done, on_error, on_wait: as of :class:`SteppedCall`.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        on_done: Callable[[Any], object],
        on_error: Callable[[Exception], object],
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(in_thread(function), on_done, on_error, on_wait)
