"""Widgets for two numbers: a range."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .numbers import ctkDoubleSpinBox, finite, row

__all__ = ["ctkDoubleRangeSlider", "ctkRangeWidget"]

_HANDLE = 8


class _Range:
    """Limits, and two values that stay within them and in order."""

    _low, _high = 0.0, 99.0
    _first, _second = 0.0, 99.0

    def setRange(self: Any, low: float, high: float) -> None:
        low, high = sorted((finite(low), finite(high)))
        if (low, high) != (self._low, self._high):
            self._low, self._high = low, high
            emit(self, "rangeChanged(double,double)", low, high)
        self.setValues(self._first, self._second)
        self._show()

    def setValues(self: Any, first: float, second: float) -> None:
        first, second = sorted(min(max(v, self._low), self._high) for v in (first, second))
        before = self._first, self._second
        self._first, self._second = self._rounded(first), self._rounded(second)
        self._show()
        if self._first != before[0]:
            emit(self, "minimumValueChanged(double)", self._first)
        if self._second != before[1]:
            emit(self, "maximumValueChanged(double)", self._second)
        if (self._first, self._second) != before:
            emit(self, "valuesChanged(double,double)", self._first, self._second)

    def setMinimumValue(self: Any, value: float) -> None:
        self.setValues(value, max(value, self._second))

    def setMaximumValue(self: Any, value: float) -> None:
        self.setValues(min(value, self._first), value)

    def _rounded(self: Any, value: float) -> float:
        return value

    def _read_minimum(self: Any) -> float:
        return self._low

    def _write_minimum(self: Any, value: float) -> None:
        self.setRange(value, max(value, self._high))

    def _read_maximum(self: Any) -> float:
        return self._high

    def _write_maximum(self: Any, value: float) -> None:
        self.setRange(min(value, self._low), value)

    def _read_first(self: Any) -> float:
        return self._first

    def _read_second(self: Any) -> float:
        return self._second


_SIGNALS = (
    "minimumValueChanged(double)",
    "maximumValueChanged(double)",
    "valuesChanged(double,double)",
    "rangeChanged(double,double)",
)


@native_widget
class ctkDoubleRangeSlider(_Range, QtWidgets.QWidget):
    """A slider with two handles."""

    cpp_signals = (*_SIGNALS, "sliderPressed()", "sliderReleased()")

    def __init__(self, *args: Any) -> None:
        super().__init__(next((a for a in args if isinstance(a, QtWidgets.QWidget)), None))
        self._dragged: str | None = None

    minimum = QtCore.Property(float, _Range._read_minimum, _Range._write_minimum)
    maximum = QtCore.Property(float, _Range._read_maximum, _Range._write_maximum)
    minimumValue = QtCore.Property(float, _Range._read_first, _Range.setMinimumValue)
    maximumValue = QtCore.Property(float, _Range._read_second, _Range.setMaximumValue)
    singleStep = kept(float, "singleStep", 1.0)
    tickInterval = kept(float, "tickInterval", 0.0)
    tickPosition = kept(int, "tickPosition", 0)
    tracking = kept(bool, "tracking", True)
    orientation = kept(int, "orientation", 1)
    symmetricMoves = kept(bool, "symmetricMoves", False)

    def _show(self) -> None:
        self.update()

    def sizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(120, 20)

    def _position(self, value: float) -> int:
        width = self._high - self._low
        part = (value - self._low) / width if width > 0 else 0.0
        return _HANDLE + round(part * (self.width - 2 * _HANDLE))

    def _value_at(self, position: float) -> float:
        part = (position - _HANDLE) / max(self.width - 2 * _HANDLE, 1)
        return self._low + min(max(part, 0.0), 1.0) * (self._high - self._low)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        x = event.position().x()
        near_first = abs(x - self._position(self._first)) <= abs(x - self._position(self._second))
        self._dragged = "first" if near_first else "second"
        emit(self, "sliderPressed()")

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        value = self._value_at(event.position().x())
        if self._dragged == "first":
            self.setValues(min(value, self._second), self._second)
        elif self._dragged == "second":
            self.setValues(self._first, max(value, self._first))

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self._dragged = None
        emit(self, "sliderReleased()")

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        palette, middle = self.palette, self.height // 2
        groove = QtCore.QRect(_HANDLE, middle - 2, self.width - 2 * _HANDLE, 4)
        painter.fillRect(groove, palette.color(QtGui.QPalette.ColorRole.Mid))
        first, second = self._position(self._first), self._position(self._second)
        selected = QtCore.QRect(first, middle - 2, second - first, 4)
        painter.fillRect(selected, palette.color(QtGui.QPalette.ColorRole.Highlight))
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(palette.color(QtGui.QPalette.ColorRole.Dark))
        painter.setBrush(palette.color(QtGui.QPalette.ColorRole.Button))
        for x in (first, second):
            painter.drawEllipse(QtCore.QPoint(x, middle), _HANDLE - 1, _HANDLE - 1)
        painter.end()


@native_widget
class ctkRangeWidget(_Range, QtWidgets.QWidget):
    """A slider with two handles between two spin boxes."""

    cpp_signals = (*_SIGNALS, "minimumValueIsChanging(double)", "maximumValueIsChanging(double)")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._first_box, self._second_box = ctkDoubleSpinBox(), ctkDoubleSpinBox()
        self._slider = ctkDoubleRangeSlider()
        row(self, (self._first_box, 0), (self._slider, 1), (self._second_box, 0))
        self._showing = False
        self._show()
        self._first_box.connect("valueChanged(double)", self._on_first)
        self._second_box.connect("valueChanged(double)", self._on_second)
        self._slider.connect("valuesChanged(double,double)", self._on_slider)

    def _on_first(self, value: float) -> None:
        if not self._showing:
            self.setMinimumValue(value)

    def _on_second(self, value: float) -> None:
        if not self._showing:
            self.setMaximumValue(value)

    def _on_slider(self, first: float, second: float) -> None:
        if not self._showing:
            self.setValues(first, second)

    def _show(self) -> None:
        self._showing = True
        for box in (self._first_box, self._second_box):
            box.minimum, box.maximum = self._low, self._high
        self._slider.setRange(self._low, self._high)
        self._first_box.value, self._second_box.value = self._first, self._second
        self._slider.setValues(self._first, self._second)
        self._showing = False

    def _rounded(self, value: float) -> float:
        return round(value, self._first_box.decimals)

    def _read_decimals(self) -> int:
        return self._first_box.decimals

    def setDecimals(self, decimals: int) -> None:
        for box in (self._first_box, self._second_box):
            box.setDecimals(decimals)

    def _read_single_step(self) -> float:
        return self._first_box.singleStep

    def _write_single_step(self, step: float) -> None:
        self._first_box.singleStep = self._second_box.singleStep = step

    def reset(self) -> None:
        self.setValues(self._low, self._high)

    minimum = QtCore.Property(float, _Range._read_minimum, _Range._write_minimum)
    maximum = QtCore.Property(float, _Range._read_maximum, _Range._write_maximum)
    minimumValue = QtCore.Property(float, _Range._read_first, _Range.setMinimumValue)
    maximumValue = QtCore.Property(float, _Range._read_second, _Range.setMaximumValue)
    decimals = QtCore.Property(int, _read_decimals, setDecimals)
    singleStep = QtCore.Property(float, _read_single_step, _write_single_step)
    prefix = kept(str, "prefix", "")
    suffix = kept(str, "suffix", "")
    tickInterval = kept(float, "tickInterval", 0.0)
    autoSpinBoxWidth = kept(bool, "autoSpinBoxWidth", True)
    spinBoxTextAlignment = kept(int, "spinBoxTextAlignment", 0x81)
    spinBoxAlignment = kept(int, "spinBoxAlignment", 0x80)
    tracking = kept(bool, "tracking", True)
    symmetricMoves = kept(bool, "symmetricMoves", False)
