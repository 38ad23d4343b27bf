"""Label maps: any whole numbers, on the lattice of their image or nearly so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.images import as_labels, notes_of, read_labels
from SlicerLDMRegLib.segmentation import read_names
from SlicerLDMRegLib.segmentation.slicer_file import read_segments
from Testing.Python.images.places import rotation

ARRAY = np.random.default_rng(0).integers(0, 4, (11, 12, 13))


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [
        (np.uint32, 2**32 - 1), (np.int64, 2**40), (np.uint64, 2**62), (np.float64, 2**33),
        (np.float32, 2**24), (np.uint16, 65535), (np.float64, 2**31), (np.int32, 2**31 - 1),
    ],
)  # fmt: skip
def test_any_whole_numbers(tmp_path: Path, dtype: type, largest: int) -> None:
    array = np.where(ARRAY == 3, largest, ARRAY).astype(dtype)
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        path = tmp_path / f"a{suffix}"
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
        found = sitk.GetArrayFromImage(read_labels(path))
        assert found.dtype.kind in "iu"
        np.testing.assert_array_equal(found.astype(object), array.astype(int))


def test_floats_that_cannot_hold_their_labels(tmp_path: Path) -> None:
    array = np.where(ARRAY == 3, 2.0**25, ARRAY).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match=r"stored as float32.*save them as integers"):
        read_labels(tmp_path / "a.nrrd")
    with pytest.raises(InputError, match=r"below 2\^63"):
        array = np.where(ARRAY == 3, 2**63, ARRAY.astype(np.uint64))
        as_labels(sitk.GetImageFromArray(array), sitk.GetImageFromArray(ARRAY))


LATTICE = ImageGeometry(
    (512, 300, 20), (0.703125, 0.703125, 2.5), (-180.123456, 99.98765, -700.4321),
    tuple(rotation(5, 6, 7).ravel().tolist()),
)  # fmt: skip


def on(geometry: ImageGeometry) -> sitk.Image:
    array = np.zeros(geometry.array_shape, np.uint8)
    array[3:9, 30:90, 40:90] = 1
    return geometry.to_image(array)


def changed(**fields: object) -> ImageGeometry:
    values = {
        name: getattr(LATTICE, name) for name in ("size", "spacing", "origin", "direction")
    } | fields
    return ImageGeometry(**values)


@pytest.mark.parametrize(
    "other",
    [
        changed(spacing=(0.703, 0.703, 2.5)),
        changed(spacing=(0.70313, 0.70312, 2.5)),
        changed(origin=(-180.12, 99.99, -700.43)),
        changed(direction=tuple(np.round(LATTICE.direction, 5).tolist())),
        changed(origin=tuple(np.float32(LATTICE.origin).tolist()), spacing=(0.7031, 0.7031, 2.5)),
    ],
)
def test_rounding_is_accepted_and_told(other: ImageGeometry) -> None:
    found = as_labels(on(other), on(LATTICE))
    assert ImageGeometry.from_image(found) == LATTICE
    assert any("differs by rounding" in note for note in notes_of(found))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (changed(spacing=(0.7, 0.7, 2.5)), "resample"),
        (changed(origin=(-179.9, 99.98765, -700.4321)), "resample"),
        (
            changed(direction=tuple((rotation(5, 6, 7) @ np.diag([-1, 1, 1])).ravel().tolist())),
            r"other directions of its axes \(axes i reversed\)",
        ),
        (
            changed(direction=tuple((rotation(5, 6, 7) @ np.diag([-1, -1, 1])).ravel().tolist())),
            r"other directions of its axes \(axes i, j reversed\)",
        ),
        (changed(direction=tuple(rotation(5, 6, 12).ravel().tolist())), "other directions"),
    ],
)
def test_what_differs_is_named(other: ImageGeometry, message: str) -> None:
    with pytest.raises(InputError, match=rf"lattice of its image.*{message}"):
        as_labels(on(other), on(LATTICE))


def segmentation(path: Path, second: np.ndarray) -> ImageGeometry:
    """Write two layers of which each has one segment of the value 1."""
    first = np.zeros((11, 12, 13), np.uint8)
    first[2:9, 2:10, 2:10] = 1
    image = sitk.GetImageFromArray(np.stack([first, second], axis=-1), isVector=True)
    for index, name in enumerate(("a", "b")):
        for field, value in (("Name", name), ("LabelValue", "1"), ("Layer", str(index))):
            image.SetMetaData(f"Segment{index}_{field}", value)
    sitk.WriteImage(image, str(path))
    return ImageGeometry.from_image(sitk.GetImageFromArray(first))


def test_segments_that_touch_are_told(tmp_path: Path) -> None:
    second = np.zeros((11, 12, 13), np.uint8)
    second[2:9, 2:10, 9:13] = 1
    second[3:9, 2:10, 9] = second[2, 5:10, 9] = 0
    geometry = segmentation(tmp_path / "a.seg.nrrd", second)
    labels, names = read_segments(tmp_path / "a.seg.nrrd", geometry)
    assert names == {1: "a", 2: "b"}
    assert any("'a' and 'b' overlap in 3 voxels" in note for note in notes_of(labels))
    second[2:9, 2:10, 8] = 1
    segmentation(tmp_path / "a.seg.nrrd", second)
    with pytest.raises(InputError, match="'a' and 'b' overlap in 59 voxels; make one of them"):
        read_segments(tmp_path / "a.seg.nrrd", geometry)


@pytest.mark.parametrize(
    "text",
    ['{"1": "a", "1": "b"}', '{"' + "9" * 5000 + '": "a"}', "[" * 100000, '{"²": "a"}', "{}"],
)
def test_names_that_cannot_be(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="names"):
        read_names(tmp_path / "names.json")
