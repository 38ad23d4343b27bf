"""A little of the long proof, and that its checks find what they are for."""

from __future__ import annotations

import importlib.util
import os
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from Testing.Prove import endurance, fuzz, geometries
from Testing.Prove.__main__ import PARTS
from Testing.Prove.geometries import TRIALS, Trial, attempt


@settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(TRIALS)
def test_random_geometries(trial: Trial) -> None:
    outcome = attempt(trial)
    assert outcome.kind in ("right", "wrong"), outcome
    assert outcome.after <= outcome.before + 0.5 * outcome.size, outcome


TRIAL = Trial(7, 2, ".nrrd", "rigid", 0, "int16", saved=True)


def test_a_transform_to_the_other_side_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose field points the other way contradicts the result."""
    assert attempt(TRIAL).kind == "right"
    write = DisplacementField.write

    def turned(self: DisplacementField, path: Any) -> None:
        write(replace(self, vectors=-self.vectors), path)

    monkeypatch.setattr(DisplacementField, "write", turned)
    outcome = attempt(TRIAL)
    assert outcome.kind == "unsound" and "the transform is off by" in outcome.detail
    assert outcome.is_bad


def test_errors_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, kind in ((InputError("no"), "refused"), (ValueError("oh"), "fault")):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(geometries, "register", fail)
        outcome = attempt(TRIAL)
        assert outcome.kind == kind and outcome.is_bad == (kind == "fault")
    table = geometries.table([outcome, outcome])
    assert table.splitlines()[1].split() == ["all", "2", "0", "0", "0", "0", "2", "2"]


def test_mutated_files_of_every_reader() -> None:
    counts, faults = fuzz.run(6.0)
    assert faults == []
    for name in fuzz.TARGETS:
        assert counts[name, "refused"] + counts[name, "read"] > 0, name


def _odd(data: bytes) -> None:
    """A reader that does everything that none may do."""
    if data[0] % 4 == 1:
        raise KeyError(data)
    if data[0] % 4 == 2:
        time.sleep(10)
    if data[0] % 4 == 3:
        os._exit(3)


def test_what_a_reader_must_not_do_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = tuple(bytes([number]) * 9 for number in range(64))
    monkeypatch.setattr(fuzz, "_SECONDS", 0.05)
    monkeypatch.setattr(fuzz, "_AT_ONCE", 1)
    monkeypatch.setitem(fuzz.TARGETS, "odd", fuzz.Target("", seeds, _odd))
    counts, faults = fuzz.run(4.0, ["odd"])
    assert all(counts["odd", kind] for kind in ("read", "fault", "slow", "crash")), counts
    assert any("ended with 3" in fault for fault in faults)
    assert any("KeyError" in fault for fault in faults)


def test_registrations_in_one_worker() -> None:
    found = endurance.run(24)
    assert not found.is_bad, found
    assert found.done > 15 and found.cancelled == 1 and found.refused == 1
    assert replace(found, changed=1).is_bad and replace(found, files=["a"]).is_bad
    assert replace(found, mib=[100, 120]).is_bad and replace(found, processes=2).is_bad


def test_the_parts_are_there() -> None:
    for part in PARTS.values():
        assert importlib.util.find_spec(part.module) is not None
