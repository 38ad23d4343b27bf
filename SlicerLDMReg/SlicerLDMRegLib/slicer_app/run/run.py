"""One run of a plan: from the scene to the worker and back, in steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeVar

from slicer.i18n import tr as _

from ...errors import CancelledError, InputError, LDMRegError
from ...worker.client import WorkerClient
from ...worker.job import Job
from ..results.finished_run import Computed, FinishedRun, finish_frames, finish_images
from ..results.result_nodes import ResultPreparation
from ..results.sequence_results import SequencePreparation
from ..scene.volume_nodes import Node
from .computation import Computation
from .plan import Extent, RegistrationPlan
from .steps import Steps

__all__ = ["SHARE_SECONDS", "Run"]

#: Time in which the threads of this process may do what needs Python's lock, whenever a run waits:
#: Slicer keeps the lock while its window waits for the user.
SHARE_SECONDS = 0.01

# Fraction of a run when the worker is done with it.
_COMPUTED = 0.95

T = TypeVar("T")
#: Yields after each step whether it waits for somebody else, and returns what was made.
_Steps = Generator[bool, None, T]


class Run:
    """What is going on, and who is told.

    Args:
        plan: what to do.
        worker: returns the client of the worker.
        on_progress, on_done, on_error, on_log: see :meth:`.RegistrationSession.start`.

    Attributes:
        steps: do it all; what they raise ends the run. The scene is changed in the last one.
        cancelled: why it shall end; None: it shall not.
        closed: whether nobody is to be told any more.
    """

    def __init__(
        self,
        plan: RegistrationPlan,
        worker: Callable[[], WorkerClient],
        on_progress: Callable[[str, float, str], object],
        on_done: Callable[[FinishedRun], object],
        on_error: Callable[[LDMRegError], object],
        on_log: Callable[[str, str], object],
    ) -> None:
        self.on_progress, self.on_done, self.on_error = on_progress, on_done, on_error
        self.on_log = on_log
        self.cancelled: CancelledError | None = None
        self.closed = False
        self.steps = self._all_steps()
        self._plan, self._worker = plan, worker
        self._job: Job | None = None
        self._needed: list[Node] = []

    def check(self) -> None:
        """Raise a CancelledError when the run was cancelled, or the scene has lost an input."""
        if self.cancelled is not None:
            raise self.cancelled
        lost = [node for node in self._needed if node.GetScene() is None]
        if not lost:
            return
        if len(lost) == len(self._needed):
            raise CancelledError(
                _("The scene was closed; the registration was cancelled, and nothing was written.")
            )
        raise CancelledError(
            _(
                "{name} was removed from the scene; the registration was cancelled, and nothing "
                "was written."
            ).format(name=lost[0].GetName())
        )

    def end(self) -> None:
        """Let the worker stop, where it still computes."""
        self.closed = True
        job, self._job = self._job, None
        if job is not None and not job.finished:
            job.cancel()

    def _report(self, stage: str, fraction: float, message: str = "") -> None:
        self.on_progress(stage, fraction, message)
        if self.closed:
            raise CancelledError("the session was closed")
        self.check()

    def _all_steps(self) -> _Steps[FinishedRun]:
        plan = self._plan
        problems = plan.problems()
        if problems:
            raise InputError(problems[0])
        self._needed = list(plan.inputs.values())
        if plan.extent is Extent.FRAMES:
            return (yield from self._frames())
        result, images = yield from self._compute(None, 0.0, _COMPUTED)
        self._report("write", _COMPUTED)
        preparation = ResultPreparation(result, images, plan.output_nodes(images))
        yield from _computing(preparation.compute)
        prepared = preparation.finish()
        yield from self._scene_at_rest()
        return finish_images(plan, result, prepared.write())

    def _frames(self) -> _Steps[FinishedRun]:
        """Register all frames of a sequence, one after the other."""
        plan, frames = self._plan, self._plan.frames
        assert frames is not None  # else there would be a problem
        self._needed += [frames.node, frames.browser]
        preparation = SequencePreparation(frames, plan.outputs)
        numbers, metrics, first = plan.frame_numbers(), {}, None
        for done, number in enumerate(numbers):
            start, end = (_COMPUTED * n / len(numbers) for n in (done, done + 1))
            text = _("frame {number} of {count}").format(number=done + 1, count=len(numbers))
            result, images = yield from self._compute(number, start, end, text)
            yield from _computing(partial(preparation.add, number, result, images))
            metrics[number], first = result.metrics, first or result
        assert first is not None
        self._report("write", _COMPUTED)
        yield False
        prepared = preparation.finish()
        yield from self._scene_at_rest()
        return finish_frames(plan, first, metrics, prepared.write())

    def _compute(
        self, frame: int | None, start: float, end: float, which: str = ""
    ) -> _Steps[Computed]:
        """Register the images, or a frame, in the worker; return the result with the images."""

        def progress(stage: str, fraction: float, message: str) -> None:
            if not self.closed:
                text = ": ".join(part for part in (which, message) if part)
                self.on_progress(stage, start + (end - start) * fraction, text)

        self._report("read", start, which)
        yield from self._scene_at_rest()
        images = yield from _in_turn(self._plan.images_in_steps(frame))
        request, inputs = self._plan.request(images)
        job = self._job = self._worker().submit(request, inputs, on_progress=progress)
        while not job.finished:
            yield True
        self._job = None
        if job.error is not None:
            raise job.error
        assert job.result is not None
        return job.result, images

    def _scene_at_rest(self) -> _Steps[None]:
        """Wait while a scene is loaded or saved; Slicer lets timers run meanwhile."""
        yield False
        while self._plan.moving.GetScene().GetStates():  # type: ignore[union-attr]
            yield True


def _in_turn(steps: Steps[T]) -> _Steps[T]:
    """Do steps that wait for nobody."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            made: T = stop.value
            return made
        yield False


def _computing(function: Callable[[], object]) -> _Steps[None]:
    """Call a function that knows neither the scene nor VTK, in a thread."""
    computation = Computation(function)
    while not computation.wait(SHARE_SECONDS):
        yield True
