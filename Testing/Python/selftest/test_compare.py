"""What counts as a difference between Slicer and the host, and the page that shows both."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from Testing.Host.host import SlicerHost
from Testing.Slicer.application import GivenSlicer
from Testing.Slicer.compare import differences
from Testing.Slicer.page import page

_SEEN = {
    "result": {
        "verdict": "Good. Mean Dice 0.663 \u2192 0.940.",
        "dice": {"after": 0.940},
        "folds": 0,
        "rows": [["Myocardium", "0.896", "4.0"]],
    }
}


def _with(**changes: Any) -> dict[str, Any]:
    return {"result": {**_SEEN["result"], **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dice": {"after": 0.945}},
        {"verdict": "Good. Mean Dice 0.664 \u2192 0.931."},
        {"rows": [["Myocardium", "0.899", "3.2"]]},
    ],
)
def test_what_agrees(changes: dict[str, Any]) -> None:
    assert differences(_with(**changes), _SEEN) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dice": {"after": 0.92}}, "result, dice, after: 0.92 in Slicer, 0.94 in the host"),
        ({"folds": 1}, "result, folds: 1 in Slicer, 0 in the host"),
        ({"verdict": "Bad. Mean Dice 0.663 \u2192 0.940."}, "result, verdict: 'Bad."),
        ({"verdict": "Good. Mean Dice 0.663 \u2192 0.540."}, "result, verdict: 'Good."),
        ({"rows": []}, "result, rows: [] in Slicer"),
        ({"rows": [["Atrium", "0.896", "4.0"]]}, "result, rows 1 1: 'Atrium' in Slicer"),
        ({"more": ""}, "result, more: only in Slicer"),
    ],
)
def test_what_differs(changes: dict[str, Any], expected: str) -> None:
    (found,) = differences(_with(**changes), _SEEN)
    assert found.startswith(expected)


def test_what_is_missing_differs() -> None:
    assert differences({}, _SEEN) == ["result: only in the host"]


def test_page() -> None:
    report = {
        "application": {
            "version": [5, 10],
            "revision": "1",
            "python": "3.12",
            "platform": "linux",
            "packages": {"torch": ""},
        },
        "error": "<oops>",
        "self_tests": [{"name": "test_a", "outcome": "failed", "message": "a < b", "seconds": 1}],
        "checks": {"it holds": False},
        "pictures": ["00-panel.png"],
    }
    host = {**report, "error": "", "checks": {}, "pictures": []}
    text = page(report, host, ["x <differs>"])
    for part in ("x &lt;differs&gt;", "&lt;oops&gt;", "a &lt; b", 'src="slicer/00-panel.png"'):
        assert part in text
    assert 'src="host/' not in text
    assert "not reached" in text and '<b class="bad">no</b>' in text


def test_the_scenario_can_speak_to_both() -> None:
    names = [name for name in vars(GivenSlicer) if not name.startswith("_")]
    assert len(names) == 8
    for name in names:
        given = inspect.signature(getattr(GivenSlicer, name)).parameters
        of_host = inspect.signature(getattr(SlicerHost, name)).parameters
        assert list(given) == list(of_host)[: len(given)], name
