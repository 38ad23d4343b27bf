"""Verification of model folders: metadata, file list, sizes and SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ..errors import ModelError
from .card import ModelCard
from .card_parts import WEIGHTS_FILE

__all__ = [
    "CHECKSUM_FILE",
    "FILE_NAME",
    "REQUIRED_FILES",
    "checksum_lines",
    "sha256_of",
    "verify",
]

CHECKSUM_FILE = "SHA256SUMS"
REQUIRED_FILES = ("LICENSE", "docs/README.md", "metadata.json", WEIGHTS_FILE)

# Names of this form cannot leave the folder: no leading slash, no backslash, no drive letter, and
# no part that starts with a dot, such as `..`.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
FILE_NAME = re.compile(_NAME)
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({_NAME})")  # as `sha256sum` writes it
# Files created by file managers.
_IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini"}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def checksum_lines(folder: Path) -> str:
    """Return the content of ``SHA256SUMS`` for the files in a folder."""
    names = sorted(name for name in _files(folder) if name != CHECKSUM_FILE)
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in names)


def verify(folder: Path | str) -> ModelCard:
    """Verify a model folder: metadata, size and SHA-256 of its files, none missing or added.

    ``SHA256SUMS`` protects against damage, not against forgery. Paths outside of the folder,
    symbolic links and other special files are refused.

    Returns:
        The card of the model.

    Raises:
        ModelError: naming the missing, changed, unknown or forbidden file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"{folder} is no model folder: it does not exist or is a file")
    found = _files(folder)
    card = ModelCard.from_folder(folder)
    expected = _read_checksums(folder)
    for name in REQUIRED_FILES:
        if name not in expected:
            raise ModelError(f"{folder / CHECKSUM_FILE} does not list {name}; get the model again")
    missing = sorted(set(expected) - found)
    if missing:
        raise ModelError(f"{folder / missing[0]} is missing; get the model again")
    surplus = sorted(found - set(expected) - {CHECKSUM_FILE})
    if surplus:
        raise ModelError(f"{folder / surplus[0]} is not part of the model; remove it")
    assert card.weights is not None
    size = card.weights_path.stat().st_size
    if size != card.weights.bytes:
        raise ModelError(
            f"{card.weights_path} must have {card.weights.bytes} bytes, got {size}; "
            "get the model again"
        )
    for name, digest in expected.items():
        if sha256_of(folder / name) != digest:
            raise ModelError(
                f"{folder / name} was changed: its SHA-256 is not that in {CHECKSUM_FILE}; "
                "get the model again"
            )
    if expected[WEIGHTS_FILE] != card.weights.sha256:
        raise ModelError(
            f"{card.weights_path} does not belong to this metadata.json: "
            "its SHA-256 is not ldmreg.weights.sha256; get the model again"
        )
    return card


def _files(folder: Path) -> set[str]:
    """Return the relative names of all files; refuse links and special files."""
    names = set()
    for parent, directories, files in os.walk(folder):
        for entry in sorted((*directories, *files)):
            path = Path(parent, entry)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ModelError(f"{path} is a link or special file; a model has plain files only")
        names |= {
            Path(parent, f).relative_to(folder).as_posix() for f in files if f not in _IGNORED
        }
    return names


def _read_checksums(folder: Path) -> dict[str, str]:
    path = folder / CHECKSUM_FILE
    if not path.is_file():
        raise ModelError(f"{folder} has no {CHECKSUM_FILE}; get the model again")
    try:
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: it is not plain text; get the model again") from error
    *lines, rest = text.split("\n")
    checksums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in checksums or match[2] == CHECKSUM_FILE:
            raise ModelError(
                f"{path}, line {number}, must be a SHA-256, two spaces and the name of a file "
                f"inside the folder, got {line[:100]!r}; get the model again"
            )
        checksums[match[2]] = match[1]
    if rest or not lines:
        raise ModelError(f"{path} is cut off; get the model again")
    return checksums
