"""A running Slicer, used like :class:`Testing.Host.SlicerHost`. It is imported inside Slicer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from Testing.waiting import run_until

__all__ = ["GivenSlicer"]


class GivenSlicer:
    """The methods of the host that the scenario calls, of the same names, in Slicer itself."""

    def __init__(self) -> None:
        import slicer

        self.slicer: Any = slicer
        self._module = ""

    def open_module(self, name: str) -> Any:
        """Open a module; the Python object of its panel."""
        window = self.slicer.util.mainWindow()
        if window is None:
            raise RuntimeError("Slicer has no main window: start it without --no-main-window")
        window.resize(1400, 1000)
        self.slicer.util.selectModule(name)
        self._module = name
        self.process_events()
        return getattr(self.slicer.modules, f"{name}Widget")

    def widget(self, name: str) -> Any:
        """The widget of the open module with this object name."""
        return getattr(getattr(self.slicer.modules, f"{self._module}Widget").ui, name)

    def click(self, button: str) -> None:
        """Click a button by its object name."""
        widget = self.widget(button)
        if not widget.visible or not widget.enabled:
            state = "disabled" if widget.visible else "hidden"
            raise AssertionError(f"a user cannot use '{button}': it is {state} ({widget.toolTip})")
        widget.click()
        self.process_events()

    def process_events(self) -> None:
        """Let the application do what is due."""
        self.slicer.app.processEvents()

    def wait_until(
        self, condition: Callable[[], Any], timeout: float = 30.0, what: str = "a condition"
    ) -> Any:
        """Run the application until a condition holds; its value.

        Raises:
            TimeoutError: when it does not within ``timeout`` seconds.
        """
        return run_until(self.process_events, condition, timeout, what)

    def grab_panel(self, path: str | Path) -> Path:
        """Save a picture of the open module's whole panel."""
        # Widgets with wrapped text tell their height once their width is known, one by one.
        for _ in range(20):
            self.process_events()
            time.sleep(0.02)
        panel = getattr(self.slicer.modules, self._module.lower()).widgetRepresentation()
        if not panel.grab().save(str(path)):
            raise OSError(f"could not write {path}")
        return Path(path)

    def grab_slice(self, view: str, path: str | Path) -> Path:
        """Save a picture of a slice view ("Red", "Yellow", "Green")."""
        return self._grab_view(self.slicer.app.layoutManager().sliceWidget(view).sliceView(), path)

    def grab_three_d(self, path: str | Path) -> Path:
        """Save a picture of the 3D view."""
        return self._grab_view(self.slicer.app.layoutManager().threeDWidget(0).threeDView(), path)

    def _grab_view(self, view: Any, path: str | Path) -> Path:
        import vtk

        self.process_events()
        view.forceRender()
        window = vtk.vtkWindowToImageFilter()
        window.SetInput(view.renderWindow())
        window.ReadFrontBufferOff()
        writer = vtk.vtkPNGWriter()
        writer.SetInputConnection(window.GetOutputPort())
        writer.SetFileName(str(path))
        writer.Write()
        return Path(path)
