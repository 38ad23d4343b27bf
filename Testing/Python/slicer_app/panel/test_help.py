"""Help where one looks: ranges in tooltips, names for screen readers, the card of a model."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

_NUMBERS = ("QSpinBox", "QDoubleSpinBox", "ctkSliderWidget")
# Their last number depends on the volume.
_COUNTED = ("firstSliceSpinBox", "lastSliceSpinBox", "referenceFrameSpinBox")
_USED = (
    "QComboBox", "QSpinBox", "QDoubleSpinBox", "QLineEdit", "QCheckBox", "QPushButton",
    "QToolButton", "QTableWidget", "QPlainTextEdit", "QProgressBar", "ctkSliderWidget",
    "qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox",
)  # fmt: skip


def _own(widget: Any, kinds: tuple[str, ...]) -> list[Any]:
    named = {name: w for name, w in vars(widget.ui).items() if name[:3] != "qt_"}
    return [w for w in named.values() if w.isWidgetType() and type(w).__name__ in kinds]


def test_numbers_tell_their_range(widget: Any) -> None:
    numbers = _own(widget, _NUMBERS)
    assert len(numbers) >= 10
    for box in numbers:
        first = f"{box.minimum:g}" if isinstance(box.minimum, float) else f"{box.minimum}"
        last = f"{box.maximum:g}" if isinstance(box.maximum, float) else f"{box.maximum}"
        wanted = f"{first} to one less than there are" if box.objectName in _COUNTED else None
        assert (wanted or f"({first} to {last})") in box.toolTip, box.objectName


def test_every_control_has_a_name_for_screen_readers(host: Any, widget: Any) -> None:
    """A text, a name, or a label whose buddy it is."""
    labels = _own(widget, ("QLabel",))
    with_label = {label.buddy().objectName for label in labels if label.buddy() is not None}
    nameless = []
    for control in _own(widget, _USED):
        text = control.text if type(control).__name__ in ("QPushButton", "QCheckBox") else ""
        said = text or control.accessibleName
        if not re.search(r"[A-Za-z]{3}", said) and control.objectName not in with_label:
            nameless.append(control.objectName)
    assert not nameless


def test_signs_have_a_name(widget: Any) -> None:
    signs = [b for b in _own(widget, ("QToolButton",)) if not re.search("[A-Za-z]{2}", b.text)]
    assert len(signs) >= 4
    assert all(button.accessibleName for button in signs)


@pytest.fixture
def card_section(host: Any, panel: Any, flat_pair: Any) -> Any:
    panel.parameters.fixedVolume, panel.parameters.movingVolume = flat_pair
    panel.parameters.model = "ldm-morph-cardiac-mr"
    host.process_events()
    return panel.sections["model card"]


def test_the_card_tells_what_was_measured(host: Any, panel: Any, card_section: Any) -> None:
    host.click("modelInfoButton")
    assert card_section.dialog.visible
    text = card_section.browser.toPlainText()
    card = panel.card()
    for word in (card.title, card.limits[0], "SyN (ANTs, default)", "HD95 (pixels)", "CC0"):
        assert word in text
    own = card.results[card.id]
    for value in own.values():
        assert f"{value:.4g}" in text
    assert f"<b>{card.id}</b>" in _html(card)


def _html(card: Any) -> str:
    from SlicerLDMRegLib.slicer_app.panel.model_card_text import card_html

    return str(card_html(card))


def test_the_card_follows_the_choice(host: Any, panel: Any, card_section: Any) -> None:
    host.click("modelInfoButton")
    panel.parameters.model = "textscf-brain-mr"
    host.process_events()
    assert "predicted masks + refinement" in card_section.browser.toPlainText()


def test_no_model_has_no_card(host: Any, panel: Any, card_section: Any) -> None:
    panel.parameters.model = "none"
    host.process_events()
    button = host.widget("modelInfoButton")
    assert not button.enabled and button.toolTip == "No model is chosen for these images."


def test_texts_of_a_card_are_no_markup(host: Any, card_section: Any, panel: Any) -> None:
    card = replace(
        panel.card(),
        title="<img src='http://x/y'>",
        limits=("<script>",),
        results={"<b>row": {"<i>Dice": "<u>1"}},
    )
    html = _html(card)
    for part in ("<img", "<script", "<b>row", "<i>", "<u>"):
        assert part not in html
    assert "&lt;img" in html and "&lt;u&gt;1" in html


def test_a_card_without_measurements_says_so(host: Any, card_section: Any, panel: Any) -> None:
    html = _html(replace(panel.card(), results={}, training_data=(), limits=(), weights=None))
    assert "Nothing was measured." in html and "Not stated." in html and "Limits" not in html


def test_the_window_goes_with_the_panel(host: Any, widget: Any, card_section: Any) -> None:
    host.click("modelInfoButton")
    dialog = card_section.dialog
    dialog.close()
    host.click("modelInfoButton")
    assert card_section.dialog is dialog and dialog.visible
    widget.cleanup()
    assert card_section.dialog is None
