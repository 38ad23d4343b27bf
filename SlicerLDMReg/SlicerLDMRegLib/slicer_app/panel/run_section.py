"""Apply and Cancel, the progress, and the log."""

from __future__ import annotations

import time
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import CancelledError, InputError, LDMRegError
from ..background_call import timer
from ..run.planning import labels_without_images
from ..scene.label_images import image_of_labels
from ..scene.scene_change import SceneChange
from .control_names import told_on_panel
from .safe_texts import printable, tip
from .scrolling import scroll_to_top
from .section import Section
from .widgets import fitting, sentence, tint

__all__ = ["RunSection"]

_SIGNS = {"info": "", "good": "\u2713 ", "warning": "! ", "error": "\u2715 "}
_CLOCK_MS = 1000
# Until the sections that have opened, and their tables, are laid out.
_SCROLL_MS, _SCROLLS = 80, 5
_SILENT_SECONDS = 3
_LEVELS = {"warning": "warning", "error": "error", "critical": "error"}


class RunSection(Section):
    """The button says what is missing, and cancels what runs: a registration, or loading."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._cancelling = False
        self._started = 0.0
        self._level, self._said_of = "info", (None, None)
        self._stage, self._stage_since = "", 0.0
        self._clock = timer(self._on_clock, _CLOCK_MS)
        self._scroll = timer(self._scroll_here, _SCROLL_MS)
        self._scrolls = 0

    def setup(self) -> None:
        self.ui.applyButton.connect("clicked()", self._on_apply)
        self.ui.copyLogButton.connect("clicked()", self._on_copy)
        self.ui.progressBar.visible = False
        self.say("")

    def update(self) -> None:
        button = self.ui.applyButton
        pair = self._pair()
        if None in self._said_of:
            self._said_of = pair  # said before anything was chosen, or while the panel was away
        elif pair != self._said_of and not self.panel.running and self.panel.parameters is not None:
            self.say("")  # it was said of other images
        tint(self.ui.statusLabel, self._level)  # the palette may have changed
        if self.panel.running:
            button.text = _("Cancelling...") if self._cancelling else _("Cancel")
            button.toolTip = _("Stop the registration. The scene stays as it was.")
            button.enabled = not self._cancelling
            return
        if self.panel.loading:
            button.text = _("Cancel")
            button.toolTip = _("Stop loading. The scene becomes as it was.")
            button.enabled = True
            return
        problems = self.panel.problems()
        button.enabled = not problems
        button.toolTip = (
            tip(problems[0]) if problems else _("Register the moving to the fixed image.")
        )
        button.text = fitting(problems[0], button) if problems else _("Apply")

    # Messages

    def say(self, text: str, level: str = "info") -> None:
        """Show a message below the button."""
        label = self.ui.statusLabel
        label.text = _SIGNS[level] + printable(text, lines=True) if text else ""
        label.visible = bool(text)
        tint(label, level)
        self._level, self._said_of = level, self._pair()

    def log(self, level: str, text: str) -> None:
        """Add lines to the log."""
        prefix = "" if level in ("info", "debug") else f"{level}: "
        when = time.strftime("%H:%M:%S")
        safe = printable(text.rstrip(), lines=True)
        self.ui.logTextEdit.appendPlainText(f"{when}  {prefix}{safe}")

    def _pair(self) -> tuple[Any, Any]:
        parameters = self.panel.parameters
        if parameters is None:
            return None, None
        return parameters.fixedVolume, parameters.movingVolume

    def _on_copy(self) -> None:
        slicer.app.clipboard().setText(self.ui.logTextEdit.toPlainText())

    # The run

    def _on_apply(self) -> None:
        if self.panel.loading:
            self.panel.sections["try"].cancel()
            return
        if self.panel.running:
            self._cancelling = True
            self.panel.session.cancel()
            self.panel.update()
            return
        try:
            self._make_images()
            plan = self.panel.plan()
            self.panel.session.start(
                plan, self._on_progress, self._on_done, self._on_error, self.log
            )
        except InputError as error:
            self._tell_error(error)
            self.panel.update()
            return
        self._cancelling = False
        self._started = time.monotonic()
        self.ui.progressBar.setValue(0)
        self.ui.progressBar.visible = True
        self._stage = ""
        self._show_stage("start")
        self._clock.start()
        self._scroll_soon()
        fixed = plan.fixed or plan.moving
        self.log(
            "info",
            _("Registering {moving} to {fixed}, model {model}.").format(
                moving=plan.moving.GetName(), fixed=fixed.GetName(), model=plan.options["model"]
            ),
        )
        self.panel.update()

    def _make_images(self) -> None:
        """Choose images for labels that are registered alone.

        Raises:
            InputError: when there can be none, or when something else is missing.
        """
        parameters = self.panel.parameters
        missing = labels_without_images(parameters)
        if not missing:
            return
        with SceneChange(slicer.mrmlScene) as change:
            images = {volume: image_of_labels(node, change) for volume, node in missing.items()}
        with slicer.util.NodeModify(parameters.parameterNode):
            for volume, image in images.items():
                setattr(parameters, volume, image)
        for problem in self.panel.problems()[:1]:
            raise InputError(problem)

    def _on_progress(self, stage: str, fraction: float, message: str) -> None:
        if self._cancelling:
            return
        self.ui.progressBar.setValue(round(1000 * fraction))
        self._show_stage(stage, message)

    def _show_stage(self, stage: str, message: str = "") -> None:
        text = _stages().get(stage, stage.capitalize())
        text = f"{text} ({message})" if message else f"{text}..."
        if text != self._stage:
            self._stage, self._stage_since = text, time.monotonic()
            self.say(text)

    def _on_clock(self) -> None:
        """Show that a stage which tells nothing still goes on."""
        seconds = int(time.monotonic() - self._stage_since)
        if seconds >= _SILENT_SECONDS and not self._cancelling:
            self.say(_("{stage} {seconds} s").format(stage=self._stage, seconds=seconds))

    def _scroll_here(self) -> None:
        """Bring Apply, what it said, and the results below it into view."""
        if self.panel.parameters is not None:
            scroll_to_top(self.ui.applyButton)
        self._scrolls -= 1
        if self._scrolls <= 0:
            self._scroll.stop()

    def _scroll_soon(self) -> None:
        self._scrolls = _SCROLLS
        self._scroll.start()

    def run_finished(self, run: Any) -> None:
        """Scroll to the results once the other sections have opened."""
        self._scroll_soon()

    def cleanup(self) -> None:
        self._clock.stop()
        self._scroll.stop()

    def _on_done(self, run: Any) -> None:
        seconds = time.monotonic() - self._started
        self._end()
        device = (run.provenance.get("machine") or {}).get("device")
        text = _("Done in {seconds} s.").format(seconds=f"{seconds:.1f}")
        if device:
            text = _("Done in {seconds} s on {device}.").format(
                seconds=f"{seconds:.1f}", device=device
            )
        fixed, moving = run.plan.fixed, run.plan.moving
        if self._pair() not in ((None, None), (fixed, moving)):
            text = f"{moving.GetName()} \u2192 {(fixed or moving).GetName()}: {text}"
        self.log("info", text)
        fallbacks = run.provenance.get("fallbacks") or []
        for step in fallbacks:
            less = _("There was not enough memory for {first}, so {second} did it.").format(
                first=step["from"], second=step["to"]
            )
            self.log("warning", less)
            text = f"{text} {less}"
        self.say(text, "warning" if fallbacks else "good")
        for node in run.nodes.values():
            self.log("info", _("Written: {name}").format(name=node.GetName()))
        self.panel.finished(run)

    def _on_error(self, error: LDMRegError) -> None:
        self._end()
        self._tell_error(error)
        self.panel.update()
        self._scroll_soon()

    def _tell_error(self, error: LDMRegError) -> None:
        cancelled = isinstance(error, CancelledError)
        text = sentence(told_on_panel(error) or type(error).__name__)
        self.say(text, "warning" if cancelled else "error")
        self.log("warning" if cancelled else "error", text)

    def _end(self) -> None:
        self._cancelling = False
        self._clock.stop()
        self.ui.progressBar.visible = False


def _stages() -> dict[str, str]:
    """Return what the stages of a registration are called."""
    return {
        "queued": _("Waiting"),
        "start": _("Starting"),
        "read": _("Reading the images"),
        "model": _("Loading the model"),
        "segment": _("Finding the structures"),
        "align": _("Aligning"),
        "predict": _("Predicting the deformation"),
        "refine": _("Refining"),
        "output": _("Warping"),
        "measure": _("Measuring"),
        "save": _("Fetching the result"),
        "transfer": _("Fetching the result"),
        "done": _("Fetching the result"),
        "write": _("Writing the result into the scene"),
    }
