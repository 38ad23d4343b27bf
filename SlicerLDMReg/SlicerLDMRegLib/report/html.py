"""``report.html``: one file that opens offline, pictures and style inside, no scripts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .figures import panel_png
from .panels import panels_for
from .scene import Scene
from .source import ReportSource
from .tables import metric_tables, provenance_tables, timing_table
from .verdict import judge, key_numbers

__all__ = ["names_of", "render_html", "total_seconds"]


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def names_of(result: ReportSource) -> tuple[str, str]:
    """Return the names of the fixed and the moving image: their file names where they have any."""
    inputs = result.provenance.get("inputs", {})
    names = []
    for role in ("fixed", "moving"):
        entry = inputs.get(role)
        path = entry.get("path") if isinstance(entry, dict) else entry
        names.append(Path(str(path)).name if path else f"{role} image")
    return names[0], names[1]


def total_seconds(result: ReportSource) -> float | None:
    """Return the seconds of the whole registration, where they were measured."""
    value = result.timings.get("total")
    return float(value) if isinstance(value, int | float) else None


def _orientation(scene: Scene) -> str:
    if scene.dimension == 2:
        note = " The pixel size is 1, so that mm are pixels." if scene.unit_spacing else ""
        return "Shown as stored: x to the right, y downwards." + note
    planes = ", ".join(view.plane.title for view in scene.views)
    return (
        f"Planes: {planes}. Radiological convention: the patient's right (R) is on the left; "
        "A anterior, P posterior, S superior, I inferior."
    )


def _caption(text: str, scene: Scene) -> str:
    direction = (
        "hue gives the direction (see the wheel), brightness the distance"
        if scene.dimension == 2
        else "red gives left, green posterior, blue superior; grey does not move"
    )
    part = ", without the affine part of it" if scene.aligned else ""
    return text.format(direction=direction, part=part)


def render_html(result: ReportSource, scene: Scene, version: str) -> str:
    """Return the report as one HTML text; everything that came from outside is escaped."""
    here = Path(__file__).parent
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((here / "template.html").read_text(encoding="utf-8"))
    pictures: list[dict[str, Any]] = [
        {
            "key": panel.key,
            "title": panel.title,
            "caption": _caption(panel.caption, scene),
            "source": _data_uri(panel_png(panel, scene)),
        }
        for panel in panels_for(scene)
    ]
    sources = {picture["key"]: picture["source"] for picture in pictures}
    fixed_name, moving_name = names_of(result)
    model = result.provenance.get("model") or {"title": "no model"}
    date = str(result.provenance.get("date", ""))[:16].replace("T", " ")
    return template.render(
        style=Markup((here / "style.css").read_text(encoding="utf-8")),
        fixed_name=fixed_name,
        moving_name=moving_name,
        subtitle=" · ".join(part for part in (model["title"], date) if part),
        verdict=judge(result.metrics),
        numbers=key_numbers(result.metrics, total_seconds(result)),
        pictures=pictures,
        flicker=(sources["fixed"], sources["warped"]),
        wide=len(scene.views) > 1,
        orientation=_orientation(scene),
        tables=[*metric_tables(result.metrics), timing_table(result.timings)],
        provenance=provenance_tables(result.provenance),
        version=version,
    )
