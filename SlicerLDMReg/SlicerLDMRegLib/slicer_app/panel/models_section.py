"""The menu beside the choice of the model: download, folder, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CancelledError, ModelError
from ...model_store import (
    CatalogueEntry,
    ModelCard,
    downloaded_models,
    remove_downloads,
    unfinished_downloads,
    user_models_dir,
)
from ..setup.model_download import ModelDownload, available_models, megabytes, open_models_folder
from .safe_texts import one_line, tip
from .section import Section

__all__ = ["ModelsSection"]


class ModelsSection(Section):
    """Fills the menu when it is opened; asks before it downloads or deletes.

    Attributes:
        download: what is coming; None: nothing.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.download: ModelDownload | None = None

    def setup(self) -> None:
        button = self.ui.modelFolderButton
        self._menu = qt.QMenu(button)
        self._menu.toolTipsVisible = True
        self._menu.connect("aboutToShow()", self._fill)
        button.setMenu(self._menu)
        button.popupMode = qt.QToolButton.InstantPopup
        self._fill()  # on a Mac, a menu without entries does not open

    def cleanup(self) -> None:
        if self.download is not None:
            self.download.forget()
            self.download = None

    def _fill(self) -> None:
        self._menu.clear()
        self._add(_("Open the folder of models"), open_models_folder)
        self._add(_("Look for models again"), self.panel.models_changed)
        try:
            entries = available_models()
        except ModelError as error:
            entries = []
            self._add(_("No models can be downloaded"), None).toolTip = tip(str(error))
        if self.download is not None:
            self._menu.addSeparator()
            title = self.download.entry.title
            self._add(_("Cancel the download of {title}").format(title=title), self.download.cancel)
        elif entries:
            self._menu.addSeparator()
            for entry in entries:
                self._add_download(entry)
        self._menu.addSeparator()
        titles = [card.title for card in downloaded_models()]
        if unfinished_downloads():
            titles.append(_("(unfinished downloads)"))
        # A model in use cannot be deleted.
        is_free = bool(titles) and not self.panel.running and self.download is None
        delete = (lambda: self._delete(titles)) if is_free else None
        self._add(_("Delete the downloaded models..."), delete)

    def _add(self, text: str, function: Callable[[], object] | None) -> Any:
        action = self._menu.addAction(one_line(text))
        action.enabled = function is not None
        if function is not None:
            action.connect("triggered()", lambda: self._guarded(function))
        return action

    def _add_download(self, entry: CatalogueEntry) -> None:
        text = _("Download {title} ({dimension}D, {size})...").format(
            title=entry.title, dimension=entry.spatial_dims, size=megabytes(entry.bytes)
        )
        self._add(text, lambda: self._ask_and_download(entry)).toolTip = tip(entry.use)

    def _guarded(self, function: Callable[[], object]) -> None:
        try:
            function()
        except ModelError as error:
            self.panel.say(str(error), "error")

    def _ask_and_download(self, entry: CatalogueEntry) -> None:
        question = _(
            "{title}\n{use}\n\n{size} are downloaded from {host} into {folder}. Nothing is sent.\n"
            "Download it now?"
        ).format(
            title=one_line(entry.title),
            use=one_line(entry.use),
            size=megabytes(entry.bytes),
            host=entry.host,
            folder=user_models_dir(),
        )
        if not slicer.util.confirmOkCancelDisplay(tip(question), _("Download a model")):
            return
        self._show(0.0, entry)
        self.download = ModelDownload(
            entry, lambda fraction: self._show(fraction, entry), self._on_done, self._on_error
        )

    def _show(self, fraction: float, entry: CatalogueEntry) -> None:
        if not self.panel.running:  # its progress counts for more
            self.panel.say(
                _("Downloading {title}: {percent} %").format(
                    title=entry.title, percent=int(100 * fraction)
                ),
                "info",
            )

    def _on_done(self, card: ModelCard) -> None:
        self.download = None
        self.panel.models_changed()
        self.panel.say(_("{title} is there: choose it.").format(title=card.title), "good")

    def _on_error(self, error: Exception) -> None:
        self.download = None
        is_cancelled = isinstance(error, CancelledError)
        self.panel.say(str(error), "warning" if is_cancelled else "error")

    def _delete(self, titles: list[str]) -> None:
        question = _(
            "These models are deleted from {folder}; they can be downloaded again. Models that you"
            " imported or trained stay.\n\n{titles}"
        ).format(folder=user_models_dir(), titles="\n".join(map(one_line, titles)))
        if not slicer.util.confirmOkCancelDisplay(tip(question), _("Delete the downloaded models")):
            return
        try:
            freed = remove_downloads()
        finally:
            self.panel.models_changed()
        self.panel.say(_("{size} were freed.").format(size=megabytes(freed)), "good")
