"""The registration of a report, run again: the same bits, or what differs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import RegistrationRequest, Runner, register, repeat

PACKAGE_ROOT = Path(__file__).resolve().parents[3] / "SlicerLDMReg"
QUICK = {"iterations": [4, 3, 2], "similarity": "lncc", "smoothness": 0.7}
ALIGN = {"method": "rigid", "iterations": 10}
OPTIONS = {"model": "none", "align": ALIGN, "refine": QUICK, "seed": 3}
INPUTS = "Räume und\nZeilen 像"
MakeImage = Callable[..., sitk.Image]


@pytest.fixture(scope="module")
def first(
    plane: ImageGeometry, make_image: MakeImage, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the inputs of a registration, which has a hard name, and with its results."""
    torch.set_num_threads(1)
    whole = tmp_path_factory.mktemp("first")
    folder = whole / INPUTS
    folder.mkdir()
    moving = plane.crop((1, 0), (54, 40))
    made = {
        "fixed": make_image(plane),
        "moving": make_image(moving, (1.5, -1.0), center=plane.center()),
        "fixed_labels": make_image(plane, labels=True),
        "moving_labels": make_image(moving, (1.5, -1.0), labels=True, center=plane.center()),
        "fixed_mask": make_image(plane) > 0.05,
        "moving_mask": make_image(moving, (1.5, -1.0), center=plane.center()) > 0.01,
    }
    paths = {}
    for name, image in made.items():
        paths[name] = folder / f"{name} é.nrrd"
        sitk.WriteImage(image, str(paths[name]))
    paths["initial_transform"] = folder / "start.tfm"
    sitk.WriteTransform(sitk.TranslationTransform(2, (0.4, 0.2)), str(paths["initial_transform"]))
    for role in ("fixed", "moving"):
        paths[f"{role}_landmarks"] = folder / f"{role}.csv"
        paths[f"{role}_landmarks"].write_text("x,y\n31,-10\n35.5,-4\n", encoding="utf-8")
    Runner().run(RegistrationRequest(**paths, **OPTIONS, output=whole / "results"))
    return whole


@pytest.fixture
def report(first: Path, tmp_path: Path) -> Path:
    """The report of a copy of it all, which may be changed."""
    place = tmp_path / "copy"
    shutil.copytree(first, place)
    path = place / "results" / "report.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(json.dumps(str(first))[1:-1], str(place)), encoding="utf-8")
    return path


@pytest.fixture
def files(report: Path) -> dict[str, Path]:
    """Everything that decides about the registration of the report."""
    request = json.loads(report.read_text(encoding="utf-8"))["provenance"]["request"]
    return {
        name: Path(value)
        for name, value in request.items()
        if isinstance(value, str) and INPUTS in value
    }


def test_the_same_bits(report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # relative paths were written out
    again = repeat(report, output=tmp_path / "second")
    assert again.same and again.differences == ()
    assert again.result.metrics["after"]["dice_mean"] > again.result.metrics["before"]["dice_mean"]
    for name in ("warped.nrrd", "jacobian.nrrd"):
        first, second = (
            sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name)))
            for folder in (report.parent, tmp_path / "second")
        )
        np.testing.assert_array_equal(first, second)
    # The folder will do, and so will the report of a repetition.
    assert repeat(tmp_path / "second").same


def change_fixed(files: dict[str, Path]) -> None:
    image = sitk.ReadImage(str(files["fixed"]))
    sitk.WriteImage(image * 1.0 + sitk.Cast(image > 0.4, image.GetPixelID()), str(files["fixed"]))


def change_place(files: dict[str, Path]) -> None:
    for name in ("moving", "moving_labels", "moving_mask"):
        image = sitk.ReadImage(str(files[name]))
        image.SetOrigin([value + 1.0 for value in image.GetOrigin()])
        sitk.WriteImage(image, str(files[name]))


def change_start(files: dict[str, Path]) -> None:
    path = str(files["initial_transform"])
    sitk.WriteTransform(sitk.TranslationTransform(2, (0.9, 0.2)), path)


def change_mask(files: dict[str, Path]) -> None:
    mask = sitk.ReadImage(str(files["fixed_mask"]))
    mask[:20, :] = 0
    sitk.WriteImage(mask, str(files["fixed_mask"]))


def change_labels(files: dict[str, Path]) -> None:
    labels = sitk.ReadImage(str(files["fixed_labels"]))
    labels[20:24, 10:20] = 2
    sitk.WriteImage(labels, str(files["fixed_labels"]))


def change_landmarks(files: dict[str, Path]) -> None:
    files["fixed_landmarks"].write_text("x,y\n31,-10\n35.5,-5\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said", "same"),
    [
        (change_fixed, "fixed: its content has changed, SHA-256", False),
        (change_place, "moving: another origin", False),
        (change_start, "initial transform: its content has changed, SHA-256", False),
        (change_mask, "fixed mask: its content has changed, SHA-256", False),
        # These are measured only.
        (change_labels, "fixed labels: its content has changed, SHA-256", True),
        (change_landmarks, "fixed landmarks: its content has changed, SHA-256", True),
    ],
)
def test_changed_inputs_are_named(
    report: Path, files: dict[str, Path], change: Any, said: str, same: bool
) -> None:
    change(files)
    again = repeat(report)
    assert again.same is same
    assert said in "\n".join(again.differences)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("versions", "torch"), "1.0", "torch is"),
        (("machine", "processor"), "an abacus", "the processor differ: an abacus then"),
        (("machine", "threads"), 0, "the threads differ: 0 then"),
        (("model", "sha256"), "abc", "the model has another weights (SHA-256): abc then"),
        (("request", "seed"), None, ""),
        (("method", "refinement_stopped_by"), "time", "its time was over"),
    ],
)
def test_other_conditions_are_named(
    report: Path, path: tuple[str, str], value: Any, said: str
) -> None:
    document = json.loads(report.read_text(encoding="utf-8"))
    part = document["provenance"].setdefault(path[0], {}) or {}
    document["provenance"][path[0]] = {**part, path[1]: value}
    if path == ("request", "seed"):
        with pytest.raises(InputError, match="seed"):
            repeat(document)
        return
    if path[0] == "model":
        document["provenance"]["request"]["model"] = "none"
    again = repeat(document)
    assert again.same
    assert any(said in difference for difference in again.differences)


def test_another_option_is_a_difference(report: Path) -> None:
    again = repeat(report, seed=4, refine={"iterations": [1, 1, 1]})
    assert not again.same
    assert "seed: 3 then, 4 now" in again.differences
    assert any(text.startswith("refine: ") for text in again.differences)


def test_as_many_threads_as_then(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(report.read_text(encoding="utf-8"))
    document["provenance"]["machine"] |= {"threads": 2, "itk_threads": 3}
    seen = []
    run = Runner.run

    def watch(self: Runner, *arguments: Any) -> Any:
        seen.append((torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()))
        return run(self, *arguments)

    monkeypatch.setattr(Runner, "run", watch)
    before = torch.get_num_threads()
    assert repeat(document).result is not None
    assert seen == [(2, 3)] and torch.get_num_threads() == before


def test_what_was_in_memory_has_to_be_given(plane: ImageGeometry, make_image: MakeImage) -> None:
    images = {"fixed": make_image(plane), "moving": make_image(plane, (1.0, 0.5))}
    options = {"model": "none", "refine": {"iterations": [2]}}
    result = register(**images, **options)
    report = {"provenance": json.loads(json.dumps(result.provenance))}
    with pytest.raises(InputError, match=r"in memory \(fixed, moving\).*fixed=\.\.\., moving="):
        repeat(report)
    again = repeat(report, **images)
    assert again.same and again.differences == ()


def test_the_model_that_was_chosen_then(
    region_model: Path, volume: ImageGeometry, make_image: MakeImage, tmp_path: Path
) -> None:
    paths = []
    for name, shift in (("fixed", None), ("moving", (1.0, 0.0, 1.0))):
        paths.append(tmp_path / f"{name}.nii.gz")
        sitk.WriteImage(make_image(volume, shift), str(paths[-1]))
    names = tmp_path / "names.json"
    names.write_text('{"1": "Left-Hippocampus", "2": "something new"}', encoding="utf-8")
    labels = make_image(volume, labels=True)
    request = RegistrationRequest(
        *paths,
        model=region_model,
        fixed_labels=labels,
        label_names=str(names),
        prompts={2: "right hippocampus"},
    )
    report = {"provenance": json.loads(json.dumps(Runner().run(request).provenance))}
    names.unlink()  # what it said is in the report
    again = repeat(report, fixed_labels=labels)
    assert again.same and again.differences == ()
    report["provenance"]["request"]["model"] = "no-such-model"
    with pytest.raises(ModelError, match="no-such-model"):
        repeat(report, fixed_labels=labels)


def test_what_automatic_left_out_is_left_out_again(
    plane: ImageGeometry, make_image: MakeImage
) -> None:
    images = {"fixed": make_image(plane), "moving": make_image(plane, (1.0, 0.5))}
    result = register(**images, refine={"iterations": [2]})
    report = {"provenance": json.loads(json.dumps(result.provenance))}
    again = repeat(report, **images)
    assert again.same and again.differences == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("", "cannot be read as JSON"),
        ("[1]", "expected the report.json of a registration"),
        ('{"provenance": {"seed": 1}}', "does not hold the request"),
        ("[" * 100_000, "cannot be read as JSON|expected the report.json"),
        ('{"provenance": {"request": {"fixed": "a", "moving": "b", "shell": "x"}}}', "fields"),
        ('{"provenance": {"request": {"fixed": "/none.nrrd", "moving": "/n"}}}', "no file"),
        ('{"provenance": {"request": {"in_memory": 3}, "options": 4, "model": 5}}', "a path for"),
    ],
)
def test_reports_that_cannot_be_repeated(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        repeat(path)


def test_in_the_shell(
    report: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["repeat", str(report)]) == 0
    assert "the same bits in the field" in capsys.readouterr().out
    change_fixed(files)
    assert main(["repeat", str(report), "--quiet"]) == 7
    said = capsys.readouterr().out
    assert "other bits" in said and "fixed: its content has changed" in said
    moved = files["fixed"].with_name("moved.nrrd")
    files["fixed"].rename(moved)
    assert main(["repeat", str(report)]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["repeat", str(report), "--fixed", str(moved)]) == 7


def test_another_process_gives_the_same_bits(report: Path) -> None:
    """With other threads at its start, and another seed of the hashes."""
    environment = {"PYTHONPATH": str(PACKAGE_ROOT), "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-m", "SlicerLDMRegLib", "repeat", str(report)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_versions_are_read_once_and_stay_those_that_are_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    from SlicerLDMRegLib.pipeline.provenance import versions

    first = versions()
    assert first["torch"] == metadata.version("torch") and first["python"]
    monkeypatch.setattr(metadata, "version", lambda package: "0")
    assert versions() == first
