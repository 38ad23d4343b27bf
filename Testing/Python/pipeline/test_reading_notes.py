"""Guesses of reading are told with the result: in the metrics, the verdict and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.report import judge


def test_a_guess_of_reading_is_told(tmp_path: Path) -> None:
    y, x = np.mgrid[:48, :48]
    paths = []
    for name, centre in (("fixed", 24), ("moving", 26)):
        array = 200 * np.exp(-((x - centre) ** 2 + (y - 24) ** 2) / 80)
        paths.append(tmp_path / f"{name}.png")
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(paths[-1]))
    result = register(*paths, model="none", refine={"iterations": [5]})
    (first, second) = result.metrics["reading"]
    assert first == "fixed: a picture does not say its size: 1 mm a pixel was taken"
    assert second.startswith("moving: a picture does not say its size")
    assert f"While reading: {first}." in judge(result.metrics).findings
    saved = result.save(tmp_path / "results")
    assert "a picture does not say its size" in (saved / "report.html").read_text("utf-8")


def test_nothing_is_told_where_nothing_was_guessed(tmp_path: Path) -> None:
    y, x = np.mgrid[:48, :48]
    images = [np.exp(-((x - c) ** 2 + (y - 24) ** 2) / 80) for c in (24, 26)]
    assert "reading" not in register(*images, model="none", refine={"iterations": [5]}).metrics
