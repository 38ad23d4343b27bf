"""The section "Results": how far to trust the result, the measurements, report and revert."""

from __future__ import annotations

import html
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import LDMRegError
from ...worker.report import ReportWriter
from ..background_call import BackgroundCall
from .result_texts import (
    COLORS,
    advice_text,
    displacement_rows,
    findings_text,
    metric_rows,
    status_word,
    structure_rows,
    verdict_text,
)
from .safe_texts import escaped, one_line
from .save_dialog import ask_where_to_save
from .section import Section
from .shown_result import ShownResult, shown_result
from .tables import WrappedRows, fill_table
from .widgets import Hider, is_dark, title_with

__all__ = ["ResultsSection", "file_name"]

_REPORTS = (("HTML", ".html"), ("PDF", ".pdf"))
_LONGEST = 80  # characters of the name that is proposed for a report: 255 bytes in any script


class ResultsSection(Section):
    """Shows what the nodes of a result tell, also after a scene was loaded."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._key: Any = None
        self._run: Any = None
        self._report: BackgroundCall | None = None

    def setup(self) -> None:
        self._hider = Hider(self.ui.resultsSection)
        tables = self.ui.metricsTable, self.ui.structuresTable, self.ui.displacementsTable
        self._wrapped = [WrappedRows(table) for table in tables]
        self.ui.reportButton.connect("clicked(bool)", self._on_report)
        self.ui.revertButton.connect("clicked(bool)", self._on_revert)
        self._say("")
        self._show(None)

    def update(self) -> None:
        parameters, run = self.panel.parameters, self.panel.session.last
        if parameters is None:
            return  # what the user has folded up stays so until the module is open again
        shown = shown_result(parameters.fixedVolume, parameters.movingVolume, run)
        run = run if shown is not None and shown.is_of(run) else None
        key = None if shown is None else (shown.key, run, is_dark(self.ui.metricsTable))
        if key != self._key:
            self._key = key
            self._say("" if shown is None else _no_report(run))
            self._show(shown)
        if run is not None and run is not self._run:  # it has just succeeded
            self.ui.resultsSection.collapsed = False
        self._run = run
        self._update_buttons()

    def cleanup(self) -> None:
        if self._report is not None:
            self._report.forget()
            self._writer.cancel()
            self._report = None

    def _show(self, shown: ShownResult | None) -> None:
        ui = self.ui
        for widget in (ui.findingsLabel, ui.metricsTable, ui.reportButton, ui.revertButton):
            self._hider.set_visible(widget, shown is not None)
        self._hider.set_visible(ui.adviceLabel, shown is not None and bool(shown.verdict.advice))
        self._hider.set_visible(ui.structuresTable, shown is not None and bool(shown.structures))
        moved = shown is not None and bool(shown.displacements)
        self._hider.set_visible(ui.displacementsTable, moved)
        if shown is None:
            ui.resultsSection.text = _("Results")
            ui.verdictLabel.styleSheet = ""
            ui.verdictLabel.text = _("There is no result for these volumes yet.")
            return
        ui.resultsSection.text = title_with(_("Results"), [status_word(shown.verdict.status)])
        color = COLORS[shown.verdict.status]
        ui.verdictLabel.styleSheet = ""  # it keeps the colours of the palette it was made under
        ui.verdictLabel.styleSheet = (
            f"QLabel {{ border-style: solid; border-color: {color}; border-width: 0 0 0 6px; "
            "padding: 4px 4px 4px 8px; }"
        )
        ui.verdictLabel.text = verdict_text(shown)
        ui.findingsLabel.text = findings_text(shown.verdict)
        ui.adviceLabel.text = advice_text(shown.verdict)
        fill_table(ui.metricsTable, *metric_rows(shown.metrics))
        fill_table(ui.structuresTable, *structure_rows(shown.structures))
        fill_table(ui.displacementsTable, *displacement_rows(shown.displacements))
        for rows in self._wrapped:
            rows.update()

    def _update_buttons(self) -> None:
        ui, run, is_saving = self.ui, self._run, self._report is not None
        reason = _("The report is being written.") if is_saving else _no_report(run)
        ui.reportButton.enabled = not reason
        ui.reportButton.toolTip = reason or _(
            "Save pictures and all numbers as one file, HTML or PDF."
        )
        kept = run is not None and run.change.accepted
        ui.revertButton.enabled = run is not None and not kept and not self.panel.session.running
        if kept:
            ui.revertButton.toolTip = _("The result was kept under a name; delete it there.")
        elif run is None:
            ui.revertButton.toolTip = _("Only the last run can be reverted.")
        else:
            ui.revertButton.toolTip = _("Put the scene back as it was before this run.")

    def _say(self, text: str) -> None:
        self.ui.resultsMessageLabel.text = text
        self._hider.set_visible(self.ui.resultsMessageLabel, bool(text))

    def _on_revert(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The scene could not be put back.")):
            self.panel.session.revert()
            self.panel.say(_("Reverted: the scene is as it was before the run."))
        self.panel.update()

    def _on_report(self) -> None:
        run = self._run
        name = file_name(f"{run.plan.moving.GetName()} to {run.plan.fixed.GetName()}")
        target = ask_where_to_save(_("Save report"), name, _REPORTS)
        if target is None:
            return
        self._say(_("Writing {path} ...").format(path=escaped(str(target))))
        result = _with_names(run)
        self._writer = ReportWriter([shutil.which("PythonSlicer") or sys.executable])
        self._report = BackgroundCall(
            lambda: self._writer.write(result, target), self._on_saved, self._on_failed
        )
        self.panel.update()

    def _on_saved(self, target: Path) -> None:
        self._report = None
        link = f'<a href="{html.escape(target.as_uri())}">{escaped(str(target))}</a>'
        self._say(_("Saved {path}").format(path=link))
        self.panel.update()

    def _on_failed(self, error: Exception) -> None:
        self._report = None
        known = isinstance(error, LDMRegError | OSError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        self._say(escaped(_("The report was not saved: {reason}").format(reason=reason)))
        self.panel.update()


def _no_report(run: Any) -> str:
    """Return why there is no report: it needs the images of a run; empty where there is one."""
    if run is None:
        return _("A report can be saved after a run, not of a saved scene. Apply again for one.")
    if run.result is None:
        return _("A sequence has no report; register one of its frames for one.")
    return ""


def file_name(name: str) -> str:
    """Return a name without what some file systems refuse."""
    safe = one_line(name).replace("\\", "/")
    return "".join("_" if character in '/:*?"<>|' else character for character in safe)[:_LONGEST]


def _with_names(run: Any) -> Any:
    """Return the result of a run with the names of the volumes, which were in no files."""
    inputs = dict(run.result.provenance.get("inputs") or {})
    for role, node in (("fixed", run.plan.fixed), ("moving", run.plan.moving)):
        told = dict(inputs.get(role) or {})
        inputs[role] = {**told, "path": told.get("path") or node.GetName()}
    return replace(run.result, provenance={**run.result.provenance, "inputs": inputs})
