"""Signals as PythonQt has them: connected by C++ signature, to callables that take fewer arguments.

The host's widgets declare signals whose arguments Qt cannot carry (MRML nodes) in a class attribute
``cpp_signals``, a tuple of C++ signatures, and emit them with :func:`emit`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from inspect import CO_VARARGS
from types import FunctionType, MethodType
from typing import Any

import shiboken6
from PySide6 import QtCore

__all__ = ["BoundSignal", "connect", "disconnect", "emit", "find_signal", "report_exception"]

# As they are before attributes.py puts PythonQt's rules on the classes.
_get = QtCore.QObject.__getattribute__
_qt_connect = QtCore.QObject.connect
_qt_disconnect = QtCore.QObject.disconnect


def report_exception() -> None:
    """Print the exception of a slot and go on, as Slicer does. The host collects them."""
    kind, error, trace = sys.exc_info()
    if kind is not None and error is not None:
        sys.excepthook(kind, error, trace)


class _Target:
    """A connected callable: called with as many of the signal's arguments as it takes."""

    def __init__(self, signature: str, function: Callable[..., Any]) -> None:
        self.signature = signature
        self.function = function
        self.connection: QtCore.QMetaObject.Connection | None = None

    def __call__(self, *args: Any) -> None:
        function, bound = self.function, 0
        if isinstance(function, MethodType):
            function, bound = function.__func__, 1
        if isinstance(function, FunctionType) and not function.__code__.co_flags & CO_VARARGS:
            args = args[: max(function.__code__.co_argcount - bound, 0)]
        try:
            self.function(*args)
        except Exception:
            report_exception()


# Targets by the address of the sender: its Python object may come and go before it does.
_targets: dict[int, list[_Target]] = {}


def _address(sender: QtCore.QObject) -> int:
    return int(shiboken6.getCppPointer(sender)[0])


def _normal(signature: str) -> str:
    return bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()


@cache
def _cpp_signals(cls: type) -> tuple[str, ...]:
    return tuple(
        _normal(signature)
        for base in cls.__mro__
        for signature in vars(base).get("cpp_signals", ())
    )


@cache
def find_signal(cls: Any, name: str) -> str | None:
    """The first signature of a class's signal ``name``, or None when there is no such signal."""
    for signature in _cpp_signals(cls):
        if signature.partition("(")[0] == name:
            return signature
    meta = cls.staticMetaObject
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal and method.name() == name:
            return bytes(method.methodSignature()).decode()
    return None


def _declared(sender: Any, signature: str) -> str:
    """The signal's signature as the sender declares it.

    Raises:
        ValueError: when the sender has no such signal. Slicer only prints a line and goes on
            without the connection, which is never what was meant.
    """
    normal = _normal(_without_code(signature))
    meta = type(sender).staticMetaObject
    if normal not in _cpp_signals(type(sender)) and meta.indexOfSignal(normal) < 0:
        raise ValueError(f"signal '{signature}' does not exist on {type(sender).__name__}")
    return normal


def _without_code(signature: str) -> str:
    """Without the digit that Qt's macros SIGNAL and SLOT put in front."""
    return signature[1:] if signature[:1].isdigit() else signature


def _function(target: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the callable, also of a slot given as a receiver and a C++ signature."""
    if len(target) == 1 and callable(target[0]):
        function: Callable[..., Any] = target[0]
        return function
    if len(target) >= 2 and isinstance(target[1], str):
        function = getattr(target[0], _without_code(target[1]).partition("(")[0])
        return function
    raise ValueError(f"connect: expected a callable, or a receiver and its slot, got {target}")


def connect(sender: Any, signal: str, *target: Any) -> bool:
    """``sender.connect("clicked(bool)", function)`` or ``..., receiver, "slot(bool)")``."""
    signature = _declared(sender, signal)
    entry = _Target(signature, _function(target))
    address = _address(sender)
    if address not in _targets:
        _targets[address] = []
        _qt_connect(sender, QtCore.SIGNAL("destroyed()"), lambda: _targets.pop(address, None))
    _targets[address].append(entry)
    if signature not in _cpp_signals(type(sender)):
        # A lambda: PySide6 calls other objects without arguments.
        entry.connection = _qt_connect(sender, QtCore.SIGNAL(signature), lambda *args: entry(*args))
    return True


def disconnect(sender: Any, signal: str, *target: Any) -> bool:
    """Undo :func:`connect`; without a function, all connections of the signal. True on success."""
    signature = _declared(sender, signal)
    function = _function(target) if target else None
    entries = _targets.get(_address(sender), [])
    found = [e for e in entries if e.signature == signature and function in (None, e.function)]
    for entry in found if function is None else found[:1]:
        entries.remove(entry)
        if entry.connection is not None:
            _qt_disconnect(entry.connection)
    return bool(found)


def emit(sender: Any, signature: str, *args: Any) -> None:
    """Emit a signal: one of the host's own (``cpp_signals``) or one of Qt's."""
    signature = _normal(signature)
    if signature not in _cpp_signals(type(sender)):
        _get(sender, signature.partition("(")[0]).emit(*args)
        return
    if sender.signalsBlocked():
        return
    for entry in list(_targets.get(_address(sender), [])):
        if entry.signature == signature:
            entry(*args)


class BoundSignal:
    """``widget.clicked``: what PythonQt gives for the name of a signal."""

    __slots__ = ("_sender", "_signature")

    def __init__(self, sender: Any, signature: str) -> None:
        self._sender = sender
        self._signature = signature

    def connect(self, function: Callable[..., Any]) -> bool:
        return connect(self._sender, self._signature, function)

    def disconnect(self, *function: Callable[..., Any]) -> bool:
        return disconnect(self._sender, self._signature, *function)

    def emit(self, *args: Any) -> None:
        emit(self._sender, self._signature, *args)

    __call__ = emit

    def __repr__(self) -> str:
        return f"<qt signal {self._signature} of {type(self._sender).__name__} instance>"
