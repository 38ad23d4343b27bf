"""The section "Many pairs": a cohort in the background, and its table, which opens pairs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..background_call import timer
from ..display.many_views import MOST_VIEWS, ManyViews
from ..run.cohort_run import CohortProgress, CohortRun, cohort_command
from ..scene.cohort_pairs import (
    image_id,
    is_result,
    loaded_volumes,
    open_pair,
    pair_names,
    pair_title,
    write_volumes,
)
from ..scene.volume_nodes import Node
from .control_names import told_on_panel
from .result_texts import Cell, status_word
from .safe_texts import printable
from .section import Section
from .tables import fill_table, selected_rows
from .ticks import Ticks
from .widgets import tint

__all__ = ["CohortSection"]

_TABLE, _BIDS, _LOADED = range(3)
_AS_LISTED, _TO_ONE, _ALL, _CONSECUTIVE, _FIRST = range(5)
_PAIRINGS = {_ALL: "all-to-all", _CONSECUTIVE: "consecutive", _FIRST: "first"}
_POLL_MS = 250
_MOST_ROWS = 500  # of the table; the page has all
_STUDY, _VOLUMES = "study", "volumes"
_WORST = {"failed": 0, "bad": 1, "check": 2, "good": 3}


class CohortSection(Section):
    """Starts ``ldmreg cohort`` with the model and the options of the panel, and follows it.

    Attributes:
        run: the one that goes on; None: none.
        rows: of the table, in its order.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self.run: CohortRun | None = None
        self.rows: list[dict[str, Any]] = []
        self._folder: Any = None
        self._views: ManyViews | None = None
        self._level = "info"
        self._timer = timer(self._poll, _POLL_MS)

    def setup(self) -> None:
        ui = self.ui
        ui.cohortSourceComboBox.connect("currentIndexChanged(int)", self._on_source)
        ui.cohortPairsComboBox.connect("currentIndexChanged(int)", lambda _index: self.update())
        for name in ("Manifest", "Output"):
            edit = getattr(ui, f"cohort{name}Edit")
            edit.connect("textChanged(QString)", lambda _text: self.update())
        ui.cohortManifestButton.connect("clicked()", self._choose_manifest)
        ui.cohortOutputButton.connect("clicked()", self._choose_output)
        self._ticks = Ticks(ui.cohortVolumesSelector, "manyPairs", self.panel, lambda: None)
        ui.cohortButton.connect("clicked()", self._on_click)
        ui.cohortPageButton.connect("clicked()", self._open_page)
        ui.cohortSideButton.connect("clicked(bool)", self._on_side_by_side)
        ui.cohortTable.connect("cellClicked(int,int)", self._on_cell)
        ui.cohortStatusLabel.textFormat = qt.Qt.PlainText
        for widget in (
            ui.cohortProgressBar, ui.cohortTable, ui.cohortPageButton, ui.cohortSideButton,
        ):  # fmt: skip
            widget.visible = False
        self._say("")

    def show(self, parameters: Any) -> None:
        self._ticks.show(parameters.parameterNode)

    def update(self) -> None:
        super().update()
        ui, running = self.ui, self.run is not None
        source = ui.cohortSourceComboBox.currentIndex
        to_one = ui.cohortPairsComboBox.currentIndex == _TO_ONE
        for widget in (ui.cohortManifestEdit, ui.cohortManifestButton, ui.cohortManifestEditLabel):
            widget.visible = source != _LOADED
        for widget in (ui.cohortReferenceEdit, ui.cohortReferenceEditLabel):
            widget.visible = to_one
        for widget in (ui.cohortVolumesSelector, ui.cohortVolumesSelectorLabel):
            widget.visible = source == _LOADED
        for name in (
            "cohortSourceComboBox", "cohortManifestEdit", "cohortManifestButton",
            "cohortPairsComboBox", "cohortReferenceEdit", "cohortOutputEdit", "cohortOutputButton",
            "cohortVolumesSelector",
        ):  # fmt: skip
            getattr(ui, name).enabled = not running
        tint(ui.cohortStatusLabel, self._level)
        button = ui.cohortButton
        if running:
            cancelled = self.run is not None and self.run.cancelled
            button.text = _("Cancelling...") if cancelled else _("Cancel")
            button.enabled = not cancelled
            button.toolTip = _("End after the pairs that are going on; complete ones stay.")
            return
        problem = self._problem()
        button.enabled = not problem
        button.text = problem or _("Register all")
        button.toolTip = _("Register all pairs in the background.")

    def cleanup(self) -> None:
        self._timer.stop()
        self._leave()
        if self.run is not None:
            self.run.close()
            self.run = None

    # Choices

    def _problem(self) -> str:
        setup = str(self.panel.sections["setup"].problem)
        if setup:
            return setup
        if self.panel.parameters is None:
            return _("The module is not open.")
        ui, source = self.ui, self.ui.cohortSourceComboBox.currentIndex
        if source != _LOADED and not ui.cohortManifestEdit.text.strip():
            return _("Choose a table.") if source == _TABLE else _("Choose a folder.")
        if source != _TABLE and ui.cohortPairsComboBox.currentIndex == _AS_LISTED:
            return _("Choose how images make pairs.")
        if not ui.cohortOutputEdit.text.strip():
            return _("Choose a folder for the results.")
        return ""

    def _on_source(self, source: int) -> None:
        pairs = self.ui.cohortPairsComboBox
        if source == _TABLE:
            pairs.setCurrentIndex(_AS_LISTED)
        elif pairs.currentIndex == _AS_LISTED:
            pairs.setCurrentIndex(_TO_ONE)
        self.update()

    def _choose_manifest(self) -> None:
        parent, text = slicer.util.mainWindow(), self.ui.cohortManifestEdit.text
        if self.ui.cohortSourceComboBox.currentIndex == _BIDS:
            chosen = qt.QFileDialog.getExistingDirectory(parent, _("The BIDS data set"), text)
        else:
            kinds = _("Tables") + " (*.csv *.tsv *.json)"
            chosen = qt.QFileDialog.getOpenFileName(parent, _("The table"), text, kinds)
        if chosen:
            self.ui.cohortManifestEdit.text = chosen

    def _choose_output(self) -> None:
        parent, text = slicer.util.mainWindow(), self.ui.cohortOutputEdit.text
        chosen = qt.QFileDialog.getExistingDirectory(parent, _("Folder for the results"), text)
        if chosen:
            self.ui.cohortOutputEdit.text = chosen

    def _pairing(self) -> str | None:
        """Return how the images of a table or data set make pairs, as ``--pairs`` has it."""
        index = self.ui.cohortPairsComboBox.currentIndex
        if index != _TO_ONE:
            return _PAIRINGS.get(index)
        wanted = self.ui.cohortReferenceEdit.text.strip()
        if not wanted:
            fixed = self._chosen_fixed()
            storage = fixed.GetStorageNode()
            file = "" if storage is None else Path(storage.GetFileName() or "").name
            wanted = file or fixed.GetName()
        return f"to:{wanted}"

    def _chosen_fixed(self) -> Node:
        fixed = self.panel.parameters.fixedVolume
        if fixed is None:
            raise InputError(_("Name the image that all others are registered to."))
        return fixed

    def _reference(self) -> Node | None:
        """Return the loaded volume that all others are registered to; None for other pairs."""
        if self.ui.cohortPairsComboBox.currentIndex != _TO_ONE:
            return None
        wanted = self.ui.cohortReferenceEdit.text.strip()
        if not wanted:
            return self._chosen_fixed()
        every = loaded_volumes()
        found = [node for node in every if wanted in (node.GetName(), node.GetID())]
        if len(found) == 1:
            return found[0]
        names = ", ".join(node.GetName() for node in every)
        if found:
            text = _("{count} loaded volumes are called {name}; rename all but one.")
        else:
            text = _("No loaded volume is called {name}; there are {names}.")
        raise InputError(text.format(name=wanted, names=names, count=len(found)))

    def _volumes(self, reference: Node | None) -> list[Node]:
        """Return the loaded volumes to register: those that are ticked, and the fixed one.

        Where none is, all but results, of which the next run would make results again.
        """
        every, ticked = loaded_volumes(), self.ui.cohortVolumesSelector.checkedNodes()
        if not ticked:
            return [node for node in every if node is reference or not is_result(node)]
        wanted = [node.GetID() for node in (*ticked, *([] if reference is None else [reference]))]
        return [node for node in every if node.GetID() in wanted]

    # The run

    def _on_click(self) -> None:
        if self.run is not None:
            self.run.cancel()
            self.update()
            return
        try:
            self._start()
        except InputError as error:
            self._say(told_on_panel(error), "error")
        self.update()

    def _start(self) -> None:
        output = Path(self.ui.cohortOutputEdit.text.strip()).expanduser()
        if not output.is_absolute():
            raise InputError(_("Name the folder of the results with its whole path."))
        choices = dict(self.panel.plan().options)
        if self.ui.cohortSourceComboBox.currentIndex == _LOADED:
            reference = self._reference()
            source = write_volumes(output / _VOLUMES, self._volumes(reference))
            output = output / _STUDY
            way = _PAIRINGS.get(self.ui.cohortPairsComboBox.currentIndex)
            pairing = way if reference is None else f"to:{image_id(reference)}"
        else:
            pairing = self._pairing()
            source = Path(self.ui.cohortManifestEdit.text.strip()).expanduser()
            if not source.exists():
                raise InputError(_("there is no {source}").format(source=source))
        command = cohort_command(source, output, pairing, choices)
        self.panel.log("info", " ".join(command))
        self.run = CohortRun(command, output)
        self._folder = self.run.folder
        self._leave()
        self._show_rows([])
        self.ui.cohortPageButton.visible = self.ui.cohortSideButton.visible = False
        self.ui.cohortProgressBar.setRange(0, 0)
        self.ui.cohortProgressBar.visible = True
        self._say(_("Starting."))
        self._timer.start()

    def _poll(self) -> None:
        run = self.run
        if run is None:
            return
        if run.running:
            if not run.cancelled:
                self._show_progress(run.progress())
            return
        self._timer.stop()
        self.run = None
        self.ui.cohortProgressBar.visible = False
        self._finished(run)
        run.close()
        self.update()

    def _show_progress(self, progress: CohortProgress) -> None:
        if not progress.pairs:
            return
        bar = self.ui.cohortProgressBar
        bar.setRange(0, progress.pairs)
        bar.setValue(progress.done + progress.failed)
        text = _("{done} of {pairs} pairs").format(done=progress.done, pairs=progress.pairs)
        if progress.failed:
            text += ", " + _("{count} failed").format(count=progress.failed)
        if progress.end is not None:
            left = max(0.0, progress.end - time.time())
            text += ", " + _("about {minutes} min left").format(minutes=round(left / 60 + 0.5))
        self._say(text)

    def _finished(self, run: CohortRun) -> None:
        rows = self._read_rows()
        self._show_rows(rows)
        done = sum(row["status"] == "done" for row in rows)
        self.ui.cohortPageButton.visible = (run.folder.root / "report.html").exists()
        self.ui.cohortSideButton.visible = bool(done)
        failed = sum(row["status"] == "failed" for row in rows)
        counts = _("{done} of {pairs} pairs are registered.").format(done=done, pairs=len(rows))
        if failed:
            counts += " " + _("Failed: {count}.").format(count=failed)
        opens = _("A click on a pair loads it.")
        if run.code not in (0, 8) and not run.cancelled:
            lines = run.last_lines()
            self.panel.log("error", lines)
            last = lines.splitlines()[-1] if lines else _("The command ended without a word.")
            self._say(last.removeprefix("ldmreg: error: "), "error")
        elif run.cancelled:
            self._say(_("Cancelled.") + " " + counts + " " + _("The rest is left."), "warning")
        elif run.code == 8:
            self._say(f"{counts} {opens}", "warning")
        else:
            self._say(f"{counts} {opens}", "good")

    # The table

    def _read_rows(self) -> list[dict[str, Any]]:
        from ...cohort.rows import read_entries, rows_of

        try:
            rows = rows_of(self._folder, read_entries(self._folder))
        except InputError:
            return []

        def need(row: dict[str, Any]) -> tuple[int, float]:
            state = row["verdict"] if row["status"] == "done" else row["status"]
            quality = row.get("quality")
            return _WORST.get(str(state), 4), 1.0 if quality is None else float(quality)

        return sorted(rows, key=need)

    def _show_rows(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows[:_MOST_ROWS]
        table = self.ui.cohortTable
        table.visible = bool(rows)
        titles = [pair_title(row) for row in self.rows]
        names, target = without_common_end(titles, [pair_names(row) for row in self.rows])
        cells = [
            [
                Cell(name, tip="\n".join(filter(None, (title, row.get("reason"))))),
                Cell(_word(row), worse=_state(row) in ("bad", "failed")),
                Cell("" if row.get("quality") is None else f"{float(row['quality']):.2f}"),
            ]
            for name, title, row in zip(names, titles, self.rows, strict=True)
        ]
        heading = _("To {name}").format(name=printable(target)) if target else _("Pair")
        fill_table(table, [heading, _("Verdict"), _("Quality")], cells)

    def _on_cell(self, number: int, _column: int) -> None:
        if not 0 <= number < len(self.rows):
            return
        row = self.rows[number]
        if row["status"] != "done":
            reason = row.get("reason") or _("It is not registered yet.")
            self._say(f"{pair_title(row)}: {reason}", "warning")
            return
        try:
            opened = open_pair(row, self._folder.results(str(row["id"])))
        except InputError as error:
            self._say(told_on_panel(error), "error")
            return
        parameters = self.panel.parameters
        if parameters is not None:
            with slicer.util.NodeModify(parameters.parameterNode):
                parameters.fixedVolume, parameters.movingVolume = opened.fixed, opened.moving
        self._say(
            _("{pair} is loaded: the fixed and the warped image.").format(pair=pair_title(row))
        )

    def _on_side_by_side(self, checked: bool) -> None:
        if not checked:
            self._leave()
            return
        done = [row for row in self.rows if row["status"] == "done"]
        chosen = [self.rows[n] for n in selected_rows(self.ui.cohortTable)]
        chosen = [row for row in chosen if row["status"] == "done"]
        fixed = str((chosen if len(chosen) > 1 else done)[0]["fixed"])
        rows = [r for r in (chosen if len(chosen) > 1 else done) if str(r["fixed"]) == fixed]
        self.panel.leave_views(self)
        views = ManyViews(slicer.mrmlScene)  # before files are loaded, which Slicer shows
        try:
            opened = [
                open_pair(row, self._folder.results(str(row["id"])), show=False)
                for row in rows[: MOST_VIEWS - 1]
            ]
        except InputError as error:
            views.leave()
            self.ui.cohortSideButton.checked = False
            self._say(told_on_panel(error), "error")
            return
        self._views = views
        views.show([opened[0].fixed, *(pair.warped for pair in opened)])
        shown = rows[: MOST_VIEWS - 1]
        titles = [pair_title(row) for row in shown]
        names = "; ".join(without_common_end(titles, [pair_names(row) for row in shown])[0])
        text = _("Side by side: the fixed image, then the warped ones of {names}.")
        if len(rows) >= MOST_VIEWS:
            text += " " + _("More do not fit; select rows for others.")
        self._say(text.format(names=names))

    def leave_views(self) -> None:
        self._leave()

    def _leave(self) -> None:
        views, self._views = self._views, None
        self.ui.cohortSideButton.checked = False
        if views is not None:
            views.leave()

    def _open_page(self) -> None:
        page = self._folder.root / "report.html"
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(page)))

    def _say(self, text: str, level: str = "info") -> None:
        label, self._level = self.ui.cohortStatusLabel, level
        label.text = printable(text, lines=True)
        label.visible = bool(text)
        tint(label, level)


def without_common_end(
    titles: Sequence[str], names: Sequence[tuple[str, str]]
) -> tuple[list[str], str]:
    """Return what pairs are called beside a fixed image that all have in common, and its name.

    With it a narrow panel would show nothing in which they differ.

    Args:
        titles: of the pairs, which they keep where there is no such image.
        names: of the moving and the fixed image of each.

    Example:
        >>> without_common_end(["a_to_c", "b_to_c"], [("a", "c"), ("b", "c")])
        (['a', 'b'], 'c')
        >>> without_common_end(["a_to_c", "c_to_a"], [("a", "c"), ("c", "a")])
        (['a_to_c', 'c_to_a'], '')
    """
    targets = {fixed for _moving, fixed in names}
    if len(names) < 2 or len(targets) > 1 or "" in targets:
        return list(titles), ""
    return [moving for moving, _fixed in names], targets.pop()


def _word(row: dict[str, Any]) -> str:
    state = _state(row)
    if state in ("good", "check", "bad"):
        return status_word(state)
    return {"failed": _("Failed"), "missing": _("Missing")}.get(state, state)


def _state(row: dict[str, Any]) -> str:
    return str(row["verdict"] if row["status"] == "done" else row["status"])
