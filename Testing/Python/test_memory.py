"""Memory that is left to a process, in containers too, and images that do not fit into it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from SlicerLDMRegLib import _memory
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images.memory import check_size

LIBRARY = Path(_memory.__file__).parents[1]
MIB = 2**20
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

_READ = """
import resource, sys
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import read_image

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 150 * 2**20,) * 2)
try:
    read_image(sys.argv[1])
except InputError as error:
    print(error)
"""


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a control group, which stands in place of the machine's own."""
    groups = tuple((str(tmp_path), *names) for names in (V2, V1))
    monkeypatch.setattr(_memory, "_CONTROL_GROUPS", groups)
    return tmp_path


def write(folder: Path, names: tuple[str, str, str], limit: str, used: int, files: int) -> None:
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {files}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(
    ("names", "used", "files", "left"),
    [
        (V2, 40 * MIB, 0, 24 * MIB),
        (V1, 40 * MIB, 0, 24 * MIB),
        (V2, 60 * MIB, 30 * MIB, 34 * MIB),  # files that can go leave room
        (V1, 60 * MIB, 30 * MIB, 34 * MIB),
        (V2, 70 * MIB, 0, 0),
    ],
)
def test_a_container_has_what_its_limit_leaves(
    names: tuple[str, str, str], used: int, files: int, left: int, limited: Path
) -> None:
    write(limited, names, str(64 * MIB), used, files)
    assert _memory.available_memory() == left
    with pytest.raises(InputError, match=r"size of 256x512x256, which needs 100 MB"):
        check_size((256, 512, 256), 1)
    assert left == 0 or check_size((left // 3,), 1) == left // 3


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("limit", ["max", "", "many"])
def test_a_container_without_a_limit_has_what_the_machine_has(limit: str, limited: Path) -> None:
    write(limited, V2, limit, 40 * MIB, 0)
    available = _memory.available_memory()
    installed = _memory.installed_memory()
    assert available is not None and installed is not None
    assert 64 * MIB < available <= installed
    assert check_size((256, 512, 256), 1) == 2**25


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_an_image_too_large_for_the_limit_of_the_shell_is_refused(
    suffix: str, tmp_path: Path
) -> None:
    # 64 MiB of voxels, which need three times as much, where 150 MiB are left.
    path = tmp_path / f"large{suffix}"
    headers = {
        ".nrrd": "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 256 512 512\nencoding: raw\n\n",
        ".mha": "ObjectType = Image\nNDims = 3\nDimSize = 256 512 512\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
    }
    path.write_text(headers[suffix])
    with path.open("r+b") as file:
        file.truncate(len(headers[suffix]) + 2**26)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"},
        check=True,
    )
    assert "512x512x256" in done.stdout or "256x512x512" in done.stdout, done.stderr
    assert "which needs 201 MB to read, and 1" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_free_memory_between_used_blocks_is_given_back() -> None:
    import ctypes

    c = ctypes.CDLL(None)
    if not hasattr(c, "malloc_trim"):
        pytest.skip("another C library")
    c.malloc.restype, c.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)

    def resident() -> int:
        text = Path("/proc/self/status").read_text()
        return int(text.partition("RssAnon:")[2].split()[0]) * 1024

    blocks = [c.malloc(50_000) for _ in range(2000)]
    for block in blocks:
        ctypes.memset(block, 1, 50_000)
    for block in blocks[:-1]:  # the last one keeps the end of the heap in use
        c.free(block)
    before = resident()
    _memory.give_back()
    assert before - resident() > 50 * MIB
    c.free(blocks[-1])
