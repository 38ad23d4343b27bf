"""Reading of manifests: cells become entries, and all faults are told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._printable import shown
from .._small_files import DamagedFile, parse_json
from ..errors import InputError
from ..images.selection import is_there, split_path
from ..segmentation.names import read_names
from .columns import FILES, IMAGE_COLUMNS, PAIR_COLUMNS, misspelt
from .entries import ImageEntry, ImagesManifest, LabelNames, Manifest, PairEntry, PairsManifest
from .faults import Faults
from .table import Row, Table, read_table

__all__ = ["read_images", "read_manifest", "read_pairs"]

_LONGEST = 4000  # characters of a path or of another known cell
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # of a DICOM series: FOLDER/SERIES_UID
# No tool of ours that reads files writes or expects these in the middle of a name.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


def read_manifest(path: str | Path, *, check_files: bool = True) -> Manifest:
    """Read a table of images or of pairs.

    Args:
        path: CSV with a header (separated by commas, semicolons or tabs), or JSON: a list of
            objects, or ``{"images": [...]}``, ``{"pairs": [...]}``.
        check_files: whether files that are not there are faults.

    Raises:
        InputError: with every fault of the table: its row, its column, and for a misspelt column
            the one that it is nearest to.
    """
    place = _place(path)
    faults = Faults(place)
    table = read_table(place, faults)
    reader = _Reader(place.parent, table, faults, check_files)
    manifest: Manifest
    if table.kind == "images":
        manifest = ImagesManifest(tuple(map(reader.image, table.rows)), place)
        reader.check_distinct("image", [str(entry.image) for entry in manifest])
    else:
        manifest = PairsManifest(tuple(map(reader.pair, table.rows)), place)
        reader.check_pairs(manifest)
    reader.check_distinct("id", [entry.id for entry in manifest.entries])
    faults.check()
    return manifest


def read_images(path: str | Path, *, check_files: bool = True) -> ImagesManifest:
    """Read a table of images; see :func:`read_manifest`.

    Raises:
        InputError: also for a table of pairs.
    """
    manifest = read_manifest(path, check_files=check_files)
    if isinstance(manifest, PairsManifest):
        raise InputError(
            f"manifest {manifest.path}: expected a table of images with a column image, got one of "
            "pairs"
        )
    return manifest


def read_pairs(path: str | Path, *, check_files: bool = True) -> PairsManifest:
    """Read a table of pairs; see :func:`read_manifest`.

    Raises:
        InputError: also for a table of images.
    """
    manifest = read_manifest(path, check_files=check_files)
    if isinstance(manifest, ImagesManifest):
        raise InputError(
            f"manifest {manifest.path}: expected a table of pairs with columns fixed and moving, "
            "got one of images"
        )
    return manifest


def _place(path: str | Path) -> Path:
    try:
        place = Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise InputError(f"manifest: {path} is in a home that does not exist") from error
    if not is_there(place):
        raise InputError(f"manifest: there is no file {place}")
    if place.is_dir():
        raise InputError(f"manifest: expected a file, CSV or JSON, got the folder {place}")
    return place


class _Reader:
    """Makes entries of rows, and notes what is wrong with them."""

    def __init__(self, folder: Path, table: Table, faults: Faults, check_files: bool) -> None:
        self._folder, self._table, self._faults = folder, table, faults
        self._check_files = check_files
        self._there: dict[Path, bool] = {}
        self._names: dict[str, str] = {}  # what is wrong with names of labels, by their text
        self._known = IMAGE_COLUMNS if table.kind == "images" else PAIR_COLUMNS
        for name, meant in misspelt(table.columns, self._known).items():
            faults.add(f"it is not known; is it meant to be {meant}? Rename it", column=name)
        needed = ("image",) if table.kind == "images" else ("fixed", "moving")
        for name in needed:
            if name not in table.columns:
                faults.add(f"the column {name} is missing")
        self._needed = [name for name in needed if name in table.columns]

    def image(self, row: Row) -> ImageEntry:
        cells = self._cells(row)
        return ImageEntry(image=cells.pop("image", self._folder), row=row.number, **cells)

    def pair(self, row: Row) -> PairEntry:
        cells = self._cells(row)
        fixed, moving = (cells.pop(name, self._folder) for name in ("fixed", "moving"))
        return PairEntry(fixed=fixed, moving=moving, row=row.number, **cells)

    def check_distinct(self, column: str, values: list[str | None]) -> None:
        """Note values that are there before."""
        first: dict[str, int] = {}
        for row, value in zip(self._table.rows, values, strict=True):
            if value is None or column not in row.cells:
                continue
            # On some systems Scan and scan are one folder.
            key = value.casefold() if column == "id" else value
            if key in first:
                text = f"{shown(value)} is in row {first[key]} already"
                self._faults.add(text, row.number, column)
            first.setdefault(key, row.number)

    def check_pairs(self, manifest: PairsManifest) -> None:
        """Note pairs without a name of their own that are there before."""
        first: dict[tuple[Path, Path], int] = {}
        for row, entry in zip(self._table.rows, manifest, strict=True):
            if entry.id is not None or not {"fixed", "moving"} <= set(row.cells):
                continue
            key = (entry.fixed, entry.moving)
            if key in first:
                text = f"the same pair is in row {first[key]} already; give each an id of its own"
                self._faults.add(text, row.number)
            first.setdefault(key, row.number)

    def _cells(self, row: Row) -> dict[str, Any]:
        """Return the fields of an entry."""
        fields: dict[str, Any] = {}
        further: dict[str, str] = {}
        for name in self._needed:
            if name not in row.cells:
                self._faults.add("it is empty", row.number, name)
        for name, value in row.cells.items():
            if name == "label_names":
                fields[name] = self._label_names(value, row)
            elif name not in self._known:
                further[name] = self._further(value, row, name)
            elif (text := self._text(value, row, name)) is not None:
                fields[name] = self._file(text, row, name) if name in FILES else text
        return {**fields, "further": further}

    def _text(self, value: Any, row: Row, name: str) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and name not in FILES:
            value = str(value)
        if not isinstance(value, str):
            self._faults.add(f"expected a text, got {shown(value)}", row.number, name)
        elif len(value) > _LONGEST:
            text = f"expected at most {_LONGEST} characters, got {len(value):,}"
            self._faults.add(text, row.number, name)
        elif _UNSAFE.search(value):
            text = f"it has a control character: {shown(value)}"
            self._faults.add(text, row.number, name)
        else:
            return value
        return None

    def _further(self, value: Any, row: Row, name: str) -> str:
        if isinstance(value, dict | list):
            text = f"expected a text or a number, got {shown(value)}"
            self._faults.add(text, row.number, name)
            return ""
        # As JSON writes it.
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _file(self, text: str, row: Row, name: str) -> Path:
        try:
            path = self._folder / Path(text).expanduser()
        except RuntimeError:
            path = self._folder / text
        if self._check_files and not self._is_there(path):
            self._faults.add_missing(path, row.number, name)
        return path

    def _is_there(self, path: Path) -> bool:
        if path not in self._there:
            file = split_path(path)[0]
            series = _UID.fullmatch(file.name) is not None and file.parent.is_dir()
            self._there[path] = is_there(file) or series
        return self._there[path]

    def _label_names(self, value: Any, row: Row) -> LabelNames:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                value = parse_json(value)
            except DamagedFile as error:
                self._faults.add(f"it is not JSON: {error}", row.number, "label_names")
                return None
        if isinstance(value, Mapping):
            try:
                return read_names(value, "names")
            except InputError as error:
                self._faults.add(str(error), row.number, "label_names")
                return None
        text = self._text(value, row, "label_names")
        if text is None or text == "model":
            return text
        if text.lower().endswith(".json"):
            path = self._file(text, row, "label_names")
            if not self._is_there(path):
                return str(path)
            text = str(path)
        if text not in self._names:
            self._names[text] = _problem(text) if self._check_files else ""
        if self._names[text]:
            self._faults.add(self._names[text], row.number, "label_names")
        return text


def _problem(names: str) -> str:
    """Return what is wrong with a file or a scheme of names, empty where it is good."""
    try:
        read_names(names, "names")
    except InputError as error:
        return str(error)
    return ""
