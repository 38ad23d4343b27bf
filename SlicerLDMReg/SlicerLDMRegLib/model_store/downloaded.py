"""Record and removal of downloaded models, which can be downloaded again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .._outputs import whole_file
from .._small_files import read_json
from ..errors import ModelError
from .card import ModelCard
from .catalogue import CatalogueEntry
from .store import user_models_dir
from .verify import CHECKSUM_FILE, sha256_of

__all__ = [
    "DOWNLOADS_FOLDER",
    "downloaded_models",
    "note_download",
    "remove_downloads",
    "unfinished_downloads",
]

DOWNLOADS_FOLDER = ".downloads"  # hidden, so that the search for models skips it
_MOST_BYTES = 100_000  # of a note, which has 300


def note_download(entry: CatalogueEntry, folder: Path, downloads: Path) -> None:
    """Record the origin of a downloaded model; models without a record are the user's own."""
    note = {
        "url": entry.url,
        "sha256": entry.sha256,
        # Tells it from another model that the user installs later under the same id.
        "checksums": sha256_of(folder / CHECKSUM_FILE),
    }
    with whole_file(_note(downloads, entry.id)) as new:
        new.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def downloaded_models(store: Path | None = None) -> list[ModelCard]:
    """Return the downloaded models that are unchanged.

    Args:
        store: model store; None: the user's.
    """
    cards = []
    for folder in _folders(user_models_dir() if store is None else store):
        try:
            cards.append(ModelCard.from_folder(folder))
        except ModelError:
            continue  # of another version of LDMReg; still removable
    return cards


def unfinished_downloads(store: Path | None = None) -> list[Path]:
    """Return the files of unfinished downloads.

    Args:
        store: model store; None: the user's.
    """
    store = user_models_dir() if store is None else store
    return sorted((store / DOWNLOADS_FOLDER).glob("*.part"))


def remove_downloads(store: Path | None = None) -> int:
    """Remove downloaded models and unfinished downloads.

    Imported, trained and manually installed models stay.

    Args:
        store: model store; None: the user's.

    Returns:
        Number of bytes freed.

    Raises:
        ModelError: when a file cannot be removed, e.g. because it is in use.
    """
    store = user_models_dir() if store is None else store
    downloads = store / DOWNLOADS_FOLDER
    freed = 0
    try:
        for folder in _folders(store):
            freed += _size(folder)
            with tempfile.TemporaryDirectory(dir=downloads) as temporary:
                # Moved away first, so that no partly deleted model is ever listed.
                folder.replace(Path(temporary, folder.name))
            _note(downloads, folder.name).unlink()
        if downloads.is_dir():
            freed += _size(downloads)
            shutil.rmtree(downloads)
    except OSError as error:
        raise ModelError(
            f"{error.filename or downloads} cannot be removed: {error.strerror}; "
            "close what uses it and try again"
        ) from error
    return freed


def _note(downloads: Path, model: str) -> Path:
    return downloads / f"{model}.json"


def _folders(store: Path) -> Iterator[Path]:
    """Yield the folders of models with a matching download record."""
    for note in sorted((store / DOWNLOADS_FOLDER).glob("*.json")):
        folder = store / note.stem
        try:
            checksums = read_json(note, _MOST_BYTES)["checksums"]
            if not folder.is_symlink() and sha256_of(folder / CHECKSUM_FILE) == checksums:
                yield folder
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
