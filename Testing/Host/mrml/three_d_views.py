"""3D views, rendered by Slicer's own displayable managers."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from ..pythonqt.native import native_widget
from .render_view import RenderView, register_managers

__all__ = ["qMRMLThreeDView", "qMRMLThreeDViewControllerWidget", "qMRMLThreeDWidget"]

_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLLinearTransformsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)

# Directions from which the axes look: right, left, posterior, anterior, inferior, superior.
_AXES = ((1, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))


@native_widget
class qMRMLThreeDView(RenderView):
    """The picture of a 3D view."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._renderer.SetGradientBackground(True)

    def mrmlViewNode(self) -> Any:
        return self._node

    def _set_node(self, node: Any) -> None:
        self._node = node
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        register_managers(factory, _MANAGERS)
        self._group = factory.InstantiateDisplayableManagers(self._renderer)
        self._group.SetMRMLDisplayableNode(node)

    def cameraNode(self) -> Any:
        cameras = slicer.modules.cameras.logic()
        return cameras.GetViewActiveCameraNode(self._node)

    def resetFocalPoint(self) -> None:
        bounds = [0.0] * 6
        self._renderer.ComputeVisiblePropBounds(bounds)
        if bounds[0] <= bounds[1]:
            camera = self._renderer.GetActiveCamera()
            center = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
            moved = [c - f for c, f in zip(center, camera.GetFocalPoint(), strict=True)]
            camera.SetPosition([p + m for p, m in zip(camera.GetPosition(), moved, strict=True)])
            camera.SetFocalPoint(center)
            self._renderer.ResetCameraClippingRange()

    def resetCamera(self, *parts: bool) -> None:
        self._renderer.ResetCamera()

    def rotateToViewAxis(self, axis: int) -> None:
        """Look along an axis: 0 right, 1 left, 2 posterior, 3 anterior, 4 inferior, 5 superior."""
        camera = self._renderer.GetActiveCamera()
        distance, focus = camera.GetDistance(), camera.GetFocalPoint()
        direction = _AXES[axis]
        camera.SetPosition([f + distance * d for f, d in zip(focus, direction, strict=True)])
        camera.SetViewUp((0, 1, 0) if axis >= 4 else (0, 0, 1))
        self._renderer.ResetCameraClippingRange()

    def lookFromViewAxis(self, axis: int) -> None:
        self.rotateToViewAxis(axis)


@native_widget
class qMRMLThreeDViewControllerWidget(QtWidgets.QWidget):
    """The bar above a 3D view."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QtWidgets.QLabel("1")
        self._label.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._label.setFixedWidth(22)
        self._label.setStyleSheet(
            "background: rgb(116, 116, 232); color: black; font-weight: bold;"
        )
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label)
        layout.addStretch(1)
        self.setMinimumHeight(22)


@native_widget
class qMRMLThreeDWidget(QtWidgets.QWidget):
    """A 3D view with its controller."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = qMRMLThreeDViewControllerWidget()
        self._view = qMRMLThreeDView()
        self._logic: Any = None
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    def _set_node(self, node: Any, logic: Any) -> None:
        self._logic = logic
        self._view._set_node(node)

    def threeDController(self) -> qMRMLThreeDViewControllerWidget:
        return self._controller

    def threeDView(self) -> qMRMLThreeDView:
        return self._view

    def viewWidget(self) -> qMRMLThreeDView:
        return self._view

    def mrmlViewNode(self) -> Any:
        return self._view.mrmlViewNode()

    def viewLogic(self) -> Any:
        return self._logic
