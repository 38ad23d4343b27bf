"""Long computations beside the application, for what knows neither the scene nor widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import qt

__all__ = ["BackgroundCall"]

_INTERVAL_MS = 20
# Slicer's event loop keeps Python's lock: threads compute only while some Python code waits.
_SHARE_SECONDS = 0.02


class BackgroundCall:
    """Calls a function in a thread, and says so when it is done, in the thread of the application.

    Args:
        function: must not touch the scene or a widget.
        on_done: called with what the function returns.
        on_error: called with what it raises.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        on_done: Callable[[Any], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        self._function = function
        self._on_done, self._on_error = on_done, on_error
        self._value: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._compute, daemon=True)
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.connect("timeout()", self._poll)
        self._thread.start()
        self._timer.start()

    def forget(self) -> None:
        """Call back no more; the thread goes on to its end."""
        self._timer.stop()

    def _compute(self) -> None:
        try:
            self._value = self._function()
        except Exception as error:
            self._error = error

    def _poll(self) -> None:
        self._thread.join(_SHARE_SECONDS)
        if self._thread.is_alive():
            return
        self._timer.stop()
        if self._error is not None:
            self._on_error(self._error)
        else:
            self._on_done(self._value)
