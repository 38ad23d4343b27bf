"""Outputs are whole or absent, for their owner alone, and nobody else's files are touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib._outputs import (
    check_place,
    check_space,
    recover,
    remove_own,
    scratch_folder,
    whole,
    whole_file,
    whole_folder,
    work_folder,
)
from SlicerLDMRegLib._outputs.work_folder import Journal, make_work_folder, write_journal
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images.written import reserve, write_image
from Testing.litter import work_folder_of_a_dead_process

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")
FILES = ("a", "b", "last")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def fill(folder: Path, text: str, names: tuple[str, ...] = FILES) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(text)


@pytest.fixture(params=[True, False], ids=["exchanging", "renaming"])
def exchanging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both on file systems that can exchange two folders and on others."""
    if not request.param:
        monkeypatch.setattr(whole, "exchange", lambda first, second: False)
    return bool(request.param)


@pytest.mark.parametrize(
    ("scenarios", "every", "least"),
    [
        (["model", "model, no exchange", "model, first"], 15, 30),
        (["labels", "field .h5", "field .nii.gz"], 3, 30),
        (["results, no exchange", "results, here"], 30, 20),
    ],
    ids=["models", "files", "results"],
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_faults_lose_nothing(scenarios: list[str], every: int, least: int, tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    environment = {**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    command = [sys.executable, "-m", "Testing.Prove.faults", *scenarios]
    done = subprocess.run(
        [*command, "--every", str(every), "--json", str(table)],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
        timeout=300,
    )
    assert table.exists(), done.stderr
    rows = json.loads(table.read_text())
    assert [row for row in rows if not row["good"]] == []
    assert len(rows) >= least
    assert {row["ended"] for row in rows} >= {"killed", "cancelled", "error"}
    assert {row["found"] for row in rows} >= {"old", "new"}


def test_a_folder_is_replaced(tmp_path: Path, exchanging: bool) -> None:
    target = tmp_path / "results"
    with whole_folder(target) as new:
        assert not target.exists()
        fill(new, "first")
    assert contents(target) == dict.fromkeys(FILES, "first")
    with whole_folder(target) as new:
        fill(new, "second", ("a",))
        assert contents(target) == dict.fromkeys(FILES, "first")
    assert contents(target) == {"a": "second"} and list(tmp_path.iterdir()) == [target]


def test_a_block_that_fails_changes_nothing(tmp_path: Path, exchanging: bool) -> None:
    target = tmp_path / "results"
    fill(target, "old")
    for error in (OSError("full"), KeyboardInterrupt(), MemoryError()):
        with pytest.raises(type(error)), whole_folder(target) as new:
            fill(new, "new")
            raise error
        assert contents(target) == dict.fromkeys(FILES, "old")
        assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("state", ["before", "between", "after"])
def test_the_next_run_ends_what_a_killed_one_began(tmp_path: Path, state: str) -> None:
    target, work = tmp_path / "results", work_folder_of_a_dead_process(tmp_path)
    write_journal(work, Journal("results"))
    fill(work / "new", "new")
    if state == "before":
        fill(target, "old")
    else:
        fill(work / "old", "old")
    if state == "after":
        (work / "new").rename(target)
    recover(tmp_path)
    assert contents(target) == dict.fromkeys(FILES, "old" if state == "before" else "new")
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_thrown_away_where_somebody_put_another(tmp_path: Path) -> None:
    target, work = tmp_path / "results", work_folder_of_a_dead_process(tmp_path)
    write_journal(work, Journal("results"))
    for folder in ("new", "old"):
        fill(work / folder, folder)
    fill(target, "mine")
    recover(tmp_path)
    assert contents(target) == dict.fromkeys(FILES, "mine")
    (kept,) = (path for path in tmp_path.iterdir() if path != target)
    assert contents(kept / "old") and contents(kept / "new")


def test_only_our_own_litter_of_the_dead_is_removed(tmp_path: Path) -> None:
    dead, mine = work_folder_of_a_dead_process(tmp_path), make_work_folder(tmp_path)
    fill(dead / "new", "half")
    others = [f"{dead.name}-notes", ".ldmreg-notes", dead.name.upper(), ".results-0a1b2c3d"]
    machine = dead.name.split("-")[1]
    others.append(dead.name.replace(machine, "00000000"))  # of another computer
    for name in others:
        fill(tmp_path / name, "mine")
    (tmp_path / dead.name.replace("-", "-", 1).replace(dead.name[-8:], "deadbeef")).write_text("x")
    link = tmp_path / dead.name.replace(dead.name[-8:], "0badf00d")
    link.symlink_to(tmp_path / others[0])
    kept = {path.name for path in tmp_path.iterdir()} - {dead.name}
    recover(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept and mine.name in kept
    old = time.time() - 8 * 24 * 3600
    os.utime(tmp_path / others[-1], (old, old))
    recover(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept - {others[-1]}
    remove_own(tmp_path)
    assert not mine.exists()


def test_a_later_process_with_the_number_of_a_dead_one(tmp_path: Path) -> None:
    mine = make_work_folder(tmp_path)
    began = mine.name.split("-")[3]
    if began == "0":
        pytest.skip("the system does not tell when a process began")
    dead = mine.rename(tmp_path / mine.name.replace(began, str(int(began) - 1)))
    recover(tmp_path)
    assert not dead.exists()


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_who_may_read(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        for private in (True, False):
            with whole_folder(tmp_path / f"{private}", private=private) as new:
                assert mode(new.parent) == 0o700  # also while it is written
                fill(new, "x")
                fill(new / "sub", "x")
            with whole_file(tmp_path / f"{private}.txt", private=private) as path:
                assert mode(path.parent.parent) == 0o700
                path.write_text("x")
    finally:
        os.umask(before)
    folder, file = tmp_path / "True", tmp_path / "True.txt"
    assert mode(folder) == mode(folder / "sub") == 0o700
    assert mode(folder / "a") == mode(folder / "sub" / "a") == mode(file) == 0o600
    folder, file = tmp_path / "False", tmp_path / "False.txt"
    assert mode(folder) == mode(folder / "sub") == 0o777 & ~mask
    assert mode(folder / "a") == mode(file) == 0o666 & ~mask


@POSIX
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    fill(tmp_path / "disk", "old")
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    (tmp_path / "file").symlink_to(tmp_path / "disk.txt")
    with whole_folder(tmp_path / "results") as new:
        fill(new, "new")
    with whole_file(tmp_path / "file") as path:
        path.write_text("new")
    assert (tmp_path / "results").is_symlink() and (tmp_path / "file").is_symlink()
    assert contents(tmp_path / "disk") == dict.fromkeys(FILES, "new")
    assert (tmp_path / "disk.txt").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_that_must_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "here"
    fill(target, "old")
    (target / "notes.txt").write_text("mine")
    monkeypatch.chdir(target)
    before = target.stat().st_ino
    with whole_folder(target, files=FILES) as new:
        fill(new, "new", ("a", "last"))
    assert contents(target) == {"a": "new", "last": "new", "notes.txt": "mine"}
    assert target.stat().st_ino == before and len(list(target.iterdir())) == 3


def test_files_that_could_not_be_replaced_are_replaced_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "here"
    fill(target, "old")
    monkeypatch.chdir(target)
    replace = Path.replace

    def fail(self: Path, other: Path) -> Path:
        if self.name == "b":
            raise OSError("busy")
        return replace(self, other)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="busy"), whole_folder(target, files=FILES) as new:
            fill(new, "new")
    assert not (target / "last").exists()  # it says that the folder is complete
    recover(target)
    assert contents(target) == dict.fromkeys(FILES, "new")
    assert sorted(path.name for path in target.iterdir()) == sorted(FILES)


def test_journals_that_were_tampered_with_reach_no_other_files(tmp_path: Path) -> None:
    fill(tmp_path / "thesis", "mine")
    store = tmp_path / "store"
    store.mkdir()
    for journal in (
        Journal("../thesis"),
        Journal("", ("last",), ("../../thesis/a",)),
        Journal("", ("../../thesis/a",), ()),
        Journal(".."),
    ):
        work = work_folder_of_a_dead_process(store)
        fill(work / "new", "evil")
        write_journal(work, journal)
        recover(store)
    assert contents(tmp_path / "thesis") == dict.fromkeys(FILES, "mine")
    assert list(store.iterdir()) == []


def test_signals_wait_for_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "results"
    fill(target, "old")
    rename = Path.rename
    # A shell lets what runs in its background ignore it.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(self: Path, other: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return rename(self, other)

    monkeypatch.setattr(whole, "exchange", lambda first, second: False)
    monkeypatch.setattr(Path, "rename", interrupted)
    told = pytest.raises(KeyboardInterrupt, match="results was written before")
    try:
        with told, whole_folder(target) as new:
            fill(new, "new")
        assert contents(target) == dict.fromkeys(FILES, "new")
        assert list(tmp_path.iterdir()) == [target]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_places_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_place(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert check_place(tmp_path / ("x" * 255)).name == "x" * 255
    assert list(tmp_path.iterdir()) == []
    for name, reason in (("x" * 256, "256 bytes"), ("/".join(["x" * 99] * 60), "too long")):
        with pytest.raises(InputError, match=reason):
            check_place(tmp_path / name)

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root may write everywhere
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(InputError, match=r"cannot be written to \(Permission denied\)"):
            check_place(tmp_path / "a")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    check_space(tmp_path / "a" / "b", 3_000_000)
    with pytest.raises(InputError, match=r"at least 8 MB are needed in .*, 5 MB are free"):
        check_space(tmp_path / "a" / "b", 8_000_000)


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np, SimpleITK as sitk
from SlicerLDMRegLib import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.segmentation import Segmentation, write_segmentation
folder = Path(sys.argv[1])
geometry = ImageGeometry((30, 30, 20), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
random = np.random.default_rng(1)
field = DisplacementField(random.random((20, 30, 30, 3)), geometry)
labels = sitk.GetImageFromArray(random.integers(0, 2**60, (20, 30, 30)))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for name in ("f.h5", "f.tfm", "f.nii", "f.nii.gz", "f.mha", "f.nrrd", "l.nii", "l.nii.gz", "l.mha"):
    try:
        if name.startswith("f"):
            field.write(folder / name)
        else:
            write_segmentation(Segmentation(labels, {1: "x"}), folder / name)
        print(name, "was written")
    except InputError as error:
        print(name, "refused")
"""


@POSIX
def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    # A limit for files does what a full disk does; some of ITK's writers are silent then, or crash.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 9 and all(line.endswith("refused") for line in lines), lines
    assert list(tmp_path.iterdir()) == []


def test_written_images_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(1).random((5, 6, 7)))
    for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha"):
        write_image(image, tmp_path / name)
    write = sitk.WriteImage

    def cut(image: sitk.Image, path: str, compressed: bool) -> None:
        write(image, path, compressed)
        with Path(path).open("r+b") as file:
            file.truncate(400)

    monkeypatch.setattr(sitk, "WriteImage", cut)
    for name in ("b.nii", "b.nii.gz"):
        with pytest.raises(OSError, match="only a part"):
            write_image(image, tmp_path / name)
    if hasattr(os, "posix_fallocate"):
        with pytest.raises(OSError):
            reserve(tmp_path, 2**62)
        assert not (tmp_path / "room").exists()


def test_files_of_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = work_folder_of_a_dead_process(tmp_path)
    (dead / "image.png").write_bytes(b"of a patient")
    with scratch_folder() as folder, scratch_folder() as second:
        (folder / "a").write_text("x")
        assert {path.name for path in tmp_path.iterdir()} == {folder.name, second.name}
        assert os.name == "nt" or mode(folder) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_names_tell_the_owner(tmp_path: Path) -> None:
    name = make_work_folder(tmp_path).name
    assert work_folder.is_work_folder(name) and len(name) <= work_folder.LONGEST_NAME
    assert name.split("-")[2] == str(os.getpid())
