"""Download of models into the user's model store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .._outputs import recover, whole_folder
from ..errors import ModelError
from .archive import unpack_model
from .card import ModelCard
from .catalogue import CatalogueEntry
from .downloaded import DOWNLOADS_FOLDER, note_download
from .http_resume import fetch
from .store import user_models_dir
from .verify import sha256_of, verify

__all__ = ["download_model"]

_SPARE = 10_000_000  # bytes of disk space left free; not tuned


def download_model(
    entry: CatalogueEntry,
    store: Path | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], object] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ModelCard:
    """Download and verify a model, and install it in the user's model store.

    A failed or cancelled download is resumed by the next one. Size and SHA-256 of the archive are
    checked before it is opened, every file of the model before it is installed; the model is
    installed completely or not at all.

    Args:
        entry: entry of the catalogue.
        store: model store; None: the user's.
        overwrite: replace an installed model with this id.
        progress: called with the received and the total number of bytes.
        cancelled: called several times a second; true cancels.

    Returns:
        The card of the model.

    Raises:
        ModelError: when the model is installed already, the disk is too full, the download fails,
            or the file is not the model.
        CancelledError: when ``cancelled`` returns true.

    Example:
        >>> from SlicerLDMRegLib.model_store import download_model, read_catalogue
        >>> for entry in read_catalogue():
        ...     card = download_model(entry)  # doctest: +SKIP
    """
    store = user_models_dir() if store is None else store
    folder = store / entry.id
    recover(store)
    if folder.exists() and not overwrite:
        raise ModelError(f"{folder} exists; remove it or ask to overwrite it")
    downloads = store / DOWNLOADS_FOLDER
    # Named by its digest, so that a download never resumes with another version.
    part = downloads / f"{entry.id}-{entry.sha256[:16]}.zip.part"
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        _check_space(entry, downloads, part)
        _bring(entry, part, lambda done: progress(done, entry.bytes), cancelled)
        card = _install(entry, part, folder)
        note_download(entry, folder, downloads)
        part.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"{entry.id} cannot be stored in {store}: {error}") from error
    return card


def _check_space(entry: CatalogueEntry, downloads: Path, part: Path) -> None:
    there = part.stat().st_size if part.exists() else 0
    needed = max(entry.bytes - there, 0) + entry.unpacked_bytes + _SPARE
    free = shutil.disk_usage(downloads).free
    if free < needed:
        raise ModelError(
            f"{entry.id} needs {needed / 1e6:.0f} MB in {downloads.parent}, {free / 1e6:.0f} MB "
            "are free; make room, or let LDMREG_MODELS name another folder"
        )


def _bring(
    entry: CatalogueEntry,
    part: Path,
    progress: Callable[[int], object],
    cancelled: Callable[[], bool],
) -> None:
    for _ in range(2 if part.exists() else 1):  # an earlier part may have been damaged
        fetch(entry.url, part, entry.bytes, progress, cancelled)
        if sha256_of(part) == entry.sha256:
            return
        part.unlink()
    raise ModelError(
        f"{entry.url} is not the file of the catalogue: its SHA-256 differs; it was removed; "
        "try again later or update LDMReg"
    )


def _install(entry: CatalogueEntry, part: Path, folder: Path) -> ModelCard:
    with whole_folder(folder) as new:
        unpack_model(part, new, entry.unpacked_bytes)
        card = verify(new)
        if card.id != entry.id:
            raise ModelError(f"{entry.url} holds the model {card.id!r}, expected {entry.id!r}")
    return replace(card, folder=folder)
