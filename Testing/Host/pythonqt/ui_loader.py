"""Loading of Designer files, with the host's stand-ins for the widgets of CTK and Slicer.

Unlike Qt's loader this one is strict: a class it does not know, a property that the class does not
have and a connection that cannot be made are errors. Qt and Slicer go on without them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from .attributes import ignore_children
from .native import custom_widgets
from .signals import connect

__all__ = ["QUiLoader", "UiFileError"]


_registered: set[str] = set()


class UiFileError(RuntimeError):
    """A .ui file names something that does not exist."""


class QUiLoader(QtUiTools.QUiLoader):
    """Qt's loader, which knows the host's widgets and checks what it loads."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        for name, cls in custom_widgets.items():
            if name not in _registered:  # for all loaders of the process
                self.registerCustomWidget(cls)
                _registered.add(name)

    def load(self, device: Any, parent: QtWidgets.QWidget | None = None) -> Any:
        """Load a .ui file from an open device.

        Raises:
            UiFileError: when the file names an unknown class, property, signal or slot.
        """
        root = ET.fromstring(bytes(device.readAll().data()))
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        special = _check_and_split(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        with ignore_children():
            widget = super().load(buffer, parent)
        if widget is None:
            raise UiFileError(self.errorString())
        for name, prop, value in special:
            setattr(_child(widget, name), prop, value)
        for connection in connections if connections is not None else ():
            _connect(widget, connection)
        return widget


def _check_and_split(root: ET.Element) -> list[tuple[str, str, int | str]]:
    """Check classes and properties; take out what Qt cannot set on classes written in Python.

    Returns:
        (name of the widget, property, value) for each enumeration of a custom widget.
    """
    special: list[tuple[str, str, int | str]] = []
    for element in root.iter("widget"):
        class_name, name = element.get("class", ""), element.get("name", "")
        cls: Any = custom_widgets.get(class_name) or getattr(QtWidgets, class_name, None)
        if class_name == "Line":  # Designer's name for a QFrame
            continue
        if cls is None:
            raise UiFileError(
                f"the widget '{name}' has the class '{class_name}', which does not exist"
            )
        for prop in list(element.findall("property")):
            prop_name = prop.get("name", "")
            if prop.get("stdset") == "0":  # a dynamic property
                continue
            if prop_name == "buddy" and class_name == "QLabel":  # Designer's name for setBuddy
                continue
            if cls.staticMetaObject.indexOfProperty(prop_name) < 0:
                raise UiFileError(f"'{name}' ({class_name}) has no property '{prop_name}'")
            value = prop.find("enum") if prop.find("enum") is not None else prop.find("set")
            if value is not None and class_name in custom_widgets and _is_own(cls, prop_name):
                element.remove(prop)
                special.append((name, prop_name, _enumeration(value.text or "", cls)))
    return special


def _is_own(cls: Any, name: str) -> bool:
    """Whether a property is declared by the host, not by Qt."""
    return any(name in vars(base) for base in cls.__mro__ if base.__name__ in custom_widgets)


def _enumeration(text: str, cls: Any) -> int:
    """The value of ``Qt::AlignLeft|Qt::AlignTop`` or ``ctkPathLineEdit::Dirs``."""
    value = 0
    for part in text.split("|"):
        names = part.split("::")
        owner: Any = cls
        for scope in names[:-1]:
            owner = (
                custom_widgets.get(scope)
                or getattr(QtWidgets, scope, None)
                or getattr(QtCore, scope, owner)
            )
        try:
            value |= int(getattr(owner, names[-1]))
        except AttributeError:
            raise UiFileError(f"unknown enumeration value '{part}'") from None
    return value


def _child(widget: Any, name: str) -> Any:
    return widget if widget.objectName == name else widget.findChild(QtCore.QObject, name)


def _connect(widget: Any, connection: ET.Element) -> None:
    sender, signal, receiver, slot = (
        connection.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")
    )
    try:
        connect(_child(widget, sender), signal, _child(widget, receiver), slot)
    except (AttributeError, ValueError) as error:
        raise UiFileError(f"connection {sender}.{signal} -> {receiver}.{slot}: {error}") from None
