"""The module ``qt``: Qt's classes in one flat namespace, with what PythonQt adds and lacks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

from . import dialogs
from .attributes import QT_MODULES, public_names
from .signals import connect, disconnect
from .ui_loader import QUiLoader

__all__ = ["install", "opened_urls"]

# What PySide6 has and PythonQt has not, and what to do instead.
_ABSENT = {
    "Signal": "classes written in Python declare no Qt signals in Slicer; keep a list of callables",
    "Slot": "connect plain functions",
    "Property": "use Python's property",
}

opened_urls: list[str] = []
"""The addresses that QDesktopServices.openUrl got; nothing is opened."""


class _QtModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT:
            raise AttributeError(f"module 'qt' has no attribute '{name}': {_ABSENT[name]}")
        raise AttributeError(f"module 'qt' has no attribute '{name}'")


def install() -> ModuleType:
    """Build the module and register it as ``qt``."""
    qt = _QtModule("qt", "Qt, with the rules of PythonQt")
    for module in QT_MODULES:
        for name, value in public_names(module).items():
            if name not in _ABSENT:
                setattr(qt, name, value)
    qt.QUiLoader = QUiLoader  # type: ignore[attr-defined]
    _extend_classes()
    dialogs.install()
    sys.modules["qt"] = qt
    return qt


_timers: set[QtCore.QTimer] = set()


def _single_shot(milliseconds: int, function: Callable[[], Any]) -> None:
    """QTimer.singleShot for any callable."""
    timer = QtCore.QTimer()
    timer.setSingleShot(True)
    _timers.add(timer)

    def call() -> None:
        _timers.discard(timer)
        function()

    timer.connect("timeout()", call)
    timer.start(int(milliseconds))


def _extend_classes() -> None:
    qobject: Any = QtCore.QObject
    find_children = qobject.findChildren
    qobject.connect = connect
    qobject.disconnect = disconnect
    qobject.className = lambda self: type(self).__name__
    # PySide6's own gives the object of the class, and invalidates it with this instance.
    qobject.metaObject = lambda self: type(self).staticMetaObject
    qobject.delete = shiboken6.delete

    def _find_children(
        self: Any, kind: Any = QtCore.QObject, name: str | None = None
    ) -> tuple[Any, ...]:
        named = () if name is None else (name,)
        if not isinstance(kind, str):
            return tuple(find_children(self, kind, *named))
        found = find_children(self, QtCore.QObject, *named)
        return tuple(child for child in found if child.inherits(kind))

    def _find_child(self: Any, kind: Any = QtCore.QObject, name: str | None = None) -> Any:
        return next(iter(_find_children(self, kind, name)), None)

    qobject.findChildren = _find_children
    qobject.findChild = _find_child

    QtCore.QTimer.singleShot = staticmethod(_single_shot)  # type: ignore[method-assign,assignment]

    menu_init: Callable[..., None] = QtWidgets.QMenu.__init__

    def _menu_init(self: Any, *args: Any) -> None:
        # PythonQt takes an object that is no widget for a title: ScriptedLoadableModuleWidget does
        # that with itself.
        if args and not isinstance(args[0], str | QtWidgets.QWidget | None):
            args = (str(args[0]), *args[1:])
        menu_init(self, *args)

    QtWidgets.QMenu.__init__ = _menu_init  # type: ignore[method-assign]

    def _open_url(url: QtCore.QUrl) -> bool:
        opened_urls.append(url.toString())
        return True

    QtGui.QDesktopServices.openUrl = staticmethod(_open_url)  # type: ignore[method-assign,assignment]
