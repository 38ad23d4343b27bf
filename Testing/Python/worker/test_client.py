"""A worker registers as this process would; tells how far it is; stops when it is asked to."""

from __future__ import annotations

import math
import os
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import CancelledError, InputError, ModelError, OutOfMemoryError
from SlicerLDMRegLib.pipeline import RegistrationRequest, RegistrationResult, register
from SlicerLDMRegLib.resources import sample_data_dir
from SlicerLDMRegLib.worker import WorkerClient
from Testing.Python.worker.waiting import PATIENCE, failure, wait_until

MODEL = "ldm-morph-cardiac-mr"

Images = dict[str, Any]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """As the worker: the number of threads changes the last bits."""
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def assert_same(a: Any, b: Any, name: str = "result") -> None:
    """Check that two values are equal, images and fields bit by bit, and of one type."""
    assert type(a) is type(b), name
    if isinstance(a, sitk.Image):
        assert a.GetPixelIDTypeAsString() == b.GetPixelIDTypeAsString(), name
        for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(a, get)() == getattr(b, get)(), name
        assert np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b)), name
    elif isinstance(a, DisplacementField):
        assert a.geometry == b.geometry and np.array_equal(a.vectors, b.vectors), name
    elif isinstance(a, dict):
        assert list(a) == list(b), name
        for key in a:
            assert_same(a[key], b[key], f"{name}[{key!r}]")
    elif isinstance(a, float):
        # The last bits of a sum depend on where its numbers lie in memory.
        assert math.isclose(a, b, rel_tol=1e-12) or (math.isnan(a) and math.isnan(b)), name
    else:
        assert a == b, name


def assert_same_result(here: RegistrationResult, there: RegistrationResult | None) -> None:
    """Check that two results differ in nothing but what they say about time and memory."""
    assert there is not None
    for field in fields(RegistrationResult):
        own, other = getattr(here, field.name), getattr(there, field.name)
        if field.name == "timings":
            assert own.keys() == other.keys()
        elif field.name == "provenance":
            varies = ("date", "memory")
            own = {key: value for key, value in own.items() if key not in varies}
            assert own.keys() | set(varies) == other.keys()
            assert_same(own, {key: other[key] for key in own}, field.name)
        else:
            assert_same(own, other, field.name)


def test_images_in_memory_with_the_model(client: WorkerClient, cardiac: Images) -> None:
    here = register(**cardiac, model=MODEL)
    progress: list[tuple[str, float, str]] = []
    done: list[RegistrationResult] = []
    request = RegistrationRequest("fixed", "moving", model=MODEL)
    job = client.submit(replace(request, **cardiac), lambda *p: progress.append(p), done.append)
    idle = 0
    while not job.finished:
        told = len(progress)
        client.poll()
        idle += len(progress) == told
        time.sleep(0.01)
    assert idle > 2  # a poll waits for nothing, so a window that polls stays alive
    assert_same_result(here, job.result)
    assert done == [job.result]
    stages = list(dict.fromkeys(stage for stage, _, _ in progress))
    known = ("read", "predict", "refine", "output", "measure", "transfer")
    assert [stage for stage in stages if stage in known] == list(known)
    fractions = [fraction for _, fraction, _ in progress]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] <= 1


def test_files_and_options_without_a_model(
    client: WorkerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Bilder für später"
    folder.mkdir()
    samples = sample_data_dir()
    names = {
        role: f"{role} ü.nrrd" for role in ("fixed", "moving", "fixed_labels", "moving_labels")
    }
    for role, name in names.items():
        (folder / name).write_bytes((samples / f"cardiac_{role}.nrrd").read_bytes())
    sitk.WriteTransform(sitk.TranslationTransform(2, (1.0, -2.0)), str(folder / "shift ü.tfm"))
    monkeypatch.chdir(folder)  # names are those of this folder
    options: dict[str, Any] = {
        "model": "none",
        "refine": {"iterations": [6, 4], "similarity": "lncc"},
        "initial_transform": "shift ü.tfm",
        "label_names": {"1": "left ventricle"},
        "seed": 7,
    }
    request = RegistrationRequest(**names, **options)
    there = client.submit(request).wait(PATIENCE)
    here = register(names.pop("fixed"), names.pop("moving"), **names, **options)
    assert_same_result(here, there)
    assert here.provenance["inputs"]["fixed"]["path"] == "fixed ü.nrrd"


def test_arrays_landmarks_and_a_transform_in_memory(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest
) -> None:
    points = np.array([[18.0, 20.0], [10.0, 12.0]])
    inputs = {
        **blobs,
        "fixed_labels": blobs["fixed"] > 0.5,
        "moving_labels": (blobs["moving"] > 0.5).astype(np.int16),
        "fixed_landmarks": points,
        "moving_landmarks": points + np.array([2.0, 0.0]),
        "initial_transform": sitk.TranslationTransform(2, (0.5, 0.0)),
    }
    there = client.submit(replace(quick, **inputs)).wait(PATIENCE)
    here = register(**inputs, model="none", refine={"iterations": [5, 3]})
    assert_same_result(here, there)
    assert here.metrics["after"]["tre"] != here.metrics["before"]["tre"]


def test_masks_in_memory(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest, tmp_path: Path
) -> None:
    rows, columns = np.mgrid[: blobs["fixed"].shape[0], : blobs["fixed"].shape[1]]
    inputs = {
        **blobs,
        "fixed_mask": columns > 5,
        "moving_mask": sitk.GetImageFromArray((rows > 4).astype(np.uint8)),
    }
    there = client.submit(replace(quick, **inputs)).wait(PATIENCE)
    here = register(**inputs, model="none", refine={"iterations": [5, 3]})
    assert_same_result(here, there)
    assert there is not None and there.metrics["masks"] == ["fixed", "moving"]
    sitk.WriteImage(inputs["moving_mask"], str(tmp_path / "mask.nrrd"))
    files = {"moving_mask": str(tmp_path / "mask.nrrd"), "diffeomorphic": True}
    request = RegistrationRequest.from_dict({**quick.to_dict(), **files})
    inputs.pop("moving_mask")
    there = client.submit(replace(request, **inputs)).wait(PATIENCE)
    assert there is not None and there.provenance["options"]["diffeomorphic"] is True
    assert np.array_equal(there.field.vectors, here.field.vectors)
    empty = {**blobs, "fixed_mask": np.zeros_like(rows)}
    assert "fixed mask: all voxels are 0" in str(failure(client.submit(replace(quick, **empty))))


def test_volume_slice_by_slice(client: WorkerClient) -> None:
    z, y, x = np.mgrid[:9, :36, :36].astype(np.float32)
    pair = {
        name: sitk.GetImageFromArray(np.exp(-((x - 18 - s) ** 2 + (y - 18 + z) ** 2) / 60))
        for name, s in (("fixed", 0), ("moving", 1))
    }
    pair["moving"].SetOrigin((0.5, 0.0, 0.0))
    options: dict[str, Any] = {"model": "none", "refine": {"iterations": [4]}, "slices": "k:1-2"}
    there = client.submit(replace(RegistrationRequest("a", "b", **options), **pair)).wait(PATIENCE)
    assert_same_result(register(**pair, **options), there)
    assert there is not None and there.slices is not None


def test_the_callers_images_are_those_of_the_result(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest
) -> None:
    images = {name: sitk.GetImageFromArray(array) for name, array in blobs.items()}
    job = client.submit(replace(quick, **images))
    images["fixed"][5, 5] = 100.0  # after submit: no harm
    result = job.wait(PATIENCE)
    assert result is not None
    assert np.array_equal(sitk.GetArrayFromImage(result.fixed), blobs["fixed"])


def test_output_is_written(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest, tmp_path: Path
) -> None:
    output = tmp_path / "a b" / "ergebnisse ü"
    request = RegistrationRequest.from_dict({**quick.to_dict(), "output": str(output)})
    assert client.submit(replace(request, **blobs)).wait(PATIENCE) is not None
    assert (output / "report.html").is_file()
    (output / "notes.txt").touch()
    assert isinstance(failure(client.submit(replace(request, **blobs))), InputError)


def test_errors_are_those_of_this_process(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest
) -> None:
    cases: list[tuple[type[Exception], dict[str, Any], Images]] = [
        (InputError, {"fixed": "no such file.nrrd"}, {"moving": blobs["moving"]}),
        (InputError, {}, {**blobs, "fixed": np.zeros((20, 20))}),
        (InputError, {"device": "cuda:77"}, blobs),
        (ModelError, {"model": "no-such-model"}, blobs),
    ]
    for kind, changes, inputs in cases:
        request = RegistrationRequest.from_dict({**quick.to_dict(), **changes})
        errors: list[Exception] = []
        request = replace(request, **inputs)
        job = client.submit(request, on_done=errors.append, on_error=errors.append)
        error = failure(job)
        assert type(error) is kind and errors == [error] and job.state == "failed"
        options = {**request.to_dict(), **inputs}
        options.pop("output")
        with pytest.raises(kind) as here:
            register(options.pop("fixed"), options.pop("moving"), **options)
        assert str(here.value) == str(error)
    assert client.submit(replace(quick, **blobs)).wait(PATIENCE) is not None


def test_the_log(
    client: WorkerClient,
    blobs: Images,
    quick: RegistrationRequest,
    log: list[tuple[str, str]],
    damaged_model: Path,
) -> None:
    assert client.submit(replace(quick, **blobs)).wait(PATIENCE) is not None
    # Warnings of the library come with their level.
    assert any(level == "warning" and str(damaged_model) in text for level, text in log)
    # What libraries print did no harm, and is at hand.
    texts = [text for level, text in log if level == "debug"]
    assert any("a library prints ünïcode" in text for text in texts)
    assert any("native code prints" in text for text in texts)
    assert "a launcher prints a whole line," in texts


@pytest.mark.parametrize(
    "stage", ["read", "model", "align", "predict", "refine", "output", "measure", "transfer"]
)
def test_cancel(
    stage: str,
    client: WorkerClient,
    cardiac: Images,
    blobs: Images,
    quick: RegistrationRequest,
    shared_place: Path,
) -> None:
    status = client.status(PATIENCE)
    asked: list[str] = []
    outcomes: list[object] = []

    def progress(now: str, fraction: float, message: str) -> None:
        if now == stage and not asked:
            asked.append(now)
            job.cancel()

    request = RegistrationRequest("fixed", "moving", model=MODEL, align="rigid")
    job = client.submit(replace(request, **cardiac), progress, outcomes.append, outcomes.append)
    following = client.submit(replace(quick, **blobs))
    error = failure(job)
    assert isinstance(error, CancelledError) and outcomes == [error]
    assert job.state == "cancelled"
    assert following.wait(PATIENCE) is not None
    assert outcomes == [error]  # nothing more comes
    wait_until(lambda: client.status(PATIENCE) == {**status, "busy": None})
    # Its files are gone, and those of the other job.
    (folder,) = shared_place.iterdir()
    wait_until(lambda: not list(folder.iterdir()), 60)


def test_jobs_run_one_after_the_other(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest
) -> None:
    order: list[int] = []
    jobs = [
        client.submit(replace(quick, **blobs), on_done=lambda result, n=number: order.append(n))
        for number in range(3)
    ]
    assert [job.state for job in jobs] == ["running", "queued", "queued"]
    assert client.busy
    jobs[-1].wait(PATIENCE)
    assert order == [0, 1, 2] and not client.busy


def test_out_of_memory_is_told_and_survived(
    client: WorkerClient, blobs: Images, quick: RegistrationRequest, memory_limit: Path
) -> None:
    pid = client.pid
    z, y, x = np.mgrid[:96, :96, :96].astype(np.float32)
    pair = {
        name: np.exp(-((x - 48 - s) ** 2 + (y - 48) ** 2 + (z - 48) ** 2) / 400)
        for name, s in (("fixed", 0), ("moving", 3))
    }

    def limit(stage: str, fraction: float, message: str) -> None:
        # The coarse level takes little; the full one needs more than that.
        if stage == "refine" and not memory_limit.exists():
            memory_limit.write_text(str(32 * 2**20))
            wait_until(memory_limit.with_suffix(".set").exists)

    options = {"model": "none", "align": "none", "refine": {"iterations": [300, 0, 20]}}
    try:
        error = failure(client.submit(RegistrationRequest(**pair, **options), limit))
    finally:
        memory_limit.unlink(missing_ok=True)
    assert isinstance(error, OutOfMemoryError), error
    assert "not enough memory for this registration" in str(error)
    wait_until(lambda: not memory_limit.with_suffix(".set").exists())
    assert client.submit(replace(quick, **blobs)).wait(PATIENCE) is not None
    assert client.pid == pid


def test_the_worker_keeps_its_model(client: WorkerClient) -> None:
    pid = client.pid
    assert pid is not None and pid != os.getpid()
    stages: list[str] = []
    client.load(MODEL, on_progress=lambda stage, *_: stages.append(stage)).wait(PATIENCE)
    status = client.status(PATIENCE)
    assert status["models"] == [f"{MODEL} on cpu, float32"]
    assert 5 < status["mib"] < 500
    assert "start" not in stages and client.pid == pid
    assert isinstance(failure(client.load("no-such-model")), ModelError)
