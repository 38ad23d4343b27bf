"""The widgets: each is explained, none is cut off, Tab goes through them from top to bottom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

_EXPLAINED = (
    "QComboBox",
    "QSpinBox",
    "QDoubleSpinBox",
    "QLineEdit",
    "QCheckBox",
    "QPushButton",
    "QToolButton",
    "QTableWidget",
    "QPlainTextEdit",
    "QProgressBar",
    "ctkSliderWidget",
    "ctkCollapsibleButton",
    "qMRMLNodeComboBox",
    "qMRMLCheckableNodeComboBox",
)


def _own(widget: Any) -> list[Any]:
    """The widgets of the .ui file, without those that they are made of."""
    named = {name: w for name, w in vars(widget.ui).items() if name[:3] != "qt_"}
    return [w for w in named.values() if w.isWidgetType()]


def test_each_widget_tells_what_it_is_for(widget: Any) -> None:
    silent = [
        w.objectName for w in _own(widget) if type(w).__name__ in _EXPLAINED and not w.toolTip
    ]
    assert not silent


def test_tooltips_tell_units(widget: Any) -> None:
    for name, unit in (
        ("gridSpacingSpinBox", "mm"),
        ("transformOutputSelector", "mm"),
        ("jacobianOutputSelector", "without a unit"),
        ("smoothnessSpinBox", "without a unit"),
        ("firstSliceSpinBox", "counted from 0"),
        ("blendSlider", "percent"),
        ("structuresTable", "mm"),
    ):
        assert unit in getattr(widget.ui, name).toolTip, name


def test_a_beginner_sees_inputs_and_apply(widget: Any) -> None:
    sections = [w for w in _own(widget) if type(w).__name__ == "ctkCollapsibleButton"]
    unfolded = [w.objectName for w in sections if not w.collapsed and w.visible]
    assert unfolded == ["inputsSection"]
    assert widget.ui.applyButton.visible
    for name in ("viewComboBox", "rangeWidget", "referenceFrameSpinBox", "progressBar"):
        assert not getattr(widget.ui, name).visible, name


@pytest.mark.parametrize("unfolded", [False, True])
def test_nothing_is_cut_off(
    host: Any, widget: Any, pair: tuple[Any, Any], unfolded: bool, tmp_path: Any
) -> None:
    pair[0].SetName("A volume with a long name, as scanners give them: T1_MPRAGE_SAG_1MM_ISO_ND")
    host.select("fixedSelector", pair[0])
    host.select("movingSelector", pair[1])
    if unfolded:
        for section in (
            "anatomy", "alignment", "options", "outputs", "display", "apply", "cohort", "log",
        ):  # fmt: skip
            host.widget(f"{section}Section").collapsed = False
    cut: list[str] = []
    panel = _at_width(host, 384)
    assert panel.minimumSizeHint.width() <= 360
    for w in _own(widget):
        kind = type(w).__name__
        if not w.visible or kind not in ("QLabel", "QPushButton", "QCheckBox", "QToolButton"):
            continue
        text = w.fontMetrics().horizontalAdvance(w.text)
        around = {"QLabel": 0, "QPushButton": 12, "QCheckBox": 18, "QToolButton": 4}[kind]
        if not (kind == "QLabel" and w.wordWrap) and text + around > w.width:
            cut.append(f"{w.objectName}: {w.width} for {text} + {around}")
    assert not cut


def _at_width(host: Any, width: int) -> Any:
    """Lay the panel out in Slicer's window, at a width of its dock."""
    window = host.slicer.util.mainWindow()
    dock = window.findChild(host.qt.QWidget, "PanelDockWidget")
    dock.setMinimumWidth(width)
    dock.setMaximumWidth(width)
    for _ in range(3):
        host.process_events()
    module = host.slicer.app.moduleManager().module("SlicerLDMReg")
    return module.widgetRepresentation()


@pytest.fixture(autouse=True)
def _usual_width(host: Any) -> Iterator[None]:
    yield
    dock = host.slicer.util.mainWindow().findChild(host.qt.QWidget, "PanelDockWidget")
    dock.setMinimumWidth(384)
    dock.setMaximumWidth(2000)


def test_notes_keep_their_last_line(host: Any, widget: Any, pair: Any) -> None:
    host.select("fixedSelector", pair[0])
    host.select("movingSelector", pair[1])
    for section in ("anatomy", "options", "results", "apply"):
        host.widget(f"{section}Section").collapsed = False
    for model in ("auto", "none", "textscf-brain-mr", "ldm-morph-cardiac-mr"):
        for width in (340, 384, 480):
            widget.panel.parameters.model = model
            _at_width(host, width)
            widget.panel.say("A long message, as errors are, of more than one line here. " * 3)
            for _ in range(3):
                host.process_events()
            wrapped = [w for w in _own(widget) if type(w).__name__ == "QLabel" and w.wordWrap]
            shown = [w for w in wrapped if w.visible and w.text]
            names = {w.objectName for w in shown}
            assert {"modelLabel", "extentLabel", "statusLabel"} <= names
            # Slicer's form asks for the least height alone, not for that at the width.
            least = {w: min(w.height, w.minimumHeight) for w in shown}
            cut = [w.objectName for w in shown if least[w] < w.heightForWidth(w.width)]
            assert not cut, (model, width)


def test_notes_follow_the_width(host: Any, widget: Any) -> None:
    status = host.widget("statusLabel")
    widget.panel.say("A long message, as errors are, that needs more than one line here. " * 3)
    heights = []
    for width in (340, 700, 340):
        _at_width(host, width)
        assert status.height >= status.heightForWidth(status.width)
        heights.append(status.height)
    assert heights[0] == heights[2] > heights[1]
    widget.panel.say("Short.")
    host.process_events()
    assert status.height < heights[1]


def test_no_strip_below_folded_sections(host: Any, widget: Any) -> None:
    sections = [w for w in _own(widget) if type(w).__name__ == "ctkCollapsibleButton"]
    assert len(sections) > 8
    host.process_events()
    for section in sections:
        if section.visible and section.collapsed:
            assert section.collapsedHeight == 0
            assert section.height <= section.fontMetrics().height() + 10, section.objectName


def test_the_wheel_moves_the_panel_alone(
    host: Any, widget: Any, pair: Any, add_segmentation: Any
) -> None:
    """Over a control that was not clicked, it would change a choice without a word."""
    panel = widget.panel
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    panel.parameters.fixedLabels = add_segmentation(pair[0], *(f"part {n}" for n in range(11)))
    for section in ("anatomy", "options", "display", "log"):
        host.widget(f"{section}Section").collapsed = False
    for _ in range(100):
        panel.log("info", "a line")
    host.slicer.util.mainWindow().resize(1000, 500)
    _at_width(host, 384)
    area = widget.ui.inputsSection.parentWidget()
    while not area.inherits("QScrollArea"):
        area = area.parentWidget()
    host.widget("parameterSetSelector").setFocus()
    for name in (
        "modelComboBox",
        "extentComboBox",
        "fixedSelector",
        "deviceComboBox",
        "smoothnessSpinBox",
        "seedSpinBox",
        "blendSlider",
        "regionsTable",
        "logTextEdit",
    ):
        control = getattr(widget.ui, name)
        target = _under_the_pointer(host, control)
        before = _value(control)
        area.ensureWidgetVisible(control)
        host.process_events()
        for _ in range(3):  # to and fro, wherever the panel stands
            start = area.verticalScrollBar().value
            steps = -120 if start < area.verticalScrollBar().maximum else 120
            _wheel(host, target, steps)
            assert area.verticalScrollBar().value != start, name
        assert _value(control) == before, name
        assert not control.hasFocus(), name


def test_a_table_that_was_clicked_scrolls(
    host: Any, widget: Any, pair: Any, add_segmentation: Any
) -> None:
    widget.panel.parameters.fixedVolume, widget.panel.parameters.movingVolume = pair
    host.widget("anatomySection").collapsed = False
    widget.panel.parameters.fixedLabels = add_segmentation(
        pair[0], *(f"part {n}" for n in range(11))
    )
    _at_width(host, 384)
    table = host.widget("regionsTable")
    table.window().activateWindow()  # another test may have left another window in front
    table.setFocus()
    host.process_events()
    assert table.hasFocus()
    _wheel(host, table.viewport(), -120)
    assert table.verticalScrollBar().value > 0


def _under_the_pointer(host: Any, control: Any) -> Any:
    """What of a control the wheel turns over."""
    if hasattr(control, "viewport"):
        return control.viewport()
    for kind in ("QComboBox", "QAbstractSpinBox", "QSlider"):
        found = control.findChildren(getattr(host.qt, kind))
        if found:
            return found[0]
    return control


def _value(control: Any) -> Any:
    if hasattr(control, "viewport"):
        return control.verticalScrollBar().value
    for name in ("currentNodeID", "currentIndex", "value"):
        if hasattr(control, name):
            return getattr(control, name)
    raise AssertionError(control)


def _wheel(host: Any, target: Any, steps: int) -> None:
    """Turn the wheel over a widget: what it ignores goes to what it lies in."""
    from PySide6 import QtCore, QtGui, QtWidgets

    while target is not None:
        middle = QtCore.QPointF(target.width / 2, target.height / 2)
        event = QtGui.QWheelEvent(
            middle,
            QtCore.QPointF(target.mapToGlobal(middle.toPoint())),
            QtCore.QPoint(0, 0),
            QtCore.QPoint(0, steps),
            QtCore.Qt.MouseButton.NoButton,
            QtCore.Qt.KeyboardModifier.NoModifier,
            QtCore.Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        if QtWidgets.QApplication.sendEvent(target, event) and event.isAccepted():
            break
        target = target.parentWidget()
    host.process_events()


def test_names_of_structures_are_whole_in_a_narrow_panel(
    host: Any, widget: Any, pair: Any, add_segmentation: Any
) -> None:
    names = (
        "Left-Cerebral-White-Matter",
        "Right-Cerebral-White-Matter",
        "Left-Inf-Lat-Vent",
        "Brain-Stem",
        "tumour",
    )
    panel = widget.panel
    panel.parameters.model = "textscf-brain-mr"
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    panel.parameters.fixedLabels = add_segmentation(pair[0], *names)
    host.widget("anatomySection").collapsed = False
    _at_width(host, 384)
    table = host.widget("regionsTable")
    assert table.rowCount == len(names)
    metrics = table.fontMetrics()
    for row in range(table.rowCount):
        for column in (1, 2, 3):
            item = table.item(row, column)
            room = table.visualItemRect(item)
            needed = metrics.boundingRect(
                host.qt.QRect(0, 0, room.width() - 6, 1000),
                host.qt.Qt.TextWordWrap,
                item.text(),
            )
            assert needed.height() <= room.height(), (item.text(), column)
            assert needed.width() <= room.width() - 6, (item.text(), column)
    # One and the same name stands there once, and once more to be changed.
    assert [table.item(row, 3).text() for row in (0, 1)] == ["\u2713", "\u2713"]
    assert "Left-Cerebral-White-Matter" in table.item(0, 3).toolTip()
    assert table.item(4, 3).text() != "\u2713"


def test_tab_goes_from_top_to_bottom(host: Any, widget: Any, pair: tuple[Any, Any]) -> None:
    host.select("fixedSelector", pair[0])
    for section in ("anatomy", "alignment", "options", "outputs"):
        host.widget(f"{section}Section").collapsed = False
    host.process_events()
    top = widget.ui.inputsSection.parentWidget()
    first = next_one = widget.ui.fixedSelector.focusProxy()
    heights = []
    while True:
        if next_one.visible and top.isAncestorOf(next_one) and next_one.focusPolicy.value & 1:
            heights.append(next_one.mapTo(top, host.qt.QPoint(0, 0)).y())
        next_one = next_one.nextInFocusChain()
        if next_one is first or next_one is widget.ui.applyButton:
            break
    assert next_one is widget.ui.applyButton
    assert len(heights) > 30
    back = [(a, b) for a, b in itertools.pairwise(heights) if b < a - 8]
    assert not back


def test_a_note_that_grows_is_laid_out_once_more(host: Any, widget: Any) -> None:
    """Slicer's form leaves rows below where they were when one grows while they are laid out."""
    from SlicerLDMRegLib.slicer_app.panel.wrapped_labels import WrappedLabels

    asked: list[int] = []

    class Note(host.qt.QLabel):
        def updateGeometry(self) -> None:
            asked.append(self.height)

    note = Note("A long message, as errors are, that needs more than one line here. " * 3)
    note.setWordWrap(True)
    labels = WrappedLabels([note])
    note.show()
    for width in (340, 250):
        note.resize(width, 20)
        before = len(asked)
        host.process_events()
        assert len(asked) > before, "after the layout that has resized it"
    labels.cleanup()
    note.close()
