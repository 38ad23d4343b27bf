"""Widgets that fold."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit

__all__ = ["ctkCollapsibleButton", "ctkCollapsibleGroupBox", "ctkExpandableWidget"]


def _address(widget: QtWidgets.QWidget) -> int:
    return int(shiboken6.getCppPointer(widget)[0])


def _hide(child: QtWidgets.QWidget) -> None:
    """Hide a child as CTK does: hiding it once more, by the module, still sends an event."""
    child.setVisible(False)
    child.setAttribute(QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)


class _Folding:
    """Hides the children of a folded widget, and shows those again that were not hidden before.

    Children are remembered by address: a Python object that is kept from the time when a child is
    being constructed would be a plain QWidget for ever.
    """

    _wanted: dict[int, bool]
    _folding = False

    def _fold(self: Any, folded: bool) -> None:
        self._folding = True
        try:
            for child in self.children():
                if not isinstance(child, QtWidgets.QWidget) or child.isWindow():
                    continue
                if folded:
                    self._wanted[_address(child)] = not child.isHidden()
                    _hide(child)
                else:
                    child.setVisible(self._wanted.pop(_address(child), not child.isHidden()))
        finally:
            self._folding = False

    def _watch(self: Any, event: QtCore.QChildEvent) -> None:
        child = event.child()
        if event.added() and isinstance(child, QtWidgets.QWidget):
            child.installEventFilter(self)
            if self.collapsed:
                self._wanted[_address(child)] = True
                self._keep_hidden(child)
        elif event.removed():
            self._wanted.pop(_address(child), None)

    def _keep_hidden(self: Any, child: QtWidgets.QWidget) -> None:
        self._folding = True
        _hide(child)
        self._folding = False

    def _filter(self: Any, child: Any, event: QtCore.QEvent) -> bool:
        """A child that is shown while folded stays hidden until unfolded."""
        if not self._folding and self.collapsed and isinstance(child, QtWidgets.QWidget):
            if event.type() == QtCore.QEvent.Type.ShowToParent:
                self._keep_hidden(child)
                self._wanted[_address(child)] = True
            elif event.type() == QtCore.QEvent.Type.HideToParent:
                self._wanted[_address(child)] = False
        return False


@native_widget
class ctkCollapsibleButton(_Folding, QtWidgets.QAbstractButton):
    """A section with a title bar that folds it. Checked means unfolded."""

    cpp_signals = ("contentsCollapsed(bool)",)

    def __init__(self, *args: Any) -> None:
        self._wanted = {}
        text = args[0] if args and isinstance(args[0], str) else ""
        parent = next((a for a in args if isinstance(a, QtWidgets.QWidget)), None)
        super().__init__(parent)
        self._is_collapsed = False
        self._full_height = self.maximumHeight
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred
        )
        self.setContentsMargins(0, self._bar_height(), 0, 0)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Window)
        self.toggled.connect(self._on_toggled)

    def _read_collapsed(self) -> bool:
        return self._is_collapsed

    def _write_collapsed(self, collapsed: bool) -> None:
        if self.checkable:
            self.setChecked(not collapsed)
        else:
            self._collapse(collapsed)

    collapsed = QtCore.Property(bool, _read_collapsed, _write_collapsed)
    collapsedHeight = kept(int, "collapsedHeight", 14)
    flat = kept(bool, "flat", False)
    contentsFrameShape = kept(int, "contentsFrameShape", 0)
    contentsFrameShadow = kept(int, "contentsFrameShadow", 16)
    contentsLineWidth = kept(int, "contentsLineWidth", 1)
    contentsMidLineWidth = kept(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = kept(int, "buttonTextAlignment", 0x81)
    indicatorAlignment = kept(int, "indicatorAlignment", 0x81)

    def _on_toggled(self, checked: bool) -> None:
        self._collapse(not checked)

    def _collapse(self, collapsed: bool) -> None:
        if collapsed == self._is_collapsed:
            return
        if collapsed:
            self._full_height = self.maximumHeight
        self._is_collapsed = collapsed
        self._fold(collapsed)
        self.maximumHeight = self._folded_height() if collapsed else self._full_height
        self.updateGeometry()
        emit(self, "contentsCollapsed(bool)", collapsed)

    def _bar_height(self) -> int:
        return QtGui.QFontMetrics(self.font).height() + 8

    def _folded_height(self) -> int:
        """A strip of the frame shows below the title."""
        return self._bar_height() + int(self.collapsedHeight)

    def sizeHint(self) -> QtCore.QSize:
        width = QtGui.QFontMetrics(self.font).horizontalAdvance(self.text) + 32
        bar = QtCore.QSize(width, self._bar_height())
        if self._is_collapsed:
            return QtCore.QSize(width, self._folded_height())
        if self.layout() is None:
            return bar
        return self.layout().sizeHint().expandedTo(bar)

    def minimumSizeHint(self) -> QtCore.QSize:
        if self._is_collapsed:
            return QtCore.QSize(32, self._folded_height())
        if self.layout() is None:
            return QtCore.QSize(32, self._bar_height())
        return self.layout().minimumSize()

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return bool(position.y() < self._bar_height())

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        self._watch(event)

    def eventFilter(self, child: Any, event: QtCore.QEvent) -> bool:
        return self._filter(child, event)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        bar = QtCore.QRect(0, 0, self.width, self._bar_height())
        button = QtWidgets.QStyleOptionButton()
        button.initFrom(self)
        button.rect = bar
        button.state |= QtWidgets.QStyle.StateFlag.State_Raised
        if not self.flat:
            painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, button)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, bar.center().y() - 5, 10, 10)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(
            element.PE_IndicatorArrowRight if self._is_collapsed else element.PE_IndicatorArrowDown,
            arrow,
        )
        painter.setPen(self.palette.color(QtGui.QPalette.ColorRole.ButtonText))
        painter.drawText(bar.adjusted(22, 0, -6, 0), self._buttonTextAlignment_or_left(), self.text)
        painter.end()

    def _buttonTextAlignment_or_left(self) -> int:
        return int(getattr(self, "_buttonTextAlignment", 0x81)) | 0x0800  # TextShowMnemonic


@native_widget
class ctkCollapsibleGroupBox(_Folding, QtWidgets.QGroupBox):
    """A group box whose check mark folds it."""

    def __init__(self, *args: Any) -> None:
        self._wanted = {}
        super().__init__(*args)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._on_toggled)

    def _read_collapsed(self) -> bool:
        return not self.checked

    def _write_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, _read_collapsed, _write_collapsed)
    collapsedHeight = kept(int, "collapsedHeight", 14)

    def _on_toggled(self, checked: bool) -> None:
        self._fold(not checked)
        height = QtGui.QFontMetrics(self.font).height() + 6
        self.maximumHeight = 16777215 if checked else height
        self.updateGeometry()

    def sizeHint(self) -> QtCore.QSize:
        hint = super().sizeHint()
        return hint if self.checked else QtCore.QSize(hint.width(), self.maximumHeight)

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        self._watch(event)

    def eventFilter(self, child: Any, event: QtCore.QEvent) -> bool:
        return self._filter(child, event)


@native_widget
class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame with a grip to resize it."""

    orientations = kept(int, "orientations", 2)
    sizeGripInside = kept(bool, "sizeGripInside", True)

    def updateSizeHint(self) -> None:
        self.updateGeometry()
