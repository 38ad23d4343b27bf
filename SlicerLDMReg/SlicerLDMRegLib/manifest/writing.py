"""Writing of manifests, so that reading them gives the same entries."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from .._outputs import check_place, whole_file
from .._printable import json_safe
from ..errors import InputError
from .columns import FILES, IMAGE_COLUMNS, PAIR_COLUMNS
from .entries import ImageEntry, ImagesManifest, Manifest, PairEntry

__all__ = ["write_manifest"]


def write_manifest(manifest: Manifest, path: str | Path, *, share: bool = False) -> Path:
    """Write a manifest: CSV, or JSON where the name ends with ``.json``.

    Files below the folder of the manifest are written relative to it, so that the folder can be
    moved; others as absolute paths.

    Args:
        manifest: the table; columns without a value in any entry are left out.
        path: of the file; one that is there is replaced.
        share: whether others may read it as the umask says; else its owner alone.

    Returns:
        The absolute path.

    Raises:
        InputError: when it cannot be written, or another column has the name of a known one.
    """
    place = check_place(Path(path), "manifest")
    known = IMAGE_COLUMNS if isinstance(manifest, ImagesManifest) else PAIR_COLUMNS
    rows = [_cells(entry, known, place.parent) for entry in manifest.entries]
    used = {name for row in rows for name in row}
    further = sorted(used - set(known))
    columns = [*(name for name in known if name in used), *further]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place, private=not share) as file:
            if place.suffix.lower() == ".json":
                kind = "images" if isinstance(manifest, ImagesManifest) else "pairs"
                text = json.dumps({kind: rows}, indent=1, ensure_ascii=False)
                file.write_text(json_safe(text) + "\n", encoding="utf-8")
            else:
                with file.open("w", encoding="utf-8", newline="") as stream:
                    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(map(_in_csv, rows))
    except OSError as error:
        raise InputError(f"manifest: {place} cannot be written: {error.strerror}") from error
    return place


def _cells(
    entry: ImageEntry | PairEntry, known: tuple[str, ...], folder: Path
) -> dict[str, str | dict[str, str]]:
    """Return the cells that are not empty."""
    cells: dict[str, str | dict[str, str]] = {}
    for name in (f.name for f in fields(entry) if f.name in known):
        value = getattr(entry, name)
        if isinstance(value, Mapping):
            cells[name] = {str(number): text for number, text in value.items()}
        elif isinstance(value, Path) or (name == "label_names" and _is_file(value)):
            cells[name] = _relative(Path(value), folder)
        elif value is not None:
            cells[name] = str(value)
    for name, text in entry.further.items():
        if name in known or name in FILES:
            raise InputError(f"manifest: the further column {name} has the name of a known one")
        if text:
            cells[name] = text
    return cells


def _is_file(value: object) -> bool:
    return isinstance(value, str) and value.lower().endswith(".json")


def _relative(path: Path, folder: Path) -> str:
    path = path.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _in_csv(row: dict[str, str | dict[str, str]]) -> dict[str, str]:
    return {
        name: cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
        for name, cell in row.items()
    }
