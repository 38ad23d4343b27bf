"""Requests with models that stay; with less precision, then the CPU, where memory is short."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import CancelledError, InputError, OutOfMemoryError
from SlicerLDMRegLib.images import reading
from SlicerLDMRegLib.model_store import ModelCard, automatic_models, find_model
from SlicerLDMRegLib.pipeline import (
    Progress,
    RegistrationRequest,
    Runner,
    load_model,
    memory_estimate,
    register,
    runner,
)
from SlicerLDMRegLib.pipeline.inputs import read_dimension
from SlicerLDMRegLib.pipeline.predict.loaded_model import ModelCache
from SlicerLDMRegLib.resources import sample_data_dir

MODEL = "ldm-morph-cardiac-mr"
FULL = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"

Images = dict[str, Any]


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return find_model(MODEL, "registration")


@pytest.fixture(scope="module")
def shared_runner() -> Runner:
    return Runner()


@pytest.fixture
def request_with_model() -> RegistrationRequest:
    return RegistrationRequest("fixed", "moving", model=MODEL, refine=False)


def make_scarce(monkeypatch: pytest.MonkeyPatch, *precisions: str) -> None:
    """Let memory not suffice for the network in some precisions."""
    real = torch.nn.functional.conv2d

    def conv2d(*arguments: Any, **options: Any) -> torch.Tensor:
        now = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
        if now in precisions:
            raise RuntimeError(FULL)
        return real(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)


def test_smaller_precision(
    shared_runner: Runner,
    request_with_model: RegistrationRequest,
    cardiac: Images,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_scarce(monkeypatch, "float32")
    told: list[str] = []
    progress = Progress(lambda stage, fraction, message: told.append(message))
    with caplog.at_level(logging.WARNING):
        result = shared_runner.run(replace(request_with_model, **cardiac), progress)
    (step,) = result.provenance["fallbacks"]
    assert step["from"] == "float32 on cpu" and step["to"] == "bfloat16 on cpu"
    assert "not enough memory" in step["reason"]
    assert result.provenance["options"]["precision"] == "bfloat16"
    text = "out of memory with float32 on cpu, trying again with bfloat16 on cpu"
    assert text in told
    assert any(text in record.getMessage() for record in caplog.records)
    assert result.metrics["after"]["ncc"] > result.metrics["before"]["ncc"]


def test_nothing_helps(
    shared_runner: Runner,
    request_with_model: RegistrationRequest,
    cardiac: Images,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_scarce(monkeypatch, "float32", "bfloat16")
    with pytest.raises(OutOfMemoryError) as caught:
        shared_runner.run(replace(request_with_model, **cardiac))
    assert str(caught.value).endswith("(tried float32 on cpu, bfloat16 on cpu)")
    monkeypatch.undo()
    assert "fallbacks" not in shared_runner.run(replace(request_with_model, **cardiac)).provenance


def test_precision_does_not_help_the_refinement(
    shared_runner: Runner, cardiac: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(FULL)

    monkeypatch.setattr("SlicerLDMRegLib.pipeline.deform.refine_field", fail)
    with pytest.raises(OutOfMemoryError) as caught:
        shared_runner.run(RegistrationRequest(**cardiac, model=MODEL))
    assert "tried" not in str(caught.value)


def test_an_estimate_is_not_tried_again(
    shared_runner: Runner,
    request_with_model: RegistrationRequest,
    cardiac: Images,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_estimate, "available_memory", lambda: 1000)
    with pytest.raises(OutOfMemoryError, match="GiB are free") as caught:
        shared_runner.run(replace(request_with_model, **cardiac))
    assert "tried" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("cuda:1", "auto", ["bfloat16 on cuda:1", "float32 on cpu"]),
        ("cuda:1", "float32", ["float32 on cuda:1", "bfloat16 on cuda:1", "float32 on cpu"]),
        ("cpu", "auto", ["float32 on cpu", "bfloat16 on cpu"]),
        ("cpu", "bfloat16", ["bfloat16 on cpu"]),
    ],
)
def test_what_is_tried(
    device: str,
    precision: str,
    expected: list[str],
    card: ModelCard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "select_device", torch.device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert [str(plan) for plan in runner._plans(card, device, precision)] == expected
    alone = [str(plan) for plan in runner._plans(None, device, precision)]
    assert alone == expected[:1] + expected[1:][-1:] * (device != "cpu")


def test_model_for_the_dimension_of_the_images(
    shared_runner: Runner, cardiac: Images, tmp_path: Path
) -> None:
    path = tmp_path / "fixed.nrrd"
    sitk.WriteImage(cardiac["fixed"], str(path))
    request = RegistrationRequest(path, cardiac["moving"], refine=False)
    result = shared_runner.run(request)
    assert result.provenance["model"]["id"] == MODEL
    assert result.provenance["inputs"]["fixed"]["path"] == str(path)
    assert shared_runner.load("auto", 2) == MODEL
    kept = {name.split(" on ")[0] for name in shared_runner.cache.names}
    assert {card.id for card in automatic_models(2)} <= kept, "none has to be waited for"
    assert shared_runner.load("none") is None


def test_cancelled_before_anything(shared_runner: Runner, cardiac: Images) -> None:
    with pytest.raises(CancelledError):
        shared_runner.run(RegistrationRequest(**cardiac), Progress(should_cancel=lambda: True))


def test_models_are_kept_and_forgotten(card: ModelCard) -> None:
    cache = ModelCache()
    model = cache.get(card, "cpu", "float32")
    assert cache.get(card, "cpu", "float32") is model
    assert cache.get(card, "cpu", "bfloat16") is not model
    assert len(cache.names) == 2 and cache.bytes > 10 * 2**20
    changed = replace(card, title="Another title")
    renewed = cache.get(changed, "cpu", "float32")
    assert renewed is not model and renewed.card.title == "Another title"
    assert cache.names == [f"{MODEL} on cpu, bfloat16", f"{MODEL} on cpu, float32"]
    cache.clear()
    assert cache.bytes == 0


def test_memory_of_models_is_bounded(card: ModelCard) -> None:
    cache = ModelCache(bytes_limit=1)
    cache.get(card, "cpu", "float32")
    last = cache.get(card, "cpu", "bfloat16")
    assert cache.names == [f"{MODEL} on cpu, bfloat16"]
    assert cache.get(card, "cpu", "bfloat16") is last


def test_register_keeps_models_and_no_images(
    cardiac: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls in a loop load a model once; another thread, or a call within a call, has its own."""
    kept = ModelCache()
    monkeypatch.setattr(runner, "_kept", kept)
    options = {**cardiac, "model": MODEL, "refine": False}
    within: list[str] = []

    def ask_again(stage: str, fraction: float, message: str) -> None:
        if not within:
            within.append("")
            within[0] = register(**options).provenance["results"]["field"]

    first = register(**options, progress=Progress(ask_again))
    (model,) = kept._models.values()
    with ThreadPoolExecutor(3) as pool:
        others = list(pool.map(lambda _: register(**options), range(3)))
    assert list(kept._models.values()) == [model]
    assert not model.predictor.memory._kept
    bits = {run.provenance["results"]["field"] for run in (first, *others)}
    assert bits == set(within), "wherever it runs, the result is the same"
    with pytest.raises(InputError):
        register(cardiac["fixed"], "missing.nrrd")
    assert not runner._kept_in_use.locked()


# One way to run


def test_each_file_is_read_once(
    cardiac: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To choose the model, the header is enough, which ITK reads."""
    paths = {}
    for name, image in cardiac.items():
        paths[name] = str(tmp_path / f"{name}.nrrd")
        sitk.WriteImage(image, paths[name])
    reads: list[str] = []
    read = reading._load

    def count(path: str, role: str) -> Any:
        reads.append(str(path))
        return read(path, role)

    monkeypatch.setattr(reading, "_load", count)
    result = Runner().run(RegistrationRequest(**paths, model="auto", refine=False))
    assert result.provenance["model"]["id"] == MODEL
    assert sorted(reads) == sorted(paths.values())


@pytest.mark.parametrize(("shape", "expected"), [((20, 24), 2), ((8, 20, 24), 3), ((1, 20, 24), 2)])
def test_dimension_from_the_header(shape: tuple[int, ...], expected: int, tmp_path: Path) -> None:
    array = np.random.default_rng(0).random(shape)
    for suffix in (".nrrd", ".nii.gz", ".mha"):
        path = tmp_path / f"image{suffix}"
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
        assert read_dimension(str(path)) == expected
    assert read_dimension(array) == read_dimension(sitk.GetImageFromArray(array)) == expected
    assert read_dimension(str(tmp_path / "missing.nrrd")) == 3  # reading it tells


def test_a_loaded_model_runs_where_it_is(cardiac: Images, card: ModelCard) -> None:
    loaded = load_model(card, "cpu", "float32")
    for option, value in (("precision", "bfloat16"), ("device", "cuda")):
        request = RegistrationRequest(**cardiac, model=loaded, refine=False, **{option: value})
        with pytest.raises(InputError, match=rf"{option}.*cpu|{option}.*float32|CUDA"):
            Runner().run(request)
    same = {"device": "cpu", "precision": "float32"}
    result = Runner().run(RegistrationRequest(**cardiac, model=loaded, refine=False, **same))
    assert result.provenance["options"]["precision"] == "float32"


def test_the_shell_recovers_from_little_memory_as_the_panel_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_scarce(monkeypatch, "float32")
    samples = sample_data_dir()
    images = [f"--{role}={samples / f'cardiac_{role}.nrrd'}" for role in ("fixed", "moving")]
    output = tmp_path / "results"
    assert main(["register", *images, "--no-refine", "--output", str(output)]) == 0
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert report["provenance"]["fallbacks"][0]["to"] == "bfloat16 on cpu"
    assert report["provenance"]["options"]["precision"] == "bfloat16"
