from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.segmentation import load_segmentation


@pytest.fixture
def image(tmp_path: Path, phantom: Any) -> Path:
    path = tmp_path / "head.nii.gz"
    sitk.WriteImage(phantom.image(phantom.lattice((40, 40, 40), (3.0, 3.0, 3.0))), str(path))
    return path


def test_segment_writes_labels_names_and_confidence(
    image: Path,
    segmenter_folder: Path,
    phantom: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {name: tmp_path / name for name in ("l.nii.gz", "c.nii.gz", "n.json")}
    options = ["--output", "--confidence", "--names"]
    arguments = ["segment", str(image), "--model", str(segmenter_folder)]
    for option, path in zip(options, files.values(), strict=True):
        arguments += [option, str(path)]
    assert main(arguments) == 0
    assert "2 of 2 structures" in capsys.readouterr().out
    source = sitk.ReadImage(str(image))
    found = load_segmentation(files["l.nii.gz"], files["n.json"], source)
    assert found.names == {17: "left ball", 53: "right ball"}
    assert phantom.dice(found.labels, phantom.left) > 0.88
    confidence = sitk.ReadImage(str(files["c.nii.gz"]))
    assert ImageGeometry.from_image(confidence).matches(ImageGeometry.from_image(source))


def test_segmentation_for_slicer(
    image: Path, segmenter_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "l.seg.nrrd"
    command = ["segment", str(image), "--model", str(segmenter_folder), "--output", str(output)]
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    found = load_segmentation(output, None, sitk.ReadImage(str(image)))
    assert found.names == {17: "left ball", 53: "right ball"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"--output": "l.png"}, 2, "the name must end in"),
        ({"--output": "no/l.nii.gz"}, 2, "the folder does not exist"),
        ({"--names": "n.txt"}, 2, "the name must end in .json"),
        ({"--confidence": "l.nii.gz"}, 2, "got one twice"),
        ({"--model": "segment-nothing"}, 3, "unknown model 'segment-nothing'"),
        ({"--model": "ldm-morph-cardiac-mr"}, 3, "is for registration, expected one for segmentat"),
        ({"--model": "none.pt"}, 3, "does not exist"),
        ({"image": "none.nii.gz"}, 2, "there is no file none.nii.gz"),
    ],
)
def test_mistakes_are_told_before_any_work(
    image: Path,
    segmenter_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    all_options = {"--model": str(segmenter_folder), "--output": "l.nii.gz", **options}
    source = all_options.pop("image", image.name)
    arguments = [part for pair in all_options.items() for part in pair]
    assert main(["segment", source, *arguments]) == code
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [image.name]


def test_registration_refuses_a_segmenter(
    image: Path, segmenter_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["register", "--fixed", str(image), "--moving", str(image)]
    arguments += ["--model", str(segmenter_folder), "--output", str(tmp_path / "out")]
    assert main(arguments) == 3
    assert "is for segmentation, expected one for registration" in capsys.readouterr().err
