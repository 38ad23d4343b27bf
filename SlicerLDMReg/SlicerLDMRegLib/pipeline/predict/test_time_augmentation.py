"""Several looks at the same pair, shifted and mirrored, whose predictions are averaged.

A network whose features have half the resolution sees a pair a little differently when it moves by
a voxel, and no network treats left and right quite alike. What is common to the views is more
often right than any one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ModelError
from ...model_store import ModelCard
from ...networks import FieldPrediction, Regions

__all__ = ["Mirror", "View", "average", "choose_views"]

_MOST = 4  # shifted or not, mirrored or not


@dataclass(frozen=True, eq=False)
class Mirror:
    """The exchange of left and right.

    Attributes:
        axis: spatial axis of the tensors that runs from left to right.
        rows: ``(N,)`` int64, for each row of the filter table that of the other side.
    """

    axis: int
    rows: Tensor

    @classmethod
    def of(cls, card: ModelCard) -> Mirror | None:
        """Return that of a model; None where its lattice is not along the axes of the patient."""
        orientation = card.grid.orientation
        if orientation is None:
            return None
        across = next(i for i, letter in enumerate(orientation) if letter in "LR")
        names = {
            row: card.label_names[number].lower()
            for row, number in enumerate(card.label_numbers)
            if number in card.label_names
        }
        places = {name: row for row, name in names.items()}
        rows = list(range(len(card.label_numbers)))
        for row, name in names.items():
            rows[row] = places.get(_other_side(name), row)
        return cls(card.spatial_dims - 1 - across, torch.tensor(rows, dtype=torch.int64))


def _other_side(name: str) -> str:
    return name.replace("left", "\0").replace("right", "left").replace("\0", "right")


@dataclass(frozen=True, eq=False)
class View:
    """One look at a pair.

    Attributes:
        shift: voxels by which everything moves towards larger indices, along all axes.
        mirror: how left and right are exchanged; None: they are not.
    """

    shift: int = 0
    mirror: Mirror | None = None

    def of(self, tensor: Tensor) -> Tensor:
        """Return ``(B, C, *S)`` as it is seen; the border goes on where nothing is known."""
        tensor = _shifted(tensor, self.shift)
        return tensor if self.mirror is None else tensor.flip(2 + self.mirror.axis)

    def of_regions(self, regions: Regions) -> Regions:
        """Return the regions as they are seen."""
        labels, confidence = self.of(regions.labels), regions.confidence
        if self.mirror is not None:
            labels = self.mirror.rows.to(labels.device)[labels]
        return Regions(labels, None if confidence is None else self.of(confidence), regions.filters)

    def back(self, field: Tensor) -> Tensor:
        """Return a displacement or velocity ``(B, d, *S)`` of the view as that of the pair."""
        if self.mirror is not None:
            sign = field.new_ones(field.shape[1])
            sign[self.mirror.axis] = -1
            field = field.flip(2 + self.mirror.axis)
            field = field * sign.reshape(1, -1, *[1] * (field.ndim - 2))
        return _shifted(field, -self.shift)

    def takes(self, regions: Regions | None) -> bool:
        """Whether the view can show the regions: new ones have no counterpart on the other side."""
        if self.mirror is None or regions is None or regions.filters is None:
            return True
        return len(regions.filters) == len(self.mirror.rows)


def choose_views(card: ModelCard) -> tuple[View, ...]:
    """Return the views that a model averages, ``defaults.views`` of its card many; mostly one.

    They are, in this order: the pair as it is, it shifted by a voxel, it mirrored, both.

    Raises:
        ModelError: for a number that the model cannot have.
    """
    count = card.defaults.get("views", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:
        raise ModelError(
            f"model {card.id!r}: defaults.views must be an integer from 1 to {_MOST}, got {count!r}"
        )
    mirror = Mirror.of(card) if count > 2 else None
    if count > 2 and mirror is None:
        raise ModelError(
            f"model {card.id!r}: more than 2 defaults.views need a grid.orientation, "
            "which tells left from right"
        )
    return (View(), View(1), View(0, mirror), View(1, mirror))[:count]


def average(views: Sequence[View], predictions: Sequence[FieldPrediction]) -> FieldPrediction:
    """Return the mean of the predictions of some views, as that of the pair."""
    if len(predictions) == 1 and views[0].shift == 0 and views[0].mirror is None:
        return predictions[0]

    def mean(name: str) -> Tensor | None:
        fields = [getattr(prediction, name) for prediction in predictions]
        if any(field is None for field in fields):
            return None
        seen = [view.back(field.float()) for view, field in zip(views, fields, strict=True)]
        return torch.stack(seen).mean(0)

    displacement = mean("displacement")
    assert displacement is not None
    return FieldPrediction(displacement, mean("velocity"), predictions[0].distance, mean("inverse"))


def _shifted(tensor: Tensor, shift: int) -> Tensor:
    if shift == 0:
        return tensor
    for axis in range(2, tensor.ndim):
        count = tensor.shape[axis]
        index = (torch.arange(count, device=tensor.device) - shift).clamp(0, count - 1)
        tensor = tensor.index_select(axis, index)
    return tensor
