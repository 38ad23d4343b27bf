"""Regions on the command line: labels, names, prompts, and what is printed about them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.geometry import ImageGeometry

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
HEAD = ImageGeometry((20, 22, 18), (5.0, 4.5, 5.0), (-50.0, 20.0, 10.0), AXES)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory, region_model: Path) -> list[str]:
    folder = tmp_path_factory.mktemp("images")
    offset = HEAD.points() - np.asarray(HEAD.center())
    radius = np.linalg.norm(offset, axis=-1)
    image = (radius < 35) * (3 + np.sin(offset[..., 0] / 9))
    labels = (np.where(offset[..., 0] > 0, 1, 2) * (radius < 25)).astype(np.uint8)
    for name, array in (
        ("fixed", image.astype(np.float32)),
        ("moving", np.roll(image, 1, axis=2).astype(np.float32)),
        ("labels", labels),
        ("moving_labels", np.roll(labels, 1, axis=2)),
    ):
        sitk.WriteImage(HEAD.to_image(array), str(folder / f"{name}.nrrd"))
    (folder / "names.json").write_text('{"1": "Left-Hippocampus", "2": "R hippocampus"}')
    pair = ["--fixed", f"{folder}/fixed.nrrd", "--moving", f"{folder}/moving.nrrd"]
    return ["register", *pair, "--model", str(region_model), "--device", "cpu", "--align", "none"]


def with_labels(arguments: list[str]) -> list[str]:
    folder = Path(arguments[2]).parent
    files = (str(folder / name) for name in ("labels.nrrd", "moving_labels.nrrd"))
    return [*arguments, "--fixed-labels", next(files), "--moving-labels", next(files)]


def test_labels_with_names_guide_and_the_summary_says_so(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = str(Path(arguments[2]).parent / "names.json")
    output = ["--output", str(tmp_path / "out")]
    assert main([*with_labels(arguments), *output, "--label-names", names, "--prompt", "2="]) == 0
    printed = capsys.readouterr().out
    assert "regions: 1 matched, 1 background" in printed
    assert "also measure the overlap" in printed
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["metrics"]["regions"]["guided_by_measured_labels"]
    assert report["metrics"]["label_names"] == {
        "1": "Left-Hippocampus",
        "2": "R hippocampus",
    }


def test_labels_without_names_measure_only(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*with_labels(arguments), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "Dice" in printed
    assert "regions: none" in printed


def test_bad_regions_are_one_line_and_write_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = str(Path(arguments[2]).parent / "labels.nrrd")
    for options, said in (
        (["--fixed-segmentation", labels], "without names"),
        (["--label-names", "freesurfer35"], "no labels"),
        (["--prompt", "17"], "--prompt"),
        (["--prompt", "x=y"], "--prompt"),
        (["--prompt", "1=a", "--prompt", "1=b"], "twice"),
        (["--fixed-segmentation", labels, "--label-names", "nonsense"], "nonsense"),
    ):
        assert main([*arguments, "--output", str(tmp_path / "out"), *options]) == 2, options
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert said in captured.err
        assert not (tmp_path / "out").exists()
