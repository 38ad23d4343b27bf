"""``ldmreg register --compact``: the transform as a coarse B-spline beside the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main


def _images(folder: Path) -> list[str]:
    """Two disks, and the command that registers them."""
    y, x = np.mgrid[:64, :64]
    for name, shift in (("fixed", 0.0), ("moving", 4.0)):
        radius = np.hypot(x - 32 - shift, y - 30)
        image = sitk.GetImageFromArray((np.tanh((18 - radius) / 3) + 1).astype(np.float32))
        sitk.WriteImage(image, folder / f"{name}.nrrd")
    return [
        "register", f"--fixed={folder}/fixed.nrrd", f"--moving={folder}/moving.nrrd",
        f"--output={folder}/results", "--model=none", "--compact",
    ]  # fmt: skip


def test_without_a_compact_transform_the_results_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An uneven field has no coarse form: all else is there, and said to be."""
    command = _images(tmp_path)
    monkeypatch.setattr("SlicerLDMRegLib.exchange.bspline._MOST", 0.0)
    assert main(command) == 2
    told = capsys.readouterr()
    assert "report.html: NCC" in told.out
    assert "compact.h5 was not written, all else was: a B-spline of this field needs" in told.err
    assert "ldmreg transform" in told.err and "--tolerance" in told.err
    there = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"transform.h5", "report.html"} <= there and "compact.h5" not in there


def test_the_sample_has_a_compact_transform_whose_error_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = Path(__file__).parents[3] / "Resources" / "SampleData"
    images = [f"--{role}={samples}/cardiac_{role}.nrrd" for role in ("fixed", "moving")]
    output = tmp_path / "results"
    assert main(["register", *images, f"--output={output}", "--model=none", "--compact"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith(f"{output / 'compact.h5'}: ")
    most = float(told.split(" mm at most")[0].split()[-1])
    assert 0 < most <= 0.7, "half of a pixel of 1.4 mm"


@pytest.mark.parametrize("compact", [True, False])
def test_compact_transform_is_that_of_the_registration(compact: bool, tmp_path: Path) -> None:
    command = [*_images(tmp_path), "--quiet"]
    if not compact:
        command.remove("--compact")
    output = tmp_path / "results"
    for _ in range(1 + compact):  # a folder that holds it may be replaced
        assert main(command) == 0
    written = output / "compact.h5"
    assert written.exists() == compact
    if not compact:
        return
    assert written.stat().st_mode & 0o077 == 0  # for its owner alone
    assert written.stat().st_size < (output / "transform.h5").stat().st_size
    whole, small = (sitk.ReadTransform(output / n) for n in ("transform.h5", "compact.h5"))
    points = [(float(a), float(b)) for a in range(2, 62, 7) for b in range(2, 62, 7)]
    moved = np.array([[t.TransformPoint(p) for p in points] for t in (whole, small)])
    assert np.linalg.norm(moved[0] - points, axis=-1).max() > 1.0
    assert np.linalg.norm(moved[0] - moved[1], axis=-1).max() < 0.51
