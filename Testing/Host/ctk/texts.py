"""Message boxes, text, and pictures of widgets."""

from __future__ import annotations

from PySide6 import QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget

__all__ = ["ctkFittedTextBrowser", "ctkMessageBox", "ctkWidgetsUtils"]


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that may not be shown again."""

    dontShowAgain = kept(bool, "dontShowAgain", False)
    dontShowAgainSettingsKey = kept(str, "dontShowAgainSettingsKey", "")
    dontShowAgainVisible = kept(bool, "dontShowAgainVisible", False)

    def setDontShowAgain(self, dont_show: bool) -> None:
        self.dontShowAgain = dont_show


@native_widget
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text."""

    disableMouseScroll = kept(bool, "disableMouseScroll", False)
    collapsed = kept(bool, "collapsed", True)
    showDetailsText = kept(str, "showDetailsText", "Show details...")
    hideDetailsText = kept(str, "hideDetailsText", "Hide details.")

    def setCollapsibleText(self, text: str) -> None:
        self.setText(text)

    setCollapsibleHtml = setCollapsibleText
    setCollapsiblePlainText = setCollapsibleText


class ctkWidgetsUtils:
    """Functions on widgets."""

    @staticmethod
    def grabWidget(widget: QtWidgets.QWidget) -> QtGui.QImage:
        return widget.grab().toImage()
