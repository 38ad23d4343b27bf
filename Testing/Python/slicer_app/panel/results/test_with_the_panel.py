"""From "Try it" to the report, as a person does it: the real panel, worker and model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.resources import bundled_models_dir

PATIENCE = 600.0  # seconds; a busy machine takes a minute to import torch


@pytest.fixture
def widget(host: Any) -> Iterator[Any]:
    """The module's widget, opened."""
    if not (bundled_models_dir() / "ldm-morph-cardiac-mr" / "model.safetensors").is_file():
        pytest.skip("needs the cardiac model")
    host.load_module(Path(__file__).parents[5] / "SlicerLDMReg" / "SlicerLDMReg.py")
    widget = host.open_module("SlicerLDMReg")
    yield widget
    widget.panel.session.close()


def test_from_try_it_to_the_report(host: Any, widget: Any, tmp_path: Path) -> None:
    slicer, panel = host.slicer, widget.panel
    before = set(sys.modules)
    host.click("tryCardiacButton")
    host.wait_until(lambda: not panel.loading, 30, "the sample")
    assert host.widget("fixedSelector").currentNode().GetName() == "Cardiac MR diastole"
    assert host.widget("movingSelector").currentNode().GetName() == "Cardiac MR systole"
    host.check("optionsSection")
    host.choose("refineComboBox", _text(host.widget("refineComboBox"), "Off"))
    host.click("applyButton")
    host.wait_until(lambda: not panel.session.running, PATIENCE, "the registration")
    run = panel.session.last
    assert run is not None, host.widget("statusLabel").text
    # The section opens by itself, once the application has done what is due.
    host.wait_until(lambda: host.widget("verdictLabel").visible, PATIENCE, "the results")
    metrics = _rows(host.widget("metricsTable"))
    assert float(metrics["Similarity (NCC)"][1]) > float(metrics["Similarity (NCC)"][0])
    assert float(metrics["Mean Dice"][1]) > 0.75 > float(metrics["Mean Dice"][0])
    structures = _rows(host.widget("structuresTable"))
    assert set(structures) == {
        "Left ventricle cavity",
        "Myocardium",
        "Right ventricle cavity",
    }
    after = [float(row[1].strip("\u2715 ")) for row in structures.values()]
    assert after == sorted(after)

    host.dialogs.answer("Save report", str(tmp_path / "report.html"))
    host.click("reportButton")
    message = host.widget("resultsMessageLabel")
    host.wait_until(lambda: "Writing" not in message.text, PATIENCE, "the report")
    assert "Saved" in message.text, message.text
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Cardiac MR diastole" in report
    assert "Right ventricle cavity" in report
    assert not {"torch", "matplotlib"} & (set(sys.modules) - before)

    host.check("applySection")
    labels = slicer.util.getNode("Labels of Cardiac MR systole")
    start = labels.GetSegmentation().GetNumberOfSegments(), _bounds(labels)
    widget.ui.applyNodesSelector.setCheckState(labels, host.qt.Qt.Checked)
    host.process_events()
    host.check("hardenCheckBox")
    host.click("applyToButton")
    assert not np.allclose(_bounds(labels), start[1], atol=0.5)
    host.click("undoApplyButton")
    np.testing.assert_allclose(_bounds(labels), start[1], atol=1e-6)

    host.click("revertButton")
    assert not any(slicer.mrmlScene.IsNodePresent(node) for node in run.nodes.values())
    assert "no result" in host.widget("verdictLabel").text
    assert host.widget("statusLabel").text.startswith("Reverted"), "no longer that it is done"


def _text(box: Any, begin: str) -> str:
    texts = [box.itemText(row) for row in range(box.count)]
    return next(text for text in texts if text.startswith(begin))


def _rows(table: Any) -> dict[str, list[str]]:
    def text(row: int, column: int) -> str:
        item = table.item(row, column)
        return "" if item is None else item.text()

    return {
        text(row, 0): [text(row, column) for column in range(1, table.columnCount)]
        for row in range(table.rowCount)
    }


def _bounds(node: Any) -> list[float]:
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    return bounds
