from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.segmentation import (
    Segmentation,
    load_segmentation,
    read_names,
    write_segmentation,
)

DIRECTION = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
LATTICE = ImageGeometry((10, 9, 8), (1.0, 1.5, 2.0), (5.0, 6.0, 7.0), DIRECTION)
IMAGE = LATTICE.to_image(np.random.default_rng(0).random(LATTICE.array_shape).astype(np.float32))
NAMES = {17: "left hippocampus", 53: "right hippocampus"}


@pytest.fixture
def labels() -> np.ndarray:
    array = np.zeros(LATTICE.array_shape, np.uint8)
    array[2:4, 3:5, 2:5], array[2:4, 3:5, 6:8] = 17, 53
    return array


def test_file_image_array_and_segmentation_are_the_same(labels: np.ndarray, tmp_path: Path) -> None:
    image = LATTICE.to_image(labels)
    sitk.WriteImage(image, str(tmp_path / "labels.nii.gz"))
    (tmp_path / "names.json").write_text(json.dumps({"17": NAMES[17], "53": NAMES[53], "0": "air"}))
    sources = [tmp_path / "labels.nii.gz", str(tmp_path / "labels.nii.gz"), image, labels]
    for source in sources:
        for names in (NAMES, tmp_path / "names.json", str(tmp_path / "names.json")):
            result = load_segmentation(source, names, IMAGE)
            np.testing.assert_array_equal(sitk.GetArrayFromImage(result.labels), labels)
            assert result.geometry.matches(LATTICE) and result.names == NAMES
    confidence = LATTICE.empty_image(sitk.sitkFloat32) + 0.5
    given = Segmentation(image, NAMES, confidence)
    again = load_segmentation(given, None, IMAGE)
    assert again.names == NAMES and again.confidence is confidence
    renamed = load_segmentation(given, {17: "a", 53: "b"}, IMAGE)
    assert renamed.names == {17: "a", 53: "b"}


def test_known_scheme_and_names_of_what_is_not_there(labels: np.ndarray) -> None:
    result = load_segmentation(labels, "freesurfer35", IMAGE)
    assert result.names == {17: "Left-Hippocampus", 53: "Right-Hippocampus"}
    scheme = {"17": {"name": "Left-Hippocampus", "prompt": "x"}, "53": {"name": "R"}}
    assert load_segmentation(labels, scheme, IMAGE).names == {17: "Left-Hippocampus", 53: "R"}


def cropped(image: sitk.Image) -> sitk.Image:
    """What Slicer stores: the box around the segments."""
    return image[1:9, 2:6, 1:5]


@pytest.mark.parametrize("part", [lambda image: image, cropped], ids=["whole", "part"])
def test_segmentation_of_slicer_has_its_names(
    labels: np.ndarray, tmp_path: Path, part: Any
) -> None:
    stored = part(LATTICE.to_image(labels))
    for index, (number, name) in enumerate(NAMES.items()):
        for field, value in (("ID", f"s{number}"), ("Name", name), ("LabelValue", str(number))):
            stored.SetMetaData(f"Segment{index}_{field}", value)
        stored.SetMetaData(f"Segment{index}_Layer", "0")
    path = tmp_path / "Segmentation.seg.nrrd"
    sitk.WriteImage(stored, str(path), True)
    result = load_segmentation(path, None, IMAGE)
    assert result.names == NAMES and result.geometry.matches(LATTICE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result.labels), labels)
    assert load_segmentation(path, {17: "a", 53: "b"}, IMAGE).names == {17: "a", 53: "b"}


def write_layers(path: Path, second: np.ndarray) -> None:
    """Two segments with the label value 1 in two layers, as Slicer does where they overlap."""
    first = np.zeros_like(second)
    first[2:4, 3:5, 2:5] = 1
    image = sitk.GetImageFromArray(np.stack([first, second], axis=-1), isVector=True)
    image.CopyInformation(IMAGE)
    for index, name in enumerate(NAMES.values()):
        for field, value in (("Name", name), ("LabelValue", "1"), ("Layer", str(index))):
            image.SetMetaData(f"Segment{index}_{field}", value)
    sitk.WriteImage(image, str(path))


def test_layers_of_slicer(labels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "layers.seg.nrrd"
    write_layers(path, (labels == 53).astype(np.uint8))
    result = load_segmentation(path, None, IMAGE)
    assert result.names == {1: "left hippocampus", 2: "right hippocampus"}
    expected = np.where(labels == 17, 1, np.where(labels == 53, 2, 0))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result.labels), expected)
    write_layers(path, (labels > 0).astype(np.uint8))
    with pytest.raises(
        InputError, match=r"'left hippocampus' and 'right hippocampus' overlap in 12 voxels"
    ):
        load_segmentation(path, None, IMAGE)


def test_written_segmentation_is_read_back(labels: np.ndarray, tmp_path: Path) -> None:
    confidence = LATTICE.empty_image(sitk.sitkFloat32) + 0.75
    given = Segmentation(LATTICE.to_image(labels), {**NAMES, 99: "not there"}, confidence)
    write_segmentation(
        given, tmp_path / "s.seg.nrrd", tmp_path / "c.nii.gz", tmp_path / "names.json"
    )
    again = load_segmentation(tmp_path / "s.seg.nrrd", None, IMAGE)
    assert again.names == NAMES and again.geometry.matches(LATTICE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again.labels), labels)
    assert read_names(tmp_path / "names.json") == given.names
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "c.nii.gz"))).min() == 0.75
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.nii.gz", "names.json", "s.seg.nrrd"]
    for place, message in (("s.png", r"must end in \.seg\.nrrd or"), ("no/s.nrrd", "not exist")):
        with pytest.raises(InputError, match=message):
            write_segmentation(given, tmp_path / place)
    bare = Segmentation(given.labels, NAMES)
    with pytest.raises(InputError, match="these labels have no confidence"):
        write_segmentation(bare, tmp_path / "s.nrrd", tmp_path / "c.nrrd")
    assert not (tmp_path / "s.nrrd").exists()


def moved() -> sitk.Image:
    image = LATTICE.empty_image() + 17
    image.SetOrigin((5.0, 6.0, 9.0))
    return image


BAD: list[tuple[str, Any, Any, str]] = [
    ("labels without names", "labels", None, r"expected a name for each label, got 17, 53 without"),
    ("some without", "labels", {17: "a"}, r"got none for 53; name them, or set them to 0"),
    ("names without labels", None, NAMES, r"names were given without labels; give the label map"),
    ("names of others", "labels", {1: "a"}, r"none of the named labels 1 is in the label map"),
    ("nothing", "labels * 0", NAMES, r"at least one structure, got a label map that is 0 every"),
    ("another grid", moved(), NAMES, r"expected the lattice of its image, 10x9x8 .* resample"),
    ("another size", "labels[1:]", NAMES, r"expected the lattice of its image, .* got 10x9x7"),
    ("fractions", "labels + 0.5", NAMES, r"expected whole numbers, got fractions"),
    ("no file", "/nowhere/labels.nii.gz", NAMES, r"there is no file /nowhere/labels\.nii\.gz"),
    ("no scheme", "labels", "freesurfr35", r"freesurfer35"),
    ("no names file", "labels", "nowhere.json", r"there is no file nowhere\.json"),
    ("key", "labels", {"x": "a"}, r"expected an object of names by label number .* got the key"),
    ("value", "labels", {17: ""}, r"label 17 must have a name, got ''"),
    ("twice", "labels", {17: "a", "17": "b"}, r"label 17 is named twice"),
    ("list", "labels", ["a"], r"expected an object of names by label number"),
]


@pytest.mark.parametrize(
    ("source", "names", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD]
)
def test_what_cannot_be_used(labels: np.ndarray, source: Any, names: Any, message: str) -> None:
    if isinstance(source, str) and source.startswith("labels"):
        source = {
            "labels": labels,
            "labels * 0": 0 * labels,
            "labels[1:]": labels[1:],
            "labels + 0.5": labels + 0.5,
        }[source]
    with pytest.raises(InputError, match=message) as error:
        load_segmentation(source, names, IMAGE)
    assert "\n" not in str(error.value)


def test_damaged_files(labels: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_segmentation(labels, tmp_path / "names.json", IMAGE)
    (tmp_path / "labels.seg.nrrd").write_text("NRRD0004\ntype: junk\n")
    with pytest.raises(InputError, match="is cut off within its header"):
        load_segmentation(tmp_path / "labels.seg.nrrd", NAMES, IMAGE)
    segmentation = Segmentation(LATTICE.to_image(labels), NAMES)
    write_segmentation(segmentation, tmp_path / "cut.seg.nrrd")
    content = (tmp_path / "cut.seg.nrrd").read_bytes()
    (tmp_path / "cut.seg.nrrd").write_bytes(content[:-40])
    with pytest.raises(InputError, match="is cut off: its header announces"):
        load_segmentation(tmp_path / "cut.seg.nrrd", None, IMAGE)
