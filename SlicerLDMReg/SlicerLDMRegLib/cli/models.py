"""``ldmreg models`` and ``ldmreg import-checkpoint``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._printable import json_safe, one_line
from .._small_files import DamagedFile, read_json, read_text
from ..errors import InputError, ModelError

if TYPE_CHECKING:
    from ..model_store import ModelCard

_MOST_BYTES = 10_000_000  # of a licence or of names
_LONGEST = 10_000  # characters of a fact

__all__ = ["run_download", "run_import", "run_list", "run_pack", "run_show", "run_verify"]


def run_list(arguments: argparse.Namespace) -> int:
    """Print one line per model; folders that cannot be used are named on stderr."""
    from ..model_store import list_models, user_models_dir

    broken: list[ModelError] = []
    cards = list_models(broken)
    if arguments.json:
        _print_json([_brief(card) for card in cards])
    elif cards:
        rows = [("ID", "DIM", "METHOD", "FOR")]
        rows += [(c.id, f"{c.spatial_dims}D", one_line(c.method), one_line(c.use)) for c in cards]
        widths = [max(len(row[n]) for row in rows) for n in range(3)]
        for row in rows:
            print("  ".join((*(row[n].ljust(widths[n]) for n in range(3)), row[3])).rstrip())
    else:
        print(f"no models; put model folders into {user_models_dir()}")
    for error in broken:
        print(f"ldmreg: warning: {error}", file=sys.stderr)
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print all about a model."""
    from ..model_store import find_model

    card = find_model(arguments.model)
    if arguments.json:
        path = card.weights_path.with_name("metadata.json")
        print(json_safe(path.read_text(encoding="utf-8").rstrip()))
        return 0
    for name, text in _facts(card):
        print(f"{name + ':':<12} {one_line(text, _LONGEST)}")
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Check the files of models; every bad one is one line on stderr."""
    from ..model_store import find_model, list_models, verify

    broken: list[ModelError] = []
    names = arguments.models or [card.id for card in list_models(broken)]
    for name in names:
        try:
            card = verify(find_model(name).weights_path.parent)
        except ModelError as error:
            broken.append(error)
        else:
            print(f"{card.id}: every file is as published")
    if not names and not broken:
        raise ModelError("there are no models to verify; see ldmreg models list")
    for problem in broken:
        print(f"ldmreg: error: {problem}", file=sys.stderr)
    return 3 if broken else 0


def run_download(arguments: argparse.Namespace) -> int:
    """Download a model; without a name, list what can be downloaded."""
    from ..model_store import download_model, find_entry, read_catalogue
    from .console import ProgressBar

    if arguments.model is None:
        entries = read_catalogue()
        for entry in entries:
            size = f"{entry.bytes / 1e6:.1f} MB"
            print(f"{entry.id}  {entry.spatial_dims}D  {size}  {one_line(entry.use)}")
        if not entries:
            print("no models are offered for download in this version")
        return 0
    entry = find_entry(arguments.model)
    with ProgressBar() as bar:
        card = download_model(
            entry,
            overwrite=arguments.overwrite,
            progress=lambda done, total: bar("download", done / total, ""),
        )
    print(f"{card.folder}: {one_line(card.title)}; use it with --model {card.id}")
    return 0


def run_pack(arguments: argparse.Namespace) -> int:
    """Write the zip file of a model and print its entry of the catalogue."""
    from ..model_store import find_model, pack_model

    card = find_model(arguments.model)
    try:
        entry = pack_model(card.weights_path.parent, Path(arguments.output), arguments.url)
    except OSError as error:
        raise InputError(f"cannot write {arguments.output}: {error.strerror}") from error
    _print_json(entry.to_json())
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Write a model folder from checkpoint files."""
    from ..model_store import user_models_dir

    output = Path(arguments.output) if arguments.output else user_models_dir() / arguments.id
    files = {
        name: Path(path)
        for name in ("ldm", "registration", "checkpoint")
        if (path := getattr(arguments, name)) is not None
    }
    options: dict[str, Any] = {"overwrite": arguments.overwrite}
    # Only what was typed: an importer refuses an option that its method does not have.
    for name in ("text_embeddings", "text_encoder", "text_weights", "use"):
        if (value := getattr(arguments, name)) is not None:
            options[name] = value
    if arguments.ema:
        options["use_ema"] = True
    if arguments.label_names is not None:
        options["label_names"] = _label_names(arguments.label_names)
    if arguments.network:
        options["network"] = dict(map(_network_option, arguments.network))
    if arguments.licence is not None:
        options["licence"] = _read_text(Path(arguments.licence))
    from ..model_store.import_checkpoint import import_checkpoint

    card = import_checkpoint(
        arguments.method, files, output, arguments.id, arguments.title, **options
    )
    by_id = output.parent == user_models_dir()
    print(f"{output}: {card.title}; use it with --model {card.id if by_id else output}")
    return 0


def _network_option(text: str) -> tuple[str, Any]:
    """Read ``name=value``; what is not JSON is text, so that noising=none needs no quotes."""
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise InputError(f"--network: expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _label_names(text: str) -> dict[str, str] | str:
    """Read a file with names by label number; anything else is the name of a label scheme."""
    if not text.endswith(".json"):
        return text
    try:
        names = read_json(Path(text), _MOST_BYTES)
    except DamagedFile as error:
        raise InputError(f"{text} cannot be read as JSON: {error}") from error
    if not isinstance(names, dict):
        raise InputError(f'{text}: expected names by label number, {{"17": "Left-Hippocampus"}}')
    return names


def _read_text(path: Path) -> str:
    try:
        return read_text(path, _MOST_BYTES)
    except DamagedFile as error:
        raise InputError(f"cannot read {path} as text: {error}") from error


def _print_json(value: Any) -> None:
    print(json_safe(json.dumps(value, indent=2, ensure_ascii=False)))


def _brief(card: ModelCard) -> dict[str, Any]:
    names = ("id", "title", "kind", "method", "spatial_dims", "use", "version")
    return {**{name: getattr(card, name) for name in names}, "folder": str(card.folder)}


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    size = " x ".join(str(n) for n in card.grid.size)
    facts = [
        ("id", card.id),
        ("title", f"{card.title}, version {card.version}"),
        ("for", card.use),
        ("method", f"{card.kind} with {card.method}, {card.spatial_dims}D, grid {size}"),
        ("folder", str(card.folder)),
    ]
    if card.weights is not None:
        w = card.weights
        facts.append(("weights", f"{w.parameters:,} parameters, {w.bytes / 1e6:.1f} MB {w.dtype}"))
        facts.append(("sha256", w.sha256))
    for data in card.training_data:
        note = f" {data.acknowledgement}" if data.acknowledgement else ""
        facts.append(("trained on", f"{data.name} ({data.licence}).{note}"))
    for name, row in card.results.items():
        if isinstance(row, dict):
            numbers = ", ".join(f"{metric} {value}" for metric, value in row.items())
            facts.append(("result", f"{name}: {numbers}"))
        else:
            facts.append(("result", str(row)))
    facts += [("limit", limit) for limit in card.limits]
    facts.append(("intended", card.intended_use))
    return facts
