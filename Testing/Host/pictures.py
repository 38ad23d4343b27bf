"""Pictures of panels, windows and views, in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["PALETTES", "PANEL_WIDTH", "Pictures"]

# Roles of QPalette and their colours; the disabled text of each palette comes last.
PALETTES: dict[str, dict[str, str]] = {
    "light": {
        "Window": "#f0f0f0",
        "WindowText": "#1a1a1a",
        "Base": "#ffffff",
        "AlternateBase": "#f5f5f5",
        "ToolTipBase": "#ffffdc",
        "ToolTipText": "#1a1a1a",
        "Text": "#1a1a1a",
        "Button": "#e6e6e6",
        "ButtonText": "#1a1a1a",
        "BrightText": "#ffffff",
        "Link": "#1f66b3",
        "Highlight": "#308cc6",
        "HighlightedText": "#ffffff",
        "PlaceholderText": "#808080",
        "disabled": "#9a9a9a",
    },
    "dark": {
        "Window": "#323232",
        "WindowText": "#e6e6e6",
        "Base": "#242424",
        "AlternateBase": "#2b2b2b",
        "ToolTipBase": "#4a4a4a",
        "ToolTipText": "#f0f0f0",
        "Text": "#e6e6e6",
        "Button": "#414141",
        "ButtonText": "#e6e6e6",
        "BrightText": "#ffffff",
        "Link": "#6cb0f0",
        "Highlight": "#2a6fb0",
        "HighlightedText": "#ffffff",
        "PlaceholderText": "#909090",
        "disabled": "#7d7d7d",
    },
}


#: Width of a module's panel in a window of Slicer as it opens, pixels.
PANEL_WIDTH = 384


class Pictures:
    """The part of the host that takes pictures."""

    qt: Any
    slicer: Any
    process_events: Any

    def set_palette(self, name: str) -> None:
        """Show everything in the colours of ``"light"`` or ``"dark"``."""
        qt, colors = self.qt, PALETTES[name]
        palette = qt.QPalette()
        for role, color in colors.items():
            if role != "disabled":
                palette.setColor(getattr(qt.QPalette, role), qt.QColor(color))
        for role in ("WindowText", "Text", "ButtonText"):
            palette.setColor(
                qt.QPalette.Disabled, getattr(qt.QPalette, role), qt.QColor(colors["disabled"])
            )
        self.slicer.app.setPalette(palette)
        self.process_events()

    def grab(self, widget: Any, path: str | Path) -> Path:
        """Save a picture of a widget as it is shown now."""
        self.process_events()
        return _save(widget.grab(), path)

    def grab_panel(self, path: str | Path, width: int = PANEL_WIDTH) -> Path:
        """Save a picture of the open module's whole panel, at its full height."""
        module = self.slicer.app.moduleManager().module(self.slicer.util.selectedModule())
        panel = module.widgetRepresentation()
        parent, index = panel.parentWidget(), panel.parentWidget().layout().indexOf(panel)
        picture_frame = self.qt.QWidget()
        frame_layout = self.qt.QVBoxLayout(picture_frame)
        frame_layout.addWidget(panel)
        frame_layout.addStretch(0)
        picture_frame.show()
        panel.show()
        # Widgets with wrapped text tell their height once their width is known.
        picture_frame.resize(width, 100)
        for _ in range(3):
            self.process_events()
            height = max(picture_frame.minimumSizeHint.height(), frame_layout.heightForWidth(width))
            picture_frame.resize(width, height)
        self.process_events()
        saved = _save(picture_frame.grab(), path)
        parent.layout().insertWidget(max(index, 0), panel, 1)
        panel.show()
        picture_frame.deleteLater()
        self.process_events()
        return saved

    def grab_window(self, path: str | Path, size: tuple[int, int] = (1280, 800)) -> Path:
        """Save a picture of the main window with panel and views."""
        window = self.slicer.util.mainWindow()
        window.resize(*size)
        self.process_events()
        self.slicer.util.forceRenderAllViews()
        return self.grab(window, path)

    def grab_slice(self, view: str, path: str | Path, size: tuple[int, int] = (400, 400)) -> Path:
        """Save a picture of a slice view ("Red", "Yellow", "Green") of a given size."""
        widget = self.slicer.app.layoutManager().sliceWidget(view)
        return self._grab_view(widget.sliceView(), path, size)

    def grab_three_d(
        self, path: str | Path, size: tuple[int, int] = (400, 400), index: int = 0
    ) -> Path:
        """Save a picture of a 3D view of a given size."""
        widget = self.slicer.app.layoutManager().threeDWidget(index)
        return self._grab_view(widget.threeDView(), path, size)

    def _grab_view(self, view: Any, path: str | Path, size: tuple[int, int]) -> Path:
        view._resize(*size)
        view._prepare()
        view.renderWindow().Render()
        return _save(view._capture(), path)


def _save(picture: Any, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path)):
        raise OSError(f"could not write {path}")
    return path
