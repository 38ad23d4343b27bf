"""Progress reports and cancellation, the same for shell, console, worker and panel."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import CancelledError

__all__ = ["Progress"]


class Progress:
    """Tells a caller how far a registration is, and stops it when the caller asks.

    Args:
        callback: called with ``(stage, fraction, message)``; the fraction of the whole job, 0 to 1,
            never goes back.
        should_cancel: asked at every report; True stops the job.

    Example:
        >>> progress = Progress(lambda stage, fraction, message: print(stage, fraction))
        >>> refine = progress.part(0.5, 1.0)
        >>> refine.report("refine", 0.5)
        refine 0.75
    """

    def __init__(
        self,
        callback: Callable[[str, float, str], object] | None = None,
        should_cancel: Callable[[], bool] | None = None,
    ) -> None:
        self._callback = callback
        self._should_cancel = should_cancel
        self._parent: Progress | None = None
        self._start, self._end = 0.0, 1.0
        self._reached = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the caller has asked to stop."""
        root = self._root
        return root._should_cancel is not None and bool(root._should_cancel())

    def part(self, start: float, end: float) -> Progress:
        """Return a progress whose 0 to 1 is ``start`` to ``end`` of this one."""
        child = Progress()
        child._parent, child._start, child._end = self, start, end
        return child

    def report(self, stage: str, fraction: float, message: str = "") -> None:
        """Report a stage and the fraction done.

        Raises:
            CancelledError: when the caller has asked to stop.
        """
        self.check()
        fraction = min(max(fraction, 0.0), 1.0)
        step: Progress | None = self
        while step is not None:
            fraction = step._start + (step._end - step._start) * fraction
            step = step._parent
        root = self._root
        root._reached = max(root._reached, fraction)
        if root._callback is not None:
            root._callback(stage, root._reached, message)

    def check(self) -> None:
        """Raise :class:`CancelledError` when the caller has asked to stop, else do nothing."""
        if self.cancelled:
            raise CancelledError("the registration was cancelled; nothing was written")

    @property
    def _root(self) -> Progress:
        step = self
        while step._parent is not None:
            step = step._parent
        return step
