"""``report.html``, one offline file with embedded pictures and style, without scripts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .._printable import printable
from .canvas import CARD, LIGHT
from .figure_data import FigureData
from .figures import panel_png
from .panels import panels_for
from .regions import GUIDED, regions_of
from .result_protocol import ReportSource
from .structure_chart import chart_png
from .structure_table import StructureTable, structure_table
from .structures import Structure, label_sizes, names_by_label, structures_of, unmatched_labels
from .tables import metric_tables, provenance_tables, timing_table
from .verdict import judge, key_numbers

__all__ = [
    "caption_of",
    "names_of",
    "orientation_of",
    "render_html",
    "structures_and_table",
    "total_seconds",
]


# For fewer structures the table suffices.
_CHARTED = 3


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _shown(value: Any) -> Any:
    """Return a value of the template without characters that change how others are shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def names_of(result: ReportSource) -> tuple[str, str]:
    """Return the names of the fixed and the moving image: their file names, if any."""
    inputs = result.provenance.get("inputs", {})
    names = []
    for role in ("fixed", "moving"):
        entry = inputs.get(role)
        path = entry.get("path") if isinstance(entry, dict) else entry
        names.append(printable(Path(str(path)).name) if path else f"{role} image")
    return names[0], names[1]


def total_seconds(result: ReportSource) -> float | None:
    """Return the seconds of the whole registration, if measured."""
    value = result.timings.get("total")
    return float(value) if isinstance(value, int | float) else None


def orientation_of(data: FigureData) -> str:
    """Return how the planes are to be read."""
    if data.dimension == 2:
        note = " The pixel size is 1, so that mm are pixels." if data.unit_spacing else ""
        return "Shown as stored: x to the right, y downwards." + note
    planes = ", ".join(view.plane.title for view in data.views)
    return (
        f"Planes: {planes}. Radiological convention: the patient's right (R) is on the left; "
        "A anterior, P posterior, S superior, I inferior."
    )


def caption_of(text: str, data: FigureData, names: Mapping[int, str]) -> str:
    """Return the caption of a panel, with what depends on the data."""
    direction = (
        "hue gives the direction (see the wheel), brightness the distance"
        if data.dimension == 2
        else "the colour gives the distance in mm, the arrows its part in the plane"
    )
    part = ", without the affine part of it" if data.aligned else ""
    shown = ""
    if len(data.outlined) > 1:
        listed = ", ".join(names.get(label) or f"label {label}" for label in data.outlined)
        shown = f" The most compact ones of each plane: {listed}." if data.omitted else ""
    return text.format(direction=direction, part=part, shown=shown)


def structures_and_table(result: ReportSource) -> tuple[list[Structure], StructureTable]:
    """Return the measured structures, and their table."""
    fixed, moving = label_sizes(result.fixed_labels), label_sizes(result.moving_labels)
    both = result.fixed_labels is not None and result.moving_labels is not None
    names, regions = names_by_label(result.metrics), regions_of(result.metrics)
    structures = structures_of(result.metrics, fixed)
    own = regions is not None and regions.given
    table = structure_table(
        structures,
        regions.tags if regions is not None and own else None,
        "Volume, ml" if result.fixed.GetDimension() == 3 else "Area, mm²",
        unmatched_labels(fixed, moving, names) if both else "",
    )
    return structures, table


@cache
def _environment() -> Environment:
    """Return the templates, which take longer to compile than to fill in."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )


def _charts(structures: list[Structure]) -> dict[str, str] | None:
    """Return the charts for light and dark pages; None for a few structures."""
    if sum(s.after is not None for s in structures) < _CHARTED:
        return None
    return {
        "light": _data_uri(chart_png(structures, LIGHT)),
        "dark": _data_uri(chart_png(structures, CARD)),
    }


def render_html(result: ReportSource, data: FigureData, version: str) -> str:
    """Return the report as one HTML text, with all external text escaped and made visible."""
    template = _environment().get_template("template.html")
    names = names_by_label(result.metrics)
    pictures: list[dict[str, Any]] = [
        {
            "key": panel.key,
            "title": panel.title,
            "caption": caption_of(panel.caption, data, names),
            "source": _data_uri(panel_png(panel, data)),
        }
        for panel in panels_for(data)
    ]
    sources = {picture["key"]: picture["source"] for picture in pictures}
    fixed_name, moving_name = names_of(result)
    structures, table = structures_and_table(result)
    model = result.provenance.get("model") or {"title": "no model"}
    date = str(result.provenance.get("date", ""))[:16].replace("T", " ")
    return template.render(
        style=Markup((Path(__file__).parent / "style.css").read_text(encoding="utf-8")),
        fixed_name=fixed_name,
        moving_name=moving_name,
        subtitle=" · ".join(part for part in (model["title"], date) if part),
        verdict=judge(result.metrics),
        numbers=key_numbers(result.metrics, total_seconds(result)),
        pictures=pictures,
        flicker=(sources["fixed"], sources["warped"]),
        wide=len(data.views) > 1,
        orientation=orientation_of(data),
        structures=table,
        charts=_charts(structures),
        regions=regions_of(result.metrics),
        guided=GUIDED,
        tables=[*metric_tables(result.metrics), timing_table(result.timings)],
        provenance=provenance_tables(result.provenance),
        version=version,
    )
