"""The section "Export": the transform of a result, or its inverse, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import LDMRegError
from ...exchange.formats import FORMATS
from ...pipeline.export_dicom import ExportedDicom
from ..background_call import BackgroundCall
from ..results.export_dicom import dicom_exporter
from ..results.export_transform import ExportedTransform, exporter
from ..results.result_nodes import find_outputs
from ..scene.volume_nodes import Node
from .results_section import file_name
from .safe_texts import printable
from .section import Section
from .shown_result import volumes_of
from .widgets import ChoiceBox, Hider, sentence, tint

__all__ = ["ExportSection"]

_DIRECTIONS = ("forward", "inverse")
_SPLINES = ("compact", "elastix")


class ExportSection(Section):
    """Writes in a thread, and says what the form costs in mm."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._format, self._direction = "itk", "forward"
        self._call: BackgroundCall | None = None

    def setup(self) -> None:
        ui = self.ui
        self._hider = Hider(ui.exportSection)
        self._formats = ChoiceBox(ui.exportFormatComboBox, self._on_format)
        self._directions = ChoiceBox(ui.exportDirectionComboBox, self._on_direction)
        ui.exportTransformButton.connect("clicked(bool)", self._on_export)
        ui.exportDicomButton.connect("clicked(bool)", self._on_dicom)
        self._say("")
        self._show()

    def update(self) -> None:
        self._show()

    def cleanup(self) -> None:
        if self._call is not None:
            self._call.forget()
            self._call = None

    def _show(self) -> None:
        ui = self.ui
        titles = {
            key: _("{title} ({suffix})").format(title=form.title, suffix=form.suffixes[0])
            for key, form in FORMATS.items()
        }
        self._formats.show(titles, self._format)
        directions = dict(zip(_DIRECTIONS, (_("Transform"), _("Inverse")), strict=True))
        self._directions.show(directions, self._direction)
        for widget in (ui.exportToleranceSpinBox, ui.exportToleranceSpinBoxLabel):
            widget.enabled = self._format in _SPLINES
        for_whom = _("Read by {programs}.").format(programs=FORMATS[self._format].for_whom)
        ui.exportFormatLabel.text = for_whom
        problem = self._problem()
        ui.exportTransformButton.enabled = not problem
        tip = _("Write the transform as a file in the form that is chosen above.")
        ui.exportTransformButton.toolTip = problem or tip
        ui.exportDicomButton.enabled = not problem
        tip = _(
            "Write the warped volume as a derived DICOM series and the transform as a Deformable"
            " Spatial Registration object, into a new folder. Patient, study and frame of reference"
            " are those of the fixed volume, where it was loaded from DICOM."
        )
        ui.exportDicomButton.toolTip = problem or tip

    def _nodes(self) -> tuple[Node, Node, Node] | None:
        """Return the transform of the chosen volumes, and these; None: there is none."""
        parameters = self.panel.parameters
        if parameters is None:
            return None
        fixed, moving = volumes_of(parameters.fixedVolume, parameters.movingVolume)
        if fixed is None or moving is None:
            return None
        transform = find_outputs(fixed, moving).get("transform")
        return None if transform is None else (transform, fixed, moving)

    def _problem(self) -> str:
        if self._call is not None:
            return _("A file is being written.")
        if self._nodes() is None:
            return _("There is no transform of these volumes yet: press Apply.")
        return ""

    def _on_format(self, key: str) -> None:
        self._format = key
        self._show()

    def _on_direction(self, key: str) -> None:
        self._direction = key
        self._show()

    def _say(self, text: str, level: str = "info") -> None:
        label = self.ui.exportMessageLabel
        label.text = printable(text, lines=True)
        tint(label, level)
        self._hider.set_visible(label, bool(text))

    def _on_export(self) -> None:
        nodes = self._nodes()
        if nodes is None:
            return
        form, inverse = FORMATS[self._format], self._direction == "inverse"
        name = f"{nodes[0].GetName()}{', inverse' if inverse else ''}{form.suffixes[0]}"
        patterns = " ".join(f"*{suffix}" for suffix in form.suffixes)
        path = qt.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(),
            _("Export transform"),
            file_name(name),
            f"{form.title} ({patterns})",
        )
        # PyQt and PySide also tell the filter.
        path = path[0] if isinstance(path, tuple) else path
        if not path:
            return
        target = Path(path)
        if not target.name.lower().endswith(form.suffixes):
            target = target.with_name(f"{target.name}{form.suffixes[0]}")
        try:
            tolerance = self.ui.exportToleranceSpinBox.value
            work = exporter(*nodes, target, form.key, inverse, tolerance)
        except LDMRegError as error:
            self._say(str(error), "error")
            return
        self._say(_("Writing {path} ...").format(path=target))
        self._call = BackgroundCall(work, self._on_written, self._on_failed)
        self._show()

    def _on_dicom(self) -> None:
        nodes = self._nodes()
        if nodes is None:
            return
        transform, fixed, moving = nodes
        chosen = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder in which a new one for DICOM is made"), ""
        )
        if not chosen:
            return
        folder = _free_folder(Path(chosen), f"{file_name(transform.GetName())} DICOM")
        warped = find_outputs(fixed, moving).get("warped")
        try:
            work = dicom_exporter(transform, warped, fixed, moving, folder)
        except LDMRegError as error:
            self._say(str(error), "error")
            return
        self._say(_("Writing {path} ...").format(path=folder))
        self._call = BackgroundCall(work, self._on_dicom_written, self._on_dicom_failed)
        self._show()

    def _on_dicom_written(self, done: ExportedDicom) -> None:
        self._call = None
        if done.slices == 1:
            text = _("Saved {path}: one slice, and the deformation.").format(path=done.folder)
        else:
            text = _("Saved {path}: {count} slices, and the deformation.").format(
                path=done.folder, count=done.slices
            )
        self._say("\n".join([text, *map(sentence, done.notes)]), "good")
        self._show()

    def _on_written(self, done: ExportedTransform) -> None:
        self._call = None
        written = done.written
        text = _(
            "Saved {path} ({size} kB): off by {mean} mm on average, {most} mm at most."
        ).format(
            path=written.path,
            size=f"{written.size / 1e3:.0f}",
            mean=f"{written.mean_error_mm:.2g}",
            most=f"{written.max_error_mm:.2g}",
        )
        if done.round_trip_mm is not None:
            back = _("There and back misses by {mean} mm on average, {most} mm at most.").format(
                mean=f"{done.round_trip_mm[0]:.2g}", most=f"{done.round_trip_mm[1]:.2g}"
            )
            text = f"{text}\n{back}"
        self._say(text, "good")
        self._show()

    def _on_dicom_failed(self, error: Exception) -> None:
        self._call = None
        self._say(_("DICOM was not saved: {reason}").format(reason=_reason(error)), "error")
        self._show()

    def _on_failed(self, error: Exception) -> None:
        self._call = None
        reason = _reason(error)
        self._say(_("The transform was not saved: {reason}").format(reason=reason), "error")
        self._show()


def _reason(error: Exception) -> str:
    known = isinstance(error, LDMRegError | OSError)
    return str(error) if known else f"{type(error).__name__}: {error}"


def _free_folder(parent: Path, name: str) -> Path:
    """Return a folder that is not there yet: the name, or with a number."""
    folder, number = parent / name, 1
    while folder.exists():
        number += 1
        folder = parent / f"{name} {number}"
    return folder
