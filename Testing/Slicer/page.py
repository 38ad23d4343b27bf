"""One page that shows Slicer and the host side by side."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from .first_look import lines

__all__ = ["page"]

_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>LDMReg in Slicer and in the host</title>
<style>
body { font-family: sans-serif; margin: 2em; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; } td, th { padding: 3px 12px 3px 0; text-align: left; }
td { vertical-align: top; } .bad { color: #b71c1c; } pre { white-space: pre-wrap; }
img { width: 44vw; max-width: 640px; border: 1px solid #ccc; }
</style></head><body>
"""


def page(slicer: Mapping[str, Any], host: Mapping[str, Any], differing: Sequence[str]) -> str:
    """Return the page as HTML; pictures lie in the folders ``slicer`` and ``host`` beside it.

    Args:
        slicer, host: their reports.
        differing: of :func:`~.compare.differences`.
    """
    parts = [_HEAD, "<h1>LDMReg in Slicer and in the host</h1>"]
    parts += [_applications(slicer, host), "<h2>Differences</h2>"]
    parts += [_list(differing) or "<p>None.</p>", "<h2>Checks</h2>", _checks(slicer, host)]
    parts += ["<h2>First look</h2>", _first_look(slicer, host)]
    parts += ["<h2>Self-tests in Slicer</h2>", _self_tests(slicer)]
    for name, report in (("Slicer", slicer), ("the host", host)):
        if report["error"]:
            parts.append(f'<h2>Error in {name}</h2><pre class="bad">{_text(report["error"])}</pre>')
    parts += ["<h2>Pictures</h2>", _pictures(slicer, host), "</body></html>\n"]
    return "\n".join(parts)


def _text(value: Any) -> str:
    return html.escape(str(value))


def _row(cells: Sequence[str], kind: str = "td") -> str:
    return "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in cells) + "</tr>"


def _table(rows: Sequence[str]) -> str:
    return "<table>" + "".join(rows) + "</table>"


def _list(lines: Sequence[str]) -> str:
    items = "".join(f'<li class="bad">{_text(line)}</li>' for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def _applications(slicer: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    rows = [_row(("", "Slicer", "Host"), "th")]
    told = [report["application"] for report in (slicer, host)]
    versions = [".".join(map(str, app["version"])) + f" ({app['revision']})" for app in told]
    rows.append(_row(("version", *map(_text, versions))))
    rows += [_row((key, *(_text(app[key]) for app in told))) for key in ("python", "platform")]
    for name in told[0]["packages"]:
        rows.append(_row((name, *(_text(app["packages"].get(name) or "missing") for app in told))))
    return _table(rows)


def _checks(slicer: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    rows = [_row(("", "Slicer", "Host"), "th")]
    sides = [report["checks"] for report in (slicer, host)]
    for name in dict.fromkeys((*sides[0], *sides[1])):
        rows.append(_row((_text(name), *(_mark(side.get(name)) for side in sides))))
    return _table(rows)


def _first_look(slicer: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    told = []
    for name, report in (("Slicer", slicer), ("The host", host)):
        told += [f"<li>{name}: {_text(line)}</li>" for line in lines(report.get("first_look", {}))]
    return f"<ul>{''.join(told)}</ul>"


def _mark(holds: bool | None) -> str:
    if holds is None:
        return "not reached"
    return "yes" if holds else '<b class="bad">no</b>'


def _self_tests(slicer: Mapping[str, Any]) -> str:
    rows = []
    for test in slicer.get("self_tests", ()):
        outcome = _text(test["outcome"])
        if test["outcome"] == "failed":
            outcome = f'<b class="bad">{outcome}</b>'
        message = f"<pre>{_text(test['message'])}</pre>" if test["message"] else ""
        rows.append(_row((_text(test["name"]), outcome, f"{test['seconds']} s", message)))
    return _table(rows)


def _pictures(slicer: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    rows = [_row(("Slicer", "Host"), "th")]
    sides = {"slicer": slicer["pictures"], "host": host["pictures"]}
    for name in dict.fromkeys((*sides["slicer"], *sides["host"])):
        cells = [
            f'<img src="{side}/{_text(name)}" alt="{_text(name)}">' if name in names else "none"
            for side, names in sides.items()
        ]
        rows += [f"<tr><th colspan=2>{_text(name)}</th></tr>", _row(cells)]
    return _table(rows)
