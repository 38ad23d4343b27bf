"""The main window: module panel at the left, views at the right, status bar below."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .pythonqt.native import kept
from .pythonqt.signals import emit

__all__ = ["qSlicerMainWindow"]


class _ModuleSelector(QtWidgets.QToolBar):
    """The tool bar that opens modules."""

    cpp_signals = ("moduleSelected(QString)",)

    def __init__(self, window: qSlicerMainWindow) -> None:
        super().__init__("Modules")
        self._window = window
        self._label = QtWidgets.QLabel("Modules:  ")
        self.addWidget(self._label)

    def selectModule(self, name: str) -> None:
        self._window._open(name)
        module = slicer.app.moduleManager().module(name)
        self._label.setText(f"Modules:  {module.title}" if module is not None else "Modules:")
        emit(self, "moduleSelected(QString)", name)

    def _read_selected(self) -> str:
        return self._window._opened

    selectedModule = QtCore.Property(str, _read_selected, selectModule)


class _ModulePanel(QtWidgets.QScrollArea):
    helpAndAcknowledgmentVisible = kept(bool, "helpAndAcknowledgmentVisible", True)


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """Slicer's main window, as far as modules see it."""

    cpp_signals = ("initialWindowShown()",)

    def __init__(self) -> None:
        super().__init__()
        self.objectName = "qSlicerMainWindow"
        self.windowTitle = "3D Slicer"
        self._opened = ""
        self._selector = _ModuleSelector(self)
        self._selector.setMovable(False)
        self.addToolBar(self._selector)
        self._panel = _ModulePanel()
        self._panel.objectName = "ModulePanel"
        self._panel.setWidgetResizable(True)
        self._panel.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._contents = QtWidgets.QWidget()
        QtWidgets.QVBoxLayout(self._contents)
        self._panel.setWidget(self._contents)
        dock = QtWidgets.QDockWidget()
        dock.objectName = "PanelDockWidget"
        dock.setTitleBarWidget(QtWidgets.QWidget())
        dock.setWidget(self._panel)
        dock.setMinimumWidth(384)
        self.addDockWidget(QtCore.Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        self.setCentralWidget(slicer.app.layoutManager().viewport())
        self.statusBar()
        self.resize(1280, 800)

    def moduleSelector(self) -> _ModuleSelector:
        return self._selector

    def pythonConsole(self) -> None:
        return None

    def _open(self, name: str) -> None:
        """Leave the open module and enter another; "" leaves only."""
        manager = slicer.app.moduleManager()
        if name == self._opened:
            return
        old: Any = manager.module(self._opened)
        self._opened = ""
        layout = self._contents.layout()
        if old is not None and old.widgetRepresentation() is not None:
            old.widgetRepresentation().exit()
            layout.removeWidget(old.widgetRepresentation())
            old.widgetRepresentation().setVisible(False)
            old.widgetRepresentation().setParent(None)
        if not name:
            return
        module: Any = manager.module(name)
        widget = module.widgetRepresentation()
        self._opened = name
        if widget is not None:
            widget.layout().setContentsMargins(0, 0, 0, 0)
            layout.insertWidget(0, widget, 1)
            policy = widget.sizePolicy
            policy.setHorizontalPolicy(QtWidgets.QSizePolicy.Policy.Minimum)
            widget.setSizePolicy(policy)
            widget.setVisible(True)
            widget.enter()
