"""The self-tests of the module: as ctest runs them, and as "Reload and Test" does."""

from __future__ import annotations

import importlib.metadata
import unittest
from typing import Any

import numpy as np
import pytest

from .conftest import REPOSITORY

_COMPUTING = {
    "test_a_known_translation_is_found",
    "test_register_the_sample_pair",
    "test_the_panel_cancels_registers_and_reverts",
}


@pytest.fixture
def module(host: Any) -> Any:
    """The module's file, loaded."""
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    import SlicerLDMReg  # type: ignore[import-not-found]

    return SlicerLDMReg


@pytest.fixture
def bare(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slicer's Python without torch."""
    version = importlib.metadata.version

    def bare_version(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", bare_version)


def names_of(module: Any) -> set[str]:
    return set(unittest.defaultTestLoader.getTestCaseNames(module.SlicerLDMRegTest))


@pytest.mark.slow
def test_by_ctest(host: Any, module: Any) -> None:
    pytest.importorskip("torch")
    assert names_of(module) > _COMPUTING
    result = host.run_self_tests("SlicerLDMReg.SlicerLDMRegTest")
    assert result.wasSuccessful()
    assert result.testsRun == len(names_of(module))
    assert not result.skipped


@pytest.mark.slow
def test_by_run_test(host: Any, module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    host.slicer.selfTests["SlicerLDMReg"]()
    said = capfd.readouterr().err
    for name in names_of(module):
        assert f"{name} " in said
    assert said.rstrip().endswith("OK"), said


def test_without_torch_the_panel_is_tested_and_the_rest_skipped(host: Any, bare: None) -> None:
    result = host.run_self_tests("SlicerLDMReg.SlicerLDMRegTest")
    assert result.wasSuccessful()
    skipped = {test.id().rpartition(".")[2]: reason for test, reason in result.skipped}
    assert set(skipped) == _COMPUTING
    for reason in skipped.values():
        assert reason.startswith("needs torch>=2.8: install") and "Setup" in reason


def test_reload_and_test(
    same_library: None, host: Any, bare: None, capfd: pytest.CaptureFixture[str]
) -> None:
    before = host.open_module("SlicerLDMReg")
    before.onReloadAndTest()
    assert "OK (skipped=3)" in capfd.readouterr().err  # they do not end it
    assert not host.errors and not host.dialogs.shown
    ui = host.slicer.modules.SlicerLDMRegWidget.ui
    assert ui is not before.ui
    host.click(ui.tryCardiacButton)  # the panel that was made anew is alive
    host.wait_until(lambda: ui.tryCardiacButton.enabled, 30, "the sample")
    assert ui.fixedSelector.currentNode().GetName() == "Cardiac MR diastole"


def test_what_fails_is_told(
    host: Any, module: Any, bare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_resource", lambda name: f"/nowhere/{name}")
    with host.testing(), pytest.raises(AssertionError, match="self-tests failed"):
        host.slicer.selfTests["SlicerLDMReg"]()
    assert not host.run_self_tests("SlicerLDMReg.SlicerLDMRegTest").wasSuccessful()
    host.errors.clear()


def test_a_transform_the_wrong_way_round_is_found(
    host: Any, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from SlicerLDMRegLib.displacement import DisplacementField
    from SlicerLDMRegLib.slicer_app.results import result_contents
    from SlicerLDMRegLib.slicer_app.scene import transform_nodes

    right = transform_nodes.ras_vectors

    def wrong(field: DisplacementField) -> np.ndarray:
        return -right(field)

    for holder in (transform_nodes, result_contents):
        if hasattr(holder, "ras_vectors"):
            monkeypatch.setattr(holder, "ras_vectors", wrong)
    name = "SlicerLDMReg.SlicerLDMRegTest.test_a_known_translation_is_found"
    result = host.run_self_tests(name)
    assert len(result.failures) == 1
