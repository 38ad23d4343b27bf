from __future__ import annotations

import pytest
import torch

from SlicerLDMRegLib._memory import available_memory
from SlicerLDMRegLib.errors import InputError, OutOfMemoryError
from SlicerLDMRegLib.pipeline.device import (
    Meter,
    memory_errors,
    select_device,
    select_precision,
    threads_for,
)


def test_device_by_name() -> None:
    assert select_device("cpu") == torch.device("cpu")
    assert select_device("auto").type in ("cpu", "cuda")
    with pytest.raises(InputError, match="expected auto, cpu"):
        select_device("gpu")
    with pytest.raises(InputError, match="CUDA devices"):
        select_device("cuda:99")


def test_precision_by_device() -> None:
    cpu = torch.device("cpu")
    assert select_precision("auto", cpu) == "float32"
    assert select_precision("bfloat16", cpu) == "bfloat16"
    with pytest.raises(InputError, match="float16"):
        select_precision("float16", cpu)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: ...")]
)
def test_memory_exhaustion_becomes_one_clear_error(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError, match="use slices"), memory_errors("a test"):
        raise error


def test_real_allocation_that_cannot_be_had() -> None:
    with pytest.raises(OutOfMemoryError), memory_errors("a test"):
        torch.empty(2**58, dtype=torch.uint8)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="something else"), memory_errors("a test"):
        raise RuntimeError("something else")


def test_meter() -> None:
    meter = Meter(torch.device("cpu"))
    for _ in range(2):
        with meter.stage("a"):
            pass
    with pytest.raises(ValueError), meter.stage("b"):
        raise ValueError
    assert list(meter.seconds) == ["a", "b"]
    assert meter.total >= sum(meter.seconds.values())
    assert meter.peak_memory()["process_mib"] > 1
    assert available_memory() is None or available_memory() > 2**20


def test_small_images_use_one_thread() -> None:
    torch.set_num_threads(2)
    with threads_for(128 * 128, torch.device("cpu")):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with threads_for(10**7, torch.device("cpu")):
        assert torch.get_num_threads() == 2
    with threads_for(40**3, torch.device("cpu"), 3):
        assert torch.get_num_threads() == 2
    with threads_for(128 * 128, torch.device("cpu"), weights=200_000_000):
        assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError), threads_for(10, torch.device("cpu")):
        raise RuntimeError
    assert torch.get_num_threads() == 2
