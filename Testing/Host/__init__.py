"""Slicer without the application, for tests and pictures of scripted modules.

Real: MRML with its storage, logics and displayable managers, ``slicer.util`` (all of slicer-core),
VTK's rendering, Qt. Written for the host: the application object, the widgets of CTK and qMRML, the
Python base classes of modules, and PythonQt's rules on top of PySide6. See :class:`SlicerHost`.
"""

from .host import SlicerHost

__all__ = ["SlicerHost"]
