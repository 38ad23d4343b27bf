"""Submissions to Learn2Reg: layouts, round trip, official scores, what is damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("yaml", reason="needs the extra 'training'")

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from Testing.Python.training.layout_folders import (
    write_abdomen,
    write_learn2reg_oasis,
    write_lung,
    write_neurite,
    write_pickles,
)
from training.cli import main
from training.datasets.evaluation import EvaluationPair
from training.datasets.layouts import DataSet, open_data_set
from training.datasets.layouts.data_set import Pairing
from training.submissions import (
    Form,
    evaluate,
    file_name,
    official_scores,
    read_field,
    write_field,
)

FORMS: tuple[Form, ...] = ("2021", "2022")
SHAPE = (12, 16, 20)  # z, y, x


def smooth(shape: tuple[int, ...] = SHAPE, most: float = 3.0) -> np.ndarray:
    """A displacement (3, z, y, x) without symmetry between axes or components."""
    z, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    return most * np.stack([0.5 * np.sin(2 * z + x), np.cos(3 * y) * x, 0.3 + y * z - x**2])


@pytest.mark.parametrize("form", FORMS)
def test_a_displacement_comes_back(tmp_path: Path, form: Form) -> None:
    shape = (24, 32, 40)
    field = smooth(shape)
    path = tmp_path / ("disp_0001_0002" + (".npz" if form == "2021" else ".nii.gz"))
    write_field(path, field, form)
    back = read_field(path, shape, form)
    if form == "2022":
        np.testing.assert_allclose(back, field, atol=1e-5)
        return
    # Half the resolution and half precision cost hundredths of a voxel, most at the border.
    np.testing.assert_allclose(back, field, atol=0.12)
    inner = (slice(None), *[slice(2, -2)] * 3)
    np.testing.assert_allclose(back[inner], field[inner], atol=0.03)


def test_files_have_the_official_layout(tmp_path: Path) -> None:
    field = np.zeros((3, *SHAPE))
    field[2] = 2.0  # along x
    field[0, :, :, 10:] = -4.0  # along z, in the right half
    write_field(tmp_path / "a.npz", field, "2021")
    with np.load(tmp_path / "a.npz") as content:
        assert content.files == ["arr_0"]
        array = content["arr_0"]
    assert array.dtype == np.float16 and array.shape == (3, 10, 8, 6)
    # Voxels of the whole lattice, not halved; components and axes are x, y, z.
    assert np.all(array[0] == 2) and np.all(array[1] == 0)
    assert np.allclose(array[2, -2:], -4, atol=0.01) and np.allclose(array[2, :3], 0, atol=0.01)
    write_field(tmp_path / "b.nii.gz", field, "2022")
    image = sitk.ReadImage(str(tmp_path / "b.nii.gz"))
    assert image.GetSize() == (20, 16, 12, 3) and image.GetPixelID() == sitk.sitkFloat32
    values = sitk.GetArrayFromImage(image)  # component, z, y, x
    assert np.all(values[0] == 2) and np.all(values[1] == 0)
    assert np.all(values[2, ..., 10:] == -4) and np.all(values[2, ..., :10] == 0)


@pytest.mark.parametrize(
    ("fixed", "moving", "expected"),
    [
        ("0001_0000", "0004_0000", "disp_0001_0004"),
        ("p_0438_0439:fixed", "p_0438_0439:moving", "disp_0438_0439"),
        ("OASIS_OAS1_0438_MR1", "OASIS_OAS1_0439_MR1", "disp_0438_0439"),
        ("0003_0001", "0003_0000", "disp_0003_0003"),
        ("OASIS_0395_0000", "OASIS_0396_0000", "disp_0395_0396"),
    ],
)
def test_names_have_the_numbers_of_fixed_and_moving(fixed: str, moving: str, expected: str) -> None:
    pairing = Pairing("pair", fixed, moving, ())
    assert file_name(pairing, "2021") == f"{expected}.npz"
    assert file_name(pairing, "2022") == f"{expected}.nii.gz"
    with pytest.raises(InputError, match="a number of four digits, got 'brain'"):
        file_name(Pairing("pair", "brain", moving, ()), "2021")


def of(name: str, tmp_path: Path) -> DataSet:
    writers = {
        "learn2reg": (write_learn2reg_oasis, "oasis"),
        "neurite": (write_neurite, "oasis"),
        "pickles": (write_pickles, "oasis"),
        "abdomen": (write_abdomen, "abdomen-ct"),
        "lung": (write_lung, "lung-ct"),
    }
    writer, layout = writers[name]
    return open_data_set(layout, writer(tmp_path / name))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["learn2reg", "neurite", "pickles", "abdomen", "lung"])
def test_folders_are_evaluated(name: str, form: Form, tmp_path: Path) -> None:
    data = of(name, tmp_path)
    folder = tmp_path / "submission"
    folder.mkdir()
    for pairing in data.pairings["validation"]:
        pair = data.pair(pairing)
        if form == "2021" and any(n % 2 for n in pair.fixed.shape):
            pytest.skip("odd sizes")
        write_field(folder / file_name(pairing, form), np.zeros((3, *pair.fixed.shape)), form)
    result = evaluate(folder, data, "validation", form)
    assert set(result["cases"]) == {p.name for p in data.pairings["validation"]}
    assert result["mean"]["sdlogj"] == pytest.approx(0, abs=1e-6)
    assert result["mean"]["folds_percent"] == 0
    if name == "lung":
        assert result["mean"]["tre"] > 0
    else:
        assert 0 < result["worst_30"]["dice"] <= result["mean"]["dice"] < 1
        assert result["worst_30"]["hd95"] >= result["mean"]["hd95"] > 0


def pair_of(fixed: np.ndarray, moving: np.ndarray, spacing: float = 2.0) -> EvaluationPair:
    lattice = ImageGeometry(fixed.shape[::-1], (spacing,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    image = np.zeros(fixed.shape, np.float32)
    return EvaluationPair("pair", image, image, fixed, moving, lattice, {1: "a", 2: "b", 3: "c"})


def block(*labels: tuple[int, int], shape: tuple[int, int, int] = (12, 14, 24)) -> np.ndarray:
    """Blocks of four voxels of labels, each from a place along x."""
    out = np.zeros(shape, np.uint8)
    for label, start in labels:
        out[4:8, 4:8, start : start + 4] = label
    return out


def test_scores_follow_the_official_definitions() -> None:
    fixed, moving = block((1, 4), (2, 12)), block((1, 6), (3, 14))
    pair = pair_of(fixed, moving)
    none = official_scores(pair, np.zeros((3, *fixed.shape)))
    # Labels that one of the images lacks do not count.
    assert {k for k in none if k.startswith("dice_")} == {"dice_1"}
    assert none["dice"] == pytest.approx(0.5) and none["hd95"] == pytest.approx(2.0)
    # warped(x) = moving(x + u(x)), in voxels; HD95 in voxels, too, whatever the spacing.
    shift = np.zeros((3, *fixed.shape))
    shift[2] = 2.0
    moved = official_scores(pair, shift)
    assert moved["dice"] == 1 and moved["hd95"] == 0
    assert official_scores(pair, 0.8 * shift)["dice"] == 1, "the nearest voxel"
    # A structure that the warp loses counts: Dice 0, and nothing is near it.
    lost = official_scores(pair, 20 * shift)
    assert lost["dice"] == 0 and lost["hd95"] == math.inf
    empty = official_scores(pair_of(fixed, block((3, 4))), shift)
    assert math.isnan(empty["dice"]) and math.isnan(empty["hd95"])


def test_folds_are_of_the_determinant_itself_and_sdlogj_is_compressed() -> None:
    fixed = block((1, 4))
    x = np.arange(fixed.shape[2], dtype=float)
    field = np.zeros((3, *fixed.shape))
    field[2] = -2.0 * (x - 11.5)  # x + u(x) = 23 - x: mirrored everywhere
    scores = official_scores(pair_of(fixed, fixed), field)
    assert scores["folds_percent"] == 100 and scores["sdlogj"] == pytest.approx(0, abs=1e-6)
    field[2] = np.where(x < 12, 0.0, 0.5 * (x - 12))
    scores = official_scores(pair_of(fixed, fixed), field)
    inner = np.gradient(field[2, 0, 0])[2:-2] + 1 + 3
    assert scores["sdlogj"] == pytest.approx(np.log(inner).std(), rel=1e-6)


@pytest.mark.parametrize("name", ["zeros", "half", "float", "name", "text", "objects", "nan"])
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "disp_0001_0002.npz"
    arrays = {
        "zeros": (np.zeros((3, 5, 5, 5), np.float16), r"expected an array of \(3, 10, 8, 6\)"),
        "half": (np.zeros((3, 20, 16, 12), np.float16), r"got \(3, 20, 16, 12\)"),
        "float": (np.zeros((3, 10, 8, 6), np.int16), "expected floating-point numbers, got int16"),
        "objects": (np.array([None]), "expected the array arr_0"),
        "nan": (np.full((3, 10, 8, 6), np.nan, np.float16), "expected finite numbers"),
    }
    if name == "text":
        path.write_text("no archive")
        message = "expected the array arr_0"
    elif name == "name":
        np.savez(path, field=np.zeros((3, 10, 8, 6)))
        message = "expected the array arr_0"
    else:
        array, message = arrays[name]
        np.savez(path, array)
    with pytest.raises(InputError, match=message):
        read_field(path, SHAPE, "2021")


def test_other_forms_sizes_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; each pair needs"):
        read_field(tmp_path / "none.npz", SHAPE, "2021")
    write_field(tmp_path / "odd.npz", smooth((13, 16, 20)), "2021")
    with pytest.raises(InputError, match="even sizes"):
        read_field(tmp_path / "odd.npz", (13, 16, 20), "2021")
    write_field(tmp_path / "a.nii.gz", smooth(), "2022")
    with pytest.raises(InputError, match=r"expected an array of \(20, 16, 14, 3\)"):
        read_field(tmp_path / "a.nii.gz", (14, 16, 20), "2022")
    (tmp_path / "b.nii.gz").write_text("no image")
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_field(tmp_path / "b.nii.gz", SHAPE, "2022")
    for bad in (np.zeros((2, *SHAPE)), np.full((3, *SHAPE), np.inf), np.zeros(SHAPE)):
        with pytest.raises(InputError, match=r"expected finite numbers \(3, z, y, x\)"):
            write_field(tmp_path / "c.npz", bad, "2021")
    with pytest.raises(InputError, match="below 65504 voxels"):
        write_field(tmp_path / "c.npz", np.full((3, *SHAPE), 1e6), "2021")
    assert not (tmp_path / "c.npz").exists()


def test_the_command_registers_writes_and_evaluates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_abdomen(tmp_path / "abdomen", shape=(16, 16, 16))
    both = ["--data", "abdomen-ct", "--root", str(root)]
    folder = tmp_path / "submission"
    writing = ["--model", "none", "--output", str(folder), "--device", "cpu"]
    assert main(["submission", "write", *both, *writing]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["disp_0001_0004.nii.gz", "disp_0004_0001.nii.gz"]
    scores = tmp_path / "scores.json"
    assert main(["submission", "evaluate", str(folder), *both, "--json", str(scores)]) == 0
    assert "| Dice |" in capsys.readouterr().out
    found = json.loads(scores.read_text())["mean"]
    for path in folder.iterdir():
        write_field(path, np.zeros((3, 16, 16, 16)), "2022")
    assert main(["submission", "evaluate", str(folder), *both, "--json", str(scores)]) == 0
    assert found["dice"] > json.loads(scores.read_text())["mean"]["dice"] + 0.05
    assert main(["submission", "evaluate", str(tmp_path), *both]) == 2
    assert "there is no such file" in capsys.readouterr().err
