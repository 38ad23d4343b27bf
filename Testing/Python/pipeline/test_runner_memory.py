"""Another device where memory runs out; none where an estimate says that fields do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.errors import OutOfMemoryError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import (
    Progress,
    RegistrationRequest,
    Runner,
    memory_estimate,
    registration,
)

FULL = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"


@pytest.fixture
def request_elsewhere(
    plane: ImageGeometry, make_image: Callable[..., sitk.Image], monkeypatch: pytest.MonkeyPatch
) -> RegistrationRequest:
    """A registration on a device beside the CPU, which computes nothing there."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    images = make_image(plane), make_image(plane, (2.0, 1.0))
    return RegistrationRequest(*images, model="none", align="center", refine=False, device="mps")


def told_by(progress: list[str]) -> Progress:
    return Progress(lambda stage, fraction, message: progress.append(message))


def test_fields_that_do_not_fit_fit_nowhere(
    request_elsewhere: RegistrationRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They lie in main memory, whatever the device: no second attempt, at once the advice."""
    monkeypatch.setattr(memory_estimate, "available_memory", lambda: 1000)
    told: list[str] = []
    with pytest.raises(OutOfMemoryError, match="GiB are free; use slices") as caught:
        Runner().run(request_elsewhere, told_by(told))
    assert "tried" not in str(caught.value)
    assert not any("trying again" in message for message in told)


def test_what_ran_out_of_memory_is_tried_on_the_cpu(
    request_elsewhere: RegistrationRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = registration.align
    failures = [RuntimeError(FULL)]

    def align(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(registration, "align", align)
    told: list[str] = []
    result = Runner().run(request_elsewhere, told_by(told))
    (step,) = result.provenance["fallbacks"]
    assert (step["from"], step["to"]) == ("float32 on mps", "float32 on cpu")
    assert "not enough memory" in step["reason"]
    assert "out of memory with float32 on mps, trying again with float32 on cpu" in told
    assert result.provenance["options"]["device"] == "cpu"
    assert result.metrics["after"]["ncc"] > 0.99
