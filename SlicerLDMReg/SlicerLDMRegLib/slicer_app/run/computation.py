"""A function that computes in a thread, while the application is alive."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Computation"]


class Computation:
    """Calls a function in a thread, once; whoever needs the outcome asks whether it is there.

    Args:
        function: must not touch the scene, VTK or Qt.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, but not longer than this; return whether it has come.

        Slicer keeps Python's lock while its window waits for the user, so this is when the thread
        can do what needs the lock.

        Raises:
            BaseException: what the function raised.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        error, self._error = self._error, None
        if error is not None:
            raise error
        return True

    def _call(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._error = error
