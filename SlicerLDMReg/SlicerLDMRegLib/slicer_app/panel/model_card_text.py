"""The card of a model as rich text: its use, measured results, training data and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from ...model_store import ModelCard
from .safe_texts import escaped

__all__ = ["card_html"]

_DASH = "\u2013"
_CELL = 'style="padding:1px 6px 1px 0"'


def card_html(card: ModelCard) -> str:
    """Return the card of a model as rich text; the rows of the model itself are bold.

    Texts of the card are shown as they are, in the language of its authors.
    """
    parts = [
        f"<h3>{escaped(card.title)}</h3>",
        _paragraph(card.use),
        _paragraph(card.description),
        _heading(_("Measured results")),
        _results(card),
        _heading(_("Trained on")),
        _list(_training(card)) or _paragraph(_("Not stated.")),
    ]
    if card.limits:
        parts += [_heading(_("Limits")), _list(card.limits)]
    parts += [_heading(_("The model")), _facts(card), _paragraph(card.intended_use)]
    return "".join(parts)


def _heading(text: str) -> str:
    return f"<h4>{escaped(text)}</h4>"


def _paragraph(text: str) -> str:
    return f"<p>{escaped(text)}</p>" if text else ""


def _list(texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escaped(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _results(card: ModelCard) -> str:
    rows = {name: row for name, row in card.results.items() if isinstance(row, Mapping)}
    told = str(card.results.get("description", ""))
    if not rows:
        return _paragraph(told or _("Nothing was measured."))
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [_row(["", *columns], "th", False)]
    for name, row in rows.items():
        cells = [_number(row.get(column)) for column in columns]
        lines.append(_row([name, *cells], "td", name.startswith(card.id)))
    return f"{_paragraph(told)}<table>{''.join(lines)}</table>"


def _row(cells: Sequence[str], tag: str, bold: bool) -> str:
    mark, end = ("<b>", "</b>") if bold else ("", "")
    first, *others = cells
    texts = [f'<{tag} align="left" {_CELL}>{mark}{escaped(first)}{end}</{tag}>']
    texts += [f'<{tag} align="right" {_CELL}>{mark}{escaped(c)}{end}</{tag}>' for c in others]
    return f"<tr>{''.join(texts)}</tr>"


def _number(value: Any) -> str:
    if value is None:
        return _DASH
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _training(card: ModelCard) -> list[str]:
    texts = []
    for data in card.training_data:
        text = _("{name}, licence {licence}.").format(name=data.name, licence=data.licence)
        texts.append(f"{text} {data.acknowledgement}".strip())
    return texts


def _facts(card: ModelCard) -> str:
    facts = [
        (_("Id and version"), f"{card.id}, {card.version}"),
        (_("Method"), f"{card.method}, {card.spatial_dims}D"),
        (_("Grid"), " x ".join(map(str, card.grid.size))),
    ]
    if card.grid.spacing is not None:
        facts.append((_("Voxels"), _("{size} mm").format(size=f"{card.grid.spacing:g}")))
    if card.weights is not None:
        size = _("{count} parameters, {size} MB").format(
            count=f"{card.weights.parameters:,}", size=f"{card.weights.bytes / 1e6:.1f}"
        )
        facts.append((_("Weights"), size))
    if card.folder is not None:
        facts.append((_("Folder"), str(card.folder)))
    rows = "".join(_row([name, text], "td", False) for name, text in facts)
    # Texts read better from the left than numbers.
    return f"<table>{rows}</table>".replace('align="right"', 'align="left"')
