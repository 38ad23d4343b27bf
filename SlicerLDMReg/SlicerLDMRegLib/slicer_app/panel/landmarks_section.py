"""The section "Landmarks": pairs of points, placed in turns, measured live, and their use."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ...errors import LDMRegError
from ..background_call import timer
from ..display.pair_views import PairViews
from ..results.result_nodes import find_outputs
from ..run.choices import LandmarkUse
from ..scene.coordinates import FLIP
from ..scene.landmarks import PointPair, landmarks_of, live_pairs, point_count
from ..scene.nodes import free_name
from ..scene.volume_nodes import Node, image_from_volume
from .result_texts import Cell
from .safe_texts import printable
from .section import Section
from .tables import WrappedRows, fill_table, selected_rows
from .widgets import Hider, title_with

__all__ = ["LandmarksSection"]

_PARAMETERS = ("fixedLandmarks", "movingLandmarks")
_LIVE_MS = 30  # between two measurements while a point is dragged
_DASH = "\u2013"
_MOST_ROWS = 8
_COLORS = (1.0, 0.5, 0.5), (0.4, 0.8, 1.0)  # of the fixed and the moving points


class LandmarksSection(Section, VTKObservationMixin):
    """Follows both lists: each pair has a row with its distance before and after, also while moved.

    While pairs are placed, the images lie side by side, and clicks set points on them in turns.
    """

    def __init__(self, ui: Any, panel: Any) -> None:
        Section.__init__(self, ui, panel)
        VTKObservationMixin.__init__(self)
        self._lists: tuple[Node | None, Node | None] = (None, None)
        self._pairs: list[PointPair] = []
        self._views: PairViews | None = None
        self._side = 0
        self._said = ""
        self._counts = (0, 0)
        self._live = timer(self._measure, _LIVE_MS, once=True)
        self._next = timer(self._place_next, 0, once=True)

    def setup(self) -> None:
        ui = self.ui
        self._hider = Hider(ui.landmarksSection)
        self._wrapped = WrappedRows(ui.landmarksTable, _MOST_ROWS)
        ui.placeLandmarksButton.connect("clicked(bool)", self._on_place)
        ui.refineLandmarksButton.connect("clicked()", self._on_refine)
        ui.landmarksTable.connect("itemSelectionChanged()", self._on_selected)

    def update(self) -> None:
        parameters = self.panel.parameters
        if parameters is None:
            self._stop_placing()
            self._follow((None, None))
            return
        lists = tuple(getattr(parameters, name) for name in _PARAMETERS)
        if self._views is not None and (lists != self._lists or None in lists):
            self._stop_placing()
        self._follow(lists)
        chosen = any(node is not None for node in lists)
        ui = self.ui
        for name in ("landmarkUseComboBox", "landmarkMmSpinBox"):
            held = name.startswith("landmarkUse") or parameters.landmarkUse in (
                LandmarkUse.HOLD,
                LandmarkUse.BOTH,
            )
            getattr(ui, name).enabled = chosen and held
            getattr(ui, f"{name}Label").enabled = chosen and held
        both = parameters.fixedVolume is not None and parameters.movingVolume is not None
        ui.placeLandmarksButton.enabled = both
        ui.placeLandmarksButton.checked = self._views is not None
        ui.placeLandmarksButton.text = _("Stop placing") if self._views else _("Place pairs")
        self._measure()

    def run_finished(self, run: Any) -> None:
        """Measure with the new transform; what was said of the points before is over."""
        self._said = ""
        self._measure()

    def cleanup(self) -> None:
        self._live.stop()
        self._next.stop()
        self._stop_placing()
        self._follow((None, None))

    # The measurement

    def _follow(self, lists: Any) -> None:
        if lists == self._lists:
            return
        self.removeObservers()
        self._lists, self._said = lists, ""
        kind = slicer.vtkMRMLMarkupsNode
        for node in {node for node in lists if node is not None}:
            for event in (
                kind.PointModifiedEvent,
                kind.PointRemovedEvent,
                kind.TransformModifiedEvent,
            ):
                self.addObserver(node, event, self._on_moved)
            self.addObserver(node, kind.PointPositionDefinedEvent, self._on_defined)

    def _on_moved(self, _caller: Any, _event: Any) -> None:
        if not self._live.active:  # it comes many times a second while a point is dragged
            self._live.start()
        counts = point_count(self._lists[0]), point_count(self._lists[1])
        if counts != self._counts:
            self._counts = counts
            self.panel.update_soon()  # what is missing may have changed

    def _measure(self) -> None:
        """Show all pairs as they are now."""
        parameters, ui = self.panel.parameters, self.ui
        if parameters is None:
            return
        fixed, moving = self._lists
        self._pairs, note = [], ""
        if fixed is not None and moving is not None and fixed is not moving:
            self._pairs, note = live_pairs(fixed, moving, self._transform())
            if not self._pairs and not note:
                note = _("Place pairs of points: each on both images.")
        rows = [_row(pair) for pair in self._pairs]
        # Filling a table takes away its selection.
        selected = selected_rows(self.ui.landmarksTable)
        blocked = ui.landmarksTable.blockSignals(True)
        fill_table(ui.landmarksTable, [_("Landmark"), _("Before\nmm"), _("After\nmm")], rows)
        for row in selected:
            if row < len(rows):
                ui.landmarksTable.selectRow(row)
        ui.landmarksTable.blockSignals(blocked)
        self._wrapped.update()
        self._hider.set_visible(ui.landmarksTable, bool(rows))
        texts = [text for text in (_summary(self._pairs), note, self._said) if text]
        ui.landmarksLabel.text = printable("\n".join(texts), lines=True)
        self._hider.set_visible(ui.landmarksLabel, bool(texts))
        measured = [pair for pair in self._pairs if pair.before is not None]
        ui.refineLandmarksButton.enabled = bool(measured)
        parts = [_("{count} pairs").format(count=len(measured))] if self._pairs else []
        if self._pairs and parameters.landmarkUse is not LandmarkUse.MEASURE:
            parts.append(_("they guide"))
        ui.landmarksSection.text = title_with(_("Landmarks"), parts)

    def _transform(self) -> Any:
        """Return the map of the last result from fixed to moving points, RAS; None: none."""
        parameters = self.panel.parameters
        fixed, moving = parameters.fixedVolume, parameters.movingVolume
        if fixed is None or moving is None:
            return None
        node = find_outputs(fixed, moving).get("transform")
        return None if node is None else node.GetTransformFromParent()

    # Rows

    def _on_selected(self) -> None:
        """Show the landmark that was clicked in all slice views."""
        rows = selected_rows(self.ui.landmarksTable)
        if len(rows) != 1 or rows[0] >= len(self._pairs):
            return
        pair = self._pairs[rows[0]]
        for side, row in enumerate(pair.rows):
            node = self._lists[side]
            if row is None or node is None:
                continue
            place = [0.0] * 3
            node.GetNthControlPointPositionWorld(row, place)
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *place)
            return

    # Placing

    def _on_place(self, checked: bool) -> None:
        parameters = self.panel.parameters
        if not checked or parameters is None:
            self._stop_placing()
            self.panel.update()
            return
        if parameters.fixedVolume is None or parameters.movingVolume is None:
            return
        with slicer.util.NodeModify(parameters.parameterNode):
            for number, (name, title) in enumerate(zip(_PARAMETERS, _new_names(), strict=True)):
                if getattr(parameters, name) is None:
                    setattr(parameters, name, _new_list(title, _COLORS[number]))
        lists = parameters.fixedLandmarks, parameters.movingLandmarks
        self.panel.leave_views(self)
        self._follow(lists)
        self._views = PairViews(
            slicer.mrmlScene, parameters.fixedVolume, parameters.movingVolume, lists
        )
        self._views.show()
        self._place_next()
        self.panel.update()

    def leave_views(self) -> None:
        if self._views is not None:
            self._stop_placing()
            self.panel.update_soon()

    def _stop_placing(self) -> None:
        views, self._views = self._views, None
        self._next.stop()
        if views is not None:
            views.leave()
            self._said = ""
            self._measure()

    def _on_defined(self, _caller: Any, _event: Any) -> None:
        self._on_moved(_caller, _event)
        if self._views is not None:
            self._next.start()

    def _place_next(self) -> None:
        """Name the last point as its partner, and ask for the next one."""
        fixed, moving = self._lists
        if self._views is None or fixed is None or moving is None:
            return
        counts = _placed(fixed), _placed(moving)
        self._side = 1 if counts[1] < counts[0] else 0
        if counts[0] == counts[1] > 0:
            # The clicks came in turns: the last two belong together.
            label = fixed.GetNthControlPointLabel(counts[0] - 1)
            if moving.GetNthControlPointLabel(counts[1] - 1) != label and _unknown(moving, label):
                moving.SetNthControlPointLabel(counts[1] - 1, label)
        if self._side == 1:
            place = [0.0] * 3
            fixed.GetNthControlPointPositionWorld(counts[0] - 1, place)
            transform = self._transform()
            self._views.jump(
                np.array(place if transform is None else transform.TransformPoint(*place))
            )
        self._views.place(self._side)
        where = _("moving image, on the right") if self._side else _("fixed image, on the left")
        self._said = _("Click the next point on the {where}.").format(where=where)
        self._measure()

    # Refining

    def _on_refine(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The landmarks were not refined."), waitCursor=True):
            self._refine()

    def _refine(self) -> None:
        from ...pipeline.landmark_match import match_landmark

        parameters, (fixed, moving) = self.panel.parameters, self._lists
        if fixed is None or moving is None:
            return
        rows = selected_rows(self.ui.landmarksTable)
        pairs = [self._pairs[row] for row in rows] or self._pairs
        pairs = [pair for pair in pairs if pair.before is not None]
        told = []
        try:
            image = image_from_volume(parameters.fixedVolume)
            other = image_from_volume(parameters.movingVolume)
            points = landmarks_of(fixed).points, landmarks_of(moving).points
            for pair in pairs:
                i, j = pair.rows
                match = match_landmark(image, other, points[0][i], points[1][j])
                told.append(_told(pair.name, match, points[1][j]))
                if match.found:
                    moving.SetNthControlPointPositionWorld(j, *(FLIP * match.point).tolist())
        except LDMRegError as error:
            told.append(str(error))
        self._said = "\n".join(told)
        self._measure()


def _told(name: str, match: Any, before: np.ndarray) -> str:
    if not match.found:
        return _("{name}: nothing alike near by; left where it is.").format(name=name)
    way = float(np.linalg.norm(match.point - before))
    text = _("{name}: moved by {way} mm (correlation {value}).")
    return text.format(name=name, way=f"{way:.1f}", value=f"{match.correlation:.2f}")


def _row(pair: PointPair) -> list[Cell]:
    if pair.note:
        return [Cell(f"{pair.name}: {_why(pair.note)}"), Cell(_DASH), Cell(_DASH)]
    before, after = pair.before, pair.after
    assert before is not None
    worse = after is not None and after > before + 0.05
    shown = _DASH if after is None else f"{after:.1f}"
    return [Cell(pair.name), Cell(f"{before:.1f}"), Cell(shown, worse)]


def _why(note: str) -> str:
    """Return why a landmark cannot be measured, in words."""
    return {
        "only fixed": _("only on the fixed image"),
        "only moving": _("only on the moving image"),
        "not placed": _("not placed"),
        "fixed not placed": _("not placed on the fixed image"),
        "moving not placed": _("not placed on the moving image"),
        "not selected": _("not selected"),
    }[note]


def _summary(pairs: list[PointPair]) -> str:
    """Return the mean distances of all pairs, before and after."""
    before = [pair.before for pair in pairs if pair.before is not None]
    after = [pair.after for pair in pairs if pair.after is not None]
    if not before:
        return ""
    if not after:
        return _("Mean distance {before} mm, before a registration.").format(
            before=f"{np.mean(before):.2f}"
        )
    return _("Mean distance {before} mm before, {after} mm after (largest {most} mm).").format(
        before=f"{np.mean(before):.2f}", after=f"{np.mean(after):.2f}", most=f"{max(after):.1f}"
    )


def _new_names() -> tuple[str, str]:
    return _("Fixed landmarks"), _("Moving landmarks")


def _new_list(title: str, color: tuple[float, float, float]) -> Node:
    name = free_name(slicer.mrmlScene, title)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    node.SetControlPointLabelFormat("%d")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSelectedColor(*color)
    return node


def _placed(node: Node) -> int:
    """Return the number of points with a place; the one that follows the mouse has none."""
    defined = node.PositionDefined
    states = [node.GetNthControlPointPositionStatus(n) for n in range(point_count(node))]
    return sum(state == defined for state in states)


def _unknown(node: Node, label: str) -> bool:
    return all(node.GetNthControlPointLabel(n) != label for n in range(point_count(node)))
