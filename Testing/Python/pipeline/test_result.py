from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import report
from SlicerLDMRegLib.errors import CancelledError, InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import (
    Progress,
    RefineOptions,
    RegistrationRequest,
    RegistrationResult,
    Runner,
    register,
)

MakeImage = Callable[..., sitk.Image]
FAST = RefineOptions(iterations=(10, 10), similarity="mse")
FILES = {
    "warped.nrrd",
    "warped_labels.nrrd",
    "transform.h5",
    "inverse.h5",
    "jacobian.nrrd",
    "folds.nrrd",
    "overview.png",
    "report.json",
    "report.html",
}


@pytest.fixture(scope="module")
def files(
    plane: ImageGeometry, make_image: MakeImage, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("inputs")
    paths = {}
    for role, shift in (("fixed", (0.0, 0.0)), ("moving", (2.0, -1.0))):
        paths[role] = str(folder / f"{role}.nrrd")
        sitk.WriteImage(make_image(plane, shift), paths[role])
        paths[f"{role}_labels"] = str(folder / f"{role}_labels.nii.gz")
        sitk.WriteImage(make_image(plane, shift, labels=True), paths[f"{role}_labels"])
    return paths


@pytest.fixture(scope="module")
def result(files: dict[str, str]) -> RegistrationResult:
    return register(**files, model="none", refine=FAST)


@pytest.fixture(scope="module")
def saved(result: RegistrationResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.save(tmp_path_factory.mktemp("outputs") / "deep" / "results")


def test_every_output_is_there_and_nothing_else(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == FILES
    assert [path.name for path in saved.parent.iterdir()] == ["results"]


def test_saved_transform_gives_the_saved_image(saved: Path, files: dict[str, str]) -> None:
    fixed, moving = sitk.ReadImage(files["fixed"]), sitk.ReadImage(files["moving"])
    transform = sitk.ReadTransform(str(saved / "transform.h5"))
    expected = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear))
    warped = sitk.ReadImage(str(saved / "warped.nrrd"))
    np.testing.assert_allclose(sitk.GetArrayFromImage(warped), expected, atol=1e-6)
    labels = sitk.ReadImage(files["moving_labels"])
    expected = sitk.GetArrayFromImage(
        sitk.Resample(labels, fixed, transform, sitk.sitkNearestNeighbor)
    )
    warped = sitk.ReadImage(str(saved / "warped_labels.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(warped), expected)
    assert ImageGeometry.from_image(warped).matches(ImageGeometry.from_image(fixed))


def test_saved_inverse_undoes_the_transform(saved: Path, plane: ImageGeometry) -> None:
    there = sitk.ReadTransform(str(saved / "transform.h5"))
    back = sitk.ReadTransform(str(saved / "inverse.h5"))
    point = plane.center()
    assert back.TransformPoint(there.TransformPoint(point)) == pytest.approx(point, abs=0.05)


def test_report_says_what_was_done(saved: Path, files: dict[str, str]) -> None:
    document = json.loads((saved / "report.json").read_text(encoding="utf-8"))
    assert document["metrics"]["after"]["dice"]["1"] > document["metrics"]["before"]["dice"]["1"]
    assert document["provenance"]["inputs"]["fixed"]["path"] == files["fixed"]
    assert document["provenance"]["options"]["seed"] == 0
    assert document["timings"]["total"] > 0


def test_own_results_are_replaced(result: RegistrationResult, tmp_path: Path) -> None:
    target = tmp_path / "results"
    target.mkdir()  # an empty folder is nobody's
    result.save(target)
    (target / "warped.nrrd").write_text("old")
    result.save(target)
    assert (target / "warped.nrrd").stat().st_size > 100
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize("standing_inside", [True, False])
def test_results_in_the_current_folder(
    result: RegistrationResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    standing_inside: bool,
) -> None:
    target = tmp_path / "results"
    target.mkdir()
    if standing_inside:
        monkeypatch.chdir(target)
        result.save(".")
        result.save(".")
    else:
        monkeypatch.chdir(tmp_path)
        result.save("results")
    assert {path.name for path in target.iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_foreign_files_are_never_touched(result: RegistrationResult, tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"chapter\.txt"):
        result.save(foreign)
    own = result.save(tmp_path / "results")
    (own / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        result.save(own)
    imitation = tmp_path / "other"
    imitation.mkdir()
    (imitation / "report.json").write_text("{}")
    with pytest.raises(InputError, match=r"report\.json"):
        result.save(imitation)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        result.save(tmp_path / "file")
    with pytest.raises(InputError, match="file is a file; name another folder"):
        result.save(tmp_path / "file" / "below")
    assert (foreign / "chapter.txt").read_text() == "years of work"
    assert (own / "notes.txt").read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"thesis", "results", "other", "file"}


def test_failure_while_writing_leaves_nothing(
    result: RegistrationResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = result.save(tmp_path / "kept")
    before = {path.name: path.read_bytes() for path in kept.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "write_reports", full)
    for name in ("new", "kept"):
        with pytest.raises(InputError, match="No space left"):
            result.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_request_runs_and_writes(files: dict[str, str], tmp_path: Path) -> None:
    request = RegistrationRequest(
        **files, model="none", refine=FAST, output=str(tmp_path / "results")
    )
    found = Runner().run(RegistrationRequest.from_json(request.to_json()))
    assert found.metrics["after"]["ncc"] > found.metrics["before"]["ncc"]
    assert {path.name for path in (tmp_path / "results").iterdir()} == FILES


def test_cancelled_request_writes_nothing(files: dict[str, str], tmp_path: Path) -> None:
    request = RegistrationRequest(
        **files, model="none", refine=FAST, output=str(tmp_path / "results")
    )
    seen: list[str] = []
    progress = Progress(lambda *report_: seen.append(report_[0]), lambda: seen.count("refine") > 5)
    with pytest.raises(CancelledError):
        Runner().run(request, progress)
    assert list(tmp_path.iterdir()) == []


def test_request_refuses_a_foreign_output_before_any_work(
    files: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    seen: list[str] = []
    with pytest.raises(InputError, match=r"mine\.txt"):
        Runner().run(
            RegistrationRequest(**files, model="none", output=str(tmp_path)),
            Progress(lambda *report_: seen.append(report_[0])),
        )
    assert seen == []


def test_slices_are_saved_in_their_place(
    volume: ImageGeometry, make_image: MakeImage, tmp_path: Path
) -> None:
    fixed, moving = make_image(volume), make_image(volume, (0.0, 2.0, 1.0))
    result = register(fixed, moving, model="none", refine=FAST, slices="k:4")
    saved = result.save(tmp_path / "slices")
    warped = sitk.ReadImage(str(saved / "warped.nrrd"))
    transform = sitk.ReadTransform(str(saved / "transform.h5"))
    expected = sitk.Resample(moving, fixed[:, :, 4:5], transform, sitk.sitkLinear)
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(warped), sitk.GetArrayFromImage(expected), atol=1e-6
    )
