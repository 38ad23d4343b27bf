"""The models on this computer, from the panel: download them, open their folder, delete them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ...errors import ModelError
from ...model_store import (
    CatalogueEntry,
    ModelCard,
    download_model,
    list_models,
    read_catalogue,
    user_models_dir,
)
from ..background_call import BackgroundCall

__all__ = ["ModelDownload", "available_models", "megabytes", "open_models_folder"]


def available_models() -> list[CatalogueEntry]:
    """Return the models that can be downloaded and are not on this computer yet."""
    there = {card.id for card in list_models([])}
    return [entry for entry in read_catalogue() if entry.id not in there]


def open_models_folder() -> None:
    """Show the user's folder of models in the file manager; it is made if it does not exist.

    Raises:
        ModelError: when it cannot be made.
    """
    folder = user_models_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            _("{folder} cannot be made: {reason}").format(folder=folder, reason=error.strerror)
        ) from error
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))


def megabytes(size: int) -> str:
    """Return a number of bytes for people, in whole MB and never none."""
    return f"{max(1, round(size / 1e6))} MB"


class ModelDownload:
    """A download in the background. The callbacks come in the thread of the application.

    Args:
        entry: of the catalogue.
        on_progress: called with the fraction that has arrived, in whole percent.
        on_done: called with the card of the model.
        on_error: called with a ModelError, or a CancelledError.
    """

    def __init__(
        self,
        entry: CatalogueEntry,
        on_progress: Callable[[float], object],
        on_done: Callable[[ModelCard], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        self.entry = entry
        self._on_progress = on_progress
        self._cancelled = threading.Event()
        self._fraction = self._told = 0.0
        self._call = BackgroundCall(self._download, on_done, on_error, self._tell)

    def cancel(self) -> None:
        """Stop; ``on_error`` is called when it has."""
        self._cancelled.set()

    def forget(self) -> None:
        """Stop, and call back no more."""
        self._cancelled.set()
        self._call.forget()

    def _download(self) -> ModelCard:
        return download_model(
            self.entry, progress=self._note_progress, cancelled=self._cancelled.is_set
        )

    def _note_progress(self, done: int, total: int) -> None:
        self._fraction = int(100 * done / total) / 100

    def _tell(self) -> None:
        if self._fraction != self._told:
            self._told = self._fraction
            self._on_progress(self._told)
