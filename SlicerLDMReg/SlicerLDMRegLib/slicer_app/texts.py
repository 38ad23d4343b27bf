"""Texts in the language of the application, also where there is only its core.

Modules of nodes are used and tested with slicer-core alone, which has no ``slicer.i18n``; those of
the panel take ``tr`` from there.
"""

from __future__ import annotations

import sys

__all__ = ["tr"]


def tr(text: str) -> str:
    """Return a text in the application's language, by the context of the calling file."""
    try:
        from slicer.i18n import getContext, translate
    except ImportError:
        return text
    return str(translate(getContext(sys._getframe(1).f_code.co_filename), text))
