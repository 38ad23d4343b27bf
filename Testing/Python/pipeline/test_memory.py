"""Memory: the estimate against what is taken, and large volumes where there is little."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import _memory
from SlicerLDMRegLib.cli import console
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.memory_estimate import memory_needed
from SlicerLDMRegLib.pipeline.options import RefineOptions
from SlicerLDMRegLib.pipeline.slices import SliceRange

PACKAGE_ROOT = Path(__file__).resolve().parents[3] / "SlicerLDMReg"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

_PROGRAM = """
import resource, sys
import numpy as np
from SlicerLDMRegLib.errors import OutOfMemoryError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib._memory import available_memory

n, room = int(sys.argv[1]), int(sys.argv[2])
axes = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
lattice = ImageGeometry((n, n, n), (1.0,) * 3, (0.0,) * 3, axes)
ramp = np.arange(n, dtype=np.uint8)
images = [
    lattice.to_image(np.broadcast_to(ramp[:, None] // 2 + ramp // 2, (n, n, n)).copy())
    for ramp in (ramp, np.roll(ramp, 2))
]
if room:
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
    assert available_memory() <= room
# Not ru_maxrss: a child begins with that of the process it was forked from.
status = lambda: open("/proc/self/status").read()
peak = lambda: int(status().split("VmHWM:")[1].split()[0]) * 1024
before = peak()
try:
    register(*images, model="none", align="none", refine={"iterations": (1, 1)}, device="cpu")
except OutOfMemoryError as error:
    print(error)
    sys.exit(4)
print(peak() - before)
"""


def run(*arguments: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )


@linux_only
def test_512_cubed_on_4_gib_says_so_before_it_begins() -> None:
    done = run(512, 4 * 2**30)
    assert (done.returncode, done.stderr) == (4, "")
    assert "GiB are free; use slices" in done.stdout


@linux_only
@pytest.mark.slow
def test_the_estimate_is_that_of_a_real_registration() -> None:
    """It must not be too low, or the process dies; nor so high that it refuses what would work."""
    free = run(144, 0)
    assert free.returncode == 0, free.stderr
    taken = float(free.stdout)
    refused = run(144, int(0.2 * taken))
    assert refused.returncode == 4, refused.stderr
    estimate = float(refused.stdout.split(" GiB of memory")[0].split()[-1]) * 2**30
    assert 0.9 * taken < estimate < 1.8 * taken


@linux_only
def test_a_shell_without_room_is_told_before_anything_is_imported(tmp_path: Path) -> None:
    for limit, code in ((400_000, 4), (1_000_000, 4)):
        command = (
            f"ulimit -v {limit}; exec {sys.executable} -m SlicerLDMRegLib register --fixed a.nrrd "
            f"--moving b.nrrd --output {tmp_path}/results"
        )
        done = subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
            check=False,
        )
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.count("\n") == 1
        assert "1.2 GiB of address space are needed to begin, and ulimit -v leaves" in done.stderr
        assert "ulimit -v unlimited" in done.stderr


@linux_only
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
        RuntimeError("Exception thrown in SimpleITK: std::bad_alloc"),
        RuntimeError("can't start new thread"),
        SystemError("error return without exception set"),
    ],
)
def test_every_kind_of_exhaustion_is_exit_code_4(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr(_memory, "address_space_left", lambda: 2**30)
    monkeypatch.setattr(console, "address_space_left", lambda: 2**30)
    assert console.run_safely(fail, Namespace()) == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "memory" in said + "memory" * ("ulimit" in said)
    for other in (SystemError("bad argument"), RuntimeError("shape"), ImportError("no torch")):
        assert not _memory.is_exhaustion(other)


@pytest.mark.parametrize(
    ("line", "limits", "left"),
    [
        ("0::/", {"": 600}, 500),
        ("0::/user.slice/run.scope", {"user.slice/run.scope": 300}, 200),
        ("0::/user.slice/run.scope", {"user.slice": 400}, 300),
        ("0::/a/b", {"a/b": 900, "a": 500}, 400),
        ("0::/../..", {"": 700}, 600),  # as it is seen from inside a container
        ("9:memory:/docker/x", {"memory/docker/x": 350}, 250),
        ("0::/elsewhere", {}, None),
    ],
)
def test_limits_of_control_groups(
    line: str,
    limits: dict[str, int],
    left: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """100 are used, of which the group reports 30 files that can go: 130 are counted."""
    for folder, limit in limits.items():
        place = tmp_path / "groups" / folder
        place.mkdir(parents=True, exist_ok=True)
        old = folder.startswith("memory")
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
            if old
            else (
                "memory.max",
                "memory.current",
            )
        )
        (place / names[0]).write_text(f"{limit}\n")
        (place / names[1]).write_text("130\n")
        cache = "total_inactive_file" if old else "inactive_file"
        (place / "memory.stat").write_text(f"anon 100\n{cache} 30\n")
    proc = tmp_path / "cgroup"
    proc.write_text(f"{line}\n")
    places = (tmp_path / "groups", tmp_path / "groups" / "memory")
    own = [
        (str(place), *names[1:])
        for place, names in zip(places, _memory._CONTROL_GROUPS, strict=True)
    ]
    monkeypatch.setattr(_memory, "_CONTROL_GROUPS", own)
    monkeypatch.setattr(_memory, "_OWN_GROUPS", str(proc))
    assert min(_memory._limits(), default=None) == left


def test_what_is_needed_grows_with_all_that_needs_it(
    volume: ImageGeometry, make_image: Callable[..., sitk.Image]
) -> None:
    image = make_image(volume)
    whole = memory_needed(Inputs(image, image), RefineOptions(), None)
    sliced = Inputs(image, image, slices=SliceRange(2, 0, 2))
    assert memory_needed(sliced, RefineOptions(), None) < whole
    still = RefineOptions(enabled=False)
    small = memory_needed(Inputs(image, image[:, :, 2:4]), still, None)
    assert small < memory_needed(Inputs(image, image), still, None) < whole
