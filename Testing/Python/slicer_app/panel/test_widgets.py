"""The widgets: each is explained, none is cut off, Tab goes through them from top to bottom."""

from __future__ import annotations

import itertools
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
        for section in ("anatomy", "alignment", "options", "outputs", "display", "apply", "log"):
            host.widget(f"{section}Section").collapsed = False
    cut: list[str] = []
    host.grab_panel(tmp_path / "panel.png", width=480)  # lays everything out at this width
    panel = host.slicer.app.moduleManager().module("SlicerLDMReg").widgetRepresentation()
    assert panel.minimumSizeHint.width() <= 380
    for w in _own(widget):
        kind = type(w).__name__
        if not w.visible or kind not in ("QLabel", "QPushButton", "QCheckBox", "QToolButton"):
            continue
        text = w.fontMetrics().horizontalAdvance(w.text)
        around = {"QLabel": 0, "QPushButton": 12, "QCheckBox": 18, "QToolButton": 4}[kind]
        if not (kind == "QLabel" and w.wordWrap) and text + around > w.width:
            cut.append(f"{w.objectName}: {w.width} for {text} + {around}")
    assert not cut


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
