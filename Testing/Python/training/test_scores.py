"""Scores of a field, their summary, comparison and table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from training.datasets.evaluation import EvaluationPair, pixel_lattice
from training.export import measured_results
from training.result_files import to_markdown, write_results
from training.scores import compare, score, summarise, summarise_structures

SHAPE = (48, 64)


def blobs(shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    rows, columns = np.indices(SHAPE).astype(np.float32)
    distance = (rows - 24 - shift[0]) ** 2 / 2 + (columns - 30 - shift[1]) ** 2
    return np.exp(-distance / 60).astype(np.float32)


def pair(shift: tuple[float, float]) -> EvaluationPair:
    fixed, moving = blobs(), blobs(shift)
    labels = [(image > 0.4).astype(np.uint8) for image in (fixed, moving)]
    return EvaluationPair(f"shift{shift}", fixed, moving, *labels)


def test_score_of_a_known_shift() -> None:
    case = pair((4.0, 0.0))
    right = np.zeros((2, *SHAPE))
    right[0] = 4
    row = score(case, DisplacementField.from_voxels(right, pixel_lattice(SHAPE)))
    assert row["dice"] == row["dice_1"] == 1
    assert row["hd95"] == 0
    assert row["ncc"] == pytest.approx(1, abs=1e-3)
    assert row["folds_percent"] == row["folds_strict_percent"] == row["sdlogj"] == 0
    unmoved = DisplacementField.identity(case.lattice)
    wrong = score(case, DisplacementField.from_voxels(-right, pixel_lattice(SHAPE)))
    assert wrong["dice"] < score(case, unmoved)["dice"] < 1
    assert wrong["hd95"] == pytest.approx(8, abs=0.5)


def test_score_sees_folds_and_labels_that_only_one_image_holds() -> None:
    case = pair((0.0, 0.0))
    moving_labels = case.moving_labels.copy()
    moving_labels[-1] = 9
    fixed_labels = case.fixed_labels.copy()
    fixed_labels[0] = 5
    case = EvaluationPair("", case.fixed, case.moving, fixed_labels, moving_labels)
    folded = np.zeros((2, *SHAPE))
    folded[1, :, 20:22] = (3, -3)
    field = DisplacementField.from_voxels(folded, pixel_lattice(SHAPE))
    row = score(case, field)
    assert {key for key in row if key.startswith("dice_")} == {"dice_1"}
    # Columns whose central difference of u is at most -1: 20 and 21 (one-sided: 20, 21, 22 too).
    step = np.gradient(folded[1], axis=1)
    assert row["folds_percent"] == pytest.approx(100 * (1 + step <= 0).mean())
    assert row["folds_strict_percent"] >= row["folds_percent"] > 0


def test_summary_and_table() -> None:
    rows = [
        {"method": "A", "pair": "p", "dice": 0.8, "ncc": 0.5, "seconds": 1.0},
        {"method": "A", "pair": "q", "dice": 0.6, "ncc": 0.7, "seconds": 3.0},
        {"method": "A", "pair": "r", "dice": float("nan"), "ncc": 0.6, "seconds": 1.2},
        {"method": "B", "pair": "p", "ncc": 0.9, "seconds": 0.1},
    ]
    a, b = summarise(rows)
    assert (a["pairs"], b["pairs"]) == (3, 1)
    assert a["dice"] == pytest.approx(0.7)
    assert a["dice_sd"] == pytest.approx(0.1)
    assert a["ncc"] == pytest.approx(0.6)
    assert (a["seconds"], a["seconds_min"]) == (1.2, 1.0)
    assert to_markdown([a, b]).splitlines() == [
        "| Method | Dice | NCC | Seconds a pair |",
        "|---|---:|---:|---:|",
        "| A | 0.700 ± 0.100 | 0.600 | 1.200 |",
        "| B | - | 0.900 | 0.100 |",
    ]


def test_results_json_holds_no_nan(tmp_path: Path) -> None:
    row = {"method": "A", "pair": "p", "hd95": float("nan"), "seconds": 0.1}
    run = {"data": "test", "machine": {"cpu": "none", "threads": 1}}
    write_results(tmp_path / "new", [row], run)
    text = (tmp_path / "new" / "results.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["pairs"][0]["hd95"] is None


def test_volumes_are_measured_in_mm_and_against_the_truth() -> None:
    geometry = ImageGeometry(
        (12, 10, 8), (1.0, 2.0, 3.0), (5.0, -4.0, 7.0), (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    )
    fixed_labels, moving_labels = np.zeros((2, 8, 10, 12), np.uint8)
    fixed_labels[2:5, 3:6, 4:8], moving_labels[4:7, 3:6, 4:8] = 3, 3
    images = [(labels > 0).astype(np.float32) for labels in (fixed_labels, moving_labels)]
    truth = DisplacementField.from_voxels(
        np.stack([np.full((8, 10, 12), 2.0), *np.zeros((2, 8, 10, 12))]), geometry
    )
    mask = np.zeros((8, 10, 12), bool)
    mask[2:5] = True
    case = EvaluationPair(
        "p", *images, fixed_labels, moving_labels, geometry, {3: "box"}, truth, mask
    )
    unmoved, moved = score(case, DisplacementField.identity(geometry)), score(case, truth)
    assert unmoved["hd95"] == unmoved["hd95_3"] == pytest.approx(6), "two slices of 3 mm"
    assert unmoved["error_mm"] == unmoved["error_mm_95"] == pytest.approx(6)
    assert moved["dice"] == 1 and moved["hd95"] == moved["error_mm"] == 0
    half = truth.vectors.copy()
    half[4] = 0
    partly = score(case, DisplacementField(half, geometry))
    assert partly["error_mm"] == pytest.approx(2), "a third of the mask is 6 mm off"
    assert partly["error_mm_95"] == pytest.approx(6)


def test_structures_have_their_own_scores() -> None:
    rows = [
        {"method": "A", "pair": "p", "dice_2": 0.5, "hd95_2": 1.0, "dice_17": 0.9, "hd95_17": 2.0},
        {"method": "A", "pair": "q", "dice_2": 0.7, "hd95_2": float("nan")},
    ]
    first, second = summarise_structures(rows, {17: "Left-Hippocampus"})
    assert (first["label"], first["pairs"]) == (2, 2)
    assert first["dice"] == pytest.approx(0.6) and first["dice_sd"] == pytest.approx(0.1)
    assert (first["hd95"], first["hd95_sd"]) == (1.0, 0.0)
    assert (second["label"], second["name"], second["pairs"]) == (17, "Left-Hippocampus", 1)
    assert second["dice"] == 0.9


def test_comparison_is_paired_and_its_interval_covers_the_difference() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0.6, 0.2, 12)  # how easy a pair is concerns both methods
    rows = [{"method": "SyN", "pair": str(i), "dice": d} for i, d in enumerate(hard)]
    gain = rng.normal(0.05, 0.02, 12)
    rows += [{"method": "Ours", "pair": str(i), "dice": d} for i, d in enumerate(hard + gain)]
    rows += [{"method": "Half", "pair": "0", "dice": 0.0}]
    ours, half = compare(rows, "SyN")
    assert ours["difference"] == pytest.approx(gain.mean())
    assert 0.02 < ours["low"] < gain.mean() < ours["high"] < 0.08
    assert (ours["pairs"], ours["above"]) == (12, int((gain > 0).sum()))
    assert (half["pairs"], half["above"]) == (1, 0)
    assert compare(rows, "Elastix") == compare(rows, "SyN", "hd95") == []


def test_files_of_a_comparison_of_volumes(tmp_path: Path) -> None:
    rows = [
        {"method": m, "pair": p, "seconds": 1.0, "seconds_predict": 0.5, "peak_mib": peak}
        | {"dice": d, "dice_2": d, "dice_17": d, "hd95": 2.0, "hd95_2": 2.0, "hd95_17": 2.0}
        | {"sdlogj": 0.4, "sdlogj_learn2reg": 0.1, "folds_percent": 0.0}
        for m, d in (("SyN", 0.6), ("Ours", 0.7))
        for p, peak in (("a", 500.0), ("b", 700.0))
    ]
    run = {"data": "brain-mr", "dimension": 3, "machine": {"cpu": "none", "threads": 1}}
    run["failed"] = {"Demons": "Traceback\nValueError: no"}
    text = write_results(tmp_path, rows, run, "SyN", {17: "Left-Hippocampus"})
    assert "| Method | Dice | HD95 (mm) | SDlogJ | Folded voxels (%) | Network (s) |" in text
    assert (
        "| Ours | 0.700 ± 0.000 | 2.00 ± 0.00 | 0.100 ± 0.000 | 0.0000 | 0.50 | 1.00 | 700 |"
        in text
    )
    assert "| Ours | +0.100 | +0.100 to +0.100 | 2 of 2 |" in text
    assert "**Demons failed:** ValueError: no" in text
    with (tmp_path / "structures.csv").open(encoding="utf-8") as file:
        found = {(row["method"], row["name"]): row["dice"] for row in csv.DictReader(file)}
    assert found["Ours", "Left-Hippocampus"] == "0.7"
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["comparison"][0]["difference"] == pytest.approx(0.1)
    assert stored["summary"][1]["peak_mib"] == 700
    card = measured_results(tmp_path / "results.json")
    assert card["Ours"]["HD95 (mm)"] == 2.0 and card["Ours"]["MiB"] == 700
