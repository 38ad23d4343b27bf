"""Reading and assigning of attributes of Qt objects, as PythonQt does it.

The rules are put on PySide6's own classes: objects that Qt makes (the line edit of a combo box, the
children of a loaded .ui file) follow them as well, and ``type(widget)`` is the class that code
compares with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from functools import cache
from types import BuiltinMethodType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from .signals import BoundSignal, connect, disconnect, find_signal

__all__ = [
    "QT_MODULES",
    "Slot",
    "ignore_children",
    "install",
    "is_native",
    "public_names",
    "qt_classes",
]

QT_MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools)

_NATIVE = ("PySide6.", "Shiboken", "shiboken6", __name__.rpartition(".pythonqt.")[0] + ".")
_CONNECTIONS = {"connect": connect, "disconnect": disconnect}
_INTEGER_TYPES = {"int", "uint", "long", "ulong", "short", "ushort", "qlonglong", "qulonglong"}
_FLOAT_TYPES = {"double", "float"}

_get: Callable[[Any, str], Any] = QtCore.QObject.__getattribute__
_set: Callable[[Any, str, Any], None] = shiboken6.Shiboken.Object.__setattr__
_find_child: Callable[..., Any] = QtCore.QObject.findChild  # before PythonQt's takes its place
_DIRECT = QtCore.Qt.FindChildOption.FindDirectChildrenOnly
_ignoring_children = False
_reading: set[tuple[int, str]] = set()


class Kind(Enum):
    """The meaning of a name on a class."""

    SCRIPT = auto()  # defined by a Python class of the module under test
    PROPERTY = auto()
    SIGNAL = auto()
    OTHER = auto()  # method, enumeration, or nothing


_Member = tuple[Kind, Any]  # with the QMetaProperty or the signature of the signal
_members: WeakKeyDictionary[type, dict[str, _Member]] = WeakKeyDictionary()


def is_native(cls: type) -> bool:
    """Whether a class stands for a C++ class: Qt's own or one of the host's widgets."""
    return cls.__module__.startswith(_NATIVE)


class Slot:
    """A method of a Qt object: takes positional arguments only, returns tuples for lists."""

    __slots__ = ("__name__", "__self__", "_function")

    def __init__(self, owner: Any, name: str, function: Callable[..., Any]) -> None:
        self.__self__ = owner
        self.__name__ = name
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise ValueError(
                f"Called {type(self.__self__).__name__}::{self.__name__} with keyword arguments,"
                " but called slot does not support kwargs."
            )
        result = self._function(*args)
        return tuple(result) if type(result) is list else result

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Slot)
            and other.__self__ is self.__self__
            and other.__name__ == self.__name__
        )

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__name__))

    def __repr__(self) -> str:
        return f"<qt slot {self.__name__} of {type(self.__self__).__name__} instance>"


def qt_classes() -> Iterator[type]:
    """PySide6's classes that derive from QObject, base classes first."""
    found = {
        value
        for module in QT_MODULES
        for value in public_names(module).values()
        if isinstance(value, type) and issubclass(value, QtCore.QObject)
    }
    yield from sorted(found, key=lambda cls: len(cls.__mro__))


@cache
def public_names(module: ModuleType) -> dict[str, Any]:
    """Return all that a module of PySide6 holds; reading a class makes PySide6 build it."""
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}


def install() -> None:
    """Put the rules on PySide6's classes."""
    QtCore.QObject.__getattribute__ = _getattribute  # type: ignore[method-assign]
    for cls in qt_classes():
        cls.__setattr__ = _setattribute  # type: ignore[method-assign,assignment]
        if "__init__" in vars(cls):
            cls.__init__ = _constructor(cls.__init__)  # type: ignore[misc]


def _constructor(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(
                f"Called new_{type(self).__name__} with keyword arguments,"
                " but called slot does not support kwargs."
            )
        original(self, *args)

    return __init__


def _member(cls: type, name: str) -> _Member:
    known = _members.setdefault(cls, {})
    if name not in known:
        known[name] = _look_up(cls, name)
    return known[name]


def _look_up(cls: Any, name: str) -> _Member:
    for base in cls.__mro__:
        if is_native(base):
            break
        if name in vars(base):
            return Kind.SCRIPT, None
    meta = cls.staticMetaObject
    if not shiboken6.isValid(meta):  # Python is shutting down
        return Kind.OTHER, None
    if name == "singleShot" and issubclass(cls, QtCore.QTimer):  # a method of this name wins
        return Kind.OTHER, None
    index = meta.indexOfProperty(name)
    if index < 0 and name == "name":
        index = meta.indexOfProperty("objectName")
    if index >= 0:
        return Kind.PROPERTY, meta.property(index)
    signature = find_signal(cls, name)
    return (Kind.OTHER, None) if signature is None else (Kind.SIGNAL, signature)


def _getattribute(self: Any, name: str) -> Any:
    if name.startswith("_"):
        return _get(self, name)
    kind, detail = _member(type(self), name)
    if kind is Kind.SCRIPT:
        return _get(self, name)
    if kind is Kind.PROPERTY:
        return _read(self, name, detail)
    if kind is Kind.SIGNAL:
        return BoundSignal(self, detail)
    if name in _get(self, "__dict__"):
        return _get(self, name)
    if name in _CONNECTIONS:  # PySide6 gives its own, whatever the class says
        return Slot(self, name, MethodType(_CONNECTIONS[name], self))
    try:
        value = _get(self, name)
    except AttributeError:
        return _fallback(self, name)
    # Methods written in Python stay as they are: PySide6 asks here for overridden virtual methods.
    return Slot(self, name, value) if isinstance(value, BuiltinMethodType) else value


def _read(self: Any, name: str, prop: QtCore.QMetaProperty) -> Any:
    # Reading a property such as sizeHint makes Qt ask whether Python overrides the method of that
    # name, and it asks by this very attribute.
    key = (id(self), name)
    if key in _reading:
        return _get(self, name)
    if not shiboken6.isValid(self):
        raise ValueError(
            f"Trying to read property '{name}' from a destroyed {type(self).__name__} object"
        )
    _reading.add(key)
    try:
        value = prop.read(self)
    finally:
        _reading.discard(key)
    return tuple(value) if type(value) is list else value


def _fallback(self: Any, name: str) -> Any:
    """Names that PySide6 does not know: ``exec_``, dynamic properties, children."""
    if len(name) > 2 and name.endswith("_") and name[-2] != "_":
        try:
            return Slot(self, name[:-1], _get(self, name[:-1]))
        except AttributeError:
            pass
    if shiboken6.isValid(self):
        value = _get(self, "property")(name)
        if value is not None:
            return value
        child = _find_child(self, QtCore.QObject, name, _DIRECT)
        if child is not None:
            return child
    raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")


@contextmanager
def ignore_children() -> Iterator[None]:
    """While PySide6 loads a .ui file and sets the children as attributes of their parent."""
    global _ignoring_children
    _ignoring_children = True
    try:
        yield
    finally:
        _ignoring_children = False


def _setattribute(self: Any, name: str, value: Any) -> None:
    cls = type(self)
    if isinstance(value, QtCore.SignalInstance):  # PySide6 keeps it in the object
        _set(self, name, value)
        return
    if _ignoring_children and isinstance(value, QtCore.QObject) and not name.startswith("_"):
        return
    kind, detail = (Kind.OTHER, None) if name.startswith("_") else _member(cls, name)
    if kind is Kind.SCRIPT or (name.startswith("_") and not cls.__module__.startswith("PySide6.")):
        _set(self, name, value)
        return
    if kind is Kind.PROPERTY:
        _write(self, name, detail, value)
        return
    if kind is Kind.SIGNAL:
        raise AttributeError(f"Signal '{name}' can not be overwritten on {cls.__name__} object")
    if any(name in vars(base) for base in cls.__mro__ if is_native(base)):
        raise AttributeError(f"Slot '{name}' can not be overwritten on {cls.__name__} object")
    if _is_dynamic_property(self, name):
        _get(self, "setProperty")(name, value)
        return
    if is_native(cls):
        raise AttributeError(
            f"'{name}' does not exist on {cls.__name__} and creating new attributes on C++ objects"
            " is not allowed"
        )
    _set(self, name, value)


def _is_dynamic_property(self: Any, name: str) -> bool:
    try:
        return bool(shiboken6.isValid(self)) and _get(self, "property")(name) is not None
    except RuntimeError:  # assigned before QObject.__init__ was called
        return False


def _write(self: Any, name: str, prop: QtCore.QMetaProperty, value: Any) -> None:
    if not prop.isWritable():
        raise AttributeError(f"Property '{name}' of {type(self).__name__} object is not writable")
    converted = _convert(prop, value)
    if converted is _REJECTED or not prop.write(self, converted):
        raise AttributeError(
            f"Property '{name}' of type '{prop.typeName()}' does not accept an object of type"
            f" {type(value).__name__} ({value})"
        )


_REJECTED = object()


def _convert(prop: QtCore.QMetaProperty, value: Any) -> Any:
    """A value as PythonQt hands it to a property, or ``_REJECTED``."""
    type_name = prop.typeName()
    if prop.isEnumType() or prop.isFlagType():
        return value if isinstance(value, int | str) else _REJECTED
    if type_name == "bool":
        return bool(value) if isinstance(value, int | float) else _REJECTED
    if type_name in _INTEGER_TYPES:
        if isinstance(value, float):
            return math.floor(value)
        return int(value) if hasattr(value, "__index__") else _REJECTED
    if type_name in _FLOAT_TYPES:
        return float(value) if hasattr(value, "__float__") else _REJECTED
    if type_name == "QString":
        return str(value)
    if type_name == "QStringList":
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        return _REJECTED
    if value is None and not type_name.endswith("*") and type_name not in ("QVariant", "PyObject"):
        return _REJECTED
    return value
