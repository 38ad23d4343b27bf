"""Uncertainty of a refined field: its spread over choices that are as good as the ones made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ...networks import FieldPrediction
from ..options import RefineOptions
from ..progress import Progress
from .instance_optimisation import refine_field
from .optimiser import SIGMA

__all__ = ["CALIBRATION", "Member", "field_spread", "members_of"]

#: Root mean square of the true error by that of the spread, by dimension, measured where the warp
#: is known: ``python -m Testing.Benchmarks.uncertainty``.
CALIBRATION = {2: 2.4, 3: 2.0}
# Another similarity that suits the images of each.
_OTHER = {"mse": "lncc", "lncc": "mind", "mind": "mind-lncc", "mind-lncc": "mind"}
# Factors of the regulariser and of the Gaussian on its updates: about the range in which the Dice
# of cine MR pairs does not tell which is best.
_STIFFER, _SOFTER = 2.5, 0.4
_WIDER, _NARROWER = 1.4, 0.7


@dataclass(frozen=True)
class Member:
    """Another way to the same field.

    Attributes:
        name: what is different.
        options: of the refinement.
        blank: whether it starts from nothing instead of the network's field.
        swapped: whether the fixed image is brought onto the moving one, and the inverse is taken.
        mirrored: whether both images are mirrored along their last axis.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    blank: bool = False
    swapped: bool = False
    mirrored: bool = False


def members_of(
    options: RefineOptions, dimension: int, predicted: bool, points: bool = False
) -> list[Member]:
    """Return the members for a refinement.

    Args:
        options: of the refinement, with the similarity that was used.
        dimension: 2 or 3.
        predicted: whether the refinement began with a prediction.
        points: whether it holds points, which are not mirrored or swapped.
    """
    sigma = SIGMA[dimension] if options.sigma is None else options.sigma

    def stiff(factor: float) -> dict[str, float]:
        return {"smoothness": factor * options.smoothness, "prior": factor * options.prior}

    found = [
        Member("stiffer", stiff(_STIFFER)),
        Member("softer", stiff(_SOFTER)),
        Member("wider updates", {"sigma": _WIDER * sigma}),
        Member("narrower updates", {"sigma": _NARROWER * sigma}),
        Member("other similarity", {"similarity": _OTHER[options.similarity]}),
    ]
    if not points:
        found += [Member("moving and fixed exchanged", swapped=True)]
        found += [Member("mirrored", mirrored=True)]
    if predicted:
        found += [Member("without the network", blank=True)]
    return found


def field_spread(
    displacement: Tensor,
    arguments: Mapping[str, Any],
    members: Sequence[Member],
    progress: Progress | None = None,
) -> Tensor:
    """Return the standard deviation of a refined field and of other ways to it, ``(B, 1, *S)``.

    Other noise in the network says little: the refinement ends in the same field. What remains open
    are the choices that nobody can justify to the last digit: how stiff the tissue is, which
    similarity, which of the images moves. Where these agree the images decide.

    Args:
        displacement: the refined field, ``(B, d, *S)`` in voxels.
        arguments: those of :func:`.refine_field` that led to it, by name.
        members: see :func:`members_of`.
        progress: told about each member.

    Returns:
        Voxels: the square root of the variances' sum over the axes.

    Raises:
        CancelledError: when the caller cancels.
    """
    progress = progress or Progress()
    total, square = displacement.clone(), displacement.square()
    for number, member in enumerate(members):
        progress.report("uncertainty", number / len(members), member.name)
        part = progress.part(number / len(members), (number + 1) / len(members))
        found = _run(member, arguments, part)
        total, square = total + found, square + found.square()
    count = len(members) + 1
    variance = (square - total.square() / count).clamp(min=0).sum(1, keepdim=True)
    return (variance / max(1, count - 1)).sqrt()


def _run(member: Member, arguments: Mapping[str, Any], progress: Progress) -> Tensor:
    """Return the displacement of a member."""
    own = dict(arguments)
    own["options"] = replace(own["options"], **member.options)
    own["progress"] = _Quiet(progress)
    if member.blank:
        own["initial"] = None
    if member.swapped:
        own |= {"moving": own["fixed"], "fixed": own["moving"], "view": None}
        for name in ("anatomy", "masks", "features"):
            if own.get(name) is not None:
                own[name] = own[name][::-1]
        initial = own.get("initial")
        if initial is not None:
            velocity = initial.displacement if initial.velocity is None else initial.velocity
            own["initial"] = FieldPrediction(-velocity, -velocity, initial.distance)
        return refine_field(**own).inverse
    if member.mirrored:
        for name in ("moving", "fixed", "mask", "view"):
            own[name] = _mirror(own.get(name))
        for name in ("anatomy", "masks", "features"):
            if own.get(name) is not None:
                own[name] = tuple(_mirror(t) for t in own[name])
        initial = own.get("initial")
        if initial is not None:
            velocity = None if initial.velocity is None else _mirror_field(initial.velocity)
            shown = _mirror_field(initial.displacement)
            own["initial"] = FieldPrediction(shown, velocity, initial.distance)
        return _mirror_field(refine_field(**own).displacement)
    return refine_field(**own).displacement


def _mirror(image: Tensor | None) -> Tensor | None:
    return None if image is None else image.flip(-1)


def _mirror_field(displacement: Tensor) -> Tensor:
    """Return the field of mirrored images."""
    sign = torch.ones(displacement.shape[1], device=displacement.device)
    sign[-1] = -1
    return displacement.flip(-1) * sign.reshape(1, -1, *[1] * (displacement.ndim - 2))


class _Quiet(Progress):
    """Progress that cancels, and reports no iterations: the members are told one by one."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(None, None)
        self._progress = progress

    def report(self, stage: str, fraction: float, message: str = "") -> None:
        """Only look whether the caller wants to stop."""
        self._progress.check()

    def check(self) -> None:
        """Raise when the caller wants to stop."""
        self._progress.check()

    def part(self, start: float, end: float) -> Progress:
        """Return this: there are no fractions."""
        return self
