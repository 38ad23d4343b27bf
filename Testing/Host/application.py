"""The application object, ``slicer.app``, and the main window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .hierarchy_keeper import HierarchyKeeper
from .io_manager import qSlicerCoreIOManager
from .layout_manager import qSlicerLayoutManager
from .modules import qSlicerLoadableModule, qSlicerModuleManager
from .pythonqt.native import kept

__all__ = ["LOGICS", "qSlicerApplication"]

LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "Reformat": "vtkSlicerReformatLogic",
}
"""The modules whose logic the host has, with the class of the logic, in order of their needs."""


class _CommandOptions(QtCore.QObject):
    """The options the application was started with."""

    runPythonAndExit = kept(bool, "runPythonAndExit", False)
    isTestingEnabled = kept(bool, "isTestingEnabled", False)
    noMainWindow = kept(bool, "noMainWindow", False)
    verbose = kept(bool, "verbose", False)


class qSlicerExtensionsManagerModel(QtCore.QObject):
    """The extensions that are installed; a test may set the list and answer requests."""

    interactive = kept(bool, "interactive", True)

    def __init__(self) -> None:
        super().__init__()
        self._installed: list[str] = []
        self._requested: list[str] = []
        self._can_install = False

    def _read_installed(self) -> list[str]:
        return list(self._installed)

    def isExtensionInstalled(self, name: str) -> bool:
        return name in self._installed

    def installExtensionFromServer(self, name: str, *options: Any) -> bool:
        self._requested.append(name)
        if self._can_install:
            self._installed.append(name)
        return self._can_install

    def updateExtensionsMetadataFromServer(self, *options: Any) -> bool:
        return self._can_install

    installedExtensions = QtCore.Property("QStringList", _read_installed)


class qSlicerApplication(QtWidgets.QApplication):
    """The application: the scene, its logic, the modules, layout, files and settings."""

    cpp_signals = (
        "startupCompleted()",
        "mrmlSceneChanged(vtkMRMLScene*)",
        "renderPaused(bool)",
        "urlReceived(QString)",
        "usageEventLogged(QString,QString)",
    )

    def __init__(self, folder: Path) -> None:
        super().__init__([sys.argv[0] or "Slicer"])
        self.applicationName = "Slicer"
        self.organizationName = "NA-MIC"
        self.setStyle("Fusion")
        self._folder = folder
        self._version = (5, 13)
        for name in ("temporary", "cache", "extensions", "settings", "share/ColorFiles"):
            (folder / name).mkdir(parents=True)
        settings = QtCore.QSettings
        settings.setDefaultFormat(settings.Format.IniFormat)
        for scope in (settings.Scope.UserScope, settings.Scope.SystemScope):
            settings.setPath(settings.Format.IniFormat, scope, str(folder / "settings"))
        self._settings = QtCore.QSettings()
        self._settings.setValue("Developer/SelfTestDisplayMessageDelay", "0")
        self._temporaryPath = str(folder / "temporary")
        self._cachePath = str(folder / "cache")
        self._startup_environment = QtCore.QProcessEnvironment.systemEnvironment()
        self._options = _CommandOptions()
        self._extensions = qSlicerExtensionsManagerModel()
        self._restarts = 0
        self._exit_status: int | None = None
        self._scene: Any = None
        self._logic: Any = None
        self._layout_manager: Any = None
        self._module_manager: Any = None
        self._io_manager: Any = None

    def _start(self) -> None:
        """Build scene, logics, modules and views, in the order in which they need each other."""
        scene = slicer.vtkMRMLScene()
        self._scene = slicer.mrmlScene = scene
        cache = slicer.vtkCacheManager()
        cache.SetRemoteCacheDirectory(self._cachePath)
        scene.SetCacheManager(cache)
        data_io = slicer.vtkDataIOManager()
        data_io.SetCacheManager(cache)
        scene.SetDataIOManager(data_io)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._logic.SetTemporaryPath(self._temporaryPath)
        self._logic.SetHomeDirectory(str(self._folder))
        self._logic.SetShareDirectory("share")
        self._logic.SetMRMLScene(scene)
        self._module_manager = qSlicerModuleManager()
        self._io_manager = qSlicerCoreIOManager()
        for name, class_name in LOGICS.items():
            logic = getattr(slicer, class_name)()
            logic.SetMRMLApplicationLogic(self._logic)
            self._logic.SetModuleLogic(name, logic)
            logic.SetMRMLScene(scene)
            if name == "Colors":
                self._logic.SetColorLogic(logic)
            self._module_manager._add(qSlicerLoadableModule(name, logic))
        self._hierarchy_keeper = HierarchyKeeper(scene)
        self._layout_manager = qSlicerLayoutManager(self._logic, scene)

    # The parts

    def mrmlScene(self) -> Any:
        return self._scene

    def applicationLogic(self) -> Any:
        return self._logic

    def moduleLogic(self, name: str) -> Any:
        return self._logic.GetModuleLogic(name)

    def layoutManager(self) -> Any:
        return self._layout_manager

    def moduleManager(self) -> Any:
        return self._module_manager

    def coreIOManager(self) -> Any:
        return self._io_manager

    def ioManager(self) -> Any:
        return self._io_manager

    def extensionsManagerModel(self) -> qSlicerExtensionsManagerModel:
        return self._extensions

    def commandOptions(self) -> _CommandOptions:
        return self._options

    def testingEnabled(self) -> bool:
        return bool(self._options.isTestingEnabled)

    def settings(self) -> QtCore.QSettings:
        return self._settings

    def userSettings(self) -> QtCore.QSettings:
        return self._settings

    def revisionUserSettings(self) -> QtCore.QSettings:
        return self._settings

    def pythonConsole(self) -> None:
        return None

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment(self._startup_environment)

    def environment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    # What it does

    def pauseRender(self) -> None:
        """Nothing: views render when they are asked to."""

    def resumeRender(self) -> None:
        """Nothing: views render when they are asked to."""

    def setRenderPaused(self, paused: bool) -> None:
        """Nothing: views render when they are asked to."""

    def restart(self) -> None:
        self._restarts += 1

    def confirmRestart(self, reason: str = "") -> None:
        if QtWidgets.QMessageBox.question(None, "Restart", reason) in ("Yes", "OK"):
            self.restart()

    def exit(self, status: int = 0) -> None:
        """Remember the status: the host ends with its process."""
        self._exit_status = status

    def openNodeModule(self, node: Any, role: str = "", context: str = "") -> None:
        """Nothing: Slicer's own modules have no panel here."""

    def logUsageEvent(self, component: str, event: str) -> None:
        """Nothing."""

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def toSlicerHomeAbsolutePath(self, path: str) -> str:
        return str(Path(self.slicerHome) / path)

    # Properties

    def _read_home(self) -> str:
        return str(self._folder)

    def _read_major(self) -> int:
        return self._version[0]

    def _read_minor(self) -> int:
        return self._version[1]

    def _read_extensions_path(self) -> str:
        return str(self._folder / "extensions")

    def _read_settings_path(self) -> str:
        return str(self._settings.fileName())

    def _read_launcher(self) -> str:
        return str(self._folder / "Slicer")

    def _read_documentation(self) -> str:
        return "https://slicer.readthedocs.io/en/latest/"

    def _read_locale(self) -> str:
        if str(self._settings.value("Internationalization/Enabled")).lower() != "true":
            return "en_US"
        return str(self._settings.value("language") or "en_US")

    def _read_os(self) -> str:
        return {"linux": "linux", "darwin": "macosx", "win32": "win"}.get(sys.platform, "linux")

    def _read_revision(self) -> str:
        return "host"

    def _read_installed(self) -> bool:
        return True

    temporaryPath = kept(str, "temporaryPath", "")
    cachePath = kept(str, "cachePath", "")
    defaultScenePath = kept(str, "defaultScenePath", "")
    slicerHome = QtCore.Property(str, _read_home)
    extensionsInstallPath = QtCore.Property(str, _read_extensions_path)
    launcherExecutableFilePath = QtCore.Property(str, _read_launcher)
    slicerUserSettingsFilePath = QtCore.Property(str, _read_settings_path)
    documentationBaseUrl = QtCore.Property(str, _read_documentation)
    majorVersion = QtCore.Property(int, _read_major)
    minorVersion = QtCore.Property(int, _read_minor)
    revision = QtCore.Property(str, _read_revision)
    repositoryRevision = QtCore.Property(str, _read_revision)
    applicationLocaleName = QtCore.Property(str, _read_locale)
    os = QtCore.Property(str, _read_os)
    isInstalled = QtCore.Property(bool, _read_installed)
