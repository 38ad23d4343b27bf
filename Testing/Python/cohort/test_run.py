"""Runs over a cohort in one process: what is done, done again, and recorded."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import CohortFolder, Means, make_plan, run_cohort, status_of
from SlicerLDMRegLib.cohort.batch import MOST_ENDS, Batch, register_batch
from SlicerLDMRegLib.cohort.records import read_record
from SlicerLDMRegLib.errors import InputError, ModelError

from .conftest import QUICK, MakeImages, bits_of, blobs, plan_of

#: Without pictures, which take most of the time of small images.
HERE = Means(workers=0, threads=1, pictures="none")


def run(
    table: Path, output: Path, means: Means = HERE, **changes: Any
) -> tuple[set[str], set[str]]:
    """Run a cohort; the names that were registered now, and those that failed."""
    plan, folder = plan_of(table, output, **changes)
    totals = run_cohort(plan, folder, means)
    assert totals.left == 0
    assert totals.end is None, "nothing is told to end that has ended"
    done = {o.id for o in totals.outcomes.values() if o.status == "done"}
    return done, {o.id for o in totals.outcomes.values() if o.status == "failed"}


NAMES = {f"scans_i{n:02d}_to_scans_i00" for n in range(1, 5)}


def test_every_pair_has_its_folder_and_nothing_is_done_twice(
    pairs_table: Path, tmp_path: Path
) -> None:
    output = tmp_path / "study"
    assert run(pairs_table, output) == (NAMES, set())
    folder = CohortFolder(output)
    before = bits_of(folder)
    assert set(before) == NAMES
    for name in NAMES:
        assert {"warped.nrrd", "transform.h5", "report.json"} <= {
            path.name for path in folder.results(name).iterdir()
        }
        record = read_record(folder, name)
        assert record is not None and record["status"] == "done" and record["verdict"]
        assert record["numbers"]["dice_after"] > 0 and record["results"] == before[name]
    assert stat.S_IMODE(output.stat().st_mode) == 0o700
    assert run(pairs_table, output) == (set(), set())
    assert bits_of(folder) == before
    status = status_of(folder)
    assert (status.pairs, status.done, status.missing, status.running) == (4, 4, 0, False)


def test_only_what_is_missing_or_changed_is_done_again(pairs_table: Path, tmp_path: Path) -> None:
    output = tmp_path / "study"
    run(pairs_table, output)
    folder = CohortFolder(output)
    first, second, third, fourth = sorted(NAMES)
    scans = tmp_path / "scans"
    # A file that was only touched is the same one.
    os.utime(scans / "i01.nrrd")
    assert run(pairs_table, output) == (set(), set())
    # Another content of the same length, another label map, a lost file, a lost folder.
    image = sitk.ReadImage(str(scans / "i01.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(blobs(77)), str(scans / "i01.nrrd"), False)
    assert run(pairs_table, output) == ({first}, set())
    del image
    labels = sitk.ReadImage(str(scans / "i02_labels.nrrd"))
    sitk.WriteImage(1 - labels, str(scans / "i02_labels.nrrd"))
    (folder.results(third) / "warped.nrrd").unlink()
    shutil.rmtree(folder.results(fourth))
    assert run(pairs_table, output) == ({second, third, fourth}, set())
    # A damaged record is none.
    folder.record(first).write_text("{")
    assert run(pairs_table, output) == ({first}, set())
    assert run(pairs_table, output) == (set(), set())


@pytest.mark.parametrize(
    "change",
    [
        {"refine": "3,3"},
        {"seed": 1},
        {"align": "center"},
        {"label_names": {1: "left"}},
        {"diffeomorphic": True},
    ],
)
def test_another_option_is_another_request(
    pairs_table: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    output = tmp_path / "study"
    one = tmp_path / "one.csv"
    one.write_text("\n".join(pairs_table.read_text().splitlines()[:2]))
    (name,) = run(one, output)[0]
    assert run(one, output, **change) == ({name}, set())
    assert run(one, output, **change) == (set(), set())


def test_new_rows_leave_the_old_ones_as_they_are(pairs_table: Path, tmp_path: Path) -> None:
    output = tmp_path / "study"
    text = pairs_table.read_text()
    pairs_table.write_text("\n".join(text.splitlines()[:3]))
    assert len(run(pairs_table, output)[0]) == 2
    pairs_table.write_text(text)
    assert run(pairs_table, output) == ({f"scans_i0{n}_to_scans_i00" for n in (3, 4)}, set())


def test_a_moved_data_set_is_the_same(pairs_table: Path, tmp_path: Path) -> None:
    output = tmp_path / "study"
    run(pairs_table, output)
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "scans").rename(moved / "scans")
    pairs_table.rename(moved / "pairs.csv")
    assert run(moved / "pairs.csv", output) == (set(), set())


def test_a_pair_that_fails_is_recorded_and_stops_no_other(
    pairs_table: Path, tmp_path: Path
) -> None:
    output = tmp_path / "study"
    bad = tmp_path / "scans/i02.nrrd"
    good = bad.read_bytes()
    bad.write_bytes(good[:200])
    name = "scans_i02_to_scans_i00"
    assert run(pairs_table, output) == (NAMES - {name}, {name})
    folder = CohortFolder(output)
    record = read_record(folder, name)
    assert record is not None and (record["status"], record["attempts"]) == ("failed", 2)
    assert "i02.nrrd" in record["reason"] and "\n" not in record["reason"]
    assert not folder.results(name).exists()
    status = status_of(folder)
    assert status.failed == 1 and status.reasons == {name: record["reason"]}
    # It is tried again by the next run, and alone.
    bad.write_bytes(good)
    assert run(pairs_table, output) == ({name}, set())
    assert status_of(folder).failed == 0


def test_a_pair_that_fails_once_is_tried_again(
    pairs_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A share that is away for a moment: the image is there at the second try only.
    from SlicerLDMRegLib.pipeline import Runner

    plain, calls = Runner.run, []

    def run_late(self: Any, request: Any, progress: Any = None) -> Any:
        calls.append(request.moving)
        if calls.count(request.moving) == 1 and "i03" in request.moving:
            raise OSError(5, "Input/output error")
        return plain(self, request, progress)

    monkeypatch.setattr(Runner, "run", run_late)
    assert run(pairs_table, tmp_path / "study") == (NAMES, set())
    record = read_record(CohortFolder(tmp_path / "study"), "scans_i03_to_scans_i00")
    assert record is not None and record["attempts"] == 2
    calls.clear()
    means = Means(workers=0, threads=1, retries=0, pictures="none")
    done, failed = run(pairs_table, tmp_path / "other", means)
    assert failed == {"scans_i03_to_scans_i00"} and len(done) == 3


def test_a_pair_at_which_processes_end_is_given_up(pairs_table: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    with folder.running() as name:
        pair = plan.pairs[0]
        batch = Batch(
            str(folder.root),
            name,
            {pair.id: pair.request.to_dict()},
            {pair.id: pair.digest},
            1,
            3,
            False,
        )
        # So often it was begun and never ended.
        folder.begun(pair.id).write_text(str(MOST_ENDS))
        (outcome,) = register_batch(batch)
        assert outcome.status == "done"
        assert not folder.begun(pair.id).exists()
        folder.record(pair.id).unlink()
        folder.begun(pair.id).write_text(str(MOST_ENDS + 1))
        (outcome,) = register_batch(batch)
    assert outcome.status == "failed" and "ended 4 times without a word" in outcome.reason


def test_a_run_that_is_over_registers_nothing_more(pairs_table: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    pair = plan.pairs[0]
    batch = Batch(
        str(folder.root),
        "old",
        {pair.id: pair.request.to_dict()},
        {pair.id: pair.digest},
        1,
        0,
        False,
    )
    with folder.running():
        assert [outcome.status for outcome in register_batch(batch)] == ["cancelled"]
    assert not folder.results(pair.id).exists()


def test_ctrl_c_leaves_what_is_complete(
    pairs_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.pipeline.result import RegistrationResult

    plain, saved = RegistrationResult._write_files, []

    def interrupted(self: RegistrationResult, folder: Path) -> None:
        plain(self, folder)
        saved.append(folder)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RegistrationResult, "_write_files", interrupted)
    output = tmp_path / "study"
    plan, folder = plan_of(pairs_table, output)
    with pytest.raises(KeyboardInterrupt, match="1 of 4 pairs are complete; the same command"):
        run_cohort(plan, folder, HERE)
    assert len(bits_of(folder)) == 1 and not folder.is_running()
    assert not list(folder.root.glob("pairs/*/.ldmreg-*"))
    assert len(run(pairs_table, output)[0]) == 3


def test_two_runs_do_not_write_into_one_folder(pairs_table: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    with folder.running():
        assert folder.is_running()
        with pytest.raises(InputError, match=f"process {os.getpid()} on .* is writing into"):
            run_cohort(plan, folder, HERE)
    # One that was killed does not keep others out.
    values = {"run": "x", "machine": os.uname().nodename, "pid": 2**22 + 1, "began": 1}
    folder.run_file.write_text(json.dumps(values))
    assert run_cohort(plan, folder, HERE).done == 4


@pytest.mark.parametrize("name", ["thesis.docx", "pairs"])
def test_a_folder_of_others_is_left_alone(pairs_table: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / name).write_text("x")
    with pytest.raises(InputError, match=f"holds files that are not of a cohort .{name}"):
        plan_of(pairs_table, output)
    assert [path.name for path in output.iterdir()] == [name]


def test_plans_that_cannot_be(pairs_table: Path, tmp_path: Path) -> None:
    folder = CohortFolder(tmp_path / "study")
    images = tmp_path / "images.csv"
    images.write_text("image,split\nscans/i00.nrrd,test\nscans/i01.nrrd,test\nscans/i02.nrrd,\n")
    for source, options, told in (
        (images, {}, "lists images; say with --pairs how"),
        (pairs_table, {"pairing": "first"}, "lists pairs already; leave --pairs out"),
        (tmp_path / "scans", {}, "without dataset_description.json"),
        (pairs_table, {"bids_suffix": "T1w"}, "--bids-suffix goes with the folder"),
        (images, {"pairing": "first", "split": "val"}, "--split val: the table has test"),
        (tmp_path / "none.csv", {}, "there is no file"),
    ):
        with pytest.raises(InputError, match=told):
            make_plan(source, folder, QUICK, **options)
    with pytest.raises(ModelError, match="nobody"):
        make_plan(pairs_table, folder, {"model": "nobody"})
    plan = make_plan(images, folder, QUICK, pairing="all-to-all", split="test")
    assert [pair.id for pair in plan.pairs] == [
        "scans_i01_to_scans_i00",
        "scans_i00_to_scans_i01",
    ]
    assert not folder.root.exists()


def test_two_rows_of_one_name_are_told(tmp_path: Path, pairs_table: Path) -> None:
    table = tmp_path / "two.csv"
    table.write_text(
        "fixed,moving,id\nscans/i00.nrrd,scans/i01.nrrd,\nscans/i00.nrrd,scans/i02.nrrd,"
        "scans_i01_to_scans_i00\n"
    )
    with pytest.raises(
        InputError, match=r"two pairs are named .*row 2: i01.nrrd to i00.nrrd and row"
    ):
        make_plan(table, CohortFolder(tmp_path / "study"), QUICK)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"workers": 2, "scheduler": "tcp://x:1"}, "--workers and --scheduler exclude each other"),
        ({"workers": -1}, "--workers: expected an integer from 0"),
        ({"threads": 0}, "--threads: expected an integer from 1"),
        ({"pictures": "some"}, "--pictures: expected all, worst or none"),
        ({"retries": 101}, "--retries: expected an integer from 0 to 100"),
    ],
)
def test_means_that_cannot_be(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Means(**values)


def test_parts_of_one_file_are_different_inputs(tmp_path: Path) -> None:
    frames = np.stack([blobs(n) for n in range(3)])
    path = tmp_path / "cine.tif"
    sitk.WriteImage(sitk.GetImageFromArray(frames.astype(np.uint8)), str(path))
    table = tmp_path / "pairs.csv"
    table.write_text("fixed,moving,id\ncine.tif#page=1,cine.tif#page=2,p\n")
    assert run(table, tmp_path / "study")[0] == {"p"}
    assert run(table, tmp_path / "study")[0] == set()
    table.write_text("fixed,moving,id\ncine.tif#page=1,cine.tif#page=3,p\n")
    assert run(table, tmp_path / "study")[0] == {"p"}


def test_pictures_of_all_of_the_worst_and_of_none(pairs_table: Path, tmp_path: Path) -> None:
    output = tmp_path / "study"
    folder = CohortFolder(output)
    run(pairs_table, output)
    before = bits_of(folder)

    def drawn() -> set[str]:
        return {path.parent.name for path in output.glob("pairs/*/*/report.html")}

    assert not drawn()
    import SlicerLDMRegLib.cohort.run as module

    ordered = sorted(NAMES, key=lambda name: read_record(folder, name)["numbers"]["quality"])  # type: ignore[index]
    whole = module.WORST
    try:
        module.WORST = 1
        plan, _ = plan_of(pairs_table, output)
        run_cohort(plan, folder, Means(workers=0, threads=1, pictures="worst"))
    finally:
        module.WORST = whole
    verdicts = {name: str(read_record(folder, name)["verdict"]) for name in NAMES}  # type: ignore[index]
    assert len(drawn()) == 1
    if len(set(verdicts.values())) == 1:
        assert drawn() == {ordered[0]}
    assert bits_of(folder) == before
    run(pairs_table, output, Means(workers=0, threads=1))
    assert drawn() == NAMES and bits_of(folder) == before


@pytest.mark.slow
def test_each_image_is_encoded_once(tmp_path: Path, make_images: MakeImages) -> None:
    make_images(tmp_path / "scans", 3, 64)
    table = tmp_path / "images.csv"
    table.write_text("image\n" + "".join(f"scans/i{n:02d}.nrrd\n" for n in range(3)))
    plan, folder = plan_of(
        table, tmp_path / "study", pairing="all-to-all", model="ldm-morph-cardiac-mr", refine=False
    )
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    work = [read_record(folder, pair.id)["work"]["encoder"] for pair in plan.pairs]
    assert [asked for asked, _ in work] == [2] * 6
    # A process that has seen them in another test may know them all.
    assert sum(computed for _, computed in work) in (0, 3)
