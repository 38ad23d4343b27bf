"""Stand-ins for the qMRML widgets, which show and change the real MRML scene."""

from __future__ import annotations

from types import ModuleType

__all__ = ["install"]


def install(slicer: ModuleType) -> None:
    """Put the widgets into the module ``slicer``."""
    from . import (
        checkable_selectors,
        hierarchy,
        node_selectors,
        numbers,
        segments,
        slice_views,
        tables,
        three_d_views,
        widget,
    )

    modules = (
        checkable_selectors,
        hierarchy,
        node_selectors,
        numbers,
        segments,
        slice_views,
        tables,
        three_d_views,
        widget,
    )
    for module in modules:
        for name in module.__all__:
            setattr(slicer, name, getattr(module, name))
