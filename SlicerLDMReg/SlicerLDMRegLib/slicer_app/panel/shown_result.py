"""The result of two volumes as the panel tells it: of the last run, or of a saved scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...report.structures import Structure, structures_of
from ...report.verdict import Verdict, judge
from ..results.displacements import StructureDisplacement, read_displacements
from ..results.result_nodes import find_outputs, part_of, result_attributes
from ..run.run import FinishedRun
from ..scene.frames import sequence_of
from ..scene.nodes import read_attributes, read_json
from ..scene.volume_nodes import Node

__all__ = ["ShownResult", "shown_result", "volumes_of", "worst_first"]

_WORSE = ("good", "check", "bad")


@dataclass(frozen=True, eq=False)
class ShownResult:
    """A registration as it is told.

    Attributes:
        fixed, moving: the volumes.
        metrics: of the :class:`~SlicerLDMRegLib.pipeline.RegistrationResult`; of a sequence, those
            of its worst frame.
        attributes: where it comes from, see :func:`~..results.result_nodes.result_attributes`.
        nodes: of the scene, by the names of :data:`~..results.result_nodes.OUTPUTS`.
        frames: the verdicts by frame of a sequence, counted from 0; empty for a still image.
        frame: the worst of them.
    """

    fixed: Node
    moving: Node
    metrics: Mapping[str, Any]
    attributes: Mapping[str, str]
    nodes: Mapping[str, Node]
    frames: Mapping[int, Verdict] = field(default_factory=dict)
    frame: int | None = None

    @property
    def verdict(self) -> Verdict:
        """The judgement of how far to trust it."""
        return judge(self.metrics)

    @property
    def structures(self) -> list[Structure]:
        """The labelled structures, the worst first."""
        return worst_first(structures_of(self.metrics))

    @property
    def displacements(self) -> list[StructureDisplacement]:
        """The displacements of labelled structures, the farthest first; of a still image."""
        told = [read_displacements(read_json(n, "Displacements")) for n in self.nodes.values()]
        found = next((displacements for displacements in told if displacements), [])
        return sorted(found, key=lambda one: -one.mean_mm)

    def is_of(self, run: FinishedRun | None) -> bool:
        """Whether this is what a run has found."""
        if run is None or not set(run.nodes.values()) & set(self.nodes.values()):
            return False
        return self.frame is not None or _date_of(run) == self.attributes.get("Date")

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for results that look the same."""
        names = tuple(node.GetName() for node in (self.fixed, self.moving))
        nodes = tuple(sorted((output, node.GetID()) for output, node in self.nodes.items()))
        return (*names, self.attributes.get("Date", ""), self.attributes.get("Model", ""), nodes)


def volumes_of(fixed: Node | None, moving: Node | None) -> tuple[Node | None, Node | None]:
    """Return the chosen volumes that the scene still has.

    The moving one also stands for the fixed one: frames registered to one of their own sequence.
    """
    fixed, moving = (
        None if node is None or node.GetScene() is None else node for node in (fixed, moving)
    )
    return fixed or moving, moving


def shown_result(
    fixed: Node | None, moving: Node | None, run: FinishedRun | None = None
) -> ShownResult | None:
    """Return what is known of the registration of two volumes; None: nothing.

    The transform and the table of a result know what was measured, also in a saved scene. Of a
    sequence, every frame does.

    Args:
        fixed, moving: the chosen volumes, see :func:`volumes_of`.
        run: the last one; tells what was measured when it has written neither of them.
    """
    fixed, moving = volumes_of(fixed, moving)
    if fixed is None or moving is None:
        return None
    nodes = find_outputs(fixed, moving)
    told = [node for node in nodes.values() if _metrics(node) is not None]
    newest = max(told, key=_date, default=None)
    if run is not None and _is_newer(run, newest) and set(run.nodes.values()) & set(nodes.values()):
        part = part_of(next(iter(nodes.values())))
        of_run = {**result_attributes(run.provenance), "Part": part}
        return ShownResult(fixed, moving, run.metrics, of_run, nodes)
    if newest is None:
        return None
    attributes = read_attributes(newest)
    of_frames = _frame_metrics(newest)
    if not of_frames:
        metrics = _metrics(newest)
        assert metrics is not None
        return ShownResult(fixed, moving, metrics, attributes, nodes)
    verdicts = {number: judge(metrics) for number, metrics in of_frames.items()}
    frame = max(verdicts, key=lambda n: (_WORSE.index(verdicts[n].status), -_ncc(of_frames[n])))
    return ShownResult(fixed, moving, of_frames[frame], attributes, nodes, verdicts, frame)


def _metrics(node: Node) -> dict[str, Any] | None:
    """Return what a node tells was measured; None where it tells nothing that can be shown."""
    metrics = read_json(node, "Metrics")
    if not isinstance(metrics, dict):
        return None
    parts = (metrics.get(name) for name in ("before", "aligned", "after", "deformation"))
    if not all(part is None or isinstance(part, dict) for part in parts):
        return None
    try:
        judge(metrics)
        worst_first(structures_of(metrics))
    except Exception:  # a scene of others may hold anything
        return None
    return metrics


def _date(node: Node) -> str:
    return str(read_attributes(node).get("Date", ""))


def _date_of(run: FinishedRun) -> str:
    return str(run.provenance.get("date", ""))


def _is_newer(run: FinishedRun, node: Node | None) -> bool:
    """Whether a run of a still image came after the result that a node tells of."""
    return not run.frame_metrics and (node is None or _date_of(run) > _date(node))


def worst_first(structures: list[Structure]) -> list[Structure]:
    """Sort structures by their Dice after the registration, the lowest first, unknown ones last."""
    return sorted(structures, key=lambda s: (s.after is None, s.after or 0.0, s.label))


def _frame_metrics(node: Node) -> dict[int, dict[str, Any]]:
    """Return what was measured in each frame, if a node shows frames; the reference has nothing."""
    frames = sequence_of(node)
    if frames is None:
        return {}
    told = {n: _metrics(frames.node.GetNthDataNode(n)) for n in range(len(frames))}
    return {number: metrics for number, metrics in told.items() if metrics}


def _ncc(metrics: Mapping[str, Any]) -> float:
    value = (metrics.get("after") or {}).get("ncc")
    return float(value) if isinstance(value, int | float) and value == value else 0.0
