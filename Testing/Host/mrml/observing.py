"""Observation of MRML objects by Qt widgets."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
import vtk

__all__ = ["Observing"]


class Observing:
    """Mixin for widgets: observers that end with the widget.

    Callbacks are methods of the widget, called with the object given by the event, or None.
    """

    _observed: list[tuple[Any, int]]

    def _observe(self: Any, subject: Any, event: Any, method: Callable[[Any], None]) -> None:
        reference, name = weakref.ref(self), method.__name__

        def call(caller: Any, event_name: str, data: Any = None) -> None:
            widget = reference()
            if widget is not None and shiboken6.isValid(widget):
                getattr(widget, name)(data)

        if event in ("NodeAddedEvent", "NodeAboutToBeRemovedEvent", "NodeRemovedEvent"):
            event = getattr(subject, event)
            call.CallDataType = vtk.VTK_OBJECT  # type: ignore[attr-defined]
        if "_observed" not in self.__dict__:
            self._observed = []
            observed = self._observed
            self.destroyed.connect(lambda: _release(observed))
        self._observed.append((subject, subject.AddObserver(event, call)))

    def _stop_observing(self: Any, subject: Any = None) -> None:
        """End the observation of one object, or of all."""
        observed = self.__dict__.get("_observed", [])
        ended = [pair for pair in observed if subject is None or pair[0] is subject]
        observed[:] = [pair for pair in observed if pair not in ended]
        _release(ended)


def _release(observed: list[tuple[Any, int]]) -> None:
    for subject, tag in observed:
        subject.RemoveObserver(tag)
    observed.clear()
