"""Qt as PythonQt shows it: the module ``qt`` of Slicer, made of PySide6.

Slicer's Python modules reach Qt through PythonQt, whose rules differ from PySide6's: properties are
attributes, signals are connected by their C++ signature, attributes that do not exist cannot be
assigned, no method takes keyword arguments, enumerations are integers. :func:`install` gives
PySide6 these rules, so that code which would fail in Slicer fails here, too.

The rules follow the documentation and behaviour of PythonQt 4; where versions differ (a ``bool``
property took only numbers before), the stricter one holds.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

__all__ = ["install"]


def install() -> ModuleType:
    """Make PySide6 behave like PythonQt and register it as the module ``qt``. Call it once.

    Raises:
        ImportError: when PySide6 is not installed.
        RuntimeError: when PySide6 was imported before with enumerations that are not integers.
    """
    if "qt" in sys.modules:
        return sys.modules["qt"]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # PySide6 reads this once, at its first import: enumerations become IntEnum, as in PythonQt.
    sys.pyside6_option_python_enum = 0x2  # type: ignore[attr-defined]
    from PySide6 import QtCore

    if not isinstance(QtCore.Qt.CheckState.Checked, int):
        raise RuntimeError("PySide6 or shiboken6 was imported before SlicerHost() was called")

    from . import attributes, module

    attributes.install()
    return module.install()
