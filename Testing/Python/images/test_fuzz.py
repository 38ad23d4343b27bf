"""Mutated files of every family are read or refused in one line: no crash and no hang."""

from __future__ import annotations

import pytest

from Testing.Python.images.fuzz import KINDS, SLOW, run


def test_a_few_hundred_mutated_files() -> None:
    counts, faults = run(KINDS, 60 * len(KINDS), seed=11)
    assert faults == []
    for kind in KINDS:
        assert counts[kind, "refused"] > 0 and counts[kind, "read"] > 0


@pytest.mark.slow
def test_mutated_files_for_decoders_in_their_own_process() -> None:
    _, faults = run(SLOW, 10 * len(SLOW), seed=12)
    assert faults == []
