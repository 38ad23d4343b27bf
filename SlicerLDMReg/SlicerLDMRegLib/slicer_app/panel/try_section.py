"""The row "Try it": a sample pair, loaded and chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..run.parameters import OPTIONS, OUTPUT_PARAMETERS, restore
from ..scene.sample_data import LoadedPair, available_pairs, load_pair
from .control_names import told_on_panel
from .section import Section

__all__ = ["TrySection", "try_it"]

_BUTTONS = {"tryCardiacButton": "cardiac", "tryBrainButton": "brain"}
# Parameters that fit some images only, and those that fit the computer.
_OF_IMAGES = (
    "extent",
    "view",
    "axis",
    "firstSlice",
    "lastSlice",
    "referenceFrame",
    "anatomy",
    "registerBy",
    "leftOut",
    "prompts",
    "alignment",
    "initialTransform",
    "fixedLandmarks",
    "movingLandmarks",
    "landmarkUse",
    "landmarkMm",
)
_MACHINE = ("device", "precision")


def try_it(kind: str, parameters: Any) -> LoadedPair:
    """Load a pair and choose it; all options but the device become as at first, the model too.

    Args:
        kind: one of :data:`~..scene.sample_data.PAIRS`.
        parameters: :class:`~..run.parameters.RegistrationParameters` of the panel.

    Raises:
        InputError: see :func:`~..scene.sample_data.load_pair`; the form stays as it is.
    """
    loaded = load_pair(kind)
    outputs = tuple(node for _wanted, node in OUTPUT_PARAMETERS.values())
    options = tuple(name for name in OPTIONS if name not in _MACHINE)
    with slicer.util.NodeModify(parameters.parameterNode):
        # What was chosen for other images would not fit these.
        restore(parameters, ("model", *_OF_IMAGES, *options, *outputs))
        parameters.fixedVolume = loaded.fixed
        parameters.movingVolume = loaded.moving
        parameters.fixedLabels = loaded.fixed_labels
        parameters.movingLabels = loaded.moving_labels
    return loaded


class TrySection(Section):
    """A button for each pair whose files are there."""

    def setup(self) -> None:
        there = {pair.kind for pair in available_pairs()}
        for name, kind in _BUTTONS.items():
            button = getattr(self.ui, name)
            button.visible = kind in there
            button.connect("clicked()", partial(self._load, kind))
        self.ui.tryCardiacButtonLabel.visible = bool(there & set(_BUTTONS.values()))

    def update(self) -> None:
        for name in _BUTTONS:
            getattr(self.ui, name).enabled = not self.panel.running

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
