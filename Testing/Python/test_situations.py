"""Situations that users report: a wrong result is not called good, a right one is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from SlicerLDMRegLib.report import judge
from Testing.Prove.situations import SITUATIONS, UNTOLD, Outcome, attempt


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("torso: mirrored left to right", "matches better mirrored left to right: it seems"),
        ("spine: one vertebra off, other lattice", "mm head to foot: repeated structures"),
        ("torso: spacing of slices doubled", "matches better at half its length head to foot"),
    ],
)
def test_a_wrong_result_is_not_good(name: str, words: str) -> None:
    outcome = attempt(name)
    assert not outcome.is_right
    assert outcome.metrics is not None and outcome.metrics["after"]["unlike_linear"] < 0.15
    verdict = judge(outcome.metrics)
    assert verdict.status == outcome.verdict == "check"
    assert any(words in finding for finding in verdict.findings), verdict.findings


def test_a_chest_upon_an_abdomen_is_not_good() -> None:
    outcome = attempt("torso: chest and abdomen")
    assert outcome.verdict == "check" and outcome.metrics is not None
    findings = judge(outcome.metrics).findings
    assert any("they may show different places of a body" in finding for finding in findings)


def test_a_right_result_is_good() -> None:
    outcome = attempt("torso: another patient")
    assert outcome.verdict == "good" and outcome.is_right


def test_what_must_not_be_is_told() -> None:
    wrong = Outcome("x", "good", 0.1, 0.2)
    assert wrong.is_bad and not replace(wrong, verdict="check").is_bad
    assert not replace(wrong, after=0.01).is_bad
    assert replace(wrong, after=float("nan")).is_bad, "nothing corresponds"
    assert set(SITUATIONS) > UNTOLD
