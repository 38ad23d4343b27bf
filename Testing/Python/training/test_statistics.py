"""Statistics of a comparison: bootstrap by subject, signed-rank test, correction, worst 30 %."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from SlicerLDMRegLib.displacement import DisplacementField
from training.baselines import Registered
from training.datasets.evaluation import EvaluationPair, pixel_lattice
from training.datasets.evaluation_sets import evaluation_pairs
from training.evaluate import evaluate
from training.result_files import latex_table, markdown_table, write_results
from training.scores import compare, score, summarise
from training.statistics import bootstrap_interval, holm, mean_of_worst, signed_rank

RNG = np.random.default_rng(3)


def test_the_bootstrap_by_pairs_is_that_of_subjects_with_a_pair_each() -> None:
    values = RNG.normal(0.1, 0.05, 15)
    low, high = bootstrap_interval(values.tolist(), [(str(i),) for i in range(15)])
    half = 1.96 * values.std() / math.sqrt(15)
    assert low == pytest.approx(values.mean() - half, abs=0.006)
    assert high == pytest.approx(values.mean() + half, abs=0.006)


@pytest.mark.parametrize("copies", [2, 3, 5, 8, 13])
def test_more_pairs_of_the_same_subjects_do_not_narrow_the_interval(copies: int) -> None:
    values = RNG.normal(0, 1, 8).tolist()
    subjects = [(f"s{i}",) for i in range(8)]
    once = bootstrap_interval(values, subjects)
    often = bootstrap_interval(values * copies, subjects * copies)
    assert often == pytest.approx(once, abs=1e-9)
    alone = [(f"p{i}",) for i in range(8 * copies)]
    low, high = bootstrap_interval(values * copies, alone)
    assert high - low < 0.9 * (once[1] - once[0]), "as if they were new subjects"


def test_pairs_of_two_subjects_count_by_both() -> None:
    # The difference is a property of the subjects: a + b. All ordered pairs of five subjects.
    own = dict(zip("abcde", RNG.normal(0, 1, 5), strict=True))
    subjects = [(a, b) for a in own for b in own if a != b]
    values = [own[a] + own[b] for a, b in subjects]
    low, high = bootstrap_interval(values, subjects)
    independent = [(str(i),) for i in range(len(values))]
    narrow = bootstrap_interval(values, independent)
    assert high - low > 1.3 * (narrow[1] - narrow[0])


def test_the_test_is_of_subjects_with_the_mean_of_their_pairs() -> None:
    means = RNG.normal(0.5, 1, 12)
    subjects = [(f"s{i}",) for i in range(12) for _ in range(3)]
    values = np.repeat(means, 3) + np.tile((-0.1, 0.0, 0.1), 12)
    assert signed_rank(values.tolist(), subjects) == pytest.approx(stats.wilcoxon(means).pvalue)
    alone = [(str(i),) for i in range(36)]
    assert signed_rank(values.tolist(), alone) == pytest.approx(stats.wilcoxon(values).pvalue)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [([], math.nan), ([0.3], math.nan), ([0.0, 0.0, 0.0], 1.0), ([1.0] * 8, 2 / 2**8)],
)
def test_few_or_equal_differences(differences: list[float], expected: float) -> None:
    found = signed_rank(differences, [(str(i),) for i in range(len(differences))])
    assert found == pytest.approx(expected, nan_ok=True, rel=0.1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9, 0.4], [1.0, 1.0, 1.0]),
        ([0.01, math.nan, 0.02], [0.02, math.nan, 0.02]),
        ([0.04, 0.01], [0.04, 0.02]),
    ],
)
def test_correction_for_the_number_of_methods(given: list[float], expected: list[float]) -> None:
    assert holm(given) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], True, 2.0),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False, 9.0),
        ([0.5], True, 0.5),
        ([0.9, math.nan, 0.1], True, 0.1),
        ([1.0, math.inf, 2.0, 3.0], False, math.inf),
        ([math.nan], True, math.nan),
    ],
)
def test_mean_of_the_worst(values: list[float], higher: bool, expected: float) -> None:
    assert mean_of_worst(values, higher) == pytest.approx(expected, nan_ok=True)


def boxes() -> EvaluationPair:
    labels = np.zeros((20, 20), np.uint8)
    labels[3:8, 3:8], labels[12:17, 12:17] = 1, 2
    image = labels.astype(np.float32) / 2
    return EvaluationPair("p", image, image, labels, labels, subjects=("a b", "c"))


def test_a_structure_that_the_warp_loses_is_infinitely_far_in_learn2reg_only() -> None:
    case = boxes()
    away = np.zeros((2, 20, 20))
    away[:, 10:, 10:] = -9  # where the second box is, the first corner is read: nothing
    away[:, 10:, 10:] += 0
    away[0, 10:, 10:], away[1, 10:, 10:] = -12, 0
    field = DisplacementField.from_voxels(away, pixel_lattice((20, 20)))
    lost, kept = score(case, field), score(case, DisplacementField.identity(case.lattice))
    assert (kept["lost"], kept["hd95"], kept["hd95_learn2reg"]) == (0, 0.0, 0.0)
    assert lost["lost"] == 1 and lost["hd95_learn2reg"] == math.inf
    assert lost["hd95"] == lost["hd95_1"] == 0.0 and math.isnan(lost["hd95_2"])
    rows = [{"method": "A", "pair": "p", "seconds": 1.0, **row} for row in (lost, kept)]
    summary = summarise(rows)[0]
    assert summary["hd95_learn2reg"] == math.inf and summary["lost"] == 0.5
    assert math.isfinite(summary["hd95_learn2reg_sd"])


def sized(pair: EvaluationPair) -> Registered:
    field = DisplacementField.identity(pair.lattice)
    return Registered(field, 0.5, parameters=2_500_000, multiply_adds=7e9, scores={"accuracy": 0.8})


def test_rows_have_subjects_sizes_and_scores_of_the_method_itself() -> None:
    (row,) = evaluate([boxes()], {"A": lambda: sized}, progress=False)
    assert row["subjects"] == "a_b c"
    assert (row["parameters"], row["multiply_adds"], row["accuracy"]) == (2_500_000, 7e9, 0.8)


def results(pairs: int = 12) -> list[dict[str, Any]]:
    gain = np.linspace(0.0, 0.02, pairs)
    return [
        {"method": m, "pair": f"p{i}", "subjects": f"s{i // 2}", "seconds": 1.0 + i}
        | {"dice": 0.5 + 0.01 * i + (gain[i] if m == "B" else 0), "hd95": 3.0, "lost": 0}
        | {"parameters": 2_500_000, "multiply_adds": 7e9, "folds_percent": 0.1}
        for m in ("A", "B")
        for i in range(pairs)
    ]


def test_summary_has_the_worst_and_the_slowest() -> None:
    a, _ = summarise(results())
    assert a["dice_worst30"] == pytest.approx(np.mean([0.5, 0.51, 0.52, 0.53]))
    assert a["seconds"] == 6.5 and a["seconds_p95"] == pytest.approx(11.45)
    assert a["parameters"] == 2_500_000


def test_comparison_names_subjects_and_corrected_p() -> None:
    (b,) = compare(results(), "A")
    assert (b["pairs"], b["subjects"]) == (12, 6)
    assert b["p"] == b["p_corrected"] == pytest.approx(2 / 2**6)
    assert b["low"] < 0.01 < b["high"]


def test_files_have_comparison_and_latex(tmp_path: Path) -> None:
    run = {"data": "x_y", "dimension": 2, "machine": {"cpu": "none", "threads": 1}}
    text = write_results(tmp_path, results(), run, "A")
    assert "| Weights (million) | Multiply-adds (G) |" in text
    assert "| 2.50 | 7.00 |" in text and "Dice, worst 30 %" in text
    assert "Structures lost" not in text
    assert "of the 6 subjects (bootstrap)" in text and "| 11 of 12 | 0.031 |" in text
    latex = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert r"Dice, worst 30 \%" in latex and r"\toprule" in latex and r"$\pm$" in latex
    assert latex.count(r"\\") == 3, "the head and two methods"
    with (tmp_path / "comparison.csv").open(encoding="utf-8") as file:
        metrics = {row["metric"] for row in csv.DictReader(file)}
    assert {"dice", "hd95", "folds_percent"} <= metrics
    json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    few = write_results(tmp_path / "few", results(3), run, "A")
    assert "worst 30 %" not in few


@pytest.mark.parametrize("text", ["50 %", "a_b", "R&D", "#1", "≤ 0", "1 ± 2"])
def test_latex_escapes_what_it_would_read(text: str) -> None:
    table = latex_table([{"m": text, "x": 1.0}], [("x", "x", 1)], ("m", "M", 0))
    for sign in "%_&#":
        assert table.count(sign) == table.count(f"\\{sign}") + (sign == "&") * 2
    assert "≤" not in table and "±" not in table
    assert text in markdown_table([{"m": text, "x": 1.0}], [("x", "x", 1)], ("m", "M", 0))


def test_pairs_know_their_subjects(shared_data: Path) -> None:
    root = shared_data / "data" / "cardiac_mr"
    pair = evaluation_pairs("cardiac-mr", root)[0]
    assert pair.subjects == (pair.name.rsplit("_", 1)[0],)
    assert (
        len(evaluation_pairs("hippocampus", shared_data / "data" / "hippocampus_mr")[0].subjects)
        == 2
    )
