"""Pairs of a table of images: all to all, all to one, consecutive frames, frames to the first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from ..manifest import PAIR_COLUMNS, ImageEntry, ImagesManifest, PairEntry
from .naming import image_name, pair_name

__all__ = ["PAIRINGS", "pairs_of_images"]

#: Ways to make pairs; ``to:`` is followed by the name of an image.
PAIRINGS = ("all-to-all", "to:ID", "consecutive", "first")
# Images along a side of a block of all-to-all: both sides of it fit into the memory of a model, see
# pipeline.predict.Predictor, and it takes 16 encodings for 64 pairs.
_BLOCK = 8

_Named = tuple[str, ImageEntry]


def pairs_of_images(images: ImagesManifest, how: str, root: Path) -> list[PairEntry]:
    """Return the pairs of a table of images, those with common images beside each other.

    Args:
        images: the table.
        how: ``all-to-all``: every image to every other; ``to:ID``: all others to one, which is
            named by its id, its subject, or its file; ``consecutive``: each frame of a subject to
            the one before it, in the order of the table; ``first``: each frame to the subject's
            first. Without subjects the whole table is one series.
        root: folder below which images are named by their paths.

    Raises:
        InputError: for another way, an image that is not there, names that are there twice, or
            when there are no pairs.
    """
    named = _named(images, root)
    found: Iterable[tuple[_Named, _Named]]
    if how == "all-to-all":
        found = _all_to_all(named)
    elif how.startswith("to:"):
        target = _find(named, how.removeprefix("to:").strip())
        found = ((target, other) for other in named if other is not target)
    elif how == "consecutive":
        found = _in_series(named, itertools.pairwise)
    elif how == "first":
        found = _in_series(named, lambda frames: ((frames[0], other) for other in frames[1:]))
    else:
        raise InputError(f"--pairs: expected {', '.join(PAIRINGS)}, got {how}")
    pairs = [_pair(fixed, moving) for fixed, moving in found]
    if not pairs:
        raise InputError(
            f"--pairs {how}: the table of {len(named)} images gives no pair; "
            "two images of one subject, or of no subject, make one"
        )
    return pairs


def _named(images: ImagesManifest, root: Path) -> list[_Named]:
    named: dict[str, _Named] = {}
    for entry in images:
        name = image_name(entry, root)
        other = named.get(name.casefold())
        if other is not None:
            raise InputError(
                f"the images {other[1].image} and {entry.image} are both named {name}; give each "
                "an id of its own"
            )
        named[name.casefold()] = name, entry
    return list(named.values())


def _all_to_all(named: Sequence[_Named]) -> Iterator[tuple[_Named, _Named]]:
    """Yield all ordered pairs, block by block."""
    blocks = [named[n : n + _BLOCK] for n in range(0, len(named), _BLOCK)]
    for rows in blocks:
        for columns in blocks:
            for fixed in rows:
                for moving in columns:
                    if fixed is not moving:
                        yield fixed, moving


def _in_series(
    named: Sequence[_Named],
    pairs: Callable[[Sequence[_Named]], Iterable[tuple[_Named, _Named]]],
) -> Iterator[tuple[_Named, _Named]]:
    subjects: dict[str | None, list[_Named]] = {}
    for name, entry in named:
        subjects.setdefault(entry.subject, []).append((name, entry))
    for frames in subjects.values():
        if len(frames) > 1:
            yield from pairs(frames)


def _find(named: Sequence[_Named], wanted: str) -> _Named:
    for known in (
        lambda name, entry: wanted in (name, entry.id),
        lambda name, entry: wanted in (entry.image.name, str(entry.image)),
        lambda name, entry: wanted == entry.subject,
    ):
        found = [(name, entry) for name, entry in named if known(name, entry)]
        if len(found) == 1:
            return next(item for item in named if item[0] == found[0][0])
        if found:
            names = ", ".join(name for name, _ in found[:8])
            raise InputError(f"--pairs to:{wanted}: expected one image, there are {names}")
    names = ", ".join(name for name, _ in named[:8]) + (", ..." if len(named) > 8 else "")
    raise InputError(f"--pairs to:{wanted}: there is no such image; there are {names}")


def _pair(fixed: _Named, moving: _Named) -> PairEntry:
    (fixed_name, a), (moving_name, b) = fixed, moving
    further = {}
    for name in ("subject", "phase"):
        for role, entry in (("fixed", a), ("moving", b)):
            if (value := getattr(entry, name)) is not None:
                further[f"{role}_{name}"] = value
    known = {n: text for n, text in b.further.items() if n not in (*further, *PAIR_COLUMNS)}
    return PairEntry(
        a.image,
        b.image,
        fixed_labels=a.labels,
        moving_labels=b.labels,
        fixed_landmarks=a.landmarks,
        moving_landmarks=b.landmarks,
        fixed_mask=a.mask,
        moving_mask=b.mask,
        label_names=a.label_names if a.label_names is not None else b.label_names,
        id=pair_name(fixed_name, moving_name),
        split=a.split if a.split == b.split else None,
        group=b.group,
        further={**known, **further},
    )
