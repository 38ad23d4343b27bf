"""The measurement of a segmenter: its scores, its command, its way into the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.Python.training.models import write_segmenter
from training.datasets.brain_labels import SUBJECTS
from training.evaluate_segmenter import main, score_segmentation
from training.export import update_results

SPACING = (2.0, 2.0, 2.0)


def test_scores_of_known_labels() -> None:
    truth = np.zeros((12, 12, 12), np.uint8)
    truth[2:6, 2:6, 2:6], truth[7:11, 7:11, 7:11] = 4, 17
    sure = np.ones(truth.shape, np.float32)
    right = score_segmentation(truth, truth, SPACING, sure)
    assert (right["dice"], right["hd95"], right["accuracy"], right["confidence"]) == (1, 0, 1, 1)

    found = np.where(truth == 17, 0, truth)  # one of the two is missed
    missed = score_segmentation(found, truth, SPACING, np.where(truth == 17, 0.25, sure))
    assert (missed["dice_4"], missed["dice_17"], missed["dice"]) == (1, 0, 0.5)
    assert missed["hd95"] == 0 and missed["accuracy"] == 0.5
    assert missed["confidence"] == pytest.approx(0.625)

    moved = score_segmentation(np.roll(truth, 1, axis=0), truth, SPACING, sure)
    assert moved["dice"] == pytest.approx(0.75) and moved["hd95"] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="background alone"):
        score_segmentation(truth, np.zeros_like(truth), SPACING, sure)


def test_command_measures_a_model_and_its_card_tells(
    tmp_path: Path, phantoms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(phantoms.cache))
    monkeypatch.setitem(SUBJECTS, "train", (1, 2))
    for name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "ANTS_RANDOM_SEED"):
        monkeypatch.setenv(name, "1")  # put back what the command sets
    folder, output = write_segmenter(tmp_path / "untrained"), tmp_path / "results"

    options = ["--root", str(phantoms.root), "--split", "validation", "--threads", "1"]
    options += ["--size", "32", "32", "32", "--spacing", "6"]
    main([str(folder), *options, "--contrasts", "t1", "t2", "--output", str(output)])

    stored = json.loads((output / "results.json").read_text(encoding="utf-8"))
    rows = stored["pairs"]
    assert [(row["method"], row["pair"]) for row in rows] == [
        (title, subject) for title in ("T1-like", "T2-like") for subject in ("15", "16")
    ]
    assert all(0 <= row["dice"] < 0.2 and 0 < row["confidence"] < 0.5 for row in rows)
    assert {s["name"] for s in stored["structures"]} >= {"Left-Hippocampus", "Brain-Stem"}
    assert "Hardest for it" in (output / "table.md").read_text(encoding="utf-8")

    told = update_results(folder, output / "results.json").results
    assert told["description"].startswith("2 images of brain-mr")
    assert told["T1-like"]["Dice"] == round(stored["summary"][0]["dice"], 3)
    assert told["T2-like"]["correct voxels"] == round(stored["summary"][1]["accuracy"], 3)
