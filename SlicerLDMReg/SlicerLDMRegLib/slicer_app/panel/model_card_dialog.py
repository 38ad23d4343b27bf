"""The window "What is this model?", which stays open beside the panel."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...model_store import ModelCard
from .model_card_text import card_html
from .section import Section

__all__ = ["ModelCardSection"]

_SIZE = 560, 520  # pixels: the table of a model with ten columns nearly fits


class ModelCardSection(Section):
    """Shows the card of the chosen model, and follows the choice while it is open.

    Attributes:
        dialog: the window; None before it is first opened.
        browser: its text.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.dialog: Any = None
        self.browser: Any = None
        self._shown: ModelCard | None = None

    def setup(self) -> None:
        self.ui.modelInfoButton.connect("clicked()", self._on_click)

    def update(self) -> None:
        card = self._card()
        button = self.ui.modelInfoButton
        button.enabled = card is not None
        tip = _("What is this model? Its measured results, what it was trained on, and its limits.")
        button.toolTip = tip if card is not None else _("No model is chosen for these images.")
        if self.dialog is not None and self.dialog.visible and card is not None:
            self._fill(card)

    def cleanup(self) -> None:
        if self.dialog is not None:
            self.dialog.close()
            self.dialog.deleteLater()
            self.dialog = self.browser = self._shown = None

    def _card(self) -> ModelCard | None:
        parameters = self.panel.parameters
        if parameters is None or parameters.model == "none":
            return None
        card: ModelCard | None = self.panel.card()
        return card

    def _on_click(self) -> None:
        card = self._card()
        if card is None:
            return
        if self.dialog is None:
            self._make()
        self._fill(card)
        self.dialog.show()
        self.dialog.raise_()

    def _make(self) -> None:
        self.dialog = qt.QDialog(slicer.util.mainWindow())
        self.dialog.setWindowTitle(_("What is this model?"))
        layout = qt.QVBoxLayout(self.dialog)
        self.browser = qt.QTextBrowser(self.dialog)
        self.browser.setOpenLinks(False)  # texts of models come from anywhere
        layout.addWidget(self.browser)
        buttons = qt.QDialogButtonBox(qt.QDialogButtonBox.Close, self.dialog)
        buttons.connect("rejected()", self.dialog.reject)
        layout.addWidget(buttons)
        self.dialog.resize(*_SIZE)

    def _fill(self, card: ModelCard) -> None:
        if card is not self._shown:
            self._shown = card
            self.browser.setHtml(card_html(card))
