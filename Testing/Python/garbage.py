"""Collection of what only cycles keep alive, such as VTK objects whose observers know them."""

from __future__ import annotations

import gc
import sys

__all__ = ["collect"]

_MANY = 100  # modules: what they hold is worth being set aside
_set_aside = 0


def collect() -> None:
    """Collect garbage, in milliseconds also where all of torch and VTK is imported.

    What is alive after many modules were imported is nearly all of it theirs, and stays: later
    collections do not look at it again.
    """
    global _set_aside
    gc.collect()
    if len(sys.modules) >= _set_aside + _MANY:
        gc.freeze()
        _set_aside = len(sys.modules)
