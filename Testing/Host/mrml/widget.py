"""Widgets that hold a scene."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..pythonqt.native import native_widget
from ..pythonqt.signals import emit

__all__ = ["qMRMLWidget", "qSlicerWidget"]


@native_widget
class qMRMLWidget(QtWidgets.QWidget):
    """A widget that tells others which scene it shows."""

    cpp_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)
    _scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._scene = scene
        emit(self, "mrmlSceneChanged(vtkMRMLScene*)", scene)


@native_widget
class qSlicerWidget(qMRMLWidget):
    """The widget that module panels are made of."""
