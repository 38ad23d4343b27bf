"""Help for the widgets that the host writes in place of C++ classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

from PySide6 import QtCore, QtWidgets

__all__ = ["custom_widgets", "kept", "native_widget", "qt_property"]

custom_widgets: dict[str, type[QtWidgets.QWidget]] = {}
"""The widgets that .ui files may name besides Qt's own."""


def native_widget(cls: type[QtWidgets.QWidget]) -> type[QtWidgets.QWidget]:
    """Class decorator for a stand-in: no keyword arguments; .ui files may use it."""
    mixins = [base for base in cls.__mro__[1:] if not issubclass(base, QtCore.QObject)]
    inherited = {name for base in cls.__mro__[1:] if base not in mixins for name in vars(base)}
    for owner in (*reversed(mixins), cls):
        for name, function in list(vars(owner).items()):
            if name.startswith("_") or name in inherited or not isinstance(function, FunctionType):
                continue
            if owner is cls or name not in vars(cls):
                setattr(cls, name, _positional(cls.__name__, function))
    custom_widgets[cls.__name__] = cls
    return cls


def _positional(class_name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise ValueError(
                f"Called {class_name}::{function.__name__} with keyword arguments,"
                " but called slot does not support kwargs."
            )
        return function(*args)

    return call


def kept(kind: Any, name: str, default: Any, then: Callable[[Any], None] | None = None) -> Any:
    """A Qt property that remembers what it was set to, in the attribute ``_<name>``.

    Args:
        kind: the Python or C++ type of the property.
        name: the property's name.
        default: its value before it is set.
        then: called with the widget after each change.
    """

    def read(self: Any) -> Any:
        return getattr(self, f"_{name}", default)

    def write(self: Any, value: Any) -> None:
        setattr(self, f"_{name}", value)
        if then is not None:
            then(self)

    return QtCore.Property(kind, read, write)


def qt_property(kind: Any, path: str, name: str) -> Any:
    """A Qt property that is the property ``name`` of a part, found in the attribute ``path``."""

    def read(self: Any) -> Any:
        return getattr(getattr(self, path), name)

    def write(self: Any, value: Any) -> None:
        setattr(getattr(self, path), name, value)

    return QtCore.Property(kind, read, write)
