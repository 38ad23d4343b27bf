"""What a plan has led to: nodes of the scene, and all that was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...pipeline.result import RegistrationResult
from ..run.plan import RegistrationPlan
from .result_nodes import WrittenResult

__all__ = ["FinishedRun", "finish_frames", "finish_images"]


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


def finish_images(
    plan: RegistrationPlan, result: RegistrationResult, written: WrittenResult
) -> FinishedRun:
    """Return what the registration of two images has led to."""
    found = result.metrics, result.provenance, result.timings
    return FinishedRun(written.nodes, written.change, plan, result, *found)


def finish_frames(
    plan: RegistrationPlan,
    first: RegistrationResult,
    metrics: Mapping[int, Mapping[str, Any]],
    written: WrittenResult,
) -> FinishedRun:
    """Return what the registration of the frames of a sequence has led to.

    Args:
        plan: what was asked for.
        first: result of the first frame.
        metrics: by frame.
        written: the nodes.
    """
    found = first.metrics, first.provenance, first.timings
    return FinishedRun(written.nodes, written.change, plan, None, *found, metrics)
