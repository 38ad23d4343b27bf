"""The common part of slice and 3D views: an off-screen render window shown by a Qt widget."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

__all__ = ["RenderView", "register_managers"]


def register_managers(factory: Any, names: tuple[str, ...]) -> None:
    """Register displayable managers that views of this kind use, once."""
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)


class RenderView(QtWidgets.QWidget):
    """A VTK render window, off-screen; the widget paints what was rendered last.

    Slicer renders soon after each change. Rendering without a GPU takes a second, so that here a
    view renders when it is asked to: ``forceRender()``, and the pictures that the host takes.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QtGui.QImage()
        self._renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(4)
        self._window.AddRenderer(self._renderer)
        self._window.SetSize(256, 256)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._annotation = vtk.vtkCornerAnnotation()
        self._group: Any = None
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)

    def sizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(256, 256)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(32, 32)

    def renderWindow(self) -> Any:
        return self._window

    def renderer(self) -> Any:
        return self._renderer

    def interactor(self) -> Any:
        return self._interactor

    def cornerAnnotation(self) -> Any:
        return self._annotation

    def getDisplayableManagers(self, collection: Any) -> None:
        for index in range(self._group.GetDisplayableManagerCount() if self._group else 0):
            collection.AddItem(self._group.GetNthDisplayableManager(index))

    def displayableManagerByClassName(self, name: str) -> Any:
        return self._group.GetDisplayableManagerByClassName(name) if self._group else None

    def scheduleRender(self) -> None:
        """Nothing: see the class."""

    def forceRender(self) -> None:
        """Render now."""
        self._resize(max(self.width, 32), max(self.height, 32))
        self._prepare()
        self._window.Render()
        self._image = self._capture()
        self.update()

    def _resize(self, width: int, height: int) -> None:
        self._window.SetSize(width, height)
        self._interactor.UpdateSize(width, height)

    def _prepare(self) -> None:
        """Before rendering; for derived classes."""

    def _capture(self) -> QtGui.QImage:
        reader = vtk.vtkWindowToImageFilter()
        reader.SetInput(self._window)
        reader.ReadFrontBufferOff()
        reader.ShouldRerenderOff()
        reader.Update()
        width, height, _ = reader.GetOutput().GetDimensions()
        pixels = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
        rows = pixels.reshape(height, width, 3)[::-1].copy()
        form = QtGui.QImage.Format.Format_RGB888
        return QtGui.QImage(rows.data, width, height, 3 * width, form).copy()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtCore.Qt.GlobalColor.black)
        if not self._image.isNull():
            painter.drawImage(self.rect, self._image)
        painter.end()

    def _release(self) -> None:
        """Let go of VTK's objects, in the order they need."""
        if self._group is not None:
            self._group.SetMRMLDisplayableNode(None)
            self._group = None
        self._window.Finalize()
