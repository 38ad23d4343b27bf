"""The check of the installation from the panel: what is cheap here, then the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ...errors import LDMRegError
from ...pipeline.installation_check import check_request, check_summary, installation_problems
from .dependencies import check_setup, why_no_torch

__all__ = ["InstallationCheck"]


class InstallationCheck:
    """Says in one line that the installation works, or what is wrong first and what to do.

    Args:
        session: whose worker registers two small images.
        on_done: called once with the line, and whether all is well.

    Attributes:
        running: whether the worker is at it.
    """

    def __init__(self, session: Any, on_done: Callable[[str, bool], object]) -> None:
        self._session, self._on_done = session, on_done
        self.running = False
        self._started = 0.0

    def start(self) -> None:
        """Look, and let the worker register; the outcome is told later."""
        problem = _problem()
        if problem:
            self._on_done(problem, False)
            return
        self.running, self._started = True, time.monotonic()
        self._session.run_request(check_request(), self._on_result, self._on_error)

    def forget(self) -> None:
        """Call back no more."""
        self._on_done = _ignore

    def _on_result(self, result: Any) -> None:
        self.running = False
        try:
            self._on_done(check_summary(result, time.monotonic() - self._started), True)
        except LDMRegError as error:
            self._on_done(str(error), False)

    def _on_error(self, error: LDMRegError) -> None:
        self.running = False
        self._on_done(str(error), False)


def _problem() -> str:
    missing = check_setup().missing()
    if missing and missing[0].name == "torch" and why_no_torch():
        return why_no_torch()
    if missing:
        return _("Python packages are missing or too old: {names}. See the section Setup.").format(
            names=", ".join(f"{p.requirement} ({p.version or _('missing')})" for p in missing)
        )
    return next(iter(installation_problems()), "")


def _ignore(_text: str, _good: bool) -> None:
    pass
