"""Presets on the panel: one choice sets several, and the choices show their preset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def _texts(box: Any) -> list[str]:
    return [box.itemText(row) for row in range(box.count)]


def test_presets(
    host: Any, panel: Any, choices: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDMREG_PRESETS", str(tmp_path))
    (tmp_path / "odd.json").write_text('{"refine": {"sigma": 2.0}}')
    panel.sections["presets"]._on_look()
    parameters, box = panel.parameters, host.widget("presetComboBox")
    assert box.currentText == "Standard" and _texts(box)[-1] == "odd"

    host.choose(box, "Rigid only")
    assert parameters.alignment is choices.Alignment.RIGID and parameters.model == "none"
    assert parameters.refinement is choices.Refinement.OFF
    host.choose(box, "Different modalities (MIND)")
    assert parameters.alignment is choices.Alignment.AUTO and parameters.model == "auto"
    assert parameters.similarity is choices.Similarity.MIND
    assert parameters.refinement is choices.Refinement.MODEL
    assert panel.plan().options["refine"] == {"similarity": "mind"}
    host.choose(box, "Fast")
    assert panel.plan().options["refine"]["iterations"] == parameters.iterations != ""

    parameters.iterations, parameters.seed = "9,8", 4  # each can be changed afterwards
    host.process_events()
    assert box.currentText == "Own choices"
    host.dialogs.answer("QInputDialog", "my liver")
    panel.sections["presets"]._on_save()
    assert json.loads((tmp_path / "my liver.json").read_text()) == {
        "refine": {"enabled": True, "iterations": [9, 8]}
    }
    assert box.currentText == "my liver" and "Own choices" not in _texts(box)
    assert "--preset" in host.widget("statusLabel").text
    host.choose(box, "Standard")
    assert parameters.iterations == "" and parameters.seed == 4
    host.choose(box, "my liver")
    assert parameters.iterations == "9,8"

    host.choose(box, "odd")
    assert "no control for: refine.sigma" in host.widget("statusLabel").text
    assert parameters.iterations == "9,8" and box.currentText == "my liver"
    host.dialogs.answer("QInputDialog", "a/b")
    panel.sections["presets"]._on_save()
    assert "Preset" in host.widget("statusLabel").text
