"""One run of a plan: from the scene to whoever computes and back, in steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeVar

from slicer.i18n import tr as _

from ...errors import CancelledError
from ...pipeline.request import RegistrationRequest
from ...pipeline.result import RegistrationResult
from ..results.finished_run import FinishedRun, finish_frames, finish_images
from ..results.result_nodes import ResultPreparation
from ..results.sequence_results import SequencePreparation
from ..scene.scene_images import SceneImages
from ..scene.steps import Steps
from .computation import Computation
from .plan import Extent, RegistrationPlan

__all__ = ["SHARE_SECONDS", "Compute", "Report", "Run", "Waits"]

#: Time in which the threads of this process may do what needs Python's lock, whenever a run waits:
#: Slicer keeps the lock while its window waits for the user.
SHARE_SECONDS = 0.01

# Fraction of a run when the registration is computed.
_COMPUTED = 0.95

T = TypeVar("T")
#: Yields after each step whether it waits for somebody else, and returns what was made.
Waits = Generator[bool, None, T]
#: Told ``(stage, fraction, message)``.
Report = Callable[[str, float, str], object]
#: Registers, and tells how far it is; closed before its end, it stops.
Compute = Callable[[RegistrationRequest, Report], Waits[RegistrationResult]]


class Run:
    """The steps of one registration, the same for the panel and for scripts.

    Args:
        plan: the registration.
        compute: registers.
        report: told about the progress; may raise a CancelledError.
        waits: whether the scene is left alone while it is loaded or saved.

    Attributes:
        steps: do it all, and return what was found; what they raise ends the run. The scene is
            changed in the last one.
    """

    def __init__(
        self, plan: RegistrationPlan, compute: Compute, report: Report, waits: bool = True
    ) -> None:
        self.steps = self._all_steps()
        self._plan, self._compute, self._report, self._waits = plan, compute, report, waits
        self._needed = list(plan.nodes.values())

    def check(self) -> None:
        """Raise a CancelledError when the scene has lost an input."""
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

    def _tell(self, stage: str, fraction: float, message: str = "") -> None:
        self._report(stage, fraction, message)
        self.check()

    def _all_steps(self) -> Waits[FinishedRun]:
        plan = self._plan
        problems = plan.problems()
        if problems:
            raise problems[0]
        if plan.extent is Extent.FRAMES:
            return (yield from self._frames())
        result, images = yield from self._register(None, 0.0, _COMPUTED)
        self._tell("write", _COMPUTED)
        preparation = ResultPreparation(result, images, plan.output_nodes(images))
        yield from _computing(preparation.compute)
        prepared = preparation.finish()
        yield from self._scene_at_rest()
        return finish_images(plan, result, prepared.write())

    def _frames(self) -> Waits[FinishedRun]:
        """Register all frames of a sequence, one after the other."""
        plan, frames = self._plan, self._plan.frames
        assert frames is not None  # else there would be a problem
        self._needed += [frames.node, frames.browser]
        preparation = SequencePreparation(frames, plan.outputs)
        numbers, metrics, first = plan.frame_numbers(), {}, None
        for done, number in enumerate(numbers):
            start, end = (_COMPUTED * n / len(numbers) for n in (done, done + 1))
            text = _("frame {number} of {count}").format(number=done + 1, count=len(numbers))
            result, images = yield from self._register(number, start, end, text)
            yield from _computing(partial(preparation.add, number, result, images))
            metrics[number], first = result.metrics, first or result
        assert first is not None
        self._tell("write", _COMPUTED)
        yield False
        prepared = preparation.finish()
        yield from self._scene_at_rest()
        return finish_frames(plan, first, metrics, prepared.write())

    def _register(
        self, frame: int | None, start: float, end: float, which: str = ""
    ) -> Waits[tuple[RegistrationResult, SceneImages]]:
        """Register the images, or a frame; return the result with the images."""

        def report(stage: str, fraction: float, message: str) -> None:
            text = ": ".join(part for part in (which, message) if part)
            self._report(stage, start + (end - start) * fraction, text)

        self._tell("read", start, which)
        yield from self._scene_at_rest()
        images = yield from _in_turn(self._plan.images(frame))
        result = yield from self._compute(self._plan.request(images), report)
        return result, images

    def _scene_at_rest(self) -> Waits[None]:
        """Wait while a scene is loaded or saved; Slicer lets timers run meanwhile."""
        yield False
        while self._waits and self._plan.moving.GetScene().GetStates():  # type: ignore[union-attr]
            yield True


def _in_turn(steps: Steps[T]) -> Waits[T]:
    """Do steps that wait for nobody."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            made: T = stop.value
            return made
        yield False


def _computing(function: Callable[[], object]) -> Waits[None]:
    """Call a function that knows neither the scene nor VTK, in a thread."""
    computation = Computation(function)
    while not computation.wait(SHARE_SECONDS):
        yield True
