"""Conversion of checkpoint tensors to our names, with an account of every tensor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..._weight_files import some
from ...errors import ModelError

__all__ = ["Source", "convert", "shape_of"]


@dataclass(frozen=True)
class Source:
    """Source of one of our tensors: its name in the checkpoint and a transform."""

    name: str
    transform: Callable[[Tensor], Tensor] = lambda tensor: tensor


def convert(
    tensors: Mapping[str, Tensor],
    sources: Mapping[str, Source],
    shapes: Mapping[str, tuple[int, ...]],
    ignored: Sequence[str],
    what: str,
) -> dict[str, Tensor]:
    """Return our tensors, converted from a checkpoint.

    Args:
        tensors: tensors of the checkpoint.
        sources: source of each tensor, by our name.
        shapes: required shape of each tensor, by our name.
        ignored: further names that the checkpoint may hold, as patterns of the whole name.
        what: name of the checkpoint in errors.

    Raises:
        ModelError: for a missing tensor, a wrong shape, or a name neither used nor ignored.
    """
    used = {source.name for source in sources.values()}
    missing = sorted(used - tensors.keys())
    if missing:
        raise ModelError(f"{what} lacks {some(missing)}; is it the right file?")
    unneeded = re.compile("|".join(ignored))
    unknown = [n for n in tensors if n not in used and not unneeded.fullmatch(n)]
    if unknown:
        raise ModelError(f"{what} has unknown names: {some(unknown)}; is it the right file?")
    converted = {}
    for ours, source in sources.items():
        theirs = tensors[source.name]
        try:
            tensor = source.transform(theirs)
        except (RuntimeError, ValueError, IndexError) as error:
            raise ModelError(
                f"{what}: {source.name} has the unexpected shape {tuple(theirs.shape)}"
            ) from error
        if tuple(tensor.shape) != shapes[ours]:
            raise ModelError(
                f"{what}: {source.name} must become {shapes[ours]}, got {tuple(theirs.shape)}"
            )
        converted[ours] = tensor
    return converted


def shape_of(tensors: Mapping[str, Tensor], name: str, what: str) -> tuple[int, ...]:
    """Return the shape of a tensor with at least two axes.

    Raises:
        ModelError: when the checkpoint, named ``what``, lacks it, or it has fewer axes.
    """
    if name not in tensors:
        raise ModelError(f"{what} lacks {name}; is it the right file?")
    shape = tuple(tensors[name].shape)
    if len(shape) < 2:
        raise ModelError(f"{what}: {name} has the unexpected shape {shape}")
    return shape
