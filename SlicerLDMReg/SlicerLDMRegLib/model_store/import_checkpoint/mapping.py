"""Turn the tensors of one naming scheme into those of another, leaving nothing unexplained."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ...errors import ModelError

__all__ = ["Ignored", "Source", "convert", "shape_of"]


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class Source:
    """Where one of our tensors comes from: a name in the checkpoint, and what is done with it."""

    name: str
    transform: Callable[[Tensor], Tensor] = _unchanged


@dataclass(frozen=True)
class Ignored:
    """Names of a checkpoint that are not needed, as a regular expression for the whole name."""

    pattern: str
    reason: str

    def matches(self, name: str) -> bool:
        """Tell whether a name is meant."""
        return re.fullmatch(self.pattern, name) is not None


def convert(
    tensors: Mapping[str, Tensor],
    sources: Mapping[str, Source],
    shapes: Mapping[str, tuple[int, ...]],
    ignored: Sequence[Ignored],
    what: str,
) -> dict[str, Tensor]:
    """Return our tensors.

    Args:
        tensors: the checkpoint.
        sources: for each of our names, where it comes from.
        shapes: for each of our names, the shape it must have.
        ignored: names that may stand in the checkpoint besides.
        what: what the checkpoint is called in errors.

    Raises:
        ModelError: when a tensor is missing or has another shape, or a name is neither used nor
            ignored.
    """
    used = {source.name for source in sources.values()}
    missing = sorted(used - tensors.keys())
    if missing:
        raise ModelError(f"{what} lacks {_some(missing)}; is it the right file?")
    unknown = [n for n in tensors if n not in used and not any(i.matches(n) for i in ignored)]
    if unknown:
        raise ModelError(f"{what} has unknown names: {_some(unknown)}; is it the right file?")
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
    """Return the shape of a tensor with two axes or more, from which sizes are read.

    Raises:
        ModelError: when the checkpoint, called ``what``, lacks it or it has fewer axes.
    """
    if name not in tensors:
        raise ModelError(f"{what} lacks {name}; is it the right file?")
    shape = tuple(tensors[name].shape)
    if len(shape) < 2:
        raise ModelError(f"{what}: {name} has the unexpected shape {shape}")
    return shape


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
