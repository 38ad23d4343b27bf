"""Combo boxes and check boxes."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget

__all__ = ["ctkCheckBox", "ctkComboBox"]


@native_widget
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows a text while nothing is selected."""

    cpp_signals = ("returnRelease()",)
    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoFocus = range(4)

    defaultText = kept(str, "defaultText", "", lambda self: self.update())
    forceDefault = kept(bool, "forceDefault", False, lambda self: self.update())
    elideMode = kept(int, "elideMode", 3)
    scrollWheelEffect = kept(int, "scrollWheelEffect", 1)

    def _read_user_data(self) -> str:
        return str(self.currentData or "")

    def setCurrentUserDataAsString(self, data: str) -> None:
        self.setCurrentIndex(self.findData(data))

    currentUserDataAsString = QtCore.Property(str, _read_user_data, setCurrentUserDataAsString)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        option: Any = QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex == -1 or self.forceDefault:
            option.currentText = self.defaultText
            option.currentIcon = QtGui.QIcon()
        style = self.style()
        painter.drawComplexControl(QtWidgets.QStyle.ComplexControl.CC_ComboBox, option)
        field = style.subControlRect(
            QtWidgets.QStyle.ComplexControl.CC_ComboBox,
            option,
            QtWidgets.QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = option.fontMetrics.elidedText(
            option.currentText, QtCore.Qt.TextElideMode.ElideMiddle, field.width()
        )
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


@native_widget
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box that may show an icon in place of the mark."""

    indicatorIcon = kept(QtGui.QIcon, "indicatorIcon", QtGui.QIcon())
    indicatorIconSize = kept(QtCore.QSize, "indicatorIconSize", QtCore.QSize())
