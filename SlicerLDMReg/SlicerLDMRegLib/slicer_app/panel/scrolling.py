"""The part of the panel that can be seen: Slicer scrolls the panels of its modules."""

from __future__ import annotations

from typing import Any

import qt

__all__ = ["scroll_to_top"]

_MARGIN = 6


def scroll_to_top(widget: Any) -> None:
    """Scroll a widget to the top of what can be seen of the panel, as far as there is more below.

    Args:
        widget: any; nothing happens where it does not lie in a scroll area.
    """
    area = widget.parentWidget()
    while area is not None and not area.inherits("QScrollArea"):
        area = area.parentWidget()
    if area is not None:
        top = widget.mapTo(area.widget(), qt.QPoint(0, 0)).y()
        area.verticalScrollBar().setValue(max(0, top - _MARGIN))
