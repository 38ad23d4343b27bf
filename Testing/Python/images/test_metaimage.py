"""MetaImage headers, written here line by line, against where their voxels must lie."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import notes_of, read_image
from Testing.Python.images.places import largest_error, ramp, rotation

SIZE = (9, 10, 11)
UNIT = rotation(10, -20, 30)
SPACING = np.array([2.0, 3.0, 4.0])
ORIGIN = np.array([5.0, -6.0, 7.0])


def numbers(values: Any) -> str:
    return " ".join(f"{v:.9g}" for v in np.ravel(values))


def mha(voxels: np.ndarray, data: bytes | None = None, **fields: Any) -> bytes:
    """Return a file of voxels ``(..., k, j, i)``; a field of None is left out."""
    kinds = {"f4": "MET_FLOAT", "i2": "MET_SHORT", "u1": "MET_UCHAR", "u2": "MET_USHORT"}
    lines = {
        "ObjectType": "Image",
        "NDims": voxels.ndim,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": voxels.dtype.str[0] == ">",
        "DimSize": " ".join(map(str, voxels.shape[::-1])),
        "ElementType": kinds[voxels.dtype.str[1:]],
        "TransformMatrix": numbers(UNIT.T),  # a row for each axis
        "Offset": numbers(ORIGIN),
        "ElementSpacing": numbers(SPACING),
    } | fields
    lines.setdefault("ElementDataFile", "LOCAL")
    text = "".join(f"{name} = {value}\n" for name, value in lines.items() if value is not None)
    return text.encode() + (voxels.tobytes() if data is None else data)


def right(steps: np.ndarray = UNIT * SPACING, dtype: str = "<f4") -> np.ndarray:
    return ramp(SIZE, steps, ORIGIN, dtype)


def read(data: bytes, folder: Path, choice: str = "", name: str = "a.mha") -> sitk.Image:
    (folder / name).write_bytes(data)
    return read_image(f"{folder / name}{choice}")


@pytest.mark.parametrize("key", ["TransformMatrix", "Rotation", "Orientation"])
def test_the_names_of_the_matrix(tmp_path: Path, key: str) -> None:
    fields = {"TransformMatrix": None, key: numbers(UNIT.T)}
    image = read(mha(right(), **fields), tmp_path)
    assert largest_error(image) < 0.01 and notes_of(image) == ()


@pytest.mark.parametrize("key", ["Offset", "Position", "Origin"])
def test_the_names_of_the_origin(tmp_path: Path, key: str) -> None:
    image = read(mha(right(), **{"Offset": None, key: numbers(ORIGIN)}), tmp_path)
    assert largest_error(image) < 0.01


@pytest.mark.parametrize("letters", ["RAI", "LPS", "RAS", "LAS", "ASL", "PIR"])
def test_anatomical_orientation(tmp_path: Path, letters: str) -> None:
    """Its letters tell where each axis begins; the matrix decides, and its absence refuses."""
    sides = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "I": (2, 1), "S": (2, -1)}
    matrix = np.zeros((3, 3))
    for axis, letter in enumerate(letters):
        row, sign = sides[letter]
        matrix[row, axis] = sign
    voxels = right(matrix * SPACING)
    agreeing = mha(voxels, TransformMatrix=numbers(matrix.T), AnatomicalOrientation=letters)
    image = read(agreeing, tmp_path)
    assert largest_error(image) < 0.01 and notes_of(image) == ()
    other = "RAI" if letters != "RAI" else "LPS"
    image = read(
        mha(voxels, TransformMatrix=numbers(matrix.T), AnatomicalOrientation=other), tmp_path
    )
    assert largest_error(image) < 0.01
    assert any("contradicts its TransformMatrix" in note for note in notes_of(image))
    if letters != "RAI":
        alone = mha(voxels, TransformMatrix=None, AnatomicalOrientation=letters)
        with pytest.raises(InputError, match=r"no TransformMatrix.*#lps"):
            read(alone, tmp_path)
        assert read(alone, tmp_path, "#lps").GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.mark.parametrize("scale", [2.0, 0.5, (1, 2, 3), (0.1, 1, 1), 10.0])
def test_a_matrix_that_scales(tmp_path: Path, scale: Any) -> None:
    scaled = UNIT * np.broadcast_to(scale, 3)
    image = read(mha(right(scaled * SPACING), TransformMatrix=numbers(scaled.T)), tmp_path)
    assert largest_error(image) < 0.01
    assert np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) == pytest.approx(1, abs=1e-5)
    assert any("spacing was multiplied" in note for note in notes_of(image))


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1), ("um", 1e-3), ("cm", 10), ("m", 1e3)])
def test_units(tmp_path: Path, unit: str, scale: float) -> None:
    fields = {"Offset": numbers(ORIGIN / scale), "ElementSpacing": numbers(SPACING / scale)}
    image = read(mha(right(), DistanceUnits=unit, **fields), tmp_path)
    assert largest_error(image) < 0.02


def test_slanting_axes(tmp_path: Path) -> None:
    for axis, amount in ((0, 0.3), (1, 0.2), (2, -0.2), (0, 0.5), (1, -0.4)):
        shear = np.eye(3)
        shear[axis, (axis + 1) % 3] = amount
        data = mha(right(UNIT @ shear * SPACING), TransformMatrix=numbers((UNIT @ shear).T))
        with pytest.raises(InputError, match=r"not at right angles.*#resample"):
            read(data, tmp_path)
        assert any("resampled" in note for note in notes_of(read(data, tmp_path, "#resample")))


def test_encodings(tmp_path: Path) -> None:
    voxels = right(dtype="<i2")
    raw = voxels.tobytes()
    packed = zlib.compress(raw)
    text = "\n".join(map(str, voxels.ravel())).encode()
    for fields, data in (
        ({}, raw),
        ({"CompressedData": "True"}, packed),
        ({"CompressedData": "True", "CompressedDataSize": len(packed)}, packed),
        ({"BinaryData": "False"}, text),
        ({"HeaderSize": -1}, b"something" + raw),
        ({"ElementSpacing": None, "ElementSize": numbers(SPACING)}, raw),
    ):
        image = read(mha(voxels, data, **fields), tmp_path)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
        assert image.GetSpacing() == pytest.approx(SPACING)
    for fields, data in (
        ({}, raw[:-100]),
        ({"CompressedData": "True"}, packed[:-100]),
        ({"CompressedData": "True"}, packed[:-4]),
        ({"BinaryData": "False"}, text[:-100]),
    ):
        with pytest.raises(InputError, match="cut off"):
            read(mha(voxels, data, **fields), tmp_path)
    big = voxels.astype(">i2")
    for field in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        data = mha(big, **{"BinaryDataByteOrderMSB": None, field: "True"})
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read(data, tmp_path)), voxels)


def test_voxels_in_files_of_their_own(tmp_path: Path) -> None:
    voxels = right()
    (tmp_path / "a.raw").write_bytes(voxels.tobytes())
    for k, part in enumerate(voxels):
        (tmp_path / f"{k:02d}.raw").write_bytes(part.tobytes())
    listed = "LIST\n" + "\n".join(f"{k:02d}.raw" for k in range(11))
    for where in ("a.raw", "%02d.raw 0 10 1", listed, listed.replace("LIST", "LIST 2")):
        image = read(mha(voxels, b"", ElementDataFile=where), tmp_path, name="a.mhd")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
    for where, message in (
        ("%02d.raw 0 8 1", "names 9 files of voxels"),
        ("b.raw", r"b\.raw is not there"),
        ("%02d.raw 0 12 1", "names 13 files|is not there"),
        ("LIST\n00.raw\n01.raw", "names 2 files"),
        ("LIST", "names 0 files"),
    ):
        with pytest.raises(InputError, match=message):
            read(mha(voxels, b"", ElementDataFile=where), tmp_path, name="a.mhd")
    folder = tmp_path / "folder"
    folder.mkdir()
    header = mha(voxels, b"", ElementDataFile="../a.raw")
    with pytest.raises(InputError, match=r"outside of its folder.*#outside"):
        read(header, folder, name="a.mhd")
    assert largest_error(read(header, folder, "#outside", "a.mhd")) < 0.01


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"DimSize": None}, "lacks DimSize"),
        ({"DimSize": "9 10"}, "expected 3 positive"),
        ({"DimSize": "9 -10 11"}, "expected 3 positive"),
        ({"DimSize": "90000 90000 90000"}, "needs"),
        ({"ElementType": "MET_JUNK"}, "ElementType"),
        ({"ElementSpacing": "1 2"}, "expected 3 finite numbers"),
        ({"ElementSpacing": "1 2 0"}, "distance"),
        ({"ElementSpacing": "1 2 nan"}, "expected 3 finite numbers"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "in one plane"),
        ({"TransformMatrix": "1 0 0"}, "expected 9 finite numbers"),
        ({"ObjectType": "Tube"}, "ObjectType"),
        ({"NDims": 1, "DimSize": "990"}, "got 1D"),
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(mha(right(), **fields), tmp_path)


def test_frames(tmp_path: Path) -> None:
    frames = np.stack([right(), right() + 1000])
    fields = {
        "TransformMatrix": numbers(np.block([[UNIT.T, np.zeros((3, 1))], [np.zeros((1, 3)), 1]])),
        "Offset": numbers([*ORIGIN, 0]),
        "ElementSpacing": numbers([*SPACING, 1]),
    }
    with pytest.raises(InputError, match=r"4D.*#frame=1"):
        read(mha(frames, **fields), tmp_path)
    assert largest_error(read(mha(frames, **fields), tmp_path, "#frame=1")) < 0.01
    assert largest_error(read(mha(frames[:1], **fields), tmp_path)) < 0.01


def test_a_negative_spacing_turns_its_axis(tmp_path: Path) -> None:
    spacing = SPACING * [1, -1, 1]
    image = read(mha(right(UNIT * spacing), ElementSpacing=numbers(spacing)), tmp_path)
    assert largest_error(image) < 0.01
