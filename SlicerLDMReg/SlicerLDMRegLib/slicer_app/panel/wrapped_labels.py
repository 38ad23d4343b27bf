"""Labels of several lines, as high as their text needs at the width that they have."""

from __future__ import annotations

from typing import Any

import qt

from ..background_call import timer

__all__ = ["WrappedLabels"]

_ANY = 16777215  # Qt's QWIDGETSIZE_MAX


class WrappedLabels(qt.QObject):
    """Keeps labels high enough: a form gives them the height of a wider one, which cuts lines.

    Args:
        labels: QLabels; those that do not wrap are left alone.
    """

    def __init__(self, labels: list[Any]) -> None:
        super().__init__()
        self._labels = [label for label in labels if label.wordWrap]
        self._fitted: dict[str, tuple[str, int]] = {}
        # A form that is laying out its rows leaves those below where they were.
        self._settle = timer(self._lay_out, 0, once=True)
        for label in self._labels:
            label.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Follow the width."""
        if event.type() == qt.QEvent.Resize:
            self._fit(watched)
            self._settle.start()
        return False

    def update(self) -> None:
        """Follow the texts."""
        for label in self._labels:
            self._fit(label)

    def cleanup(self) -> None:
        """Lay nothing out any more."""
        self._settle.stop()

    def _lay_out(self) -> None:
        for label in self._labels:
            label.updateGeometry()

    def _fit(self, label: Any) -> None:
        key = label.text, label.width
        if self._fitted.get(label.objectName) == key:
            return
        self._fitted[label.objectName] = key
        label.setMinimumHeight(0)  # else it counts as needed
        label.setMaximumHeight(_ANY)
        if label.text:
            # A form also gives more than is needed: the height of a narrower one.
            label.setFixedHeight(max(0, label.heightForWidth(label.width)))
