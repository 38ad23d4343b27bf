"""Widgets for one number."""

from __future__ import annotations

import math
from typing import Any

from PySide6 import QtCore, QtWidgets

from ..pythonqt.native import kept, native_widget, qt_property
from ..pythonqt.signals import emit

__all__ = ["ctkDoubleSlider", "ctkDoubleSpinBox", "ctkSliderWidget"]

_STEPS = 10_000
_LARGEST = 1.7976931348623157e308


def finite(value: float) -> float:
    """Qt's spin boxes take no infinity: the largest number in its place."""
    return math.copysign(_LARGEST, value) if math.isinf(value) else value


def row(widget: QtWidgets.QWidget, *parts: tuple[QtWidgets.QWidget, int]) -> None:
    """Lay out parts in a row without margins; each with its stretch."""
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part, stretch in parts:
        layout.addWidget(part, stretch)


@native_widget
class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A spin box."""

    cpp_signals = (
        "valueChanged(double)",
        "valueChanged(QString)",
        "editingFinished()",
        "decimalsChanged(int)",
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.maximum = 99.99
        row(self, (self._box, 1))
        self.setFocusProxy(self._box)
        self._box.valueChanged.connect(self._on_value)
        self._box.editingFinished.connect(lambda: emit(self, "editingFinished()"))

    def _read_minimum(self) -> float:
        return self._box.minimum

    def _write_minimum(self, value: float) -> None:
        self._box.minimum = finite(value)

    def _read_maximum(self) -> float:
        return self._box.maximum

    def _write_maximum(self, value: float) -> None:
        self._box.maximum = finite(value)

    def _read_decimals(self) -> int:
        return self._box.decimals

    def _read_value(self) -> float:
        return self._box.value

    def setValueAlways(self, value: float) -> None:
        self._box.setValue(value)

    def setValue(self, value: float) -> None:
        if round(value, self._box.decimals) != self._box.value:  # leaves alone what is being typed
            self._box.setValue(value)

    setValueIfDifferent = setValue

    def setDecimals(self, decimals: int) -> None:
        self._box.decimals = decimals
        emit(self, "decimalsChanged(int)", decimals)

    def setReadOnly(self, read_only: bool) -> None:
        self._box.setReadOnly(read_only)

    def stepUp(self) -> None:
        self._box.stepUp()

    def stepDown(self) -> None:
        self._box.stepDown()

    minimum = QtCore.Property(float, _read_minimum, _write_minimum)
    maximum = QtCore.Property(float, _read_maximum, _write_maximum)
    decimals = QtCore.Property(int, _read_decimals, setDecimals)
    value = QtCore.Property(float, _read_value, setValue)
    singleStep = qt_property(float, "_box", "singleStep")
    prefix = qt_property(str, "_box", "prefix")
    suffix = qt_property(str, "_box", "suffix")
    cleanText = qt_property(str, "_box", "cleanText")
    readOnly = qt_property(bool, "_box", "readOnly")
    frame = qt_property(bool, "_box", "frame")
    alignment = kept(int, "alignment", 0x81)
    decimalsOption = kept(int, "decimalsOption", 0x1)
    setMode = kept(int, "setMode", 0)
    invertedControls = kept(bool, "invertedControls", False)
    sizeHintPolicy = kept(int, "sizeHintPolicy", 0)

    def _on_value(self, value: float) -> None:
        emit(self, "valueChanged(double)", value)
        emit(self, "valueChanged(QString)", self._box.text)


@native_widget
class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider for numbers with decimals."""

    cpp_signals = (
        "valueChanged(double)",
        "sliderMoved(double)",
        "sliderPressed()",
        "sliderReleased()",
        "rangeChanged(double,double)",
    )

    def __init__(self, *args: Any) -> None:
        parent = next((a for a in args if isinstance(a, QtWidgets.QWidget)), None)
        super().__init__(parent)
        orientation = next((a for a in args if isinstance(a, QtCore.Qt.Orientation)), None)
        self._slider = QtWidgets.QSlider(orientation or QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, _STEPS)
        self._low, self._high, self._now = 0.0, 99.0, 0.0
        row(self, (self._slider, 1))
        self._slider.valueChanged.connect(self._on_slider)
        for name in ("sliderPressed", "sliderReleased"):
            getattr(self._slider, name).connect(lambda n=name: emit(self, f"{n}()"))

    def _read_minimum(self) -> float:
        return self._low

    def _write_minimum(self, value: float) -> None:
        self._set_range(value, max(value, self._high))

    def _read_maximum(self) -> float:
        return self._high

    def _write_maximum(self, value: float) -> None:
        self._set_range(min(self._low, value), value)

    def _set_range(self, low: float, high: float) -> None:
        self._low, self._high = finite(low), finite(high)
        emit(self, "rangeChanged(double,double)", self._low, self._high)
        self.setValue(self._now)
        self._show()

    def _read_value(self) -> float:
        return self._now

    def setValue(self, value: float) -> None:
        value = min(max(value, self._low), self._high)
        if value == self._now:
            return
        self._now = value
        self._show()
        emit(self, "valueChanged(double)", value)

    def setOrientation(self, orientation: QtCore.Qt.Orientation) -> None:
        self._slider.orientation = orientation

    def _read_orientation(self) -> int:
        return int(self._slider.orientation)

    minimum = QtCore.Property(float, _read_minimum, _write_minimum)
    maximum = QtCore.Property(float, _read_maximum, _write_maximum)
    value = QtCore.Property(float, _read_value, setValue)
    sliderPosition = QtCore.Property(float, _read_value, setValue)
    orientation = QtCore.Property(int, _read_orientation, setOrientation)
    singleStep = kept(float, "singleStep", 1.0)
    pageStep = kept(float, "pageStep", 10.0)
    tickInterval = kept(float, "tickInterval", 0.0)
    tickPosition = kept(int, "tickPosition", 0)
    tracking = kept(bool, "tracking", True)
    handleToolTip = kept(str, "handleToolTip", "")
    invertedAppearance = kept(bool, "invertedAppearance", False)
    invertedControls = kept(bool, "invertedControls", False)

    def _show(self) -> None:
        """Move the handle, without a signal."""
        width = self._high / 2 - self._low / 2  # halves: the range may exceed the largest number
        part = (self._now / 2 - self._low / 2) / width if width > 0 else 0.0
        self._slider.blockSignals(True)
        self._slider.setValue(round(part * _STEPS))
        self._slider.blockSignals(False)

    def _on_slider(self, position: int) -> None:
        part = position / _STEPS
        value = self._low * (1 - part) + self._high * part
        step = getattr(self, "_singleStep", 1.0)
        if step > 0:
            value = self._low + round((value - self._low) / step) * step
        self._now = min(max(value, self._low), self._high)
        emit(self, "valueChanged(double)", self._now)


@native_widget
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box for the same number."""

    cpp_signals = ("valueChanged(double)", "valueIsChanging(double)", "decimalsChanged(int)")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = ctkDoubleSlider()
        self._box = ctkDoubleSpinBox()
        self._box.maximum = self._slider.maximum
        row(self, (self._slider, 1), (self._box, 0))
        self._slider.connect("valueChanged(double)", self._on_slider)
        self._box.connect("valueChanged(double)", self._on_box)

    def _on_slider(self, value: float) -> None:
        self._box.setValue(value)
        if self._box.value != value:  # rounded to the decimals
            self._follow()

    def _on_box(self, value: float) -> None:
        self._follow()
        emit(self, "valueIsChanging(double)", value)
        emit(self, "valueChanged(double)", value)

    def _follow(self) -> None:
        blocked = self._slider.blockSignals(True)
        self._slider.setValue(self._box.value)
        self._slider.blockSignals(blocked)

    def _write_minimum(self, value: float) -> None:
        self._box.minimum = value
        self._slider.minimum = self._box.minimum

    def _write_maximum(self, value: float) -> None:
        self._box.maximum = value
        self._slider.maximum = self._box.maximum

    def _read_minimum(self) -> float:
        return self._box.minimum

    def _read_maximum(self) -> float:
        return self._box.maximum

    def _read_value(self) -> float:
        return self._box.value

    def _read_decimals(self) -> int:
        return self._box.decimals

    def _read_single_step(self) -> float:
        return self._box.singleStep

    def _write_single_step(self, step: float) -> None:
        self._box.singleStep = step
        self._slider.singleStep = step

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    def reset(self) -> None:
        self.setValue(0.0)

    def setDecimals(self, decimals: int) -> None:
        self._box.setDecimals(decimals)
        emit(self, "decimalsChanged(int)", decimals)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._box.setVisible(visible)

    def _read_spin_box_visible(self) -> bool:
        return not self._box.isHidden()

    minimum = QtCore.Property(float, _read_minimum, _write_minimum)
    maximum = QtCore.Property(float, _read_maximum, _write_maximum)
    value = QtCore.Property(float, _read_value, setValue)
    decimals = QtCore.Property(int, _read_decimals, setDecimals)
    singleStep = QtCore.Property(float, _read_single_step, _write_single_step)
    spinBoxVisible = QtCore.Property(bool, _read_spin_box_visible, setSpinBoxVisible)
    prefix = qt_property(str, "_box", "prefix")
    suffix = qt_property(str, "_box", "suffix")
    pageStep = kept(float, "pageStep", 10.0)
    tickInterval = kept(float, "tickInterval", 0.0)
    tickPosition = kept(int, "tickPosition", 0)
    synchronizeSiblings = kept(int, "synchronizeSiblings", 1)
    spinBoxAlignment = kept(int, "spinBoxAlignment", 0x80)
    tracking = kept(bool, "tracking", True)
    popupSlider = kept(bool, "popupSlider", False)
    invertedAppearance = kept(bool, "invertedAppearance", False)
    invertedControls = kept(bool, "invertedControls", False)
