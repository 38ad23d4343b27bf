"""Names and texts of files and models on the panel: shown as they are, never as markup.

Qt takes a tooltip, and a question of a message box, for HTML when it looks like it.
"""

from __future__ import annotations

import html

from ..._printable import one_line, printable

__all__ = ["escaped", "one_line", "printable", "tip"]


def escaped(text: str) -> str:
    """Return a text for a label of rich text."""
    return html.escape(printable(text))


def tip(text: str) -> str:
    """Return a text for a tooltip or a question, where Qt decides whether it is HTML."""
    safe = printable(text, lines=True)
    if "<" not in safe and "&" not in safe:
        return safe
    return f"<qt>{html.escape(safe)}</qt>".replace("\n", "<br>")
