"""``report.html`` of a cohort: one file, whose table sorts and filters without a network."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .._printable import json_safe, printable
from .._version import __version__
from .summary import NUMBERS
from .tables import columns_of

__all__ = ["render_page"]

_FIRST = ("id", "status", "verdict", "outlier", "quality")
_LAST = ("model", "attempts", "finished", "fixed", "moving", "split", "group", "reason")
_TITLES = {
    "id": "Pair", "outlier": "Outlier in", "reason": "Remarks", "model": "Model",
    **{name: name.capitalize() for name in (
        "status", "verdict", "attempts", "finished", "fixed", "moving", "split", "group")},
}  # fmt: skip
# Distributions that are drawn, as far as their numbers are there.
_DRAWN = (
    "quality", "dice_after", "unlike_after", "ncc_after", "tre_after_mm", "hd95_after_mm",
    "sdlogj", "jacobian_min", "moved_mean_mm", "seconds",
)  # fmt: skip
_PAIRINGS = {
    "all-to-all": "all to all",
    "consecutive": "each frame to the one before it",
    "first": "each frame to the first",
}
_HIDDEN = ("folder", "report", "peak_mib")
_SIGNIFICANT = 6  # digits of a number in the page


def render_page(
    rows: Sequence[Mapping[str, Any]],
    pictures: Sequence[tuple[Mapping[str, Any], str | None]],
    template: tuple[str, int] | None,
    description: Mapping[str, Any],
) -> str:
    """Return the page as HTML text.

    All texts of files stand in JSON, or are escaped; the script writes them as text only.

    Args:
        rows: of all pairs.
        pictures: the worst pairs, each with its overview as a data URI.
        template: picture of the determinant on the template, and the number of pairs it is of.
        description: of the cohort.
    """
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, finalize=_shown
    )
    columns = _columns(rows)
    data = {
        "columns": columns,
        "rows": [[_cell(row.get(column["name"])) for column in columns] for row in rows],
        "links": [_link(row) for row in rows],
        "drawn": _drawn(rows),
    }
    counts = Counter(_state(row) for row in rows)
    return environment.get_template("page.html").render(
        style=Markup((here / "page.css").read_text(encoding="utf-8")),
        script=Markup((here / "page.js").read_text(encoding="utf-8")),
        data=Markup(_script_json(data)),
        title=Path(str(description.get("source", ""))).name or "Cohort",
        subtitle=_subtitle(rows, description),
        states=[(state, counts[state]) for state in ("good", "check", "bad", "failed", "missing")],
        outliers=sum(bool(row.get("outlier")) for row in rows),
        total=len(rows),
        worst=[
            {
                "id": row["id"],
                "state": _state(row),
                "text": row.get("reason") or "Nothing was found.",
                "numbers": _numbers(row),
                "link": _link(row),
                "picture": picture,
            }
            for row, picture in pictures
        ],
        template=template,
        tables=_tables(rows),
        version=__version__,
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    known = [name for name in columns_of(rows) if name not in _HIDDEN]
    middle = [name for name in known if name not in _FIRST + _LAST]
    numbers = [name for name in middle if name in NUMBERS]
    others = [name for name in middle if name not in NUMBERS]
    order = (*_FIRST, *numbers, *others, *_LAST)
    columns: list[dict[str, Any]] = []
    for name in (name for name in order if name in known or name == "id"):
        measure = NUMBERS.get(name)
        column: dict[str, Any] = {
            "name": name,
            "title": _TITLES.get(name) or (measure.title if measure else printable(name)),
        }
        if measure is not None:
            column |= {"digits": measure.digits, "better": measure.better}
        elif name == "attempts":
            column |= {"digits": 0, "better": 0}
        columns.append(column)
    return columns


def _drawn(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the numbers whose distributions are drawn; the quality not where it is the Dice."""
    names = [name for name in _DRAWN if any(row.get(name) is not None for row in rows)]
    if all(row.get("quality") == row.get("dice_after") for row in rows) and "quality" in names:
        names.remove("quality")
    return names


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_SIGNIFICANT}g}") if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return printable(value) or None


def _link(row: Mapping[str, Any]) -> str | None:
    folder = row.get("folder")
    return quote(f"{folder}/{row.get('report') or 'report.html'}") if folder else None


def _state(row: Mapping[str, Any]) -> str:
    return str(row["verdict"] if row["status"] == "done" else row["status"])


def _numbers(row: Mapping[str, Any]) -> str:
    names = ("quality", "dice_after", "unlike_after", "ncc_after", "tre_after_mm", "folds")
    found = [
        f"{NUMBERS[name].title} {row[name]:.{NUMBERS[name].digits}f}"
        for name in names
        if row.get(name) is not None
    ]
    return " · ".join(found)


def _subtitle(rows: Sequence[Mapping[str, Any]], description: Mapping[str, Any]) -> str:
    options = description.get("options")
    model = options.get("model") if isinstance(options, Mapping) else None
    dates = sorted(str(row["finished"]) for row in rows if row.get("finished"))
    pairing = str(description.get("pairing") or "")
    if pairing.startswith("to:"):
        pairing = f"all to {pairing.removeprefix('to:')}"
    pairing = _PAIRINGS.get(pairing, pairing)
    count = f"{len(rows):,} pair" + ("" if len(rows) == 1 else "s")
    parts = (
        count + (f", {pairing}" if pairing else ""),
        f"model {model}" if model else "",
        f"{dates[0][:16]} to {dates[-1][:16]}" if dates else "",
    )
    return " · ".join(part for part in parts if part)


def _tables(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return median, quartiles and worst twentieth of the numbers, for readers without scripts."""
    found = []
    for name, measure in NUMBERS.items():
        values = sorted(float(row[name]) for row in rows if row.get(name) is not None)
        if values:
            shares = (0.05, 0.25, 0.5, 0.75, 0.95)
            texts = [f"{_quantile(values, share):.{measure.digits}f}" for share in shares]
            found.append((measure.title, [str(len(values)), *texts]))
    return found


def _quantile(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _script_json(data: Any) -> str:
    """Return JSON that can stand in a script element: no text of it can end the element."""
    text = json_safe(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shown(value: Any) -> Any:
    """Return a value of the template without characters that change how others are shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
