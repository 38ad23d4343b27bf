"""Readable model card ``docs/README.md``, generated from the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._printable import one_line
from .card import ModelCard
from .card_parts import Intensity

__all__ = ["render_readme"]


def render_readme(card: ModelCard) -> str:
    """Return the model card as Markdown: use, data, architecture, results and limits.

    Deterministic: the same card gives the same text.
    """
    intensity = card.intensity
    parts = [
        f"# {card.title}\n",
        f"`{card.id}`, version {card.version}, by {card.authors}.\n",
        f"{card.description}\n",
        "## Use\n",
        f"{card.use}\n",
        f"{card.intended_use}\n",
        f"    {_command(card)}\n",
        "## Training data\n",
        _training_data(card),
        "## Network\n",
        f"- method: `{card.method}`, {card.spatial_dims}D",
        f"- grid: {_grid(card)}",
        f"- intensities: {_ends(intensity)} become 0 and 1",
    ]
    if card.weights is not None:
        parts.append(
            f"- weights: {card.weights.parameters:,} parameters as {card.weights.dtype}, "
            f"{card.weights.bytes / 1e6:.1f} MB"
        )
    if card.segmenter is not None:
        found = "labels of the fixed image, where none are given"
        if card.spatial_dims == 2:
            found = "structures of both images, which the refinement brings together"
        parts.append(f"- {found}: by `{card.segmenter}`")
    parts += [f"- {name} of the names: {text}" for name, text in card.text.items()]
    parts += ["", _arguments(card.network)]
    if card.label_scheme:
        parts += ["## Structures\n", _structures(card)]
    parts += ["## Measured results\n", _results(card.results)]
    parts += ["## Limits\n", *(f"- {text}" for text in card.limits)]
    parts += [f"- {card.use.rstrip('.')}: on other images nothing has been measured."]
    parts += [f"- {_look(card)}\n"]
    parts += ["## Changes\n", *(f"- {v}: {text}" for v, text in card.changelog.items()), ""]
    parts += ["## Licence\n", f"{card.copyright}. See [LICENSE](../LICENSE).\n"]
    return "\n".join(parts)


def _command(card: ModelCard) -> str:
    if card.kind == "segmentation":
        return f"ldmreg segment IMAGE --model {card.id} --output LABELS"
    return f"ldmreg register --model {card.id} --fixed FIXED --moving MOVING --output DIR"


def _look(card: ModelCard) -> str:
    if card.kind == "segmentation":
        return "Look at the labels over the image before anything is built on them."
    return "Look at the report of each registration: it shows folds and similarity."


def _ends(intensity: Intensity) -> str:
    if intensity.window is not None:
        low, high = intensity.window
        return f"{low:g} and {high:g}"
    low, high = intensity.lower_percentile, intensity.upper_percentile
    return f"percentiles {low:g} and {high:g} of each image"


def _grid(card: ModelCard) -> str:
    grid = card.grid
    text = f"{' x '.join(map(str, grid.size))} (x, y, ...), sizes in multiples of {grid.divisor}"
    if grid.spacing is not None:
        text += f", {grid.spacing:g} mm"
    return text if grid.orientation is None else f"{text}, axes {grid.orientation}"


def _structures(card: ModelCard) -> str:
    prompts = {number: card.label_scheme[str(number)].get("prompt") for number in card.label_names}
    header = ["label", "name", "prompt"] if any(prompts.values()) else ["label", "name"]
    rows = [
        [str(number), _cell(name), _cell(prompts[number] or "")][: len(header)]
        for number, name in card.label_names.items()
    ]
    return _table(header, rows)


def _training_data(card: ModelCard) -> str:
    if not card.training_data:
        return "Not stated.\n"
    lines = []
    for data in card.training_data:
        text = f"- **{data.name}**, licence: {data.licence}."
        lines.append(f"{text} {data.acknowledgement}".rstrip())
    return "\n".join(lines) + "\n"


def _arguments(arguments: Mapping[str, Any]) -> str:
    if not arguments:
        return "All network arguments have their default values.\n"
    return _table(["argument", "value"], [[f"`{k}`", _cell(v)] for k, v in arguments.items()])


def _results(results: Mapping[str, Any]) -> str:
    rows = {name: row for name, row in results.items() if name != "description"}
    text = f"{results['description']}\n\n" if "description" in results else ""
    if not rows:
        return text or "Nothing was measured.\n"
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    body = [[name, *(_cell(row.get(c, "")) for c in columns)] for name, row in rows.items()]
    return text + _table(["", *columns], body)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else one_line(value)
    return text.replace("|", "\\|")
