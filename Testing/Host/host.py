"""Slicer without the application: start it, load modules, drive them, look at them."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
import traceback
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from . import python_slicer
from .pictures import Pictures
from .pytorch_extension import PyTorchExtension
from .user import User

__all__ = ["SlicerHost"]

_running: SlicerHost | None = None


class SlicerHost(User, Pictures):
    """Slicer's Python world in this process: MRML, views, widgets, modules.

    There is one per process; ``SlicerHost()`` gives the running one. The modules ``slicer``,
    ``qt``, ``ctk``, ``SampleData`` and ``sitkUtils`` can be imported from then on.

    With the environment variable ``SLICER_SOURCE`` naming a checkout of Slicer, Slicer's own Python
    files are used (module base classes, parameter nodes, packaging, util, i18n, sample data), else
    those of :mod:`Testing.Host.framework`.

    Example:
        >>> host = SlicerHost()
        >>> host.load_module("SlicerLDMReg/SlicerLDMReg.py")
        >>> panel = host.open_module("SlicerLDMReg")
        >>> host.select("fixedSelector", volume)
        >>> host.click("applyButton")
        >>> host.wait_until(lambda: panel.logic.isFinished)
        >>> host.grab_panel("panel.png")

    Attributes:
        slicer, qt, ctk: the modules.
        dialogs: answers for modal dialogs, and what was shown.
        errors: exceptions of slots and callbacks, as text; Slicer prints these and goes on.
        log: the records of Python's logging.
        pip: what pip was asked to install; it installs nothing.
        uses_slicer_source: whether Slicer's own Python files are in use.
    """

    def __new__(cls) -> SlicerHost:
        global _running
        if _running is None:
            _running = super().__new__(cls)
            _running._start()
        return _running

    def _start(self) -> None:
        if sys.platform.startswith("linux"):
            # Else VTK first looks for a display and complains.
            os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
        self.folder = Path(tempfile.mkdtemp(prefix="slicer-host-"))
        from . import pythonqt

        self.qt: Any = pythonqt.install()
        self.qt.qInstallMessageHandler(_on_qt_message)
        import slicer

        from . import ctk, framework, mrml
        from .pythonqt.dialogs import dialogs
        from .pythonqt.module import opened_urls

        self.slicer: Any = slicer
        self.ctk: Any = ctk.install()
        self.dialogs, self.opened_urls = dialogs, opened_urls
        self.errors: list[str] = []
        self.log: list[logging.LogRecord] = []
        mrml.install(slicer)
        slicer.modules = sys.modules["slicer.modules"] = ModuleType("slicer.modules")
        slicer.mrmlScene = slicer.app = None
        source = os.environ.get("SLICER_SOURCE")
        self.uses_slicer_source = bool(source)
        framework.install(Path(source) if source else None)
        self.pip = python_slicer.install(self.folder / "bin")
        self._start_application()
        self._collect_errors()
        atexit.register(self._stop)

    def _start_application(self) -> None:
        from . import modules
        from .application import qSlicerApplication
        from .main_window import qSlicerMainWindow
        from .pythonqt.signals import emit

        slicer = self.slicer
        for name in modules.__all__:
            setattr(slicer, name, getattr(modules, name))
        slicer.app = qSlicerApplication(self.folder)
        slicer.app._start()
        self._window: Any = qSlicerMainWindow()
        self._window.show()
        self.set_palette("light")
        emit(slicer.app, "startupCompleted()")

    def _collect_errors(self) -> None:
        self._excepthook = sys.excepthook

        def record(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            self.errors.append("".join(traceback.format_exception(kind, error, trace)))
            self._excepthook(kind, error, trace)

        sys.excepthook = record
        handler = logging.Handler()
        handler.emit = self.log.append  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)

    # Modules

    def load_module(self, path: str | Path) -> Any:
        """Load a scripted module from its file, as the application does at its start.

        Raises:
            Exception: what importing the file or constructing the module raises; Slicer prints it
                and goes on without the module.
        """
        from .pythonqt.signals import emit

        app = self.slicer.app
        module = app.moduleManager()._load(str(Path(path).resolve()))
        emit(app, "startupCompleted()")
        app.disconnect("startupCompleted()")
        return module

    def unload_module(self, name: str) -> None:
        """Leave a module, clean it up, forget it."""
        if self._window._opened == name:
            self.close_module()
        self.slicer.app.moduleManager()._unload(name)
        self.process_events()

    def run_self_tests(self, name: str) -> unittest.TestResult:
        """Run the tests in a module's file as ctest does: each method on its own."""
        with self.testing():
            suite = unittest.defaultTestLoader.loadTestsFromName(name)
            return unittest.TextTestRunner(verbosity=2).run(suite)

    # State

    @contextmanager
    def testing(self) -> Iterator[None]:
        """As with the option --testing: messages are logged, questions are answered with yes."""
        options = self.slicer.app.commandOptions()
        before, options.isTestingEnabled = options.isTestingEnabled, True
        try:
            yield
        finally:
            options.isTestingEnabled = before

    @contextmanager
    def version(self, major: int, minor: int) -> Iterator[None]:
        """Be another version of Slicer; below 5.12, ``slicer.packaging`` does not exist.

        Then ``slicer.util.pip_install`` is the blocking function it was, and ``slicer.util`` starts
        no processes in the background.
        """
        from . import older

        app = self.slicer.app
        before, app._version = app._version, (major, minor)
        try:
            if (major, minor) < (5, 12):
                with older.without_packaging(self.slicer):
                    yield
            else:
                yield
        finally:
            app._version = before

    @contextmanager
    def pytorch_extension(self, torch_installed: bool = True) -> Iterator[PyTorchExtension]:
        """Have the PyTorch extension, with or without torch; it tells what it was asked for."""
        from . import pytorch_extension

        with pytorch_extension.installed(self.slicer, torch_installed) as extension:
            yield extension

    def reset(self) -> None:
        """Unload the modules, empty the scene, forget dialogs, errors, settings and requests."""
        slicer = self.slicer
        slicer.mrmlScene = slicer.app.mrmlScene()
        for name in slicer.app.moduleManager().modulesNames():
            if isinstance(
                slicer.app.moduleManager().module(name), slicer.qSlicerScriptedLoadableModule
            ):
                self.unload_module(name)
        slicer.mrmlScene.Clear(0)
        for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
            slicer.mrmlScene.RemoveNode(node)
        layout = slicer.app.layoutManager()
        layout.setLayout(layout.layoutLogic().GetLayoutNode().SlicerLayoutFourUpView)
        for registry in ("sampleDataSources", "sampleDataSourceCategories"):
            if hasattr(slicer.modules, registry):
                delattr(slicer.modules, registry)
        slicer.app.settings().clear()
        slicer.app.settings().setValue("Developer/SelfTestDisplayMessageDelay", "0")
        slicer.app._extensions._installed.clear()
        slicer.app._extensions._requested.clear()
        slicer.app._restarts = 0
        self.dialogs.clear()
        self.opened_urls.clear()
        self.pip.clear()
        self.set_palette("light")
        self.process_events()
        self.errors.clear()
        self.log.clear()

    def quit(self) -> None:
        """Quit as a user does: modules are cleaned up, then aboutToQuit is emitted.

        The host itself goes on; load the modules anew to use them.
        """
        from .pythonqt.signals import emit

        emit(self.slicer.app, "aboutToQuit()")
        for name in self.slicer.app.moduleManager().modulesNames():
            self.unload_module(name)

    def _stop(self) -> None:
        """At the end of the process: let go of everything in the order that VTK and Qt need."""
        slicer = self.slicer
        sys.excepthook = self._excepthook
        self.reset()
        slicer.mrmlScene.Clear(1)  # before the views: they still observe
        slicer.app.layoutManager()._release()
        self._window.hide()
        self._window.deleteLater()
        self.process_events()
        shutil.rmtree(self.folder, ignore_errors=True)


def _on_qt_message(kind: Any, context: Any, text: str) -> None:
    if "propagateSizeHints" not in text:  # what the off-screen platform says of every window
        logging.getLogger("qt").warning(text)
