"""Messages of the library in the words of the panel."""

from __future__ import annotations

import re
from collections.abc import Callable

from slicer.i18n import tr as _

__all__ = ["in_words_of_the_panel"]

# Options of the command line, and what the panel calls them.
_CALLED: dict[str, Callable[[], str]] = {
    "--align": lambda: _("Align first"),
    "--device": lambda: _("Device"),
    "--initial-transform": lambda: _("Initial transform"),
    "--no-refine": lambda: _("Refinement: Off"),
    "--slices": lambda: _("Register: A range of slices"),
}
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def in_words_of_the_panel(text: str) -> str:
    """Return a message with options of the command line named as on the panel, in quotes.

    Example:
        >>> in_words_of_the_panel("use --align center or rigid")
        'use “Align first” center or rigid'
    """

    def name(found: re.Match[str]) -> str:
        called = _CALLED.get(found[0])
        return found[0] if called is None else f"\u201c{called()}\u201d"

    return _OPTION.sub(name, text)
