"""Memory: the estimate against what is taken, and large volumes where there is little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
