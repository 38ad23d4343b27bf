"""The section "Anatomy": labels of both images, and the regions that they are to the model."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ...model_store import ModelCard
from ..run.anatomy import Match, Structure, guides, match_structure, structures
from ..run.choices import Anatomy, RegisterBy
from ..run.planning import labels_without_images
from ..scene.volume_nodes import Node
from .safe_texts import printable, tip
from .section import Section
from .tables import WrappedRows, lay_out
from .widgets import title_with

__all__ = ["AnatomySection"]

_USE, _SEGMENT, _PROMPT, _REGION = range(4)
_MOST_ROWS = 8
_NARROW = 90  # pixels; a third of the table in a narrow panel
_SAME = "\u2713"


class AnatomySection(Section, VTKObservationMixin):
    """Lists the structures of the fixed labels; which are used, and their words, can be changed."""

    def __init__(self, ui: Any, panel: Any) -> None:
        Section.__init__(self, ui, panel)
        VTKObservationMixin.__init__(self)
        self._labels: Node | None = None
        self._owner: Any = None
        self._rows: list[Structure] = []
        self._said: Any = None
        self._shown: Any = None

    def setup(self) -> None:
        table = self.ui.regionsTable
        for column in (_SEGMENT, _PROMPT, _REGION):
            header = table.horizontalHeaderItem(column)
            header.setTextAlignment(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
        lay_out(table, [qt.QHeaderView.ResizeToContents, *[qt.QHeaderView.Stretch] * 3], 8)
        self._wrapped = WrappedRows(table, _MOST_ROWS)
        table.connect("itemChanged(QTableWidgetItem*)", self._on_item_changed)

    def update(self) -> None:
        parameters = self.panel.parameters
        if parameters is None:
            self._follow(None, None)
            return
        labels, card = parameters.fixedLabels, self.panel.card()
        both = labels is not None and parameters.movingLabels is not None
        chosen = parameters.registerBy is not RegisterBy.IMAGES
        for widget in (self.ui.registerByComboBoxLabel, self.ui.registerByComboBox):
            widget.enabled = both or chosen
        self._follow(labels, parameters)
        regions = card is not None and bool(card.label_scheme)
        for widget in (self.ui.anatomyComboBoxLabel, self.ui.anatomyComboBox):
            widget.visible = regions
        self._rows = structures(labels)
        listed = bool(self._rows) and parameters.anatomy is not Anatomy.MODEL
        self.ui.regionsTable.visible = listed
        if listed:
            self._show_rows(card if regions else None)
        self.ui.anatomyLabel.text = self._describe(card)
        names = [node.GetName() for node in (labels, parameters.movingLabels) if node is not None]
        self.ui.anatomySection.text = title_with(_("Anatomy"), names[:1])

    def cleanup(self) -> None:
        self.removeObservers()

    def _follow(self, labels: Node | None, parameters: Any) -> None:
        """Watch the labels; what was said of the segments of others is forgotten."""
        if labels is not self._labels:
            self.removeObservers()
            if labels is not None:
                events = [vtk.vtkCommand.ModifiedEvent]
                if labels.IsA("vtkMRMLSegmentationNode"):
                    kind = slicer.vtkSegmentation
                    events += [kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified]
                for event in events:
                    self.addObserver(labels, event, self.panel.update_soon)
        others = self._labels is not None and labels is not None and labels is not self._labels
        said = None if parameters is None else _said(parameters)
        # What a script says together with the new labels is of these.
        if others and parameters is self._owner and said == self._said != ([], {}):
            with slicer.util.NodeModify(parameters.parameterNode):
                parameters.leftOut = []
                parameters.prompts = {}
            said = _said(parameters)
        if labels is not None or parameters is not self._owner:
            self._labels = labels
        self._owner, self._said = parameters, said

    # The table

    def _show_rows(self, card: ModelCard | None) -> None:
        parameters, table = self.panel.parameters, self.ui.regionsTable
        left_out, prompts = _said(parameters)
        key = ([*self._rows], left_out, prompts, None if card is None else card.id)
        if key == self._shown:
            return
        self._shown = key
        segments = parameters.fixedLabels.IsA("vtkMRMLSegmentationNode")
        blocked = table.blockSignals(True)
        table.setColumnHidden(_USE, card is None and not segments)
        for column in (_PROMPT, _REGION):
            table.setColumnHidden(column, card is None)
        table.setRowCount(len(self._rows))
        for number, found in enumerate(self._rows):
            words = prompts.get(found.key, self._words(found, card))
            used = found.key not in left_out
            name = found.name or _("Label {number}").format(number=found.key)
            table.setItem(number, _SEGMENT, _item(name, used))
            prompt = _item(words, used)
            prompt.setFlags(prompt.flags() | qt.Qt.ItemIsEditable if used else prompt.flags())
            table.setItem(number, _PROMPT, prompt)
            match = match_structure(words, card)
            region = _item(_region_text(words, match) if used else _("left out"), used)
            region.setToolTip(tip(match.detail) if used else "")
            table.setItem(number, _REGION, region)
            table.setItem(number, _USE, _check_item(used))
        table.blockSignals(blocked)
        self._narrow_regions()
        self._wrapped.update()

    def _narrow_regions(self) -> None:
        """Leave the room to the names where the regions are signs and short words."""
        table = self.ui.regionsTable
        metrics = table.fontMetrics()
        texts = [table.item(row, _REGION).text() for row in range(table.rowCount)]
        widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
        mode = qt.QHeaderView.ResizeToContents if widest < _NARROW else qt.QHeaderView.Stretch
        table.horizontalHeader().setSectionResizeMode(_REGION, mode)

    def _words(self, found: Structure, card: ModelCard | None) -> str:
        """Return what a structure is called, as far as anybody knows."""
        if found.name or card is None:
            return found.name
        named = any(other.name for other in self._rows)
        if not named and all(other.key in card.label_scheme for other in self._rows):
            return card.label_names[int(found.key)]
        return ""

    def _on_item_changed(self, item: Any) -> None:
        parameters = self.panel.parameters
        if parameters is None or not 0 <= item.row() < len(self._rows):
            return
        found = self._rows[item.row()]
        if item.column() == _USE:
            left_out = [key for key in parameters.leftOut if key != found.key]
            if item.checkState() != qt.Qt.Checked:
                left_out.append(found.key)
            parameters.leftOut = left_out
        elif item.column() == _PROMPT:
            prompts = _said(parameters)[1]
            prompts.pop(found.key, None)
            words = " ".join(item.text().split())
            # An empty prompt brings the name back; "background" is how to say that it is none.
            if words and words != self._words(found, self.panel.card()):
                prompts[found.key] = words
            self._shown = None
            parameters.prompts = prompts
        self.panel.update_soon()

    # The text

    def _describe(self, card: ModelCard | None) -> str:
        parameters = self.panel.parameters
        if parameters.registerBy is RegisterBy.LABELS:
            text = _(
                "Structures of one name or number are aligned and refined; images are not used."
            )
            if labels_without_images(parameters):
                text = f"{text} {_('Without volumes, Apply makes some of the labels.')}"
            return text
        if card is None or not card.label_scheme:
            return _("The chosen model takes no regions: labels only measure the overlap.")
        labels, anatomy = parameters.fixedLabels, parameters.anatomy
        if anatomy is Anatomy.NONE:
            return _("The model works without regions, and less well than with them.")
        guided = anatomy is Anatomy.LABELS or (
            anatomy is Anatomy.AUTOMATIC and (bool(parameters.prompts) or guides(labels, card))
        )
        if guided and labels is not None:
            return _("{matched} of {count} structures are regions of the model.").format(
                matched=self._count_matched(card), count=len(self._rows)
            )
        if guided:
            return _("Select the labels of the fixed image.")
        if card.segmenter is None:
            return _("The model has no segmenter of its own: select labels of the fixed image.")
        return _("The model finds the structures of the fixed image itself.")

    def _count_matched(self, card: ModelCard) -> int:
        left_out, prompts = _said(self.panel.parameters)
        words = [
            prompts.get(found.key, self._words(found, card))
            for found in self._rows
            if found.key not in left_out
        ]
        return sum(match_structure(text, card).region is not None for text in words)


def _region_text(words: str, match: Match) -> str:
    """Return the region of a structure, or a sign where it has the name of the structure."""
    same = match.region is not None and match.text.casefold() == words.casefold()
    return _SAME if same else match.text


def _said(parameters: Any) -> tuple[list[str], dict[str, str]]:
    return list(parameters.leftOut), dict(parameters.prompts)


def _item(text: str, used: bool) -> Any:
    item = qt.QTableWidgetItem(printable(text))
    flags = qt.Qt.ItemIsSelectable
    item.setFlags(flags | qt.Qt.ItemIsEnabled if used else flags)
    item.setToolTip(tip(text))
    return item


def _check_item(used: bool) -> Any:
    item = qt.QTableWidgetItem("")
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsUserCheckable)
    item.setCheckState(qt.Qt.Checked if used else qt.Qt.Unchecked)
    return item
