"""Stand-ins for the widgets of CTK that Slicer's modules use: the module ``ctk``.

They have the properties, signals and slots that PythonQt shows of the real classes; setters that
are no slots in C++ are not methods here, either, since Python cannot call them in Slicer.
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["install"]


def install() -> ModuleType:
    """Build the module and register it as ``ctk``."""
    from . import buttons, choices, collapsible, numbers, paths, ranges, texts

    ctk = ModuleType("ctk", "Stand-ins for CTK's widgets")
    for module in (buttons, choices, collapsible, numbers, paths, ranges, texts):
        for name in module.__all__:
            setattr(ctk, name, getattr(module, name))
    sys.modules["ctk"] = ctk
    return ctk
