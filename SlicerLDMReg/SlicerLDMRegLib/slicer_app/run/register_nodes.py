"""A registration of nodes for scripts: the same as from the panel, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...pipeline.presets import with_preset
from ...pipeline.progress import Progress
from ...pipeline.request import RegistrationRequest
from ...pipeline.result import RegistrationResult
from ...pipeline.slices import SliceSelection
from ..results.result_nodes import OUTPUTS
from ..scene.steps import Steps, all_at_once
from ..scene.volume_nodes import Node, volume_geometry
from ..setup.dependencies import require_packages
from ..texts import tr as _
from .plan import Extent, RegistrationPlan
from .run import FinishedRun, Report, Run

if TYPE_CHECKING:
    from ...pipeline import Runner

__all__ = ["register_nodes", "run_plan"]


def register_nodes(
    fixedNode: Node,
    movingNode: Node,
    *,
    view: str | None = None,
    slices: str | None = None,
    referenceFrame: int | None = None,
    segmentation: Node | str | None = None,
    guided: bool | None = None,
    segments: Iterable[str] | None = None,
    movingLabels: Node | None = None,
    initialTransform: Node | None = None,
    fixedMask: Node | None = None,
    movingMask: Node | None = None,
    fixedLandmarks: Node | None = None,
    movingLandmarks: Node | None = None,
    outputs: Iterable[str] | Mapping[str, Node | None] | None = None,
    progress: Callable[[str, float, str], None] | Progress | None = None,
    runner: Runner | None = None,
    preset: str | None = None,
    **options: Any,
) -> FinishedRun:
    """Register two volumes of the scene, and write the results into it.

    It returns when all is done; the application waits meanwhile.

    Args:
        fixedNode, movingNode: volume nodes.
        view: name of a slice view, such as ``Red``: the slice that it shows is registered.
        slices: ``[AXIS:]A-B``: these slices are registered one by one.
        referenceFrame: number from 0: all frames of the sequence that the moving volume shows are
            registered to this one; a fixed volume that is none of the sequence takes its place.
        segmentation: node with labels of the fixed image, or ``auto``: the model's segmenter.
        guided: whether these labels guide the model; None: where they have names, else its
            segmenter does; False: nothing does.
        segments: IDs of the segments to use; None: all.
        movingLabels: node with labels of the moving image, to measure the overlap.
        initialTransform: transform node that brings the moving image roughly to the fixed one.
        fixedMask, movingMask: label nodes; only there the images count.
        fixedLandmarks, movingLandmarks: lists of points that belong together, paired by their
            labels; ``landmark_use`` and ``landmark_mm`` say what for.
        outputs: names of :data:`~..results.result_nodes.OUTPUTS`, or a node for each (None: the one
            of the earlier registration of these volumes, else a new one); None: all that there are.
        progress: called with ``(stage, fraction, message)``; or a :class:`Progress`, which can
            cancel.
        runner: keeps models in memory for the next call; None: one for all calls.
        preset: settings to begin with, as of :func:`SlicerLDMRegLib.register`.
        options: other fields of a :class:`~SlicerLDMRegLib.pipeline.RegistrationRequest`:
            ``model``, ``prompts``, ``align``, ``device``, ``precision``, ``refine``,
            ``diffeomorphic``, ``register_by``, ``landmark_use``, ``landmark_mm``, ``seed``,
            ``uncertainty`` (also by naming that output).

    Returns:
        The nodes, the result, and how to take it back: ``change.revert()``.

    Raises:
        LDMRegError: as :func:`SlicerLDMRegLib.register`; the scene is then as it was.

    Example:
        >>> run = register_nodes(fixedNode, movingNode, outputs=["warped", "transform"])
        >>> run.nodes["warped"].GetName()
        'moving warped to fixed'
    """
    if preset is not None:
        options = with_preset(preset, options)
    given = {"view": view, "slices": slices, "referenceFrame": referenceFrame}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise InputError(
            _("expected one of view, slices and referenceFrame, got {chosen}").format(chosen=chosen)
        )
    extent = Extent.WHOLE
    if view is not None:
        extent = Extent.VIEW
    elif slices is not None:
        extent = Extent.RANGE
        found = SliceSelection.parse(slices).resolve(volume_geometry(fixedNode))
        options["slices"] = SliceSelection("ijk"[found.axis], found.start, found.stop - 1)
    elif referenceFrame is not None:
        extent = Extent.FRAMES
    if isinstance(segmentation, str):
        if segmentation != "auto":
            raise InputError(
                _("segmentation: expected a node or 'auto', got {segmentation!r}").format(
                    segmentation=segmentation
                )
            )
        options["fixed_segmentation"], segmentation = "auto", None
    elif guided is False:
        options["fixed_segmentation"] = "none"
    nodes = {
        "fixed": fixedNode,
        "moving": movingNode,
        "fixed_labels": segmentation,
        "moving_labels": movingLabels,
        "initial_transform": initialTransform,
        "fixed_mask": fixedMask,
        "moving_mask": movingMask,
        "fixed_landmarks": fixedLandmarks,
        "moving_landmarks": movingLandmarks,
    }
    if outputs is not None and "uncertainty" in outputs:
        options.setdefault("uncertainty", True)
    if outputs is None or not isinstance(outputs, Mapping):
        outputs = dict.fromkeys(OUTPUTS if outputs is None else outputs)
    plan = RegistrationPlan(
        nodes,
        options,
        extent=extent,
        view=view or "Red",
        reference_frame=referenceFrame or 0,
        segments=None if segments is None else tuple(segments),
        guided=bool(guided),
        outputs=outputs,
    )
    if not isinstance(progress, Progress):
        progress = Progress(progress)
    return run_plan(plan, progress, runner)


def run_plan(
    plan: RegistrationPlan, progress: Progress | None = None, runner: Runner | None = None
) -> FinishedRun:
    """Run a plan in this process; see :func:`register_nodes`."""
    require_packages()
    whole = progress or Progress()

    def compute(request: RegistrationRequest, report: Report) -> Steps[RegistrationResult]:
        yield False
        told = Progress(report, lambda: whole.cancelled)
        return (runner or _shared_runner()).run(request, told)

    return all_at_once(Run(plan, compute, whole.report, waits=False).steps)


@cache
def _shared_runner() -> Runner:
    from ...pipeline import Runner

    return Runner()
