"""Helpers of several sections for their widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt

from .safe_texts import one_line, tip

__all__ = [
    "ChoiceBox",
    "Hider",
    "camel",
    "fitting",
    "is_dark",
    "sentence",
    "set_quietly",
    "tint",
    "title_with",
]

# Of a button, in pixels; it has no width yet when the panel is made.
_LEAST_WIDTH = 360
_MARGINS = 24
# Colours of messages, readable on light and on dark panels.
_TINTS = {
    "info": ("", ""),
    "good": ("#1b6e3c", "#7fd6a0"),
    "warning": ("#8a5a00", "#f2c060"),
    "error": ("#b3261e", "#ff9a8f"),
}


class ChoiceBox:
    """A combo box of texts that stand for names, and whose choices may change.

    Args:
        box: a QComboBox.
        on_choice: called with the name that the user has chosen.
    """

    def __init__(self, box: Any, on_choice: Callable[[str], object]) -> None:
        self._box, self._on_choice = box, on_choice
        self._choices: dict[str, str] = {}
        box.connect("currentIndexChanged(int)", self._on_changed)

    def show(self, choices: Mapping[str, str], current: str) -> None:
        """Offer choices, texts by name, and show the current one."""
        box = self._box
        blocked = box.blockSignals(True)
        if dict(choices) != self._choices:
            self._choices = dict(choices)
            box.clear()
            for index, (name, text) in enumerate(self._choices.items()):
                box.addItem(one_line(text), name)
                # A narrow panel cuts long texts.
                box.setItemData(index, tip(text), qt.Qt.ToolTipRole)
        names = list(self._choices)
        box.setCurrentIndex(names.index(current) if current in names else -1)
        box.blockSignals(blocked)

    def _on_changed(self, index: int) -> None:
        if 0 <= index < len(self._choices):
            self._on_choice(list(self._choices)[index])


class Hider:
    """Hides widgets of a collapsible section, and still when it opens, which shows all of them.

    Args:
        section: a ctkCollapsibleButton.
    """

    def __init__(self, section: Any) -> None:
        self._section = section
        self._hidden: list[Any] = []
        section.connect("contentsCollapsed(bool)", self._on_collapsed)

    def set_visible(self, widget: Any, visible: bool) -> None:
        """Show or hide a widget, now or when the section opens."""
        self._hidden = [other for other in self._hidden if other is not widget]
        if not visible:
            self._hidden.append(widget)
        if not self._section.collapsed:
            widget.setVisible(visible)

    def _on_collapsed(self, collapsed: bool) -> None:
        if not collapsed:
            for widget in self._hidden:
                widget.setVisible(False)


def camel(name: str) -> str:
    """Return a name with underscores as widgets have it: ``warped_labels`` is warpedLabels."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def is_dark(widget: Any) -> bool:
    """Whether the window of a widget has light text on a dark ground."""
    # A widget with a style sheet of its own keeps the colours of when it got it.
    return bool(widget.window().palette.color(qt.QPalette.Window).lightness() < 128)


def tint(label: Any, level: str) -> None:
    """Colour the text of a label: ``info``, ``good``, ``warning`` or ``error``."""
    label.styleSheet = ""  # it keeps the colours of the palette that it was made under
    color = _TINTS[level][is_dark(label)]
    label.styleSheet = f"color: {color};" if color else ""


def set_quietly(widget: Any, value: float) -> None:
    """Set the value of a slider or a spin box without its signals."""
    blocked = widget.blockSignals(True)
    widget.value = value
    widget.blockSignals(blocked)


def sentence(text: str) -> str:
    """Return a text that begins with a capital and ends as a sentence does."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def title_with(title: str, parts: list[str]) -> str:
    """Return the title of a section that tells what is in it, also when it is folded."""
    return one_line(f"{title}: {', '.join(parts)}" if parts else title)


def fitting(text: str, button: Any) -> str:
    """Return a text, without its full stop, as far as it fits on a button."""
    width = max(button.width, _LEAST_WIDTH) - _MARGINS
    return str(button.fontMetrics().elidedText(text.rstrip("."), qt.Qt.ElideRight, width))
