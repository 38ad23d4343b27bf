"""Push buttons."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit

__all__ = [
    "ctkCheckablePushButton",
    "ctkColorPickerButton",
    "ctkExpandButton",
    "ctkMenuButton",
    "ctkPushButton",
]


@native_widget
class ctkPushButton(QtWidgets.QPushButton):
    """A push button whose text and icon can be aligned."""

    buttonTextAlignment = kept(int, "buttonTextAlignment", 0x84)
    iconAlignment = kept(int, "iconAlignment", 0x81)
    elideMode = kept(int, "elideMode", 3)


@native_widget
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box in it."""

    cpp_signals = ("checkBoxToggled(bool)", "checkStateChanged(Qt::CheckState)")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.setCheckable(False)

    def _read_state(self) -> int:
        return int(getattr(self, "_check_state", 0))

    def _write_state(self, state: int) -> None:
        if state == self._read_state():
            return
        self._check_state = int(state)
        if self.checkBoxControlsButtonToggleState:
            self.setCheckable(state == 2)
            if state == 2:
                self.setChecked(True)
        emit(self, "checkStateChanged(Qt::CheckState)", QtCore.Qt.CheckState(state))
        emit(self, "checkBoxToggled(bool)", state == 2)

    checkState = QtCore.Property(int, _read_state, _write_state)
    indicatorAlignment = kept(int, "indicatorAlignment", 0x81)
    checkBoxControlsButton = kept(bool, "checkBoxControlsButton", True)
    checkBoxControlsButtonToggleState = kept(bool, "checkBoxControlsButtonToggleState", True)
    checkBoxUserCheckable = kept(bool, "checkBoxUserCheckable", True)


@native_widget
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a colour."""

    cpp_signals = ("colorChanged(QColor)", "colorNameChanged(QString)")

    def _read_color(self) -> QtGui.QColor:
        return getattr(self, "_color", QtGui.QColor("black"))

    def setColor(self, color: QtGui.QColor) -> None:
        if color == self._read_color():
            return
        self._color = QtGui.QColor(color)
        pixmap = QtGui.QPixmap(12, 12)
        pixmap.fill(self._color)
        self.setIcon(QtGui.QIcon(pixmap))
        emit(self, "colorChanged(QColor)", self._color)

    def setDisplayColorName(self, display: bool) -> None:
        self._displayColorName = display

    def changeColor(self) -> None:
        """Ask the user; here a dialog that the test answers."""
        dialog = QtWidgets.QColorDialog(self._read_color(), self)
        if dialog.exec():
            self.setColor(dialog.currentColor)

    color = QtCore.Property(QtGui.QColor, _read_color, setColor)
    colorName = kept(str, "colorName", "")
    displayColorName = kept(bool, "displayColorName", True)
    dialogOptions = kept(int, "dialogOptions", 0)


@native_widget
class ctkMenuButton(QtWidgets.QPushButton):
    """A push button with a menu at its side."""


@native_widget
class ctkExpandButton(QtWidgets.QToolButton):
    """An arrow that expands something."""

    mirrorOnExpand = kept(bool, "mirrorOnExpand", False)
    orientation = kept(int, "orientation", 1)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setArrowType(QtCore.Qt.ArrowType.RightArrow)
