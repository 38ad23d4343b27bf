"""What is hostile or damaged on the panel: models, names of nodes, messages of the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.errors import InputError
from Testing.Prove.bad_inputs import _changed, _store, unsafe_characters
from Testing.Python.slicer_app.panel.conftest import PlayedSession

NASTY = "<img src='x'>\x1b[31mred\x9b2J\u202eesrever\u2069\x07<b>bold</b>"
FIXED_WIDGETS = ("modelLabel", "anatomyLabel", "statusLabel", "applyMessageLabel")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's models, before the panel looks there."""
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path))
    return tmp_path


def texts(combo: Any) -> list[str]:
    return [combo.itemText(index) for index in range(combo.count)]


@pytest.mark.parametrize(
    "metadata", ["{", "[" * 100_000, _changed(label_scheme={"9" * 5000: {"name": "x"}}), "\0"]
)
def test_a_damaged_model_is_a_line_in_the_log(
    host: Any, models: Path, widget: Any, pair: Any, metadata: str
) -> None:
    _store(models, metadata)
    widget.panel.models_changed()
    shown = texts(widget.panel.ui.modelComboBox)
    log = widget.panel.ui.logTextEdit.toPlainText()
    assert len(shown) >= 3 and not any("bad" in text for text in shown)
    lines = [line for line in log.splitlines() if "bad" in line]
    assert len(lines) == 1 and "warning: " in lines[0] and len(lines[0]) < 500


def test_titles_of_models_are_shown_as_they_are(
    host: Any, models: Path, widget: Any, pair: Any
) -> None:
    _store(models, _changed(title=NASTY, use=NASTY))
    panel = widget.panel
    panel.models_changed()
    (title,) = (text for text in texts(panel.ui.modelComboBox) if "esrever" in text)
    assert unsafe_characters(title) == "" and r"\x1b[31m" in title
    index = texts(panel.ui.modelComboBox).index(title)
    tip = panel.ui.modelComboBox.itemData(index, host.qt.Qt.ToolTipRole)
    assert unsafe_characters(tip) == "" and "<img" not in tip and "&lt;img" in tip


def test_names_of_nodes_are_shown_as_they_are(
    host: Any, panel: Any, session: PlayedSession, add_volume: Callable[..., Any]
) -> None:
    panel.parameters.fixedVolume = add_volume(NASTY)
    panel.parameters.movingVolume = add_volume("ES", seed=1)
    host.process_events()
    host.click(panel.ui.applyButton)
    log = panel.ui.logTextEdit.toPlainText()
    assert "esrever" in log and unsafe_characters(log) == ""
    session.progress("align", 0.5, NASTY)
    assert unsafe_characters(panel.ui.statusLabel.text) == ""
    session.log("warning", f"a line\n{NASTY}")
    session.fail(InputError(NASTY))
    host.process_events()
    for widget in (panel.ui.statusLabel.text, panel.ui.logTextEdit.toPlainText()):
        assert "esrever" in widget and unsafe_characters(widget) == ""


def test_segments_are_shown_as_they_are(
    host: Any, panel: Any, pair: Any, add_segmentation: Callable[..., Any]
) -> None:
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    panel.parameters.fixedLabels = add_segmentation(pair[0], NASTY, "liver")
    host.process_events()
    table = panel.ui.regionsTable
    cells = [table.item(row, column) for row in range(2) for column in range(1, 3)]
    found = [cell for cell in cells if cell is not None and "esrever" in cell.text()]
    assert found
    for cell in found:
        assert unsafe_characters(cell.text()) == unsafe_characters(cell.toolTip()) == ""
        assert "<img" not in cell.toolTip()


def test_labels_take_no_markup(host: Any, panel: Any) -> None:
    for name in FIXED_WIDGETS:
        label = getattr(panel.ui, name)
        assert label.textFormat == host.qt.Qt.PlainText, name


def test_tips_and_questions_are_texts(running_host: Any) -> None:
    from SlicerLDMRegLib.slicer_app.panel.safe_texts import escaped, tip

    assert tip("a line\nand another") == "a line\nand another"
    assert tip("a <b>\n& b\x1b") == r"<qt>a &lt;b&gt;<br>&amp; b\x1b</qt>"
    assert escaped("<i>\u202e") == r"&lt;i&gt;\u202e"
