"""Modules as the application has them: Slicer's own logics, and scripted modules from files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml.widget import qSlicerWidget
from .pythonqt.native import kept
from .pythonqt.signals import emit

__all__ = [
    "qSlicerLoadableModule",
    "qSlicerModuleManager",
    "qSlicerScriptedLoadableModule",
    "qSlicerScriptedLoadableModuleWidget",
]


class _CoreModule(QtCore.QObject):
    """The properties that all modules have."""

    title = kept(str, "title", "")
    categories = kept("QStringList", "categories", [])
    contributors = kept("QStringList", "contributors", [])
    dependencies = kept("QStringList", "dependencies", [])
    associatedNodeTypes = kept("QStringList", "associatedNodeTypes", [])
    helpText = kept(str, "helpText", "")
    acknowledgementText = kept(str, "acknowledgementText", "")
    hidden = kept(bool, "hidden", False)
    index = kept(int, "index", -1)
    icon = kept(QtGui.QIcon, "icon", QtGui.QIcon())
    widgetRepresentationCreationEnabled = kept(bool, "widgetRepresentationCreationEnabled", True)

    def __init__(self, name: str, path: str) -> None:
        super().__init__()
        self._module_name, self._module_path = name, path

    def _read_name(self) -> str:
        return self._module_name

    def _read_path(self) -> str:
        return self._module_path

    def _read_true(self) -> bool:
        return True

    def _read_link(self) -> str:
        return (
            f"https://slicer.readthedocs.io/en/latest/user_guide/modules/{self.name.lower()}.html"
        )

    # PythonQt gives objectName for `name` only where a class has no property of that name.
    name = QtCore.Property(str, _read_name)
    path = QtCore.Property(str, _read_path)
    isInstalled = QtCore.Property(bool, _read_true)
    defaultDocumentationLink = QtCore.Property(str, _read_link)

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def inherits(self, name: str) -> bool:
        return any(base.__name__ == name for base in type(self).__mro__)


class qSlicerLoadableModule(_CoreModule):
    """A module of Slicer written in C++: here its logic only."""

    def __init__(self, name: str, logic: Any) -> None:
        super().__init__(name, "")
        self._logic = logic
        self.title = name

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> None:
        return None


class qSlicerScriptedLoadableModule(_CoreModule):
    """A module written in Python, loaded from a file.

    Raises:
        RuntimeError: when the file has no class named like it. Slicer logs that and goes on.
    """

    extensions = kept("QVariantMap", "extensions", {})

    def __init__(self, path: str) -> None:
        super().__init__(Path(path).stem, path)
        self._representation: Any = None
        self._logic = slicer.vtkSlicerScriptedLoadableModuleLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        cls = getattr(_load(self.name, path), self.name, None)
        if cls is None:
            raise RuntimeError(f"class {self.name} was not found in file {path}")
        self._instance = cls(self)
        setattr(slicer.modules, f"{self.name}Instance", self._instance)
        setattr(slicer.modules, self.name.lower(), self)
        if not hasattr(sys.modules[self.name], f"{self.name}Widget"):
            self.widgetRepresentationCreationEnabled = False
        if hasattr(self._instance, "setup"):
            self._instance.setup()

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> Any:
        """The module's panel; made at the first call."""
        if self._representation is None and self.widgetRepresentationCreationEnabled:
            self._representation = self.createNewWidgetRepresentation()
        return self._representation

    def createNewWidgetRepresentation(self) -> Any:
        widget = qSlicerScriptedLoadableModuleWidget()
        widget._set_source(self.path)
        widget._setup()
        return widget

    def _unload(self) -> None:
        if self._representation is not None:
            self._representation.setParent(None)
            self._representation.deleteLater()
            self._representation = None
        for name in (f"{self.name}Instance", f"{self.name}Widget", self.name.lower()):
            if hasattr(slicer.modules, name):
                delattr(slicer.modules, name)
        sys.modules.pop(self.name, None)


class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The parent of a scripted module's panel."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        QtWidgets.QVBoxLayout(self)
        self._entered = False
        self._python: Any = None
        self._source = ""
        self.setMRMLScene(slicer.mrmlScene)

    def _set_source(self, path: str) -> None:
        self._source = path
        cls = getattr(_load(self.moduleName, path), f"{self.moduleName}Widget", None)
        if cls is None:
            raise RuntimeError(f"class {self.moduleName}Widget was not found in {path}")
        self._python = cls(self)
        setattr(slicer.modules, f"{self.moduleName}Widget", self._python)

    def _setup(self) -> None:
        self._python.setup()

    def self(self) -> Any:
        return self._python

    def reload(self) -> None:
        self._set_source(self._source)
        self._setup()

    def enter(self) -> None:
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()

    def setEditedNode(self, node: Any, role: str = "", context: str = "") -> bool:
        edit = getattr(self._python, "setEditedNode", None)
        return bool(edit(node, role, context)) if edit is not None else False

    def _read_entered(self) -> bool:
        return self._entered

    def _read_name(self) -> str:
        return Path(self._source).stem

    isEntered = QtCore.Property(bool, _read_entered)
    moduleName = QtCore.Property(str, _read_name)


class _FactoryManager(QtCore.QObject):
    """Loads modules from files."""

    def __init__(self, manager: qSlicerModuleManager) -> None:
        super().__init__()
        self._manager = manager
        self._registered: dict[str, str] = {}

    def registerModule(self, file: QtCore.QFileInfo) -> None:
        self._registered[file.baseName()] = file.absoluteFilePath()

    def loadModules(self, names: list[str]) -> bool:
        for name in names:
            self._manager._load(self._registered[name])
        return True

    def isRegistered(self, name: str) -> bool:
        return name in self._registered

    def loadedModuleNames(self) -> tuple[str, ...]:
        return self._manager.modulesNames()

    registeredModuleNames = instantiatedModuleNames = loadedModuleNames


class qSlicerModuleManager(QtCore.QObject):
    """The loaded modules by name."""

    cpp_signals = ("moduleLoaded(QString)", "moduleAboutToBeUnloaded(QString)")

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, _CoreModule] = {}
        self._factory = _FactoryManager(self)

    def factoryManager(self) -> _FactoryManager:
        return self._factory

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(self._modules)

    def module(self, name: str) -> Any:
        return self._modules.get(name)

    def _add(self, module: Any) -> None:
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)

    def _load(self, path: str) -> qSlicerScriptedLoadableModule:
        module = qSlicerScriptedLoadableModule(path)
        self._modules[module.name] = module
        emit(self, "moduleLoaded(QString)", module.name)
        return module

    def _unload(self, name: str) -> None:
        """Clean a module up and forget it, as the application does before it quits."""
        module: Any = self._modules.get(name)
        if isinstance(module, qSlicerScriptedLoadableModule):
            emit(self, "moduleAboutToBeUnloaded(QString)", name)
            del self._modules[name]
            module._unload()


def _load(name: str, path: str) -> ModuleType:
    """The Python module of a file: the loaded one, or loaded now under the file's name."""
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == path:
        return sys.modules[name]
    folder = str(Path(path).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
