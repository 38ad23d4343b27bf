"""A registration of nodes for scripts: the same as from the panel, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...pipeline.progress import Progress
from ...pipeline.slices import SliceSelection
from ..results.finished_run import Computed, FinishedRun, finish_frames, finish_images
from ..results.result_nodes import OUTPUTS, write_result
from ..results.sequence_results import SequencePreparation
from ..scene.volume_nodes import Node, volume_geometry
from ..setup.dependencies import require_packages
from .plan import Extent, RegistrationPlan

if TYPE_CHECKING:
    from ...worker.runner import Runner

__all__ = ["register_nodes", "run_plan"]


def register_nodes(
    fixedNode: Node,
    movingNode: Node,
    *,
    model: str = "auto",
    view: str | None = None,
    slices: str | None = None,
    referenceFrame: int | None = None,
    segmentation: Node | str | None = None,
    guided: bool | None = None,
    segments: Iterable[str] | None = None,
    prompts: Mapping[int, str] | None = None,
    movingLabels: Node | None = None,
    align: str = "auto",
    initialTransform: Node | None = None,
    device: str = "auto",
    precision: str = "auto",
    refine: bool | str | Mapping[str, Any] | None = None,
    diffeomorphic: bool | None = None,
    fixedMask: Node | None = None,
    movingMask: Node | None = None,
    seed: int = 0,
    outputs: Iterable[str] | Mapping[str, Node | None] | None = None,
    progress: Callable[[str, float, str], None] | Progress | None = None,
    runner: Runner | None = None,
) -> FinishedRun:
    """Register two volumes of the scene, and write the results into it.

    It returns when all is done; the application waits meanwhile.

    Args:
        fixedNode, movingNode: volume nodes.
        model: ``auto``, ``none``, the id of a model, or a path.
        view: name of a slice view, such as ``Red``: the slice that it shows is registered.
        slices: ``[AXIS:]A-B``: these slices are registered one by one.
        referenceFrame: number from 0: all frames of the sequence that the moving volume shows are
            registered to this one; a fixed volume that is none of the sequence takes its place.
        segmentation: node with labels of the fixed image, or ``auto``: the model's segmenter.
        guided: whether these labels guide the model; None: where they have names, else its
            segmenter does; False: nothing does.
        segments: IDs of the segments to use; None: all.
        prompts: structures in words, by label number.
        movingLabels: node with labels of the moving image, to measure the overlap.
        align: ``auto``, ``none``, ``center``, ``rigid`` or ``affine``.
        initialTransform: transform node that brings the moving image roughly to the fixed one.
        device, precision, refine, diffeomorphic, seed: as of :func:`SlicerLDMRegLib.register`.
        fixedMask, movingMask: label nodes; only there the images count.
        outputs: names of :data:`~.result_nodes.OUTPUTS`, or a node for each (None: the one of the
            earlier registration of these volumes, else a new one); None: all.
        progress: called with ``(stage, fraction, message)``; or a :class:`Progress`, which can
            cancel.
        runner: keeps models in memory for the next call; None: one for all calls.

    Returns:
        The nodes, the result, and how to take it back: ``change.revert()``.

    Raises:
        LDMRegError: as :func:`SlicerLDMRegLib.register`; the scene is then as it was.

    Example:
        >>> run = register_nodes(fixedNode, movingNode, outputs=["warped", "transform"])
        >>> run.nodes["warped"].GetName()
        'moving warped to fixed'
    """
    given = {"view": view, "slices": slices, "referenceFrame": referenceFrame}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise InputError(f"expected one of view, slices and referenceFrame, got {chosen}")
    options: dict[str, Any] = {}
    if view is not None:
        options = {"extent": Extent.VIEW, "view": view}
    elif slices is not None:
        found = SliceSelection.parse(slices).resolve(volume_geometry(fixedNode))
        options = {"extent": Extent.RANGE, "axis": "ijk"[found.axis]}
        options |= {"first": found.start, "last": found.stop - 1}
    elif referenceFrame is not None:
        options = {"extent": Extent.FRAMES, "reference_frame": referenceFrame}
    automatic = isinstance(segmentation, str)
    if automatic and segmentation != "auto":
        raise InputError(f"segmentation: expected a node or 'auto', got {segmentation!r}")
    if outputs is None or not isinstance(outputs, Mapping):
        outputs = dict.fromkeys(OUTPUTS if outputs is None else outputs)
    plan = RegistrationPlan(
        fixedNode,
        movingNode,
        model=str(model),
        segmentation=None if automatic else segmentation,
        guided=guided,
        automatic_regions=automatic,
        segments=None if segments is None else tuple(segments),
        prompts=dict(prompts or {}),
        moving_labels=movingLabels,
        align=align,
        initial_transform=initialTransform,
        device=device,
        precision=precision,
        refine=refine,
        diffeomorphic=diffeomorphic,
        fixed_mask=fixedMask,
        moving_mask=movingMask,
        seed=seed,
        outputs=outputs,
        **options,
    )
    if not isinstance(progress, Progress):
        progress = Progress(progress)
    return run_plan(plan, progress, runner)


def run_plan(
    plan: RegistrationPlan, progress: Progress | None = None, runner: Runner | None = None
) -> FinishedRun:
    """Run a plan in this process; see :func:`register_nodes`."""
    problems = plan.problems()
    if problems:
        raise InputError(problems[0])
    require_packages()
    computer = runner or _shared_runner()
    whole = progress or Progress()

    def compute(frame: int | None, part: Progress) -> Computed:
        images = plan.images(frame)
        return computer.run(*plan.request(images), part), images

    if plan.extent is not Extent.FRAMES:
        result, images = compute(None, whole)
        written = write_result(result, images, plan.output_nodes(images))
        return finish_images(plan, result, written)
    numbers, frames = plan.frame_numbers(), plan.frames
    assert frames is not None  # else there would be a problem
    parts = [n / len(numbers) for n in range(len(numbers) + 1)]
    preparation = SequencePreparation(frames, plan.outputs)
    metrics, first = {}, None
    for number, start, end in zip(numbers, parts[:-1], parts[1:], strict=True):
        result, images = compute(number, whole.part(start, end))
        preparation.add(number, result, images)
        metrics[number], first = result.metrics, first or result
    assert first is not None
    return finish_frames(plan, first, metrics, preparation.finish().write())


@cache
def _shared_runner() -> Runner:
    from ...worker.runner import Runner

    return Runner()
