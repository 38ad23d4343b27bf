"""The section "Compare results": runs of two volumes, kept, named, listed, compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..background_call import is_held, timer
from ..display.compare_views import CompareViews
from ..results.kept_results import (
    StoredResult,
    delete_result,
    hide_labels,
    keep_result,
    stored_results,
    use_result,
)
from ..results.result_nodes import find_outputs
from ..scene.volume_nodes import Node
from .result_texts import Cell
from .safe_texts import printable
from .section import Section
from .shown_result import volumes_of
from .tables import WrappedRows, fill_table, selected_rows
from .widgets import Hider, tint, title_with

__all__ = ["CompareSection"]

_FLICKER_MS = 600
_BEST = "\u2713 "
_DASH = "\u2013"
_MOST_ROWS = 8


class CompareSection(Section):
    """A row for the current result and for each that was kept; two rows are compared."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._stored: list[StoredResult] = []
        self._key: Any = None
        self._views: CompareViews | None = None
        self._way, self._turn = "", 0
        self._flicker = timer(self._on_flicker, _FLICKER_MS)

    def setup(self) -> None:
        ui = self.ui
        self._hider = Hider(ui.compareSection)
        self._wrapped = WrappedRows(ui.runsTable, _MOST_ROWS)
        ui.keepResultButton.connect("clicked(bool)", self._on_keep)
        ui.sideBySideButton.connect("clicked(bool)", self._on_side_by_side)
        ui.flickerRunsButton.connect("clicked(bool)", self._on_flicker_button)
        ui.useResultButton.connect("clicked(bool)", self._on_use)
        ui.deleteResultButton.connect("clicked(bool)", self._on_delete)
        ui.runsTable.connect("itemSelectionChanged()", self._on_selected)
        self._say("")

    def update(self) -> None:
        nodes = self._nodes()
        if nodes is None:
            self._leave()
        self._stored = [] if nodes is None else stored_results(*nodes)
        key = [
            (
                stored.name,
                stored.attributes.get("Date"),
                sorted(n.GetID() for n in stored.nodes.values()),
            )
            for stored in self._stored
        ]
        if key != self._key:
            self._key = key
            self._leave()
            self._fill()
        self._update_buttons()

    def run_finished(self, run: Any) -> None:
        """Let the labels of kept results, which lie on others' images, be seen no more."""
        self._say("")
        nodes = self._nodes()
        kept = [] if nodes is None else [s for s in stored_results(*nodes) if s.name]
        for display in hide_labels(kept):
            run.change.on_undo(partial(display.SetVisibility, True))

    def cleanup(self) -> None:
        self._leave()

    def _nodes(self) -> tuple[Node, Node] | None:
        parameters = self.panel.parameters
        if parameters is None:
            return None
        fixed, moving = volumes_of(parameters.fixedVolume, parameters.movingVolume)
        return None if fixed is None or moving is None else (fixed, moving)

    # The table

    def _fill(self) -> None:
        ui = self.ui
        headings = [_("Result"), _("NCC"), _("Dice"), _("Points\nmm"), _("Folds")]
        values = [_numbers(stored) for stored in self._stored]
        rows = []
        for stored, own in zip(self._stored, values, strict=True):
            cells = [Cell(stored.name or _("Current"), tip=_origin(stored))]
            for column, value in enumerate(own):
                cells.append(Cell(_text(value, [row[column] for row in values], column)))
            rows.append(cells)
        blocked = ui.runsTable.blockSignals(True)
        fill_table(ui.runsTable, headings, rows)
        for row in range(min(2, len(rows))):
            if len(rows) > 1:
                for column in range(len(headings)):
                    ui.runsTable.item(row, column).setSelected(True)
        ui.runsTable.blockSignals(blocked)
        self._wrapped.update()
        self._hider.set_visible(ui.runsTable, bool(rows))
        ui.keepNameLineEdit.text = self._new_name()
        kept = sum(bool(stored.name) for stored in self._stored)
        parts = [_("{count} kept").format(count=kept)] if kept else []
        ui.compareSection.text = title_with(_("Compare results"), parts)

    def _selected(self) -> list[StoredResult]:
        rows = selected_rows(self.ui.runsTable)
        return [self._stored[row] for row in rows if row < len(self._stored)]

    def _on_selected(self) -> None:
        self._leave()
        self._update_buttons()

    def _update_buttons(self) -> None:
        ui, selected = self.ui, self._selected()
        current = bool(self._stored) and not self._stored[0].name
        running = self.panel.running
        ui.keepResultButton.enabled = current and not running
        ui.keepNameLineEdit.enabled = current and not running
        two = len(selected) == 2 and all("warped" in stored.nodes for stored in selected)
        why = "" if two else _("Select two results that have a warped volume.")
        for button, tip, way in (
            (ui.sideBySideButton, _("Show both warped volumes, linked."), "side by side"),
            (ui.flickerRunsButton, _("Show both warped volumes in turns."), "flicker"),
        ):
            button.enabled = two
            button.toolTip = why or tip
            button.checked = self._way == way
        one = len(selected) == 1 and bool(selected[0].name) and not running
        ui.useResultButton.enabled = one
        ui.deleteResultButton.enabled = one
        kept = _("Select one result that was kept.")
        ui.useResultButton.toolTip = (
            _("Make the selected result the current one; the current one is kept instead.")
            if one
            else kept
        )
        ui.deleteResultButton.toolTip = (
            _("Remove the nodes of the selected result from the scene.") if one else kept
        )

    def _new_name(self) -> str:
        taken = {stored.name for stored in self._stored}
        number = 1
        while _("Run {number}").format(number=number) in taken:
            number += 1
        return _("Run {number}").format(number=number)

    def _say(self, text: str, level: str = "info") -> None:
        label = self.ui.compareMessageLabel
        label.text = printable(text)
        tint(label, level)
        self._hider.set_visible(label, bool(text))

    # What the buttons do

    def _on_keep(self) -> None:
        nodes = self._nodes()
        if nodes is None:
            return
        try:
            kept = keep_result(*nodes, self.ui.keepNameLineEdit.text)
        except InputError as error:
            self._say(str(error), "error")
            return
        self._accept(kept)
        text = _("Kept as {name}; the next run makes new nodes.").format(name=kept.name)
        if find_outputs(*nodes):  # of the volumes, where this was a slice of them, or likewise
            text = _(
                "Kept as {name}; the result that these volumes had before is the current one again."
            ).format(name=kept.name)
        self._say(text, "good")
        self.panel.update()

    def _on_use(self) -> None:
        nodes, selected = self._nodes(), self._selected()
        if nodes is None or len(selected) != 1:
            return
        former = self._new_name()
        had_one = bool(self._stored) and not self._stored[0].name
        if had_one:
            self._accept(self._stored[0])
        use_result(*nodes, selected[0], former)
        text = _("{name} is the current result.").format(name=selected[0].name)
        if had_one:
            text = f"{text} {_('The former one is kept as {name}.').format(name=former)}"
        self._say(text, "good")
        self.panel.update()

    def _on_delete(self) -> None:
        selected = self._selected()
        if len(selected) == 1 and selected[0].name:
            self._leave()
            delete_result(selected[0])
            self._say(_("{name} was deleted.").format(name=selected[0].name))
            self.panel.update()

    def _accept(self, stored: StoredResult) -> None:
        """A result that is kept is not reverted by the button of the last run."""
        last = self.panel.session.last
        if last is not None and set(last.nodes.values()) & set(stored.nodes.values()):
            last.change.accept()

    # Views

    def _on_side_by_side(self, checked: bool) -> None:
        self._show("side by side" if checked else "")

    def _on_flicker_button(self, checked: bool) -> None:
        self._show("flicker" if checked else "")

    def _show(self, way: str) -> None:
        selected = self._selected()
        self._leave()
        if way and len(selected) == 2:
            self.panel.leave_views(self)
            first, second = (stored.nodes["warped"] for stored in selected)
            one, other = (stored.nodes.get("warped_labels") for stored in selected)
            self._views = CompareViews(slicer.mrmlScene, first, second, (one, other))
            self._way = way
            if way == "flicker":
                self._show_turn(0)
                self._flicker.start()
            else:
                self._views.side_by_side()
        self._update_buttons()

    def _on_flicker(self) -> None:
        if not is_held():
            self._show_turn(self._turn + 1)

    def _show_turn(self, number: int) -> None:
        if self._views is None:
            return
        self._turn = number
        self._views.show_turn(number)
        selected = self._selected()
        if len(selected) == 2:
            self._say(_("Shown: {name}").format(name=selected[number % 2].name or _("Current")))

    def leave_views(self) -> None:
        if self._views is not None:
            self._leave()
            self._update_buttons()

    def _leave(self) -> None:
        self._flicker.stop()
        if self._way == "flicker":
            self._say("")
        views, self._views, self._way = self._views, None, ""
        if views is not None:
            views.leave()


def _numbers(stored: StoredResult) -> list[float | None]:
    """Return NCC, mean Dice, mean landmark error and folds after the registration."""
    after = stored.metrics.get("after") or {}
    deformation = stored.metrics.get("deformation") or {}
    found = [after.get(name) for name in ("ncc", "dice_mean", "tre")]
    return [_finite(value) for value in (*found, deformation.get("fold_count"))]


def _finite(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _text(value: float | None, others: Sequence[float | None], column: int) -> str:
    """Return a number; the best of several that differ has a sign."""
    if value is None:
        return _DASH
    digits = (3, 3, 2, 0)[column]
    shown = f"{value:.{digits}f}"
    known = [other for other in others if other is not None]
    best = max(known) if column < 2 else min(known)
    differ = len({f"{other:.{digits}f}" for other in known}) > 1
    return f"{_BEST}{shown}" if differ and shown == f"{best:.{digits}f}" else shown


def _origin(stored: StoredResult) -> str:
    parts = [stored.attributes.get(name, "") for name in ("Model", "Date", "Part")]
    return "; ".join(part for part in parts if part)
