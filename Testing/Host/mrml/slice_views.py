"""Slice views with their controllers, drawn by Slicer's slice logic and displayable managers."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..ctk.numbers import ctkSliderWidget
from ..pythonqt.native import kept, native_widget
from .observing import Observing
from .render_view import RenderView, register_managers

__all__ = ["qMRMLSliceControllerWidget", "qMRMLSliceView", "qMRMLSliceWidget"]

_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


@native_widget
class qMRMLSliceView(RenderView):
    """The picture of a slice: volumes blended, and what the displayable managers draw on them."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic: Any = None
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._picture = vtk.vtkActor2D()
        self._picture.SetMapper(self._mapper)
        self._picture.GetProperty().SetDisplayLocationToBackground()

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode() if self._logic is not None else None

    def _set_logic(self, logic: Any) -> None:
        self._logic = logic
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        register_managers(factory, _MANAGERS)
        self._group = factory.InstantiateDisplayableManagers(self._renderer)
        self._group.SetMRMLDisplayableNode(logic.GetSliceNode())
        self._resize(256, 256)

    def _resize(self, width: int, height: int) -> None:
        super()._resize(width, height)
        if self._logic is not None:
            self._logic.ResizeSliceNode(width, height)

    def _prepare(self) -> None:
        connection = self._logic.GetImageDataConnection()
        self._renderer.RemoveViewProp(self._picture)
        if connection is not None:
            self._mapper.SetInputConnection(connection)
            self._renderer.AddViewProp(self._picture)

    def _release(self) -> None:
        self._renderer.RemoveViewProp(self._picture)
        super()._release()
        self._logic = None


@native_widget
class qMRMLSliceControllerWidget(Observing, QtWidgets.QWidget):
    """The bar above a slice view: its letter, the slice's offset, and a button to fit."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic: Any = None
        self._following = False
        self._label = QtWidgets.QLabel()
        self._label.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._label.setFixedWidth(22)
        self._slider = ctkSliderWidget()
        self._fit = QtWidgets.QToolButton()
        self._fit.setText("[ ]")
        self._fit.setToolTip("Adjust the slice viewer's field of view to match the volume")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for part, stretch in ((self._label, 0), (self._fit, 0), (self._slider, 1)):
            layout.addWidget(part, stretch)
        self._slider.connect("valueChanged(double)", self._on_slider)
        self._fit.connect("clicked()", self.fitSliceToBackground)

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode() if self._logic is not None else None

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode() if self._logic is not None else None

    def sliceLogic(self) -> Any:
        return self._logic

    def sliceOffsetSlider(self) -> ctkSliderWidget:
        return self._slider

    def fitToWindowToolButton(self) -> QtWidgets.QToolButton:
        return self._fit

    def _set_logic(self, logic: Any) -> None:
        self._logic = logic
        node = logic.GetSliceNode()
        red, green, blue = (round(255 * c) for c in node.GetLayoutColor())
        color = f"background: rgb({red}, {green}, {blue}); color: black; font-weight: bold;"
        self._label.setStyleSheet(color)
        self._label.setText(node.GetLayoutLabel())
        self._observe(node, "ModifiedEvent", self._follow)
        self._observe(logic, "ModifiedEvent", self._follow)
        self._follow()

    def _follow(self, data: Any = None) -> None:
        if self._following:
            return
        self._following = True
        bounds = [0.0] * 6
        self._logic.GetSliceBounds(bounds)
        spacing = self._logic.GetLowestVolumeSliceSpacing()
        if bounds[4] <= bounds[5] and abs(bounds[5] - bounds[4]) < 1e6:
            self._slider.minimum, self._slider.maximum = bounds[4], bounds[5]
            self._slider.singleStep = spacing[2] if spacing is not None else 1.0
        self._slider.value = self._logic.GetSliceOffset()
        self._following = False

    def _on_slider(self, value: float) -> None:
        if not self._following:
            self.setSliceOffsetValue(value)

    def setSliceOffsetValue(self, offset: float) -> None:
        self._logic.StartSliceOffsetInteraction()
        self._logic.SetSliceOffset(offset)
        self._logic.EndSliceOffsetInteraction()

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def setSliceLink(self, linked: bool) -> None:
        self.mrmlSliceCompositeNode().SetLinkedControl(linked)

    def setSliceVisible(self, visible: bool) -> None:
        self.mrmlSliceNode().SetSliceVisible(visible)

    def setForegroundOpacity(self, opacity: float) -> None:
        self.mrmlSliceCompositeNode().SetForegroundOpacity(opacity)

    def setLabelMapOpacity(self, opacity: float) -> None:
        self.mrmlSliceCompositeNode().SetLabelOpacity(opacity)

    def _read_orientation(self) -> str:
        return self.mrmlSliceNode().GetOrientation()

    def setSliceOrientation(self, orientation: str) -> None:
        self.mrmlSliceNode().SetOrientation(orientation)

    sliceOrientation = QtCore.Property(str, _read_orientation, setSliceOrientation)
    sliceViewName = kept(str, "sliceViewName", "")
    sliceViewLabel = kept(str, "sliceViewLabel", "")
    showSliceOffsetSlider = kept(bool, "showSliceOffsetSlider", True)


@native_widget
class qMRMLSliceWidget(QtWidgets.QWidget):
    """A slice view with its controller."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = qMRMLSliceControllerWidget()
        self._view = qMRMLSliceView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    def _set_logic(self, logic: Any) -> None:
        self._controller._set_logic(logic)
        self._view._set_logic(logic)
        self._sliceViewName = logic.GetSliceNode().GetLayoutName()

    def setMRMLScene(self, scene: Any) -> None:
        """Nothing: the layout manager gives the widget its slice node."""

    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def viewWidget(self) -> qMRMLSliceView:
        return self._view

    def sliceLogic(self) -> Any:
        return self._controller.sliceLogic()

    def mrmlSliceNode(self) -> Any:
        return self._controller.mrmlSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._controller.mrmlSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._controller.fitSliceToBackground()

    def _read_orientation(self) -> str:
        return self._controller.sliceOrientation

    def setSliceOrientation(self, orientation: str) -> None:
        self._controller.setSliceOrientation(orientation)

    sliceOrientation = QtCore.Property(str, _read_orientation, setSliceOrientation)
    sliceViewName = kept(str, "sliceViewName", "")
