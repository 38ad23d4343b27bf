"""One run of a plan: from the scene to a computation of the result and back, in steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from slicer.i18n import tr as _

from ...errors import CancelledError
from ...pipeline.request import RegistrationRequest
from ...pipeline.result import RegistrationResult
from ..results.result_nodes import ResultWriter, WrittenResult
from ..results.sequence_results import SequenceWriter
from ..scene.scene_images import SceneImages
from ..scene.steps import Steps, in_thread
from .plan import RegistrationPlan

__all__ = ["Compute", "FinishedRun", "Report", "Run"]

# Fraction of a run when the registration is computed.
_COMPUTED = 0.95

#: Told ``(stage, fraction, message)``.
Report = Callable[[str, float, str], object]
#: Registers, and tells how far it is; closed before its end, it stops.
Compute = Callable[[RegistrationRequest, Report], Steps[RegistrationResult]]


@dataclass(frozen=True, eq=False, repr=False)
class FinishedRun(WrittenResult):
    """The nodes that a run has written, and what was found.

    Attributes:
        plan: what was asked for.
        result: with all that a report needs; None for a sequence.
        metrics, provenance, timings: of the result; of a sequence, those of its first frame.
        frame_metrics: by frame of a sequence.
    """

    plan: RegistrationPlan
    result: RegistrationResult | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    frame_metrics: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


class Run:
    """The steps of one registration, the same for the panel and for scripts.

    Args:
        plan: the registration.
        compute: registers.
        report: told about the progress; may raise a CancelledError.
        waits: whether the scene is left alone while it is loaded or saved, and
        is_held: tells that it must be left alone for another reason.

    Attributes:
        steps: do it all, and return the :class:`FinishedRun`; what they raise ends the run. The
            scene is changed in the last one.
    """

    def __init__(
        self,
        plan: RegistrationPlan,
        compute: Compute,
        report: Report,
        waits: bool = True,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        self.steps = self._all_steps()
        self._plan, self._compute, self._report, self._waits = plan, compute, report, waits
        self._is_held = is_held
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

    def _all_steps(self) -> Steps[FinishedRun]:
        """Register the images, or all frames of a sequence one after the other."""
        plan = self._plan
        problems = plan.problems()
        if problems:
            raise problems[0]
        frames, numbers = plan.frames, [0]
        writer: ResultWriter | SequenceWriter = ResultWriter(plan.outputs)
        if frames is not None:
            self._needed += [frames.node, frames.browser]
            writer, numbers = SequenceWriter(frames, plan.outputs), plan.frame_numbers()
        first, metrics = None, {}
        for done, number in enumerate(numbers):
            start, end = (_COMPUTED * n / len(numbers) for n in (done, done + 1))
            text = ""
            if frames is not None:
                text = _("frame {frame}, {done} of {count}").format(
                    frame=number, done=done + 1, count=len(numbers)
                )
            result, images = yield from self._register(number, start, end, text)
            first, metrics[number] = first or result, result.metrics
            if done + 1 == len(numbers):
                self._tell("write", _COMPUTED)
            if isinstance(writer, SequenceWriter):
                add = partial(writer.add, result, images, number)
            else:
                add = partial(writer.add, result, images, part=plan.part(images))
            yield from in_thread(add)
        assert first is not None  # else there would be a problem
        yield from self._scene_at_rest()
        written, found = writer.write(), (first.metrics, first.provenance, first.timings)
        if frames is None:
            return FinishedRun(written.nodes, written.change, plan, first, *found)
        return FinishedRun(written.nodes, written.change, plan, None, *found, metrics)

    def _register(
        self, frame: int, start: float, end: float, which: str
    ) -> Steps[tuple[RegistrationResult, SceneImages]]:
        """Register the images, or a frame; return the result with the images."""

        def report(stage: str, fraction: float, message: str) -> None:
            text = ": ".join(part for part in (which, message) if part)
            self._report(stage, start + (end - start) * fraction, text)

        self._tell("read", start, which)
        yield from self._scene_at_rest()
        images = yield from self._plan.images(frame)
        result = yield from self._compute(self._plan.request(images), report)
        return result, images

    def _scene_at_rest(self) -> Steps[None]:
        """Wait while a scene is loaded or saved, or a dialog asks whether to save it.

        Slicer lets timers run meanwhile.
        """
        yield False
        scene = self._plan.moving.GetScene()  # type: ignore[union-attr]
        while self._waits and (scene.GetStates() or self._is_held()):
            yield True
