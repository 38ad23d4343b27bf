"""Catalogue of downloadable models, ``Resources/Models/catalogue.json``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._small_files import DamagedFile, read_json
from ..errors import ModelError
from ..resources import bundled_models_dir
from .json_fields import Fields

__all__ = ["CATALOGUE_FILE", "CatalogueEntry", "check_url", "find_entry", "read_catalogue"]

CATALOGUE_FILE = "catalogue.json"
_MOST_BYTES = 10_000_000
_FORMAT = 1  # version of the file format
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # used as the name of a folder
_LONGEST_ID = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")
_THIS_COMPUTER = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class CatalogueEntry:
    """Entry of a downloadable model.

    Attributes:
        id, title, spatial_dims, use: as in its model card.
        url: address of the zip archive of the model folder, written by
            :func:`SlicerLDMRegLib.model_store.pack_model`.
        sha256: digest of the archive.
        bytes: size of the archive.
        unpacked_bytes: maximum size of the unpacked files.

    Raises:
        ModelError: naming the invalid field.
    """

    id: str
    title: str
    spatial_dims: int
    use: str
    url: str
    sha256: str
    bytes: int
    unpacked_bytes: int

    def __post_init__(self) -> None:
        if len(self.id) > _LONGEST_ID or not _ID.fullmatch(self.id):
            raise ModelError(
                f"id must be lower-case words and numbers joined by hyphens, got {self.id!r}"
            )
        if not _SHA256.fullmatch(self.sha256):
            raise ModelError(f"{self.id}: sha256 must be 64 hexadecimal digits")
        check_url(self.url)

    @property
    def host(self) -> str:
        """Host name of the address."""
        return urlsplit(self.url).hostname or ""

    @classmethod
    def from_fields(cls, fields: Fields) -> CatalogueEntry:
        """Read an entry of the file."""
        return cls(
            id=fields.text("id"),
            title=fields.text("title"),
            spatial_dims=fields.integer("spatial_dims", 2, 3),
            use=fields.text("use"),
            url=fields.text("url"),
            sha256=fields.text("sha256"),
            bytes=fields.integer("bytes", 1),
            unpacked_bytes=fields.integer("unpacked_bytes", 1),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return asdict(self)


def check_url(url: str) -> None:
    """Check that an address is https, or http on this computer.

    Raises:
        ModelError: for another address.
    """
    try:
        parts = urlsplit(url)
        safe = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_COMPUTER)
        )
    except ValueError:  # e.g. half an IPv6 address
        safe = False
    if not safe:
        raise ModelError(f"models are downloaded from https addresses only, got {url[:100]!r}")


def read_catalogue(path: Path | None = None) -> tuple[CatalogueEntry, ...]:
    """Read the catalogue.

    Args:
        path: of the file; None: the bundled one. A missing file is an empty catalogue.

    Raises:
        ModelError: naming the error in the file.
    """
    if path is None:
        try:
            path = bundled_models_dir() / CATALOGUE_FILE
        except FileNotFoundError:
            return ()
    if not path.exists():
        return ()
    try:
        content = read_json(path, _MOST_BYTES)
    except DamagedFile as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}; update LDMReg") from error
    try:
        fields = Fields(content, CATALOGUE_FILE)
        fields.integer("format", _FORMAT, _FORMAT)
        entries = tuple(map(CatalogueEntry.from_fields, fields.sections("models")))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    ids = [entry.id for entry in entries]
    if len(set(ids)) < len(ids):
        raise ModelError(f"{path} lists a model twice: {', '.join(sorted(ids))}")
    return entries


def find_entry(model: str, entries: Sequence[CatalogueEntry] | None = None) -> CatalogueEntry:
    """Return the entry of a model.

    Raises:
        ModelError: when there is none; the text names the known models.
    """
    known = {entry.id: entry for entry in (read_catalogue() if entries is None else entries)}
    if model not in known:
        others = f"there are: {', '.join(known)}" if known else "none is offered in this version"
        raise ModelError(f"no model {model!r} can be downloaded; {others}")
    return known[model]
