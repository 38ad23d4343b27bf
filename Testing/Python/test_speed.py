"""``make bench-speed``: methods take turns, operators agree with their counterparts."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.Benchmarks.speed import measure_operators, measure_pair, operator_table, pair_table
from training.datasets.evaluation import EvaluationPair

pytestmark = pytest.mark.slow


def test_operators_agree_with_their_counterparts() -> None:
    rows = measure_operators(rounds=2, size=24, labels=5)
    assert [row.operator for row in rows] == ["warp", "6 squarings", "Dice of 5 labels"]
    for row in rows:
        assert row.difference < 1e-4
        assert len(row.seconds) == len(row.reference_seconds) == 2
    assert operator_table(rows).count("24 x 24 x 24") == 3


def test_methods_take_turns_at_a_pair() -> None:
    y, x = np.mgrid[:40, :40]
    images, labels = [], []
    for shift in (0, 3):
        radius = np.hypot(y - 20, x - 20 - shift)
        images.append((0.2 + 0.5 * (radius < 8) + 0.3 * (radius < 14)).astype(np.float32))
        labels.append((radius < 8).astype(np.int32))
    pair = EvaluationPair("discs", *images, *labels)
    rows = measure_pair("discs", pair, ["identity", "demons"], [], rounds=2, threads=1)
    dice = {row.method: row.dice for row in rows}
    assert all(len(row.seconds) == 2 and row.peak_mib for row in rows)
    assert dice["Demons (SimpleITK)"] > 0.95 > 0.85 > dice["Identity"]
    assert "| Identity | " in pair_table(rows) and "40 x 40" in pair_table(rows)
