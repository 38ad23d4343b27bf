"""The wheel moves the panel, not the values of the controls that pass below the pointer."""

from __future__ import annotations

from typing import Any

import qt

__all__ = ["WheelGuard"]

_KINDS = ("QComboBox", "QAbstractSpinBox", "QSlider")
_VIEWS = ("QTableWidget", "QPlainTextEdit")


class WheelGuard(qt.QObject):
    """Lets a control or a table see the wheel only once it was clicked.

    Args:
        widget: whose descendants are guarded; those that are made later are not.
    """

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._owners: dict[str, Any] = {}
        for kind in _KINDS:
            for control in widget.findChildren(getattr(qt, kind)):
                # The wheel would give it the focus.
                if control.focusPolicy == qt.Qt.WheelFocus:
                    control.focusPolicy = qt.Qt.StrongFocus
                control.installEventFilter(self)
        for kind in _VIEWS:
            for view in widget.findChildren(getattr(qt, kind)):
                view.viewport().installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Hand the wheel on to what the control lies in."""
        if event.type() != qt.QEvent.Wheel:
            return False
        view = watched.parent()
        is_viewport = view is not None and hasattr(view, "viewport")
        if (view if is_viewport else watched).hasFocus():
            return False
        event.ignore()
        return True
