"""The row "Try it": loads a sample pair and chooses it."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ...errors import InputError
from ..scene.sample_data import available_pairs, try_it
from .control_names import told_on_panel
from .section import Section

__all__ = ["TrySection"]

_BUTTONS = {"tryCardiacButton": "cardiac", "tryBrainButton": "brain"}


class TrySection(Section):
    """A button for each pair whose files are there."""

    def setup(self) -> None:
        there = {pair.kind for pair in available_pairs()}
        for name, kind in _BUTTONS.items():
            button = getattr(self.ui, name)
            button.visible = kind in there
            button.connect("clicked()", self._slot(kind))
        self.ui.tryCardiacButtonLabel.visible = bool(there & set(_BUTTONS.values()))

    def update(self) -> None:
        for name in _BUTTONS:
            getattr(self.ui, name).enabled = not self.panel.running

    def _slot(self, kind: str) -> Callable[[], None]:
        return lambda: self._load(kind)

    def _load(self, kind: str) -> None:
        if self.panel.parameters is None:
            return
        try:
            try_it(kind, self.panel.parameters)
        except InputError as error:
            self.panel.say(told_on_panel(error), "error")
        else:
            problems = self.panel.problems()
            if problems:  # packages that are not installed
                text = _("The images are loaded and chosen. {problem}").format(problem=problems[0])
            else:
                text = _("The images are loaded and chosen: press Apply.")
            self.panel.say(text)
        self.panel.update()
