"""Texts of files in a report: shown, whatever is in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib import register
from SlicerLDMRegLib.pipeline import RegistrationResult
from Testing.Prove.bad_inputs import unsafe_characters

NASTIES = (
    "<script>alert(1)</script>",
    "\x1b]8;;http://example.org\x1b\\link\x1b[2J",
    "\u202egnp.exe\u2069\u200b",
    "a\x00b\x9b\x85c\u2028d",
    "no \udcff text",
    r"$\frac{$ 100 %s {{ 7 * 7 }} {% raw %}",
)


@pytest.fixture(scope="module")
def result() -> RegistrationResult:
    y, x = np.mgrid[:32, :32]
    fixed = np.exp(-((x - 16) ** 2 + (y - 16) ** 2) / 60)
    labels = (fixed > 0.5).astype(np.uint8) + (fixed > 0.8)
    images = {"fixed_labels": labels, "moving_labels": labels, "model": "none"}
    return register(fixed, fixed, refine={"iterations": (1,)}, **images)


@pytest.mark.parametrize("nasty", NASTIES, ids=ascii)
def test_names_and_notes(result: RegistrationResult, tmp_path: Path, nasty: str) -> None:
    inputs = {"fixed": {"path": f"/x/{nasty}"}, "moving": {"path": f"/x/{nasty}", nasty: nasty}}
    metrics = {
        **result.metrics,
        "reading_notes": [nasty],
        nasty: nasty,
    }
    model = {"title": nasty, "id": nasty}
    provenance = {**result.provenance, "inputs": inputs, "model": model, nasty: [nasty]}
    folder = replace(result, metrics=metrics, provenance=provenance).save(tmp_path / "out")
    html = (folder / "report.html").read_text(encoding="utf-8")
    text = (folder / "report.json").read_text(encoding="utf-8")
    assert unsafe_characters(html) == unsafe_characters(text) == ""
    assert "<script>" not in html and "49" not in html.split("</title>")[0]
    assert json.loads(text)["provenance"]["model"]["title"] == nasty
