"""Many pairs from the panel: what is asked for, the run in the background, and its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.Prove.dask_processes import blobs

from .conftest import REPOSITORY

_SECONDS = 300.0
_LOADED, _TO_ONE = 2, 1


@pytest.fixture
def opened(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module's panel as it is; the command runs in its own process, without Dask."""
    pytest.importorskip("torch")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    panel = host.open_module("SlicerLDMReg").panel
    panel.ui.cohortSection.collapsed = False
    panel.parameters.model = "none"
    panel.parameters.iterations = "3,2"
    yield panel


def section_of(panel: Any) -> Any:
    return panel.sections["cohort"]


@pytest.fixture
def volumes(host: Any) -> Callable[[int], list[Any]]:
    """Put small 2D images into the scene."""

    def add(count: int) -> list[Any]:
        nodes = []
        for n in range(count):
            node = host.slicer.util.addVolumeFromArray(blobs(n)[None], name=f"scan {n}")
            nodes.append(node)
        host.process_events()
        return nodes

    return add


def test_what_is_missing_is_told_on_the_button(host: Any, panel: Any, tmp_path: Path) -> None:
    ui = panel.ui
    ui.cohortSection.collapsed = False
    panel.update()
    assert (ui.cohortButton.text, ui.cohortButton.enabled) == ("Choose a table.", False)
    assert ui.cohortManifestEdit.visible and not ui.cohortReferenceEdit.visible
    ui.cohortManifestEdit.text = str(tmp_path / "pairs.csv")
    assert ui.cohortButton.text == "Choose a folder for the results."
    ui.cohortOutputEdit.text = str(tmp_path / "study")
    assert (ui.cohortButton.text, ui.cohortButton.enabled) == ("Register all", True)
    ui.cohortSourceComboBox.setCurrentIndex(1)
    assert ui.cohortPairsComboBox.currentIndex == _TO_ONE and ui.cohortReferenceEdit.visible
    ui.cohortPairsComboBox.setCurrentIndex(0)
    assert ui.cohortButton.text == "Choose how images make pairs."
    ui.cohortSourceComboBox.setCurrentIndex(_LOADED)
    assert not ui.cohortManifestEdit.visible


def test_the_command_has_the_choices_of_the_panel(running_host: Any) -> None:
    from SlicerLDMRegLib.cli.parser import build_parser
    from SlicerLDMRegLib.slicer_app.run.cohort_run import cohort_command

    options = {
        "model": "none", "align": "rigid", "device": "cpu", "precision": "auto", "seed": 3,
        "refine": {"enabled": True, "similarity": "mind", "iterations": "5,4", "smoothness": 0.5},
        "diffeomorphic": None,
    }  # fmt: skip
    command = cohort_command(Path("/a b/pairs.csv"), Path("/out"), "to:x", options)
    arguments = build_parser().parse_args(command[3:])
    assert (arguments.source, arguments.output, arguments.pairs) == (
        "/a b/pairs.csv",
        "/out",
        "to:x",
    )
    assert (arguments.model, arguments.align, arguments.seed) == ("none", "rigid", 3)
    assert arguments.refine is True and arguments.refine_similarity == "mind"
    assert (arguments.refine_iterations, arguments.refine_smoothness) == ("5,4", 0.5)
    off = cohort_command(Path("p"), Path("o"), None, {"refine": {"enabled": False}})
    assert "--no-refine" in off and "--pairs" not in off


@pytest.mark.parametrize(
    ("names", "shown", "target"),
    [
        (["a_to_c", "b_to_c"], ["a", "b"], "c"),
        (["x_to_a_to_c", "b_to_c"], ["x_to_a", "b"], "c"),
        (["a_to_c", "c_to_a"], ["a_to_c", "c_to_a"], ""),
        (["first", "second"], ["first", "second"], ""),
        (["first", "b_to_c"], ["first", "b_to_c"], ""),
        (["a_to_c"], ["a_to_c"], ""),
        ([], [], ""),
    ],
)
def test_a_fixed_image_of_all_pairs_is_named_once(
    running_host: Any, names: list[str], shown: list[str], target: str
) -> None:
    from SlicerLDMRegLib.slicer_app.panel.cohort_section import without_common_end
    from SlicerLDMRegLib.slicer_app.scene.cohort_pairs import pair_names

    parts = [pair_names({"id": name}) for name in names]
    assert without_common_end(names, parts) == (shown, target)


def test_a_finished_cohort_shows_worst_pairs_first_in_words(
    host: Any, panel: Any, tmp_path: Path
) -> None:
    from types import SimpleNamespace

    from SlicerLDMRegLib.cohort import CohortFolder, make_plan
    from SlicerLDMRegLib.cohort.records import write_record
    from SlicerLDMRegLib.cohort.run import _write_plan

    names = ["good", "check", "bad", "failed", "missing"]
    for n, name in enumerate(["one", *names]):
        sitk.WriteImage(sitk.GetImageFromArray(blobs(n)), str(tmp_path / f"{name}.nrrd"))
    rows = [f"one.nrrd,{name}.nrrd,{name}_to_one" for name in names]
    (tmp_path / "pairs.csv").write_text("\n".join(["fixed,moving,id", *rows]) + "\n")
    folder = CohortFolder(tmp_path / "study")
    plan = make_plan(tmp_path / "pairs.csv", folder, {"model": "none"})
    folder.prepare(share=False)
    _write_plan(plan, folder, False)
    for n, name in enumerate(names[:3]):
        done = {"status": "done", "verdict": name, "numbers": {"quality": 0.9 - n / 10}}
        write_record(folder, f"{name}_to_one", done)
    write_record(folder, "failed_to_one", {"status": "failed", "reason": "out of memory"})
    section, ui = section_of(panel), panel.ui
    ui.cohortSection.collapsed = False
    section._folder = folder
    section._finished(SimpleNamespace(folder=folder, code=8, cancelled=False))
    assert ui.cohortStatusLabel.text == (
        "3 of 5 pairs are registered. Failed: 1. A click on a pair loads it."
    )
    table = ui.cohortTable
    texts = [[table.item(row, column).text() for column in range(3)] for row in range(5)]
    assert [text[:2] for text in texts] == [
        ["failed", "\u2715 Failed"], ["bad", "\u2715 Bad"], ["check", "Check"],
        ["good", "Good"], ["missing", "Missing"],
    ]  # fmt: skip
    assert [text[2] for text in texts] == ["", "0.70", "0.80", "0.90", ""]
    assert table.horizontalHeaderItem(0).text() == "To one"
    assert table.item(0, 0).toolTip() == "failed_to_one\nout of memory"
    host.process_events()
    section._on_cell(0, 0)
    assert ui.cohortStatusLabel.text == "failed_to_one: out of memory"


@pytest.mark.slow
def test_loaded_volumes_are_registered_and_a_click_opens_a_pair(
    host: Any, opened: Any, volumes: Callable[[int], list[Any]], tmp_path: Path
) -> None:
    nodes, ui, section = volumes(3), opened.ui, section_of(opened)
    opened.parameters.fixedVolume = nodes[1]
    opened.parameters.movingVolume = nodes[2]
    ui.cohortSourceComboBox.setCurrentIndex(_LOADED)
    ui.cohortOutputEdit.text = str(tmp_path / "results")
    host.click("cohortButton")
    assert ui.cohortButton.text == "Cancel" and ui.cohortProgressBar.visible
    assert not ui.cohortOutputEdit.enabled
    host.wait_until(lambda: section.run is None, _SECONDS, "the end of the pairs")
    assert "2 of 2 pairs are registered" in ui.cohortStatusLabel.text, ui.logTextEdit.toPlainText()
    assert ui.cohortTable.rowCount == 2 and ui.cohortPageButton.visible
    assert {row["id"] for row in section.rows} == {"scan-0_to_scan-1", "scan-2_to_scan-1"}
    row = next(n for n, r in enumerate(section.rows) if r["id"].startswith("scan-0_"))
    before = set(host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    section._on_cell(row, 0)
    host.process_events()
    assert opened.parameters.fixedVolume is nodes[1] and opened.parameters.movingVolume is nodes[0]
    new = set(host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) - before
    assert [node.GetName() for node in new] == ["scan 0 warped"]
    fixed = host.slicer.util.arrayFromVolume(nodes[1]).astype(float)
    warped = host.slicer.util.arrayFromVolume(new.pop()).astype(float)
    moving = host.slicer.util.arrayFromVolume(nodes[0]).astype(float)
    assert np.mean((warped - fixed) ** 2) < np.mean((moving - fixed) ** 2)
    section._on_cell(row, 0)  # once more loads nothing again
    after = set(host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    assert len(after) == len(before) + 1


@pytest.mark.slow
def test_cancel_keeps_what_is_complete_and_faults_are_told(
    host: Any, opened: Any, tmp_path: Path
) -> None:
    ui, section = opened.ui, section_of(opened)
    for n in range(12):
        sitk.WriteImage(sitk.GetImageFromArray(blobs(n)), str(tmp_path / f"i{n}.nrrd"))
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["image", *(f"i{n}.nrrd" for n in range(12))]) + "\n")
    ui.cohortManifestEdit.text = str(table)
    ui.cohortPairsComboBox.setCurrentIndex(2)
    ui.cohortOutputEdit.text = str(tmp_path / "study")
    host.click("cohortButton")
    records = tmp_path / "study" / "records"
    host.wait_until(lambda: any(records.glob("*/*.json")), _SECONDS, "the first pair")
    host.click("cohortButton")
    assert ui.cohortButton.text == "Cancelling..."
    host.wait_until(lambda: section.run is None, _SECONDS, "the end of the run")
    assert "Cancelled." in ui.cohortStatusLabel.text
    done = [row for row in section.rows if row["status"] == "done"]
    assert 1 <= len(done) < 132 == len(section.rows)

    table.write_text("image\nnowhere.nrrd\n")
    ui.cohortOutputEdit.text = str(tmp_path / "other")
    host.click("cohortButton")
    host.wait_until(lambda: section.run is None, _SECONDS, "the end of the command")
    assert "nowhere.nrrd" in ui.cohortStatusLabel.text


@pytest.mark.slow
def test_the_processes_end_with_the_panel(host: Any, opened: Any, tmp_path: Path) -> None:
    from SlicerLDMRegLib._processes import is_running

    for n in range(2):
        sitk.WriteImage(sitk.GetImageFromArray(blobs(n)), str(tmp_path / f"i{n}.nrrd"))
    table = tmp_path / "pairs.csv"
    table.write_text("fixed,moving\ni0.nrrd,i1.nrrd\n")
    opened.ui.cohortManifestEdit.text = str(table)
    opened.ui.cohortOutputEdit.text = str(tmp_path / "study")
    host.click("cohortButton")
    section = section_of(opened)
    pid = section.run._process.pid
    assert is_running(pid)
    section.cleanup()
    assert not is_running(pid)
