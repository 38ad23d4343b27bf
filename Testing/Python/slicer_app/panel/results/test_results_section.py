"""The section "Results" tells what the nodes of a result know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.report.verdict import judge

GOOD = {
    "before": {"ncc": 0.7, "mse": 0.04, "dice": {1: 0.6, 2: 0.5}, "dice_mean": 0.55},
    "after": {"ncc": 0.95, "mse": 0.01, "dice": {1: 0.9, 2: 0.8}, "dice_mean": 0.85},
    "deformation": {"fold_count": 0, "fold_percent": 0.0, "jacobian_min": 0.4},
    "label_names": {1: "ball", 2: "<cube>"},
}
BAD = {
    "before": {"ncc": 0.8, "dice": {1: 0.9, 2: 0.5, 3: 0.2}, "hd95": {1: 2.0, 2: 3.0, 3: 4.0}},
    "aligned": {"ncc": 0.82, "dice": {1: 0.91, 2: 0.5, 3: 0.2}},
    "after": {"ncc": 0.6, "dice": {1: 0.7, 2: 0.8, 3: 0.1}, "hd95": {1: 5.0, 2: 1.0, 3: 4.0}},
    "deformation": {
        "fold_count": 900,
        "fold_percent": 1.7,
        "jacobian_min": -0.3,
        "jacobian_max": 5.0,
    },
    "label_names": {1: "ball", 2: "cube", 3: "cone"},
}


@pytest.fixture
def section(form: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.panel.results_section import ResultsSection

    section = ResultsSection(form.ui, form)
    section.setup()
    form.sections.append(section)
    section.update()
    return section


def rows(table: Any) -> list[list[str]]:
    def text(row: int, column: int) -> str:
        item = table.item(row, column)
        return "" if item is None else item.text()

    return [[text(r, c) for c in range(table.columnCount)] for r in range(table.rowCount)]


def headings(table: Any) -> list[str]:
    return [table.horizontalHeaderItem(n).text() for n in range(table.columnCount)]


def test_without_a_result_it_says_so(host: Any, form: Any, section: Any) -> None:
    form.ui.resultsSection.collapsed = False
    host.process_events()
    assert form.ui.verdictLabel.text == "There is no result for these volumes yet."
    hidden = ("findingsLabel", "adviceLabel", "metricsTable", "structuresTable", "reportButton")
    assert not any(getattr(form.ui, name).visible for name in hidden)


def test_a_good_result(host: Any, form: Any, section: Any, registered: Any) -> None:
    assert form.ui.resultsSection.collapsed
    registered(metrics=GOOD)
    ui = form.ui
    assert not ui.resultsSection.collapsed  # it opens for a run
    verdict = judge(GOOD)
    assert verdict.status == "good"
    assert "\u2713&nbsp;Good" in ui.verdictLabel.text  # not by colour alone
    assert verdict.headline in ui.verdictLabel.text
    assert "moving \u2192 fixed<br>some-model \u00b7 2026-01-0" in ui.verdictLabel.text
    assert "#2e7d32" in ui.verdictLabel.styleSheet
    for sentence in verdict.findings:
        assert sentence in ui.findingsLabel.text
    assert "the difference and the grid" in ui.adviceLabel.text
    assert headings(ui.metricsTable) == ["Measure", "Before", "After"]
    table = {row[0]: row[1:] for row in rows(ui.metricsTable)}
    assert table["Similarity (NCC)"] == ["0.700", "0.950"]
    assert table["Mean squared error"] == ["0.0400", "0.0100"]
    assert table["Mean Dice"] == ["0.550", "0.850"]
    assert table["Deformation"] == ["", ""]
    assert table["Folded samples"] == ["", "0"]
    assert rows(ui.structuresTable) == [["<cube>", "0.500", "0.800"], ["ball", "0.600", "0.900"]]


def test_a_bad_result_after_an_alignment(
    host: Any, form: Any, section: Any, registered: Any
) -> None:
    registered(metrics=BAD)
    ui = form.ui
    assert "\u2715&nbsp;Bad" in ui.verdictLabel.text
    assert "Do not rely on this result." in ui.verdictLabel.text
    assert headings(ui.metricsTable) == ["Measure", "Before", "Aligned", "After"]
    table = {row[0]: row[1:] for row in rows(ui.metricsTable)}
    assert table["Similarity (NCC)"] == ["0.800", "0.820", "\u2715 0.600"]
    assert table["Folded samples"] == ["", "", "\u2715 900 (1.7 %)"]
    assert table["Jacobian determinant"] == ["", "", "\u22120.30 to 5.00"]
    assert rows(ui.structuresTable) == [  # the worst first; what became worse is marked
        ["cone", "0.200", "\u2715 0.100", "4.0", "4.0"],
        ["ball", "0.900", "\u2715 0.700", "2.0", "\u2715 5.0"],
        ["cube", "0.500", "0.800", "3.0", "1.0"],
    ]
    tip = ui.structuresTable.item(1, 2).toolTip()
    assert tip == "Dice \u22120.200; 0.910 after the alignment alone"


def test_a_run_that_wrote_a_volume_alone_is_told_until_the_scene_is_loaded(
    host: Any, form: Any, section: Any, registered: Any
) -> None:
    registered({"warped": None}, metrics=GOOD)
    assert "Good" in form.ui.verdictLabel.text
    assert form.ui.resultsSection.text == "Results: Good"
    assert form.ui.reportButton.enabled
    assert not form.ui.resultsMessageLabel.visible
    form.session.last = None
    form.update()
    assert "no result" in form.ui.verdictLabel.text
    assert form.ui.resultsSection.text == "Results"


def test_it_follows_the_volumes(host: Any, form: Any, section: Any, registered: Any) -> None:
    registered(metrics=GOOD)
    fixed = form.parameters.fixedVolume
    form.parameters.fixedVolume = form.parameters.movingVolume
    form.update()
    assert "no result" in form.ui.verdictLabel.text
    form.parameters.fixedVolume = fixed
    form.update()
    assert "Good" in form.ui.verdictLabel.text
    registered(metrics=BAD, provenance={"date": "2026-01-02T05:00:00"})  # into the same nodes
    assert "Bad" in form.ui.verdictLabel.text


def test_a_saved_scene_tells_the_same_but_has_no_report(
    host: Any, form: Any, section: Any, registered: Any, tmp_path: Path
) -> None:
    registered(metrics=BAD)
    before = [form.ui.verdictLabel.text, rows(form.ui.metricsTable), rows(form.ui.structuresTable)]
    path = str(tmp_path / "scene.mrb")
    assert host.slicer.util.saveScene(path)
    form.session.last = form.parameters.fixedVolume = form.parameters.movingVolume = None
    host.slicer.mrmlScene.Clear(0)
    form.update()
    assert "no result" in form.ui.verdictLabel.text
    assert host.slicer.app.coreIOManager().loadScene(path)
    form.parameters.fixedVolume = host.slicer.util.getNode("fixed")
    form.parameters.movingVolume = host.slicer.util.getNode("moving")
    form.update()
    host.process_events()
    after = [form.ui.verdictLabel.text, rows(form.ui.metricsTable), rows(form.ui.structuresTable)]
    assert after == before
    assert not form.ui.reportButton.enabled
    assert "not of a saved scene" in form.ui.reportButton.toolTip
    assert form.ui.resultsMessageLabel.text == form.ui.reportButton.toolTip  # for all to see
    assert not form.ui.revertButton.enabled


def test_a_result_does_not_widen_the_panel(
    host: Any, form: Any, section: Any, registered: Any
) -> None:
    form.ui.resultsSection.collapsed = False
    registered(metrics=GOOD)
    host.process_events()
    labels = [form.ui.verdictLabel, form.ui.findingsLabel, form.ui.adviceLabel]
    widths = []
    for text in ("short", "one word after the other, " * 20):
        for label in labels:
            label.text = text
        host.process_events()
        widths.append(form.ui.resultsSection.sizeHint.width())
    assert widths[0] == widths[1]


def test_revert(host: Any, form: Any, section: Any, registered: Any) -> None:
    registered(metrics=GOOD)
    registered(metrics=BAD, provenance={"date": "2026-01-02T05:00:00"})
    host.click(form.ui.revertButton)
    assert "Good" in form.ui.verdictLabel.text  # the result before it is there again
    assert form.said == ["Reverted: the scene is as it was before the run."]
    assert not form.ui.revertButton.enabled
    assert not form.ui.reportButton.enabled


def test_a_run_that_goes_on_cannot_be_reverted(
    host: Any, form: Any, section: Any, registered: Any
) -> None:
    form.session.running = True
    registered(metrics=GOOD)
    assert not form.ui.revertButton.enabled
    form.session.running = False
    form.update()
    assert form.ui.revertButton.enabled


def test_the_report_is_written_beside_the_application(
    host: Any, form: Any, section: Any, registered: Any, tmp_path: Path
) -> None:
    registered(metrics=GOOD)
    host.dialogs.answer("Save report", str(tmp_path / "my report"))
    host.click(form.ui.reportButton)
    assert "Writing" in form.ui.resultsMessageLabel.text  # the click does not wait for it
    assert not (tmp_path / "my report.html").exists()
    assert not form.ui.reportButton.enabled
    host.wait_until(lambda: "Writing" not in form.ui.resultsMessageLabel.text, 60, "the report")
    assert "Saved" in form.ui.resultsMessageLabel.text
    text = (tmp_path / "my report.html").read_text(encoding="utf-8")
    assert judge(GOOD).headline in text
    assert text.count("data:image/png;base64,") >= 6
    assert "moving" in text.split("</title>")[0]  # images are called as their nodes
    assert [path.name for path in tmp_path.iterdir()] == ["my report.html"]
    assert form.ui.reportButton.enabled


def test_a_report_that_cannot_be_written_says_why(
    host: Any, form: Any, section: Any, registered: Any, tmp_path: Path
) -> None:
    registered(metrics=GOOD)
    host.dialogs.answer("Save report", "")  # the user changes their mind
    host.click(form.ui.reportButton)
    assert form.ui.reportButton.enabled
    host.dialogs.answer("Save report", str(tmp_path / "missing" / "report.html"))
    host.click(form.ui.reportButton)
    host.wait_until(lambda: "not saved" in form.ui.resultsMessageLabel.text, 60, "the error")
    assert "missing" in form.ui.resultsMessageLabel.text
    assert form.ui.reportButton.enabled


def test_how_far_structures_have_moved(host: Any, form: Any, section: Any, registered: Any) -> None:
    import json

    run = registered(metrics=GOOD)
    assert not form.ui.displacementsTable.visible, "nothing is labelled"
    found = [
        {"name": "<ball>", "mean_mm": 1.25, "max_mm": 2.0, "vector_mm": [-1.2, 0.1, 0.0]},
        {"name": "cube", "mean_mm": 4.0, "max_mm": 9.5, "vector_mm": [0.0, 2.5, -2.5]},
    ]
    run.nodes["transform"].SetAttribute("LDMReg.Displacements", json.dumps(found))
    section._key = None
    section.update()
    table = form.ui.displacementsTable
    assert table.visible
    assert headings(table) == ["Structure moved by", "Mean\nmm", "Most\nmm", "To"]
    assert rows(table) == [["cube", "4.0", "9.5", "AI"], ["<ball>", "1.2", "2.0", "L"]]
    assert "\u22121.2 R, +0.1 A, +0.0 S mm" in table.item(1, 3).toolTip()
    run.nodes["transform"].SetAttribute("LDMReg.Displacements", "[{")
    section._key = None
    section.update()
    assert not table.visible
