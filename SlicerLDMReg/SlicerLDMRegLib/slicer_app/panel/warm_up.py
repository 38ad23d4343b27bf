"""The model, loaded in the background while the user still looks at the choices."""

from __future__ import annotations

from typing import Any

from ...errors import LDMRegError
from ..background_call import timer
from ..run.planning import image_dimension
from .control_names import told_on_panel
from .section import Section

__all__ = ["WarmUp"]

_DELAY_MS = 700  # without another choice


class WarmUp(Section):
    """Starts the worker and loads the model once a registration could begin.

    The first run then does not wait for Python, torch and the weights, which take several seconds.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._done: tuple[Any, ...] | None = None
        self._timer = timer(self._warm_up, _DELAY_MS, once=True)

    def update(self) -> None:
        wanted = self._wanted()
        if wanted is None or wanted == self._done:
            self._timer.stop()
        else:
            self._timer.start()

    def cleanup(self) -> None:
        self._timer.stop()

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
