"""Widgets for a file or folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtWidgets

from ..pythonqt.native import kept, native_widget
from ..pythonqt.signals import emit
from .numbers import row

__all__ = ["ctkDirectoryButton", "ctkPathLineEdit"]


@native_widget
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path, with the paths entered before and a button to browse."""

    cpp_signals = ("validInputChanged(bool)", "currentPathChanged(QString)")
    Dirs, Files, Drives, NoSymLinks, AllEntries = 0x001, 0x002, 0x004, 0x008, 0x007
    Readable, Writable, Executable = 0x010, 0x020, 0x040

    def __init__(self, *args: Any) -> None:
        super().__init__(next((a for a in args if isinstance(a, QtWidgets.QWidget)), None))
        self._combo_box = QtWidgets.QComboBox()
        self._combo_box.setEditable(True)
        self._combo_box.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self._browse_button = QtWidgets.QToolButton()
        self._browse_button.setText("...")
        row(self, (self._combo_box, 1), (self._browse_button, 0))
        self.setFocusProxy(self._combo_box)
        self._valid = False
        self._combo_box.connect("editTextChanged(QString)", self._on_text)
        self._browse_button.connect("clicked()", self.browse)

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._combo_box

    def _read_path(self) -> str:
        return self._combo_box.currentText

    def setCurrentPath(self, path: str) -> None:
        self._combo_box.setEditText(path)

    def _on_text(self, text: str) -> None:
        emit(self, "currentPathChanged(QString)", text)
        valid = self._is_valid(Path(text)) if text else False
        if valid != self._valid:
            self._valid = valid
            emit(self, "validInputChanged(bool)", valid)

    def _is_valid(self, path: Path) -> bool:
        kinds = self.filters & self.AllEntries
        if kinds == self.Dirs:
            return path.is_dir()
        if self.filters & self.Writable:
            return path.parent.is_dir()
        return path.is_file() if kinds == self.Files else path.exists()

    def browse(self) -> None:
        dialog = QtWidgets.QFileDialog
        caption = self.label or "Select a file"
        if self.filters & self.AllEntries == self.Dirs:
            path = dialog.getExistingDirectory(self, caption, self.currentPath)
        elif self.filters & self.Writable:
            path = dialog.getSaveFileName(self, caption, self.currentPath)
        else:
            path = dialog.getOpenFileName(self, caption, self.currentPath)
        if path:
            self.setCurrentPath(str(path))

    def addCurrentPathToHistory(self) -> None:
        history = [self.currentPath, *self._history()]
        settings = QtCore.QSettings()
        settings.setValue(f"PathHistory/{self.settingKey}", list(dict.fromkeys(history))[:5])
        self.retrieveHistory()

    def retrieveHistory(self) -> None:
        text = self.currentPath
        blocked = self._combo_box.blockSignals(True)
        self._combo_box.clear()
        self._combo_box.addItems(self._history())
        self._combo_box.setEditText(text)
        self._combo_box.blockSignals(blocked)

    def _history(self) -> list[str]:
        value = QtCore.QSettings().value(f"PathHistory/{self.settingKey}", [])
        return [value] if isinstance(value, str) else list(value or [])

    def _read_show_browse(self) -> bool:
        return not self._browse_button.isHidden()

    def _write_show_browse(self, show: bool) -> None:
        self._browse_button.setVisible(show)

    currentPath = QtCore.Property(str, _read_path, setCurrentPath)
    showBrowseButton = QtCore.Property(bool, _read_show_browse, _write_show_browse)
    label = kept(str, "label", "")
    filters = kept(int, "filters", AllEntries | Readable)
    options = kept(int, "options", 0)
    settingKey = kept(str, "settingKey", "", lambda self: self.retrieveHistory())
    showHistoryButton = kept(bool, "showHistoryButton", True)
    sizeAdjustPolicy = kept(int, "sizeAdjustPolicy", 2)
    minimumContentsLength = kept(int, "minimumContentsLength", 0)
    nameFilters = kept("QStringList", "nameFilters", [])


@native_widget
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another."""

    cpp_signals = ("directoryChanged(QString)", "directorySelected(QString)")

    def __init__(self, *args: Any) -> None:
        super().__init__(next((a for a in args if isinstance(a, QtWidgets.QWidget)), None))
        self._button = QtWidgets.QPushButton()
        row(self, (self._button, 1))
        self._button.connect("clicked()", self.browse)
        self._path = ""

    def _read_directory(self) -> str:
        return self._path

    def _write_directory(self, path: str) -> None:
        path = str(Path(path).absolute()) if path else ""
        if path == self._path:
            return
        self._path = path
        self._button.setText(self.text or path)
        emit(self, "directoryChanged(QString)", path)

    def browse(self) -> str:
        path = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._path)
        if path:
            self._write_directory(str(path))
            emit(self, "directorySelected(QString)", self._path)
        return str(path or "")

    directory = QtCore.Property(str, _read_directory, _write_directory)
    caption = kept(str, "caption", "")
    text = kept(str, "text", "")
    acceptMode = kept(int, "acceptMode", 0)
    elideMode = kept(int, "elideMode", 3)
    options = kept(int, "options", 0)
