"""Connectors of widgets, by the types that each widget can show.

As in Slicer, a widget must be of exactly the listed class, and numeric widgets get their range from
the annotations of the parameter, not from the .ui file.
"""

from __future__ import annotations

import enum
import logging
import pathlib
import types
import typing
from typing import Any

import ctk
import qt
import slicer

from .annotations import Choice, Decimals, Default, RangeBounds, first, plain
from .connectors import SimpleConnector
from .packs import FloatRange

__all__: list[str] = []


class _CheckBox(SimpleConnector):
    signal, property = "stateChanged", "checked"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is bool and type(widget) in (qt.QCheckBox, ctk.ctkCheckBox)


class _CheckableButton(SimpleConnector):
    signal, property = "toggled", "checked"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is bool and type(widget) in (qt.QPushButton, ctk.ctkCheckablePushButton)

    def _prepare(self) -> None:
        controlled = getattr(self._widget, "checkBoxControlsButtonToggleState", False)
        if not self._widget.checkable and not controlled:
            logging.warning("Making push button checkable: %s", self._widget.name)
            self._widget.checkable = True


class _Integer(SimpleConnector):
    signal, property = "valueChanged", "value"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is int and type(widget) in (qt.QSlider, qt.QSpinBox)

    def _prepare(self) -> None:
        self._set_steps()
        low, high = self._limits()
        if type(self._widget) is qt.QSlider and None in (low, high):
            raise RuntimeError(
                "Cannot have a connection to QSlider where the int type is unbounded."
            )
        self._widget.setMinimum(-(2**31) if low is None else low)
        self._widget.setMaximum(2**31 - 1 if high is None else high)


class _Number(SimpleConnector):
    signal, property = "valueChanged", "value"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        classes = (
            qt.QDoubleSpinBox,
            ctk.ctkSliderWidget,
            ctk.ctkDoubleSlider,
            ctk.ctkDoubleSpinBox,
            slicer.qMRMLSliderWidget,
            slicer.qMRMLSpinBox,
        )
        return kind in (int, float) and type(widget) in classes

    def _prepare(self) -> None:
        decimals = first(self._annotations, Decimals)
        if type(self._widget) is not ctk.ctkDoubleSlider:
            if self._type is int:
                self._widget.decimals = 0
            elif decimals is not None:
                self._widget.decimals = decimals.value
        self._set_steps()
        low, high = self._limits()
        bounded = (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
        if type(self._widget) in bounded and None in (low, high):
            raise RuntimeError(
                "Cannot have a connection to ctkSliderWidget where the float type is unbounded."
            )
        self._widget.minimum = float("-inf") if low is None else low
        self._widget.maximum = float("inf") if high is None else high

    def read(self) -> Any:
        value = self._widget.value
        return int(value) if self._type is int else value


class _ChoiceBox(SimpleConnector):
    signal = "currentIndexChanged"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind in (int, float, str, bool) and type(widget) in (qt.QComboBox, ctk.ctkComboBox)

    def _prepare(self) -> None:
        choice = first(self._annotations, Choice)
        if choice is None:
            raise RuntimeError("A combo box requires the Choice annotation.")
        self._choices = list(choice.choices)
        self._widget.clear()
        for value in self._choices:
            self._widget.addItem(str(value))

    def read(self) -> Any:
        return self._choices[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._choices:
            raise ValueError(f"Unable to find value {value} in choices {self._choices}")
        self._widget.currentIndex = self._choices.index(value)


class _EnumBox(SimpleConnector):
    signal = "currentIndexChanged"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        is_enum = isinstance(kind, type) and issubclass(kind, enum.Enum)
        return is_enum and type(widget) in (qt.QComboBox, ctk.ctkComboBox)

    def _prepare(self) -> None:
        self._values = list(self._type)
        label = getattr(self._type, "label", lambda value: value.name)
        selected = self._widget.currentIndex
        self._widget.clear()
        for value in self._values:
            self._widget.addItem(label(value))
        self._widget.currentIndex = selected if 0 <= selected < len(self._values) else 0

    def read(self) -> Any:
        return self._values[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        self._widget.currentIndex = self._values.index(value)


class _LineEdit(SimpleConnector):
    signal, property = "textChanged", "text"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is str and type(widget) is qt.QLineEdit

    def write(self, value: str) -> None:
        if value != self._widget.text:  # writing moves the cursor
            self._widget.text = value


class _Label(SimpleConnector):
    property = "text"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is str and type(widget) is qt.QLabel


class _TextEdit(SimpleConnector):
    signal = "textChanged"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return kind is str and type(widget) is qt.QTextEdit

    def read(self) -> Any:
        return self._widget.toPlainText()

    def write(self, value: str) -> None:
        self._widget.setPlainText(value)


class _Range(SimpleConnector):
    signal = "valuesChanged"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        classes = (ctk.ctkRangeWidget, ctk.ctkDoubleRangeSlider, slicer.qMRMLRangeWidget)
        return kind is FloatRange and type(widget) in classes

    def _prepare(self) -> None:
        decimals = first(self._annotations, Decimals)
        if decimals is not None and type(self._widget) is not ctk.ctkDoubleRangeSlider:
            self._widget.decimals = decimals.value
        self._set_steps()
        bounds = first(self._annotations, RangeBounds)
        if bounds is None:
            raise RuntimeError("A range widget requires the RangeBounds annotation.")
        if first(self._annotations, Default) is None:  # Slicer then fails with an AttributeError
            raise RuntimeError("A range widget requires the Default annotation.")
        self._widget.setRange(bounds.minimum, bounds.maximum)

    def read(self) -> Any:
        return self._type(self._widget.minimumValue, self._widget.maximumValue)

    def write(self, value: Any) -> None:
        self._widget.setValues(value.minimum, value.maximum)


class _Path(SimpleConnector):
    signal, property = "currentPathChanged", "currentPath"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        is_path = isinstance(kind, type) and issubclass(kind, pathlib.PurePath)
        return is_path and type(widget) is ctk.ctkPathLineEdit

    def read(self) -> Any:
        return self._type(super().read())

    def write(self, value: Any) -> None:
        super().write(str(value))


class _Directory(_Path):
    signal, property = "directoryChanged", "directory"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        is_path = isinstance(kind, type) and issubclass(kind, pathlib.PurePath)
        return is_path and type(widget) is ctk.ctkDirectoryButton


class _NodeBox(SimpleConnector):
    signal = "currentNodeChanged"

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        return type(widget) is slicer.qMRMLNodeComboBox and bool(_node_types(kind))

    def _prepare(self) -> None:
        self._widget.nodeTypes = _node_types(self._type)

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)


def _node_types(kind: Any) -> list[str]:
    """The class names of a node type or a union of node types; empty for any other type."""
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    members = [plain(m) for m in typing.get_args(kind)] if union else [kind]
    nodes = [m for m in members if m is not type(None)]
    if all(isinstance(m, type) and issubclass(m, slicer.vtkMRMLNode) for m in nodes):
        return [m.__name__ for m in nodes]
    return []
