"""Actions of a user: open a module, select, click, type, wait.

As for a user, a widget that is hidden or disabled cannot be used: that is an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from Testing.waiting import run_until

__all__ = ["Blocking", "User"]


@dataclass
class Blocking:
    """The longest time for which the event loop was kept from running, in seconds."""

    longest: float = 0.0


class User:
    """The part of the host that acts on widgets."""

    qt: Any
    slicer: Any

    def open_module(self, name: str) -> Any:
        """Open a module; the Python object of its panel."""
        self.slicer.util.selectModule(name)
        self.process_events()
        module = self.slicer.app.moduleManager().module(name)
        return module.widgetRepresentation().self()

    def close_module(self) -> None:
        """Leave the open module, as when another is opened."""
        self.slicer.util.mainWindow()._open("")

    def widget(self, name: str) -> Any:
        """The widget of the open module with this object name.

        Raises:
            LookupError: when there is none, or more than one.
        """
        module = self.slicer.util.selectedModule()
        panel = self.slicer.app.moduleManager().module(module).widgetRepresentation()
        found = panel.findChildren(self.qt.QWidget, name)
        if len(found) != 1:
            raise LookupError(f"{len(found)} widgets are named '{name}' in the panel of {module}")
        return found[0]

    def _usable(self, widget: Any) -> Any:
        widget = self.widget(widget) if isinstance(widget, str) else widget
        if not widget.visible:
            raise AssertionError(f"a user cannot use '{widget.objectName}': it is hidden")
        if not widget.enabled:
            raise AssertionError(
                f"a user cannot use '{widget.objectName}': it is disabled ({widget.toolTip})"
            )
        return widget

    def click(self, button: Any) -> None:
        """Click a button, given as widget or by its object name."""
        self._usable(button).click()
        self.process_events()

    def check(self, button: Any, checked: bool = True) -> None:
        """Click a check box, radio button or collapsible section where it is not as wanted."""
        button = self._usable(button)
        if button.checked != checked:
            self.click(button)

    def select(self, selector: Any, node: Any) -> None:
        """Choose a node, None, or the row with a text ("Create new Volume") in a node selector."""
        selector = self._usable(selector)
        if isinstance(node, str):
            selector._choose(text=node)
        else:
            selector._choose(key="none" if node is None else f"node:{node.GetID()}")
        self.process_events()

    def choose(self, combo_box: Any, text: str) -> None:
        """Choose the item with a text in a combo box."""
        combo_box = self._usable(combo_box)
        row = combo_box.findText(text)
        if row < 0:
            items = [combo_box.itemText(index) for index in range(combo_box.count)]
            raise LookupError(f"'{combo_box.objectName}' offers {items}, not '{text}'")
        combo_box.setCurrentIndex(row)
        combo_box.activated.emit(row)
        self.process_events()

    def type_text(self, line: Any, text: str, end: str = "Enter") -> None:
        """Replace the text of a line, and end with a key: Enter, Tab or ""."""
        from PySide6.QtTest import QTest

        line = self._usable(line)
        line.setFocus()
        line.selectAll()
        QTest.keyClicks(line, text) if text else QTest.keyClick(line, self.qt.Qt.Key_Delete)
        if end:
            QTest.keyClick(line, getattr(self.qt.Qt, f"Key_{end}"))
        self.process_events()

    def set_value(self, widget: Any, value: float) -> None:
        """Type a number into a spin box or slider, digit by digit.

        A QDoubleSpinBox that follows the keyboard and is tied to a parameter node does not let
        itself be typed into: after each digit the node writes its value back. So it is in Slicer;
        ``keyboardTracking`` off in the .ui file helps.
        """
        widget = self._usable(widget)
        box = widget if hasattr(widget, "lineEdit") else widget.findChild(self.qt.QAbstractSpinBox)
        if box is None:  # a plain slider is dragged
            widget.setValue(value)
        else:
            decimals = box.decimals if hasattr(box, "decimals") else 0
            self.type_text(box.lineEdit(), box.locale.toString(float(value), "f", decimals))
        self.process_events()

    def process_events(self) -> None:
        """Let the application do what is due."""
        self.slicer.app.processEvents()
        # Deferred deletions wait for an event loop, which tests do not run.
        self.slicer.app.sendPostedEvents(None, self.qt.QEvent.DeferredDelete)

    def wait_until(
        self, condition: Callable[[], Any], timeout: float = 30.0, what: str = "a condition"
    ) -> Any:
        """Run the application until a condition holds; its value.

        Raises:
            TimeoutError: when it does not within ``timeout`` seconds.
        """
        return run_until(self.process_events, condition, timeout, what)

    @contextmanager
    def measure_blocking(self) -> Iterator[Blocking]:
        """Measure for how long at most the event loop did not come to run a timer."""
        measured, last = Blocking(), time.monotonic()

        def tick() -> None:
            nonlocal last
            now = time.monotonic()
            measured.longest = max(measured.longest, now - last)
            last = now

        timer = self.qt.QTimer()
        timer.setInterval(1)
        timer.timeout.connect(tick)
        timer.start()
        try:
            yield measured
        finally:
            tick()
            timer.stop()
