"""The base of classes that read and write a value in a widget."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from .annotations import Maximum, Minimum, SingleStep, WithinRange, first, plain, split

__all__ = [
    "GuiConnector",
    "SimpleConnector",
    "createGuiConnector",
    "parameterNodeGuiConnector",
]

_registered: list[type[GuiConnector]] = []


class GuiConnector(abc.ABC):
    """Reads and writes a value of one type in a widget of one kind."""

    def __init__(self) -> None:
        super().__init__()
        self._callback: Callable[[], None] | None = None

    @staticmethod
    @abc.abstractmethod
    def canRepresent(widget: Any, datatype: Any) -> bool: ...

    @staticmethod
    @abc.abstractmethod
    def create(widget: Any, datatype: Any) -> Any: ...

    @abc.abstractmethod
    def _connect(self) -> None: ...

    @abc.abstractmethod
    def _disconnect(self) -> None: ...

    @abc.abstractmethod
    def widget(self) -> Any: ...

    @abc.abstractmethod
    def read(self) -> Any: ...

    @abc.abstractmethod
    def write(self, value: Any) -> None: ...

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        """Call a function on changes; None ends it."""
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self) -> None:
        if self._callback is not None:
            self._callback()


def parameterNodeGuiConnector(classtype: Any = None) -> Any:
    """Class decorator: let createGuiConnector use a connector."""
    if classtype is None:
        return parameterNodeGuiConnector
    if not issubclass(classtype, GuiConnector):
        raise TypeError("Must be a GuiConnector subclass")
    _registered.append(classtype)
    return classtype


def createGuiConnector(widget: Any, datatype: Any) -> GuiConnector:
    """The connector for a widget and an annotated type.

    Raises:
        RuntimeError: when there is none.
    """
    for connector in _registered:
        if connector.canRepresent(widget, datatype):
            made: GuiConnector = connector.create(widget, datatype)
            return made
    raise RuntimeError(
        f"Unable to create GUI connector from datatype '{datatype}' to widget '{type(widget)}'."
    )


class SimpleConnector(GuiConnector):
    """A connector for one property and one signal of a widget."""

    signal = ""
    property = ""

    @classmethod
    def fits(cls, widget: Any, kind: Any) -> bool:
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        cls.canRepresent = staticmethod(  # type: ignore[method-assign]
            lambda widget, datatype: cls.fits(widget, plain(datatype))
        )
        cls.create = staticmethod(cls)  # type: ignore[method-assign,assignment]
        _registered.append(cls)

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        raise NotImplementedError

    @staticmethod
    def create(widget: Any, datatype: Any) -> Any:
        raise NotImplementedError

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__()
        self._widget = widget
        self._type, self._annotations = split(datatype)
        self._prepare()

    def _prepare(self) -> None:
        """Set the widget up for the annotations."""

    def _connect(self) -> None:
        if self.signal:
            getattr(self._widget, self.signal).connect(self.changed)

    def _disconnect(self) -> None:
        if self.signal:
            getattr(self._widget, self.signal).disconnect(self.changed)

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        return getattr(self._widget, self.property)

    def write(self, value: Any) -> None:
        setattr(self._widget, self.property, value)

    def _limits(self) -> tuple[float | None, float | None]:
        within = first(self._annotations, WithinRange)
        low, high = first(self._annotations, Minimum), first(self._annotations, Maximum)
        if within is not None:
            return within.minimum, within.maximum
        return low.minimum if low is not None else None, high.maximum if high is not None else None

    def _set_steps(self) -> None:
        step = first(self._annotations, SingleStep)
        if step is not None:
            self._widget.singleStep = step.value
