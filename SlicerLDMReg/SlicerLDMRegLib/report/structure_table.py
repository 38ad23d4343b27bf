"""Table of the structures, with the lowest and the worsened ones.

The HTML file runs no scripts and sorts by style: each row stores its rank in each column, and the
radio button in the head of a column selects the rank to sort by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .structures import Structure, lowest, worsened

__all__ = ["StructureColumn", "StructureRow", "StructureTable", "structure_table"]

_DASH = "\u2013"
_LAST = 99999  # rank of unknown values, above any number of structures
_LISTED = 6  # lowest and worsened structures listed above the table; not tuned


@dataclass(frozen=True)
class StructureColumn:
    """Column with key, heading and sort direction.

    ``first`` and ``second`` are the texts of the two orders; the first is the more useful one.
    """

    key: str
    title: str
    first: str
    second: str
    descending: bool = False


@dataclass(frozen=True)
class StructureRow:
    """Texts of one structure; ``order`` is the style with its ranks.

    ``bar_after`` and ``bar_before`` are percentages of the width, None if unknown; ``lost``: less
    overlap than before, or than after the alignment alone.
    """

    label: int
    title: str
    tag: str
    cells: dict[str, str]
    tones: dict[str, str]
    lost: bool
    order: str
    bar_before: float | None
    bar_after: float | None


@dataclass(frozen=True)
class StructureTable:
    """Content of the section on structures.

    Attributes:
        columns, rows: the table; the first column holds the names.
        lowest: (name, Dice, HD95) of the structures with the lowest overlap; empty for few ones.
        worsened: (name, earlier Dice, Dice) of structures that lost overlap.
        more_worsened: number of these that are not listed.
        unmatched: sentence on labels of only one image, or empty.
    """

    columns: list[StructureColumn]
    rows: list[StructureRow]
    lowest: list[tuple[str, str, str]]
    worsened: list[tuple[str, str, str]]
    more_worsened: int
    unmatched: str = ""


Value = Callable[[Structure], float | None]


def _columns(
    structures: Sequence[Structure], size: str
) -> list[tuple[StructureColumn, Value, Callable[[float], str]]]:
    def dice(value: float) -> str:
        return f"{value:.3f}"

    def change(value: float) -> str:
        return f"{value:+.3f}".replace("-", "\u2212")

    def mm(value: float) -> str:
        return f"{value:.1f}"

    up, down = "lowest first", "highest first"
    columns: list[tuple[StructureColumn, Value, Callable[[float], str]]] = [
        (StructureColumn("size", size, "largest first", "smallest first", True),
         lambda s: s.size, lambda value: f"{value:.3g}" if value < 1000 else f"{value:.0f}"),
        (StructureColumn("before", "Dice before", up, down), lambda s: s.before, dice),
        (StructureColumn("aligned", "Dice aligned", up, down), lambda s: s.aligned, dice),
        (StructureColumn("after", "Dice after", up, down), lambda s: s.after, dice),
        (StructureColumn("change", "Change", up, down), lambda s: s.change, change),
        (StructureColumn("hd95-before", "HD95 before, mm", down, up, True),
         lambda s: s.hd95_before, mm),
        (StructureColumn("hd95-after", "HD95 after, mm", down, up, True),
         lambda s: s.hd95_after, mm),
    ]  # fmt: skip
    return [c for c in columns if any(c[1](s) is not None for s in structures)]


def _ranks(values: Sequence[float | None], descending: bool) -> list[int]:
    sign = -1 if descending else 1
    known = sorted((sign * v, n) for n, v in enumerate(values) if v is not None)
    ranks = [_LAST] * len(values)
    for rank, (_, number) in enumerate(known, start=1):
        ranks[number] = rank
    return ranks


def _order(key: str, rank: int) -> str:
    # Unknown values come last in both directions.
    return f"--{key}:{rank}" + (f";--{key}-r:{-_LAST}" if rank == _LAST else "")


def _text(value: float | None, form: Callable[[float], str]) -> str:
    return _DASH if value is None else form(value)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)


def structure_table(
    structures: Sequence[Structure],
    tags: Mapping[int, str] | None = None,
    size_title: str = "Volume, ml",
    unmatched: str = "",
) -> StructureTable:
    """Return the table of structures.

    Args:
        structures: the measured structures.
        tags: word after the name, by label: ``new``, ``background``.
        size_title: heading of the sizes.
        unmatched: sentence on labels that were not measured.
    """
    columns = _columns(structures, size_title)
    names = [s.title.casefold() for s in structures]
    by_name = sorted(range(len(structures)), key=lambda n: (names[n], structures[n].label))
    orders = [[f"--label:{n}"] for n in range(1, len(structures) + 1)]
    for rank, number in enumerate(by_name, start=1):
        orders[number].append(f"--name:{rank}")
    for column, value, _ in columns:
        for order, rank in zip(
            orders, _ranks([value(s) for s in structures], column.descending), strict=True
        ):
            order.append(_order(column.key, rank))
    worse = worsened(structures)
    bad = {s.label for s in worse}
    rows = [
        StructureRow(
            label=s.label,
            title=s.title,
            tag=(tags or {}).get(s.label, ""),
            cells={column.key: _text(value(s), form) for column, value, form in columns},
            tones={"change": _tone(s.change), "after": "worse" if s.label in bad else ""},
            lost=s.label in bad,
            order=";".join(order),
            bar_before=_percent(s.before),
            bar_after=_percent(s.after),
        )
        for s, order in zip(structures, orders, strict=True)
    ]
    return StructureTable(
        columns=[
            StructureColumn("name", "Structure", "by name", "by label number"),
            *(column for column, _, _ in columns),
        ],
        rows=rows,
        lowest=[(s.title, _text(s.after, _two), _text(s.hd95_after, _mm)) for s in
                lowest(structures, _LISTED)] if len(structures) > 3 else [],
        worsened=[
            (s.title, f"{s.reference[0]:.2f}" + " aligned" * (s.reference[1] == "aligned"),
             _text(s.after, _two))
            for s in worse[:_LISTED] if s.reference is not None
        ],
        more_worsened=max(0, len(worse) - _LISTED),
        unmatched=unmatched,
    )  # fmt: skip


def _tone(change: float | None) -> str:
    if change is None or abs(change) < 5e-4:  # displayed as 0.000
        return ""
    return "better" if change > 0 else "worse"


def _two(value: float) -> str:
    return f"{value:.2f}"


def _mm(value: float) -> str:
    return f"{value:.1f}"
