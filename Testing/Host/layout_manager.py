"""The layout manager: the views that the scene's layout node asks for, in one widget."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .mrml.observing import Observing
from .mrml.slice_views import qMRMLSliceWidget
from .mrml.tables import qMRMLTableView
from .mrml.three_d_views import qMRMLThreeDWidget
from .pythonqt.signals import emit

__all__ = ["qSlicerLayoutManager"]


class qSlicerLayoutManager(Observing, QtCore.QObject):
    """Slicer's layout manager, with Slicer's own layout logic and off-screen views."""

    cpp_signals = (
        "layoutChanged(int)",
        "activeMRMLThreeDViewNodeChanged(vtkMRMLViewNode*)",
        "selectModule(QString)",
    )

    def __init__(self, application_logic: Any, scene: Any) -> None:
        super().__init__()
        self._application_logic = application_logic
        self._scene = scene
        self._viewport = QtWidgets.QWidget()
        self._viewport.objectName = "CentralWidgetLayoutFrame"
        QtWidgets.QVBoxLayout(self._viewport).setContentsMargins(0, 0, 0, 0)
        self._widgets: dict[str, QtWidgets.QWidget] = {}
        self._slice_logics = vtk.vtkCollection()
        self._view_logics = vtk.vtkCollection()
        application_logic.SetSliceLogics(self._slice_logics)
        application_logic.SetViewLogics(self._view_logics)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(scene)
        node = self._logic.GetLayoutNode()
        node.SetViewArrangement(node.SlicerLayoutFourUpView)
        self._shown = ""
        self._observe(node, "ModifiedEvent", self._update)
        self._update()

    # The layout

    def _update(self, data: Any = None) -> None:
        node = self._logic.GetLayoutNode()
        description = node.GetCurrentLayoutDescription() if node is not None else ""
        if not description or description == self._shown:  # empty while the scene is cleared
            return
        self._shown = description
        layout = self._viewport.layout()
        for widget in self._widgets.values():
            widget.setParent(self._viewport)
            widget.setVisible(False)
        while layout.count():
            layout.takeAt(0).widget().deleteLater()
        frame = QtWidgets.QWidget()
        inner = QtWidgets.QVBoxLayout(frame)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._build(ET.fromstring(description)))
        layout.addWidget(frame)
        emit(self, "layoutChanged(int)", node.GetViewArrangement())

    def _build(self, element: ET.Element) -> QtWidgets.QWidget:
        if element.tag == "view":
            return self._view_widget(element)
        kind = element.get("type", "horizontal")
        items = element.findall("item")
        if kind == "tab":
            tabs = QtWidgets.QTabWidget()
            for item in items:
                tabs.addTab(self._build(item[0]), item.get("name", ""))
            return tabs
        box = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        for index, item in enumerate(items):
            row, column = (index, 0) if kind == "vertical" else (0, index)
            row, column = int(item.get("row", row)), int(item.get("column", column))
            grid.addWidget(self._build(item[0]), row, column)
            grid.setRowStretch(row, 1)
            grid.setColumnStretch(column, 1)
        return box

    def _view_widget(self, element: ET.Element) -> QtWidgets.QWidget:
        class_name, tag = element.get("class", ""), element.get("singletontag", "")
        key = f"{class_name}:{tag}"
        if key not in self._widgets:
            self._widgets[key] = self._make(class_name, tag)
        widget = self._widgets[key]
        widget.setVisible(True)
        return widget

    def _make(self, class_name: str, tag: str) -> QtWidgets.QWidget:
        node = self._scene.GetSingletonNode(tag, class_name)
        if class_name == "vtkMRMLSliceNode":
            return self._make_slice(node)
        if class_name == "vtkMRMLViewNode":
            return self._make_three_d(node)
        if class_name == "vtkMRMLTableViewNode":
            return qMRMLTableView()
        return QtWidgets.QLabel(class_name)  # plots are not shown

    def _make_slice(self, node: Any) -> qMRMLSliceWidget:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._application_logic)
        logic.SetMRMLScene(self._scene)
        logic.SetSliceNode(node)
        self._slice_logics.AddItem(logic)
        widget = qMRMLSliceWidget()
        widget._set_logic(logic)
        return widget

    def _make_three_d(self, node: Any) -> qMRMLThreeDWidget:
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(self._application_logic)
        logic.SetMRMLScene(self._scene)
        logic.SetName(node.GetLayoutName())
        self._view_logics.AddItem(logic)
        widget = qMRMLThreeDWidget()
        widget._set_node(node, logic)
        return widget

    def _read_layout(self) -> int:
        return int(self._logic.GetLayoutNode().GetViewArrangement())

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)

    # Views

    def mrmlScene(self) -> Any:
        return self._scene

    def viewport(self) -> QtWidgets.QWidget:
        return self._viewport

    def layoutLogic(self) -> Any:
        return self._logic

    def mrmlSliceLogics(self) -> Any:
        return self._slice_logics

    def mrmlViewLogics(self) -> Any:
        return self._view_logics

    def _of_class(self, class_name: str) -> dict[str, Any]:
        prefix = f"{class_name}:"
        return {
            key.removeprefix(prefix): widget
            for key, widget in self._widgets.items()
            if key.startswith(prefix)
        }

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._of_class("vtkMRMLSliceNode"))

    def sliceWidget(self, name: str) -> Any:
        return self._of_class("vtkMRMLSliceNode").get(name)

    def threeDWidget(self, index: int | str) -> Any:
        widgets = list(self._of_class("vtkMRMLViewNode").values())
        if isinstance(index, str):
            found = [w for w in widgets if w.mrmlViewNode().GetName() == index]
            return found[0] if found else None
        return widgets[index] if index < len(widgets) else None

    def tableWidget(self, index: int) -> Any:
        return list(self._of_class("vtkMRMLTableViewNode").values())[index]

    def _read_three_d_count(self) -> int:
        return len(self._of_class("vtkMRMLViewNode"))

    def _read_table_count(self) -> int:
        return len(self._of_class("vtkMRMLTableViewNode"))

    def _read_plot_count(self) -> int:
        return 0

    def activeThreeDRenderer(self) -> Any:
        widget = self.threeDWidget(0)
        return widget.threeDView().renderer() if widget is not None else None

    def activeMRMLThreeDViewNode(self) -> Any:
        widget = self.threeDWidget(0)
        return widget.mrmlViewNode() if widget is not None else None

    def resetThreeDViews(self) -> None:
        for widget in self._of_class("vtkMRMLViewNode").values():
            widget.threeDView().resetCamera()

    def resetSliceViews(self) -> None:
        for index in range(self._slice_logics.GetNumberOfItems()):
            self._slice_logics.GetItemAsObject(index).FitSliceToAll()

    def addMaximizedViewNode(self, node: Any) -> None:
        self._logic.GetLayoutNode().AddMaximizedViewNode(node)

    def removeAllMaximizedViewNodes(self) -> None:
        self._logic.GetLayoutNode().RemoveAllMaximizedViewNodes()

    def setRenderPaused(self, paused: bool) -> None:
        """Nothing: views render when they are asked to."""

    def pauseRender(self) -> None:
        """Nothing: views render when they are asked to."""

    def resumeRender(self) -> None:
        """Nothing: views render when they are asked to."""

    def _release(self) -> None:
        self._stop_observing()
        for widget in self._widgets.values():
            if isinstance(widget, qMRMLSliceWidget | qMRMLThreeDWidget):
                widget.viewWidget()._release()
        self._widgets.clear()

    layout = QtCore.Property(int, _read_layout, setLayout)
    threeDViewCount = QtCore.Property(int, _read_three_d_count)
    tableViewCount = QtCore.Property(int, _read_table_count)
    plotViewCount = QtCore.Property(int, _read_plot_count)
