"""The worker, started while the user still looks at the choices; then the model, loaded in it."""

from __future__ import annotations

from typing import Any

from ...errors import LDMRegError
from ..background_call import timer
from ..run.planning import image_dimension
from .control_names import told_on_panel
from .section import Section

__all__ = ["WarmUp"]

_DRAWN_MS = 50  # the panel is seen before anything else begins
_DELAY_MS = 700  # without another choice


class WarmUp(Section):
    """Starts the worker when the panel opens, and loads the model once a registration could begin.

    The first run then waits neither for Python and torch, which take 2 s and more, nor for the
    weights.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._started = False
        self._done: tuple[Any, ...] | None = None
        self._start_timer = timer(self._start, _DRAWN_MS, once=True)
        self._timer = timer(self._warm_up, _DELAY_MS, once=True)

    def update(self) -> None:
        if self._can_start() and not self._start_timer.isActive():
            self._start_timer.start()
        wanted = self._wanted()
        if wanted is None or wanted == self._done:
            self._timer.stop()
        else:
            self._timer.start()

    def forget(self) -> None:
        """Begin again: the worker was ended."""
        self._started, self._done = False, None

    def cleanup(self) -> None:
        self._start_timer.stop()
        self._timer.stop()

    def _can_start(self) -> bool:
        """Whether there are the packages for a worker, and none was started yet."""
        panel = self.panel
        is_open = panel.parameters is not None and not panel.running
        return not self._started and is_open and not panel.sections["setup"].problem

    def _start(self) -> None:
        if self._can_start():
            self._started = True
            # Without a model: the libraries alone.
            self.panel.session.warm_up("none", on_error=self._tell)

    def _wanted(self) -> tuple[Any, ...] | None:
        """Return what to load; None: nothing."""
        panel = self.panel
        if panel.parameters is None or panel.running or panel.problems():
            return None
        parameters = panel.parameters
        if parameters.model == "none":
            return None
        where = parameters.device.value, parameters.precision.value
        return parameters.model, image_dimension(parameters), *where

    def _warm_up(self) -> None:
        wanted = self._wanted()
        if wanted is not None and wanted != self._done:
            self._done = wanted
            self.panel.session.warm_up(*wanted, on_error=self._tell)

    def _tell(self, error: LDMRegError) -> None:
        # Apply will meet the same error, and then it is shown.
        self.panel.log("warning", told_on_panel(error))
