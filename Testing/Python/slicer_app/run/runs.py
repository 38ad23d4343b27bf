"""A session as a panel has it, and what it said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from SlicerLDMRegLib.worker import WorkerClient

PATIENCE = 600.0  # seconds; a busy machine takes a minute to import torch

#: Options with which model "none" is done in a moment, and with which it takes long.
QUICK = {"model": "none", "refine": {"iterations": [2]}, "align": "none"}
LONG = {"model": "none", "refine": {"iterations": [99999]}, "align": "none"}


#: Fields of a plan; all others are those of the request.
_OWN = ("view", "reference_frame", "segments", "guided", "outputs")


def make_plan(fixed: Any, moving: Any, extent: str = "WHOLE", **options: Any) -> Any:
    """A plan for two volumes, a quick one where nothing else is said."""
    from SlicerLDMRegLib.slicer_app.run.parameters import NODE_FIELDS
    from SlicerLDMRegLib.slicer_app.run.plan import Extent, RegistrationPlan

    own = {name: options.pop(name) for name in _OWN if name in options}
    nodes = {name: options.pop(name) for name in NODE_FIELDS.values() if name in options}
    nodes |= {"fixed": fixed, "moving": moving}
    return RegistrationPlan(nodes, {**QUICK, **options}, extent=Extent[extent], **own)


class Watched:
    """A session with a timer of 10 ms; writes down what it tells.

    Attributes:
        progress: ``(stage, fraction, message)``.
        done, errors: outcomes.
        log: ``(level, text)``.
    """

    def __init__(self, host: Any, client_factory: Callable[[], WorkerClient]) -> None:
        from SlicerLDMRegLib.slicer_app.run.session import RegistrationSession

        self.host = host
        self.timer = host.qt.QTimer()
        self.timer.setInterval(10)
        self.session = RegistrationSession(client_factory, self.timer)
        self.progress: list[tuple[str, float, str]] = []
        self.done: list[Any] = []
        self.errors: list[Exception] = []
        self.log: list[tuple[str, str]] = []
        self.on_progress: Callable[[str], object] = lambda stage: None

    def start(self, plan: Any) -> None:
        self.session.start(plan, self._progress, self.done.append, self.errors.append, self._log)

    def run(self, plan: Any) -> Any:
        """Start, wait for success; what on_done got."""
        self.start(plan)
        self.finish()
        assert not self.errors, self.errors
        return self.done[-1]

    def fail(self, plan: Any) -> Exception:
        """Start, wait for the error."""
        self.start(plan)
        self.finish()
        assert not self.done
        return self.errors[-1]

    def finish(self) -> None:
        """Let the application live until nothing runs."""
        self.host.wait_until(lambda: not self.session.running, PATIENCE, "the end of the run")

    def wait_for(self, stage: str) -> None:
        """Let the application live until a stage has begun."""
        self.host.wait_until(lambda: stage in self.stages, PATIENCE, f"the stage {stage}")

    @property
    def worker_pid(self) -> int | None:
        """Of the worker, while there is one."""
        client = self.session._client
        return None if client is None else client.pid

    @property
    def stages(self) -> list[str]:
        """The stages in their order, each once."""
        return list(dict.fromkeys(stage for stage, _, _ in self.progress))

    def _progress(self, stage: str, fraction: float, message: str) -> None:
        self.progress.append((stage, fraction, message))
        self.on_progress(stage)

    def _log(self, level: str, text: str) -> None:
        self.log.append((level, text))
