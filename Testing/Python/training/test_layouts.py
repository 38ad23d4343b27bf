"""Published data sets in generated folders of their layout: pairs, phases, orientation, faults."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from Testing.Python.training.layout_folders import (
    write_abdomen,
    write_acdc,
    write_camus,
    write_echonet,
    write_image,
    write_learn2reg_oasis,
    write_lung,
    write_lung_zenodo,
    write_neurite,
    write_pickles,
    write_sunnybrook,
)
from training.datasets.layouts import LAYOUTS, DataSet, open_data_set, recognise, write_pairs
from training.datasets.layouts.restricted_pickle import read_arrays
from training.datasets.layouts.splits import share

COUNTS = ("train", "validation", "test")


def counts(data: DataSet) -> list[int]:
    return [len(data.pairings[split]) for split in COUNTS]


def damage(data: DataSet, split: str = "train", index: int = 0) -> str:
    """The message of a pair that cannot be read."""
    with pytest.raises(InputError) as caught:
        data.pairs(split)[index]
    return str(caught.value)


# --- splits


@pytest.mark.parametrize(
    ("count", "parts", "expected"),
    [
        (500, (400, 20, 80), (400, 20, 80)),
        (450, (400, 20, 80), (360, 18, 72)),
        (6, (400, 20, 80), (4, 1, 1)),
        (3, (70, 15, 15), (1, 1, 1)),
        (10, (3, 7), (3, 7)),
        (1, (70, 15, 15), (1, 0, 0)),
    ],
)
def test_shares_are_those_of_the_paper_and_none_is_empty(
    count: int, parts: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert share(count, parts) == expected


# --- CAMUS


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("camus"))


@pytest.fixture
def own_camus(camus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(camus, tmp_path / "camus"))


def test_camus_pairs_move_diastole_onto_systole(camus: Path) -> None:
    assert recognise(camus) == ["camus-2ch", "camus-4ch"]
    data = open_data_set("camus-4ch", camus)
    assert counts(data) == [4, 1, 1] and data.scored == (1,)
    pair = data.pairs("test")[0]
    assert pair.name == "patient0006_4CH" and pair.scored == (1,)
    assert pair.fixed.shape == (128, 128) and pair.fixed.dtype == np.float32
    assert (pair.moving_labels == 1).sum() > 2 * (pair.fixed_labels == 1).sum()
    assert set(np.unique(pair.fixed_labels)) == {0, 1, 2, 3}
    assert pair.fixed.min() == 0 and pair.fixed.max() == 1


def test_camus_is_resized_into_its_frame_and_mirrored(camus: Path) -> None:
    pair = open_data_set("camus-2ch", camus).pairs("train")[0]
    labels = pair.fixed_labels
    assert not labels[:8].any() and not labels[:, :8].any() and not labels[120:].any()
    rows, columns = np.nonzero(labels == 1)
    # Of 90 rows and 70 columns the ventricle is at (40, 20), from the right after mirroring.
    assert rows.mean() == pytest.approx(8 + 40 * 111 / 89, abs=1)
    assert columns.mean() == pytest.approx(8 + (69 - 20) * 111 / 69, abs=1)
    assert pair.fixed[rows, columns].mean() > pair.fixed[8:120, 8:120].mean()


def test_camus_of_the_older_layout_gives_the_same_pairs(camus: Path, tmp_path: Path) -> None:
    older = open_data_set("camus-2ch", write_camus(tmp_path, suffix=".mhd"))
    newer = open_data_set("camus-2ch", camus)
    assert older.pairings == newer.pairings
    for name in ("fixed", "moving", "fixed_labels", "moving_labels"):
        a, b = (getattr(d.pairs("validation")[0], name) for d in (older, newer))
        np.testing.assert_array_equal(a, b)


def test_camus_without_a_file_says_which_and_goes_on_when_told(own_camus: Path) -> None:
    gone = own_camus / "database_nifti/patient0002/patient0002_2CH_ES_gt.nii.gz"
    gone.unlink()
    with pytest.raises(InputError, match=r"patient0002: there is no file .*patient0002_2CH_ES_gt"):
        open_data_set("camus-2ch", own_camus)
    data = open_data_set("camus-2ch", own_camus, incomplete=True)
    assert "patient0002" not in data.subjects("train") and sum(counts(data)) == 5
    assert counts(open_data_set("camus-4ch", own_camus)) == [4, 1, 1]


def test_camus_faults_of_files_are_told(own_camus: Path) -> None:
    folder = own_camus / "database_nifti"

    def file(number: int, kind: str) -> Path:
        return folder / f"patient{number:04d}" / f"patient{number:04d}_2CH_ED{kind}.nii.gz"

    data = open_data_set("camus-2ch", own_camus)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(file(1, "_gt"))))
    labels[3, 4] = 9
    write_image(file(1, "_gt"), labels, (0.3, 0.15))
    assert "expected labels 0 and 1-3 of the scheme, got 9 (1 voxels)" in damage(data, index=0)
    whole = file(2, "").read_bytes()
    file(2, "").write_bytes(whole[: len(whole) // 2])
    assert "patient0002_2CH_ED.nii.gz" in damage(data, index=1)
    write_image(file(3, "_gt"), labels[:-1], (0.3, 0.15))
    assert "expected the lattice of patient0003_2CH_ED.nii.gz, 70 x 90" in damage(data, index=2)
    file(4, "").write_bytes(b"no image")
    assert "patient0004_2CH_ED.nii.gz" in damage(data, index=3)


# --- EchoNet-Dynamic


@pytest.fixture(scope="module")
def echonet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("av", reason="needs the extra 'training'")
    return write_echonet(tmp_path_factory.mktemp("echonet") / "EchoNet")


@pytest.fixture
def own_echonet(echonet: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(echonet, tmp_path / "echonet"))


def test_echonet_pairs_the_traced_frames_by_area(echonet: Path) -> None:
    data = open_data_set("echonet", echonet)
    assert counts(data) == [2, 1, 1] and recognise(echonet) == ["echonet"]
    pair = data.pairs("train")[1]
    assert pair.name == "0X0001"
    # Frame 2, the second in the table, has a radius of 24, frame 5 is traced with 14 pixels.
    areas = [int(a.sum()) for a in (pair.moving_labels, pair.fixed_labels)]
    assert areas == pytest.approx([np.pi * 24**2, np.pi * 14**2], rel=0.08)
    rows, columns = np.nonzero(pair.moving_labels)
    assert (rows.mean(), columns.mean()) == pytest.approx((58, 68), abs=0.6)
    # The frames themselves: bright where frame 2 has its ventricle, dark around it.
    assert pair.moving[pair.moving_labels > 0].mean() > 0.9
    assert pair.moving[(pair.moving_labels == 0)].mean() < 0.3


def test_echonet_leaves_out_videos_without_two_traced_frames(own_echonet: Path) -> None:
    table = own_echonet / "VolumeTracings.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(x for x in lines if not (x.startswith("0X0000") and ",5" in x[-4:])))
    data = open_data_set("echonet", own_echonet)
    assert counts(data) == [1, 1, 1] and not data.missing


def test_echonet_faults_are_told(own_echonet: Path) -> None:
    videos = own_echonet / "Videos"
    data = open_data_set("echonet", own_echonet)
    cut = videos / "0X0000.avi"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    message = damage(data)
    assert "0X0000.avi" in message and "get it again" in message.replace("the file", "it")
    (videos / "0X0001.avi").write_bytes(b"RIFF and nothing more")
    assert "0X0001.avi: cannot be decoded" in damage(data, index=1)
    (videos / "0X0002.avi").unlink()
    with pytest.raises(InputError, match=r"0X0002: there is no file .*0X0002\.avi"):
        open_data_set("echonet", own_echonet)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("VolumeTracings.csv", "X1,", "Xone,", r"X1 is missing \(is it 'Xone'\?\)"),
        ("FileList.csv", "Split", "Spilt", r"Split is missing \(is it 'Spilt'\?\)"),
        ("FileList.csv", "VAL", "DEV", "line 4: expected a Split of TRAIN, VAL, TEST, got 'DEV'"),
        ("VolumeTracings.csv", ",60,", ",sixty,", "line 2: expected numbers X1"),
    ],
)
def test_echonet_faults_of_tables_are_told(
    own_echonet: Path, file: str, old: str, new: str, message: str
) -> None:
    path = own_echonet / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        open_data_set("echonet", own_echonet)


def test_a_subject_in_two_splits_is_refused(own_echonet: Path) -> None:
    table = own_echonet / "FileList.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[1].replace("TRAIN", "TEST")]) + "\n")
    with pytest.raises(InputError, match="expected each subject in one split, got 0X0000 in train"):
        open_data_set("echonet", own_echonet)


# --- ACDC


@pytest.fixture(scope="module")
def acdc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_acdc(tmp_path_factory.mktemp("acdc"))


def test_acdc_takes_its_phases_from_its_information(acdc: Path) -> None:
    data = open_data_set("acdc", acdc)
    assert recognise(acdc) == ["acdc"]
    # Two groups of two patients each: the last of each validates.
    assert [data.subjects(s) for s in COUNTS] == [
        ["patient001", "patient002"],
        ["patient003", "patient004"],
        ["patient005", "patient006"],
    ]
    assert data.scored == (2, 3)
    for pair in data.pairs("all"):  # the odd ones have end-systole first
        assert (pair.moving_labels == 3).sum() > 1.5 * (pair.fixed_labels == 3).sum()
        assert set(np.unique(pair.moving_labels)) == {0, 1, 2, 3}


def test_acdc_is_cropped_around_its_middle_and_padded(acdc: Path) -> None:
    pair = open_data_set("acdc", acdc).pairs("train")[0]
    rows, columns = np.nonzero(pair.moving_labels == 3)
    # 110 x 90 pixels are padded to 128 x 128, the heart is at (50, 40): 112 / 128 of (59, 59).
    expected = [8 + (50 + 9) * 111 / 127, 8 + (40 + 19) * 111 / 127]
    assert [rows.mean(), columns.mean()] == pytest.approx(expected, abs=1)
    # The right ventricle lies at larger columns, as in the file.
    assert np.nonzero(pair.moving_labels == 1)[1].mean() > columns.mean() + 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "Info.cfg").unlink(), "patient002: .*Info.cfg"),
        (
            lambda f: (f / "Info.cfg").write_text("ED: one\nES: 12\n"),
            "expected the number of the frame ED, got 'one'",
        ),
        (
            lambda f: (f / "patient002_frame12_gt.nii.gz").unlink(),
            "patient002: there is no file .*frame12_gt",
        ),
    ],
)
def test_acdc_faults_are_told(
    acdc: Path, tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    root = Path(shutil.copytree(acdc, tmp_path / "acdc"))
    change(root / "database" / "training" / "patient002")
    with pytest.raises(InputError, match=message):
        open_data_set("acdc", root)
    assert sum(counts(open_data_set("acdc", root, incomplete=True))) == 5


# --- OASIS


@pytest.mark.parametrize("write", [write_neurite, write_learn2reg_oasis])
def test_oasis_folders_hold_out_consecutive_pairs(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    data = open_data_set("oasis", write(tmp_path))
    assert recognise(tmp_path) == ["oasis"]
    held_out = len(data.subjects("test"))
    assert counts(data)[1:] == [held_out - 1] * 2
    trained = 6 - held_out
    assert counts(data)[0] == trained * (trained - 1) and data.epoch == trained
    first = data.pairings["test"][0]
    assert first.fixed < first.moving
    pair = data.pairs("test")[0]
    assert pair.fixed.shape == (20, 24, 28) and pair.fixed.max() == 1
    np.testing.assert_array_equal(
        pair.fixed, data.scan(first.fixed).image, "values in [0, 1] are kept"
    )
    # The structures of the generated brains are numbered along z.
    centres = [np.nonzero(pair.fixed_labels == n)[0].mean() for n in (9, 18, 27)]
    assert centres == sorted(centres)
    assert len(pair.label_names) == 35 and pair.label_names[14] == "Left-Hippocampus"


def test_oasis_of_all_subjects_has_the_numbers_of_the_paper(tmp_path: Path) -> None:
    for number in range(1, 415):
        folder = tmp_path / f"OASIS_OAS1_{number:04d}_MR1"
        folder.mkdir()
        for name in ("aligned_norm.nii.gz", "aligned_seg35.nii.gz"):
            (folder / name).touch()
    data = open_data_set("oasis", tmp_path)
    assert data.epoch == 394 and counts(data)[1:] == [19, 19]
    first = data.pairings["test"][0]
    assert (first.fixed, first.moving) == ("OASIS_OAS1_0395_MR1", "OASIS_OAS1_0396_MR1")


def test_oasis_pickles_give_the_same_images(tmp_path: Path) -> None:
    pickled = open_data_set("oasis", write_pickles(tmp_path / "pickles"))
    folders = open_data_set("oasis", write_neurite(tmp_path / "neurite"))
    assert counts(pickled) == [12, 1, 1]
    for number in (1, 2):
        one = pickled.scan(f"{number:04d}")
        other = folders.scan(f"OASIS_OAS1_{number:04d}_MR1")
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.labels, other.labels)
    pair = pickled.pairs("test")[0]
    np.testing.assert_array_equal(pair.moving, pickled.scan("0001").image)
    np.testing.assert_array_equal(pair.fixed_labels, pickled.scan("0002").labels)


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, ("touch pickle_was_executed",)


def test_pickles_are_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    array = np.arange(6, dtype=np.float64).reshape(2, 3)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "good.pkl").write_bytes(pickle.dumps((array, array[::-1] > 1), protocol))
        found = read_arrays(tmp_path / "good.pkl", (2,))
        np.testing.assert_array_equal(found[0], array)
        (tmp_path / "bad.pkl").write_bytes(pickle.dumps((array, _Evil()), protocol))
        with pytest.raises(InputError, match=r"it asks for (posix|nt|os)\.system"):
            read_arrays(tmp_path / "bad.pkl", (2,))
    assert not (tmp_path / "pickle_was_executed").exists()
    for content, message in (
        (pickle.dumps(array)[:-20], "expected a pickle of NumPy arrays alone"),
        (pickle.dumps((array,) * 3), r"expected 2 or 4 arrays of numbers, got 3"),
        (pickle.dumps((array, "labels")), r"got 2 \(ndarray, str\)"),
        (pickle.dumps((array, np.array([{}], object))), r"expected 2 or 4 arrays of numbers"),
    ):
        (tmp_path / "bad.pkl").write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_arrays(tmp_path / "bad.pkl", (2, 4))
    with pytest.raises(InputError, match="there is no file"):
        read_arrays(tmp_path / "none.pkl", (2,))


def test_oasis_faults_are_told(tmp_path: Path) -> None:
    root = write_learn2reg_oasis(tmp_path / "a")
    (root / "labelsTr" / "OASIS_0002_0000.nii.gz").unlink()
    with pytest.raises(InputError, match=r"0002_0000: there is no file .*labelsTr"):
        open_data_set("oasis", root)
    file = root / "OASIS_dataset.json"
    described = json.loads(file.read_text())
    described["registration_val"][0]["fixed"] = "./imagesTr/OASIS_0099_0000.nii.gz"
    file.write_text(json.dumps(described))
    data = open_data_set("oasis", root, incomplete=True)
    assert any("0099_0000" in line for line in data.missing)
    for content, message in (
        ("{", "OASIS_dataset.json"),
        ('{"registration_val": {}}', "expected a list registration_val, got dict"),
        ('{"registration_val": [{"fixed": "x.nii.gz"}]}', "expected names such as OASIS_0001"),
        ('{"registration_val": [["a", "b"]]}', "expected pairs"),
    ):
        file.write_text(content)
        with pytest.raises(InputError, match=message):
            open_data_set("oasis", root, incomplete=True)
    with pytest.raises(InputError, match="expected OASIS_"):
        open_data_set("oasis", tmp_path / "a" / "imagesTr")


# --- Learn2Reg CT


def test_abdomen_has_ordered_pairs_of_the_held_out_scans(tmp_path: Path) -> None:
    data = open_data_set("abdomen-ct", write_abdomen(tmp_path))
    # Of 1, 4, 7, 10 in registration_val two validate and two test.
    assert counts(data) == [3 * 2, 2, 2] and recognise(tmp_path) == ["abdomen-ct"]
    pair = data.pairs("test")[0]
    assert pair.fixed.shape == (24, 20, 28) and pair.lattice.spacing == (2.0, 2.0, 2.0)
    assert pair.fixed.min() == 0 and pair.fixed.max() == pytest.approx((40 + 200 + 500) / 1300, 0.1)
    assert set(np.unique(pair.fixed_labels)) == {0, *range(2, 14)}


def test_abdomen_of_all_scans_has_the_numbers_of_the_paper(tmp_path: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
        for number in range(1, 31):
            (tmp_path / folder / f"AbdomenCTCT_{number:04d}_0000.nii.gz").touch()
    data = open_data_set("abdomen-ct", tmp_path)
    assert counts(data) == [380, 6, 42]
    assert data.subjects("validation") == ["0001_0000", "0004_0000", "0007_0000"]


def test_lung_moves_inspiration_onto_expiration_with_keypoints(tmp_path: Path) -> None:
    for write, key in ((write_lung, "0001"), (write_lung_zenodo, "001")):
        root = write(tmp_path / key)
        assert recognise(root) == ["lung-ct"]
        data = open_data_set("lung-ct", root)
        pair = next(p for p in data.pairs("all") if p.name == key)
        assert pair.moving_labels.sum() > 2 * pair.fixed_labels.sum()
        apart = np.ptp(pair.fixed_landmarks, axis=0), np.ptp(pair.moving_landmarks, axis=0)
        np.testing.assert_allclose(apart, [[0, 0, 12 * 1.5], [0, 0, 16 * 1.5]])
    assert counts(open_data_set("lung-ct", tmp_path / "0001")) == [4, 1, 1]
    assert counts(open_data_set("lung-ct", tmp_path / "001")) == [3, 1, 1]


def test_lung_faults_are_told(tmp_path: Path) -> None:
    root = write_lung(tmp_path)
    points = root / "keypointsTr" / "LungCT_0002_0000.csv"
    data = open_data_set("lung-ct", root)
    points.write_text("1,2,three\n")
    assert "line 1: expected voxels x, y, z" in damage(data)
    points.write_text("1,2,300\n")
    assert "expected points inside of (22, 18, 20) voxels" in damage(data)
    (root / "imagesTr" / "LungCT_0003_0001.nii.gz").unlink()
    with pytest.raises(InputError, match="case 0003: there is no inspiration scan"):
        open_data_set("lung-ct", root)


# --- Sunnybrook


@pytest.fixture(scope="module")
def sunnybrook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sunnybrook(tmp_path_factory.mktemp("sunnybrook"))


def test_sunnybrook_outlines_meet_their_images(sunnybrook: Path) -> None:
    data = open_data_set("sunnybrook", sunnybrook)
    assert recognise(sunnybrook) == ["sunnybrook"]
    pairs = {pair.name: pair for pair in data.pairs("all")}
    # Slices 2 to 5 have outlines; those at one and two thirds of them are taken.
    assert sorted(pairs) == [f"SC-{p}_s0{s}" for p in
                             ("HF-I-01", "HF-I-02", "HYP-03", "N-40") for s in (3, 4)]  # fmt: skip
    pair = pairs["SC-HYP-03_s03"]
    for image, labels, radius in (
        (pair.fixed, pair.fixed_labels, 20),  # end-diastole, slice 3
        (pair.moving, pair.moving_labels, 12),
    ):
        assert image.shape == (128, 128)
        assert labels.sum() == pytest.approx(np.pi * radius**2, rel=0.03)
        rows, columns = np.nonzero(labels)
        assert (rows.mean(), columns.mean()) == pytest.approx((64, 64), abs=0.6)
        assert image[labels > 0].min() > image[labels == 0].max() - 0.02


def test_sunnybrook_becomes_pairs_for_training(sunnybrook: Path, tmp_path: Path) -> None:
    data = open_data_set("sunnybrook", sunnybrook)
    assert write_pairs(data, tmp_path / "pairs") == 8
    with np.load(tmp_path / "pairs" / "SC-N-40_s04.npz") as stored:
        assert stored["fixed"].dtype == np.uint8 and stored["fixed"].max() == 255
        expected = next(p for p in data.pairs("all") if p.name == "SC-N-40_s04")
        np.testing.assert_array_equal(stored["moving_seg"], expected.moving_labels)
    assert recognise(tmp_path / "pairs") == ["cardiac-mr"]


def test_sunnybrook_faults_are_told(sunnybrook: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(sunnybrook, tmp_path / "scd"))
    expert = root / "Contours" / "SC-N-40" / "contours-manual" / "IRCCI-expert"
    data = open_data_set("sunnybrook", root)
    where = {p.name: (s, i) for s in COUNTS for i, p in enumerate(data.pairings[s])}
    (expert / "IM-0001-0041-icontour-manual.txt").write_text("1 2\n3 four\n5 6\n")
    assert "line 2: expected x and y, got '3 four'" in damage(data, *where["SC-N-40_s03"])
    outside = "".join(f"{x} {y}\n" for x, y in ((10, 10), (500, 10), (10, 50)))
    (expert / "IM-0001-0061-icontour-manual.txt").write_text(outside)
    assert "expected points inside of 180 x 200 pixels" in damage(data, *where["SC-N-40_s04"])
    (expert / "IM-0001-0041-icontour-manual.txt").unlink()
    (expert / "IM-0001-0061-icontour-manual.txt").unlink()
    dicom = root / "DICOM" / "SC-HF-I-2" / "IM-0004-0041.dcm"
    dicom.unlink()
    shutil.rmtree(root / "DICOM" / "SC-HYP-3")
    data = open_data_set("sunnybrook", root, incomplete=True)
    told = "\n".join(data.missing)
    assert "SC-HF-I-02: no series has all frames with outlines" in told
    assert "SC-HYP-03: there is no DICOM file of this patient" in told
    # The other outlines of the patient are at slices 2 and 5.
    assert sorted(p.name for s in COUNTS for p in data.pairings[s]) == [
        "SC-HF-I-01_s03", "SC-HF-I-01_s04", "SC-N-40_s02", "SC-N-40_s05",
    ]  # fmt: skip


# --- all


def test_no_subject_is_in_two_splits(tmp_path: Path) -> None:
    writers = {
        "camus-2ch": write_camus,
        "acdc": write_acdc,
        "oasis": write_learn2reg_oasis,
        "abdomen-ct": write_abdomen,
        "sunnybrook": write_sunnybrook,
    }
    for name, write in writers.items():
        data = open_data_set(name, write(tmp_path / name))
        train, test = set(data.subjects("train")), set(data.subjects("test"))
        assert train and test and not train & test, name
        assert not train & set(data.subjects("validation")), name


def test_unknown_sets_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'camus-2ch'"):
        open_data_set("camus2ch", tmp_path)
    with pytest.raises(InputError, match="expected a folder with ACDC, got none"):
        open_data_set("acdc", tmp_path / "none")
    assert recognise(tmp_path) == []
    with pytest.raises(InputError, match="no pair of the split 'test' was found"):
        open_data_set("camus-2ch", tmp_path).pairs("test")
    assert all(layout.rules for layout in LAYOUTS.values())
