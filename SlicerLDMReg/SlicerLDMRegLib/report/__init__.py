"""Report of a registration: ``overview.png``, ``report.html`` or ``.pdf``, and ``report.json``.

``write_reports(result, directory)`` writes all three; :class:`ReportSource` lists the attributes
that a result needs. Verdict and tables need no matplotlib: drawing modules are imported on first
use.
"""

from __future__ import annotations

from pathlib import Path

from .._version import __version__
from .figure_data import FigureData, build_figure_data
from .json_file import render_json, to_plain
from .result_protocol import ReportSource
from .structures import structures_of
from .verdict import Verdict, judge, key_numbers

__all__ = [
    "ReportSource",
    "Verdict",
    "judge",
    "key_numbers",
    "to_plain",
    "write_json",
    "write_overview",
    "write_report",
    "write_reports",
]


def _write_overview(result: ReportSource, data: FigureData, path: Path) -> None:
    from .figures import overview_png
    from .html import names_of, total_seconds

    fixed, moving = names_of(result)
    numbers = key_numbers(result.metrics, total_seconds(result))
    subtitle = "    ".join(f"{name}: {text}" for name, text in numbers)
    structures = structures_of(result.metrics)
    path.write_bytes(overview_png(data, f"{moving} registered to {fixed}", subtitle, structures))


def write_overview(result: ReportSource, path: str | Path, slice_axis: int | None = None) -> None:
    """Write all panels into one PNG; see :func:`write_reports` for ``slice_axis``."""
    _write_overview(result, build_figure_data(result, slice_axis), Path(path))


def write_report(result: ReportSource, path: str | Path, slice_axis: int | None = None) -> None:
    """Write the report as one file that opens offline: PDF for a name in .pdf, else HTML."""
    data = build_figure_data(result, slice_axis)
    if Path(path).suffix.lower() == ".pdf":
        from .pdf import write_pdf

        write_pdf(result, data, __version__, Path(path))
        return
    from .html import render_html

    Path(path).write_text(render_html(result, data, __version__), encoding="utf-8")


def write_json(result: ReportSource, path: str | Path) -> None:
    """Write metrics, verdict, timings and provenance as strict JSON (NaN becomes null)."""
    Path(path).write_text(render_json(result, __version__), encoding="utf-8")


def write_reports(
    result: ReportSource, directory: str | Path, slice_axis: int | None = None
) -> None:
    """Write ``overview.png``, ``report.html`` and ``report.json`` into an existing folder.

    Args:
        result: the registration result.
        directory: folder of the three files.
        slice_axis: index axis (0 = i) perpendicular to the slices of a slice-by-slice registration;
            then such slices are shown instead of three orthogonal planes.
    """
    from .html import render_html

    directory = Path(directory)
    data = build_figure_data(result, slice_axis)
    _write_overview(result, data, directory / "overview.png")
    html = render_html(result, data, __version__)
    (directory / "report.html").write_text(html, encoding="utf-8")
    write_json(result, directory / "report.json")
