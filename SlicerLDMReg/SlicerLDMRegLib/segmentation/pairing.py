"""Labels of two images with names of their own: which of them are the same structure."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from ..images.loaded import add_notes, notes_of

__all__ = ["numbered_like"]

_LISTED = 8


def numbered_like(
    labels: sitk.Image, names: Mapping[int, str], others: Mapping[int, str], role: str = "labels"
) -> tuple[sitk.Image, dict[int, str]]:
    """Return labels with the numbers that other labels have for the same names.

    The segments of two segmentations have numbers of their own; only their names tell which of them
    are the same; capitals do not count. A name that the others lack, or that stands for several
    labels of one side, gets a number that the others do not have, so that it counts as another
    structure. Nothing changes where one side has no names.

    Args:
        labels: integers, 0 is background.
        names: of these labels.
        others: names of the labels to follow.
        role: what these labels are, for the notes.

    Returns:
        The labels, with notes on names that occur twice (``images.notes_of``), and their names.
    """
    if not (names and others):
        return labels, dict(names)
    own, given = ({n: _plain(name) for n, name in side.items()} for side in (names, others))
    counts = [collections.Counter(side.values()) for side in (own, given)]
    twice = sorted({name for count in counts for name, times in count.items() if times > 1})
    numbers = {name: number for number, name in given.items() if name not in twice}
    free = itertools.count(max([*names, *others]) + 1)
    new = {
        number: numbers[name] if name in numbers else next(free)
        for number, name in sorted(own.items())
    }
    notes = []
    if twice:
        shown = ", ".join(repr(name) for name in twice[:_LISTED])
        notes.append(
            f"the {role} are compared by their names without {shown}, which stand for several "
            "labels; rename them to compare them, too"
        )
    if all(number == other for number, other in new.items()):
        return add_notes(labels, notes), dict(names)
    array = sitk.GetArrayViewFromImage(labels)
    present, where = np.unique(array, return_inverse=True)
    kind = np.promote_types(array.dtype, np.min_scalar_type(max(new.values())))
    table = np.array([new.get(int(number), int(number)) for number in present], kind)
    # A label without a name must not become one of the others.
    unnamed = {int(n) for n in present if n != 0 and int(n) not in new} & set(new.values())
    for number in sorted(unnamed):
        table[int(np.flatnonzero(present == number)[0])] = next(free)
    renumbered = ImageGeometry.from_image(labels).to_image(table[where.reshape(array.shape)])
    add_notes(renumbered, [*notes_of(labels), *notes])
    return renumbered, dict(sorted((new[number], name) for number, name in names.items()))


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
