"""A manifest of one's own images as a data set: pairs, splits, lattice, labels, faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from Testing.Python.training.layout_folders import blob, write_image
from training.datasets.layouts import open_data_set, recognise
from training.datasets.layouts.manifest import ManifestData

HEARTS = '{"1": "left ventricle", "2": "myocardium"}'
SPLITS = ("train", "validation", "test")


def write_hearts(root: Path, patients: int = 4, splits: bool = True) -> Path:
    """2D hearts of 60 x 40 pixels at two phases; patient 1 to n, in the order ES, ED."""
    rows = ["image,labels,label_names,subject,phase" + ",split" * splits]
    for number in range(1, patients + 1):
        split = ("train", "train", "val", "test")[(number - 1) % 4]
        for phase, radius in (("ES", 6), ("ED", 10)):
            r = blob((40, 60), radius, (18, 25))
            labels = np.select([r < 1, r < 1.4], [1, 2], 0).astype(np.uint8)
            stem = f"p{number}_{phase}"
            write_image(root / f"{stem}.nrrd", (300 * np.exp(-r)).astype(np.int16), (2, 2))
            write_image(root / f"{stem}_labels.nrrd", labels, (2, 2))
            names = '"' + HEARTS.replace('"', '""') + '"'
            rows.append(
                f"{stem}.nrrd,{stem}_labels.nrrd,{names},p{number},{phase}" + f",{split}" * splits
            )
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root


def counts(data: ManifestData) -> list[int]:
    return [len(data.pairings[split]) for split in SPLITS]


def opened(path: Path, **options: object) -> ManifestData:
    data = open_data_set("manifest", path, **options)
    assert isinstance(data, ManifestData)
    return data


def replaced(root: Path, old: str, new: str) -> Path:
    table = root / "manifest.csv"
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))
    return table


def test_phases_of_a_subject_are_pairs(tmp_path: Path) -> None:
    root = write_hearts(tmp_path)
    assert recognise(root) == ["manifest"]
    for place in (root, root / "manifest.csv"):
        data = opened(place)
        assert data.dimension == 2 and counts(data) == [2, 1, 1]
        assert data.labels == {1: "left ventricle", 2: "myocardium"}
    pair = data.pairs("train")[1]
    assert pair.name == "p2_ED-p2_ES"
    assert (pair.moving_labels == 1).sum() > 2 * (pair.fixed_labels == 1).sum()
    assert pair.fixed.shape == (40, 60) and pair.lattice.spacing == (2.0, 2.0)
    assert pair.fixed.min() == 0 and pair.fixed.max() == 1


def two_slices(root: Path, column: str) -> Path:
    """Hearts of four subjects in two slices each, with a column that tells the slice."""
    table = write_hearts(root, patients=8) / "manifest.csv"
    header, *rows = table.read_text().splitlines()
    for number in range(5, 9):
        rows = [row.replace(f",p{number},", f",p{number - 4},") for row in rows]
    part = ("apex", "base")
    rows = [f"{row},{part[i // 8]}" for i, row in enumerate(rows)]
    table.write_text("\n".join([f"{header},{column}", *rows]) + "\n")
    return table


@pytest.mark.parametrize("column", ["slice", "view", "session"])
def test_each_slice_of_a_subject_has_its_own_pair(tmp_path: Path, column: str) -> None:
    data = opened(two_slices(tmp_path, column))
    assert counts(data) == [4, 2, 2]
    assert all(len(pairing.subjects) == 1 for pairing in data.pairings["train"])
    # No image is lost, and none is paired with that of another slice.
    names = {pairing.name for own in data.pairings.values() for pairing in own}
    assert names == {f"p{n}_ED-p{n}_ES" for n in range(1, 9)}


def test_a_phase_of_a_subject_that_is_there_twice_is_told(tmp_path: Path) -> None:
    """Of four images of a subject two used to be left out without a word."""
    table = two_slices(tmp_path, "place")
    message = "one image of phase ed of subject p1, got rows 3, 11; a column slice, view or session"
    with pytest.raises(InputError, match=message):
        opened(table)


def test_images_come_onto_the_lattice_of_a_network(tmp_path: Path) -> None:
    pair = opened(write_hearts(tmp_path), size=[64, 64]).pairs("test")[0]
    # 120 mm of 60 pixels become 64; 80 mm are in the middle of as many.
    assert pair.lattice.spacing == pytest.approx((1.875, 1.875))
    rows, columns = np.nonzero(pair.fixed_labels == 1)
    middle = np.array([(18 - 19.5) * 2 / 1.875, (25 - 29.5) * 2 / 1.875]) + 31.5
    np.testing.assert_allclose([rows.mean(), columns.mean()], middle, atol=0.3)
    assert not pair.fixed_labels[:8].any() and pair.fixed[:8].max() == 0


def test_subjects_are_divided_where_the_manifest_does_not(tmp_path: Path) -> None:
    data = opened(write_hearts(tmp_path, 8, splits=False))
    assert counts(data) == [6, 1, 1]
    assert data.subjects("test") == ["p8"] and data.subjects("validation") == ["p7"]


def write_volumes(root: Path) -> Path:
    """Four subjects in 3D of other sizes and places, the structure 2 mm left of their middles."""
    rows = ["image,labels,label_names,landmarks,subject,split"]
    for number in range(1, 5):
        shape = (20 + number, 22, 24 + number)
        radius = 4 + number
        centre = (np.array(shape) - 1) / 2 + np.array([0, 0, 2])
        r = blob(shape, radius, centre)
        arrays = (900 * np.exp(-r)).astype(np.float32), (r < 1).astype(np.uint8)
        image, labels = map(sitk.GetImageFromArray, arrays)
        point = None
        for name, own in (("image", image), ("labels", labels)):
            own.SetOrigin((100.0 * number, -50, 7))
            if number == 2:  # the same content with another order of its voxels
                own = sitk.Flip(own, (True, False, False))
            point = image.TransformContinuousIndexToPhysicalPoint(centre[::-1].tolist())
            sitk.WriteImage(own, str(root / f"s{number}_{name}.nii.gz"))
        text = "label,x,y,z\n" + ",".join(["a", *(f"{c:.4f}" for c in point)]) + "\n"
        (root / f"s{number}.csv").write_text(text)
        split = ("train", "train", "validation", "validation")[number - 1]
        rows.append(
            f's{number}_image.nii.gz,s{number}_labels.nii.gz,"{{""1"": ""ball""}}",s{number}.csv,'
            f"s{number},{split}"
        )
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root / "manifest.csv"


def test_subjects_with_an_image_each_are_paired_middle_to_middle(tmp_path: Path) -> None:
    data = opened(write_volumes(tmp_path), size=[32, 32, 32], spacing=1.0)
    assert counts(data) == [2, 2, 0] and data.dimension == 3
    for pair in data.pairs("train"):
        assert pair.fixed.shape == (32, 32, 32)
        for labels in (pair.fixed_labels, pair.moving_labels):
            centre = np.array([a.mean() for a in np.nonzero(labels)])
            # Halves of a voxel are rounded for labels, not for landmarks.
            np.testing.assert_allclose(centre, (15.5, 15.5, 17.5), atol=0.55)
        np.testing.assert_allclose(pair.fixed_landmarks, pair.moving_landmarks, atol=1e-3)
        index = pair.lattice.physical_to_index(pair.fixed_landmarks)
        np.testing.assert_allclose(index, [[17.5, 15.5, 15.5]], atol=1e-3)


def test_window_replaces_percentiles(tmp_path: Path) -> None:
    root = write_hearts(tmp_path)
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(root / "p1_ES.nrrd"))).astype(float)
    pair = opened(root, window=[50, 150]).pairs("train")[0]
    np.testing.assert_allclose(pair.fixed, np.clip((values - 50) / 100, 0, 1), atol=1e-6)


def test_pairs_are_taken_as_they_are(tmp_path: Path) -> None:
    write_hearts(tmp_path)
    table = tmp_path / "pairs.csv"
    rows = ["fixed,moving,id,split,fixed_labels,moving_labels,label_names"]
    for number, split in ((1, "train"), (2, "validation"), (3, "test")):
        rows.append(
            f"p{number}_ES.nrrd,p{number}_ED.nrrd,pair{number},{split},p{number}_ES_labels.nrrd,"
            f'p{number}_ED_labels.nrrd,"{HEARTS.replace(chr(34), chr(34) * 2)}"'
        )
    table.write_text("\n".join(rows) + "\n")
    data = opened(table)
    assert counts(data) == [1, 1, 1]
    pair = data.pairs("test")[0]
    assert pair.name == "pair3" and pair.moving_labels.sum() > pair.fixed_labels.sum()
    # A patient of two pairs cannot be trained with and tested on.
    rows.append(rows[1].replace("pair1", "again").replace("train", "test"))
    table.write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"expected each subject in one split, got .*p1_ES"):
        opened(table)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("p3,ES,val", "p3,ES,vla", "row 6: expected a split of train, validation, test"),
        ("p3,ES,val", "p3,ES,", "row 6: expected a split, got none"),
        ("p3,ES,val", "p3,ES,test", "expected each subject in one split, got p3 in test .* valid"),
        ("p4_ED.nrrd", "p4_ed.nrrd", "p4_ed.nrrd"),
        ("label_names", "names", "expected the names of the labels, got none"),
        ("labels,label", "lables,label", "is it meant to be labels"),
    ],
)
def test_faults_of_the_table_are_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    table = replaced(write_hearts(tmp_path), old, new)
    with pytest.raises(InputError, match=message):
        opened(table)


def test_faults_of_files_are_told(tmp_path: Path) -> None:
    root = write_hearts(tmp_path)
    data = opened(root)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(root / "p1_ES_labels.nrrd")))
    write_image(root / "p1_ES_labels.nrrd", np.where(labels == 2, 9, labels), (2, 2))
    with pytest.raises(InputError, match=r"p1_ES_labels.*expected labels 0 and 1, 2 .* got 9"):
        data.pairs("train")[0]
    write_image(root / "p2_ES_labels.nrrd", labels[:, 1:], (2, 2))
    with pytest.raises(InputError, match="expected the lattice of its image"):
        data.pairs("train")[1]
    whole = (root / "p3_ED.nrrd").read_bytes()
    (root / "p3_ED.nrrd").write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"p3_ED\.nrrd"):
        data.pairs("validation")[0]
    with pytest.raises(InputError, match=r"data.options.size: expected 2 numbers"):
        opened(root, size=[32, 32, 32]).pairs("test")[0]
    with pytest.raises(InputError, match="expected a column split, or three subjects"):
        opened(write_hearts(tmp_path / "few", 2, splits=False))
