"""The row "Try it": a sample pair, loaded step by step, and chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import CancelledError, LDMRegError
from ..background_call import SteppedCall
from ..run.parameters import OPTIONS, OUTPUT_PARAMETERS, restore
from ..scene.sample_data import LoadedPair, available_pairs, load_pair_in_steps
from ..scene.steps import Steps
from .control_names import told_on_panel
from .section import Section
from .widgets import sentence

__all__ = ["TrySection", "choose_pair"]

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


def choose_pair(loaded: LoadedPair, parameters: Any) -> None:
    """Choose a pair; all options but the device become as at first, the model too.

    Args:
        loaded: its nodes.
        parameters: :class:`~..run.parameters.RegistrationParameters` of the panel.
    """
    outputs = tuple(node for _wanted, node in OUTPUT_PARAMETERS.values())
    options = tuple(name for name in OPTIONS if name not in _MACHINE)
    with slicer.util.NodeModify(parameters.parameterNode):
        # What was chosen for other images would not fit these.
        restore(parameters, ("model", *_OF_IMAGES, *options, *outputs))
        parameters.fixedVolume = loaded.fixed
        parameters.movingVolume = loaded.moving
        parameters.fixedLabels = loaded.fixed_labels
        parameters.movingLabels = loaded.moving_labels


class TrySection(Section):
    """A button for each pair whose files are there.

    While one is loaded, the button *Apply* cancels.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._call: SteppedCall | None = None
        self._pair: LoadedPair | None = None  # not chosen yet

    @property
    def loading(self) -> bool:
        """Whether a pair is being loaded."""
        return self._call is not None

    def setup(self) -> None:
        there = {pair.kind for pair in available_pairs()}
        for name, kind in _BUTTONS.items():
            button = getattr(self.ui, name)
            button.visible = kind in there
            button.connect("clicked()", partial(self._load, kind))
        self.ui.tryCardiacButtonLabel.visible = bool(there & set(_BUTTONS.values()))

    def update(self) -> None:
        for name in _BUTTONS:
            getattr(self.ui, name).enabled = not (self.panel.running or self.loading)
        super().update()

    def show(self, parameters: Any) -> None:
        """Choose what was loaded, also while another module was open."""
        loaded, self._pair = self._pair, None
        if loaded is None or loaded.fixed.GetScene() is None:
            return
        choose_pair(loaded, parameters)
        problems = self.panel.problems()
        if problems:  # packages that are not installed
            text = _("The images are loaded and chosen. {problem}").format(problem=problems[0])
        else:
            text = _("The images are loaded and chosen: press Apply.")
        self.panel.say(text)

    def cleanup(self) -> None:
        if self._call is not None:
            self._call.forget()
            self._call = None

    def cancel(self) -> None:
        """Stop loading; what was loaded of the pair is removed."""
        if self._call is not None:
            self._call.forget()
            self._end()
            self.panel.say(_("Loading was cancelled; the scene is as it was."), "warning")
            self.panel.update()

    def _load(self, kind: str) -> None:
        if self.panel.parameters is None or self.loading:
            return
        self._pair = None
        self.ui.progressBar.setValue(0)
        self.ui.progressBar.visible = True
        steps = _while_at_rest(load_pair_in_steps(kind, self._on_progress))
        self._call = SteppedCall(steps, self._on_loaded, self._on_error)
        self.panel.say(_("Loading the images..."))
        self.panel.update()

    def _on_progress(self, fraction: float) -> None:
        self.ui.progressBar.setValue(round(1000 * fraction))

    def _on_loaded(self, loaded: LoadedPair) -> None:
        self._end()
        self._pair = loaded
        self.panel.update()

    def _on_error(self, error: Exception) -> None:
        self._end()
        if isinstance(error, LDMRegError):
            text = sentence(told_on_panel(error))
        else:
            text = f"{type(error).__name__}: {error}"
        self.panel.say(text, "warning" if isinstance(error, CancelledError) else "error")
        self.panel.log("error", text)
        self.panel.update()

    def _end(self) -> None:
        self._call = None
        self.ui.progressBar.visible = False


def _while_at_rest(steps: Steps[LoadedPair]) -> Steps[LoadedPair]:
    """Do steps only while no scene is being loaded, saved or closed."""
    try:
        while True:
            while slicer.mrmlScene.GetStates():
                yield True
            try:
                yield next(steps)
            except StopIteration as end:
                return end.value
    finally:
        steps.close()
