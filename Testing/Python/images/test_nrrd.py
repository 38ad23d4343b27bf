"""NRRD headers, written here line by line, against where their voxels must lie."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import notes_of, read_image
from Testing.Python.images.places import largest_error, ramp, rotation

SIZE = (9, 10, 11)
STEPS = rotation(10, -20, 30) @ np.diag([2.0, 3.0, 4.0])  # of the space of the file
ORIGIN = np.array([5.0, -6.0, 7.0])
SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "LPS": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "RAS": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "LAS": (1, -1, 1),
    "ras": (-1, -1, 1),
}


def vector(values: Any) -> str:
    return "(" + ",".join(f"{v:.9g}" for v in values) + ")"


def nrrd(
    voxels: np.ndarray, encoding: str = "raw", data: bytes | None = None, **fields: Any
) -> bytes:
    """Return a file of voxels ``(..., k, j, i)``; a field of None is left out."""
    names = {"f4": "float", "i2": "short", "u1": "uchar", "f8": "double", "u2": "ushort"}
    lines = {
        "type": names[voxels.dtype.str[1:]],
        "dimension": voxels.ndim,
        "sizes": " ".join(map(str, voxels.shape[::-1])),
        "encoding": fields.pop("encoding_field", encoding),
        "endian": "big" if voxels.dtype.str[0] == ">" else "little",
    }
    lines |= {name.replace("_", " "): value for name, value in fields.items()}
    text = "".join(f"{name}: {value}\n" for name, value in lines.items() if value is not None)
    if data is None:
        data = voxels.tobytes()
        data = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding](data)
    return f"NRRD0005\n# by a test\n{text}\n".encode() + data


def placed(steps: np.ndarray = STEPS, origin: np.ndarray = ORIGIN, **fields: Any) -> dict[str, Any]:
    """The fields of a place."""
    return {
        "space": "LPS",
        "space_directions": " ".join(map(vector, steps.T)),
        "space_origin": vector(origin),
    } | fields


def right(space: str = "LPS", steps: np.ndarray = STEPS, dtype: str = "<f4") -> np.ndarray:
    signs = np.array(SPACES[space])
    return ramp(SIZE, signs[:, None] * steps, signs * ORIGIN, dtype)


def read(data: bytes, folder: Path, choice: str = "", name: str = "a.nrrd") -> sitk.Image:
    (folder / name).write_bytes(data)
    return read_image(f"{folder / name}{choice}")


@pytest.mark.parametrize("space", SPACES)
def test_spaces_of_the_patient(tmp_path: Path, space: str) -> None:
    image = read(nrrd(right(space), **placed(space=space)), tmp_path)
    assert largest_error(image) < 0.01
    assert notes_of(image) == ()


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "RAST", "LAST"])
def test_spaces_with_time(tmp_path: Path, space: str) -> None:
    plain = {"l": "LPS", "R": "RAS", "L": "LAS"}[space[0]]
    steps = np.column_stack([np.vstack([STEPS, np.zeros(3)]), [0, 0, 0, 2.5]])
    frames = np.stack([right(plain), right(plain) + 1000])
    fields = placed(steps, np.append(ORIGIN, 0), space=space)
    with pytest.raises(InputError, match=r"4D.*#frame=1"):
        read(nrrd(frames, **fields), tmp_path)
    assert largest_error(read(nrrd(frames, **fields), tmp_path, "#frame=1")) < 0.01
    assert largest_error(read(nrrd(frames[:1], **fields), tmp_path)) < 0.01
    space_only = placed(np.vstack([STEPS, np.zeros(3)]), np.append(ORIGIN, 0), space=space)
    assert largest_error(read(nrrd(frames[0], **space_only), tmp_path)) < 0.01


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed"])
def test_spaces_without_a_patient_are_told(tmp_path: Path, space: str) -> None:
    image = read(nrrd(right(), **placed(space=space)), tmp_path)
    assert largest_error(image) < 0.01
    assert any(space in note for note in notes_of(image))


@pytest.mark.parametrize(
    "space", ["3D-left-handed", "left-posterior", "posterior-left-superior", "LIP", "junk", "LLS"]
)
def test_spaces_that_do_not_say_the_place(tmp_path: Path, space: str) -> None:
    with pytest.raises(InputError, match=r"space|vectors of"):
        read(nrrd(right(), **placed(space=space)), tmp_path)


def test_no_space_is_told(tmp_path: Path) -> None:
    voxels = ramp(SIZE, np.diag([2, 3, 4]), np.zeros(3))
    image = read(nrrd(voxels, spacings="2 3 4"), tmp_path)
    assert largest_error(image) < 0.01
    assert any("left, posterior, superior" in note for note in notes_of(image))
    image = read(nrrd(voxels), tmp_path)
    assert any("1 mm was taken" in note for note in notes_of(image))
    cells = {"axis_mins": "4 5 6", "centerings": "cell cell cell"}
    voxels = ramp(SIZE, np.diag([2, 3, 4]), np.array([5, 6.5, 8]))
    assert largest_error(read(nrrd(voxels, spacings="2 3 4", **cells), tmp_path)) < 0.01
    nodes = {"axis_mins": "5 6.5 8", "axis_maxs": "21 33.5 48", "centerings": "node node node"}
    assert largest_error(read(nrrd(voxels, **nodes), tmp_path)) < 0.01
    unnamed = placed(space=None, space_dimension=3)
    image = read(nrrd(right(), **unnamed), tmp_path)
    assert largest_error(image) < 0.01
    assert any("does not name its space" in note for note in notes_of(image))


def test_2d_spaces(tmp_path: Path) -> None:
    steps = np.array([[0, -3], [2, 0.0]])
    voxels = ramp((9, 10), steps, np.array([5.0, 6]))
    fields = placed(steps, np.array([5.0, 6]), space=None, space_dimension=2)
    image = read(nrrd(voxels, **fields), tmp_path)
    assert image.GetDimension() == 2 and largest_error(image) < 0.01
    steps = STEPS[:, :2]
    voxels = ramp((9, 10, 1), STEPS, ORIGIN)[0]
    image = read(nrrd(voxels, **placed(steps)), tmp_path)  # a slice with a place in space
    assert image.GetSize() == (9, 10, 1) and largest_error(image) < 0.01


@pytest.mark.parametrize(
    ("units", "scale"), [("mm", 1), ("um", 1e-3), ("m", 1e3), ("cm", 10), ("micron", 1e-3)]
)
def test_units(tmp_path: Path, units: str, scale: float) -> None:
    fields = placed(STEPS / scale, ORIGIN / scale, space_units=" ".join([f'"{units}"'] * 3))
    image = read(nrrd(right(), **fields), tmp_path)
    assert largest_error(image) < 0.02
    assert (notes_of(image) == ()) == (scale == 1)
    with pytest.raises(InputError, match="unit of length is 'parsec'"):
        read(nrrd(right(), **placed(space_units='"parsec" "mm" "mm"')), tmp_path)


@pytest.mark.parametrize(("axis", "amount"), [(0, 0.3), (1, 0.2), (2, -0.2), (0, -0.1), (1, 0.5)])
def test_slanting_axes(tmp_path: Path, axis: int, amount: float) -> None:
    shear = np.eye(3)
    shear[axis, (axis + 1) % 3] = amount
    data = nrrd(right(steps=STEPS @ shear), **placed(STEPS @ shear))
    with pytest.raises(InputError, match=r"not at right angles.*#resample"):
        read(data, tmp_path)
    assert any("resampled" in note for note in notes_of(read(data, tmp_path, "#resample")))


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">i2", "<u2", "<f8"])
def test_encodings_and_byte_orders(tmp_path: Path, encoding: str, dtype: str) -> None:
    voxels = ramp(SIZE, np.diag([2.0, 3, 4]), ORIGIN, dtype)
    image = read(nrrd(voxels, encoding, **placed(np.diag([2.0, 3, 4]))), tmp_path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)


def test_text_and_hex(tmp_path: Path) -> None:
    voxels = right(dtype="<i2")
    text = "\n".join(map(str, voxels.ravel())).encode()
    for encoding, data in (
        ("text", text),
        ("ascii", text),
        ("hex", voxels.tobytes().hex().encode()),
    ):
        image = read(nrrd(voxels, encoding, data, **placed()), tmp_path)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
        with pytest.raises(InputError, match="cut off"):
            read(nrrd(voxels, encoding, data[:-200], **placed()), tmp_path)
    with pytest.raises(InputError, match="other than numbers"):
        read(nrrd(voxels, "text", text.replace(b"2", b"x"), **placed()), tmp_path)


def test_what_is_skipped(tmp_path: Path) -> None:
    voxels = right()
    raw = voxels.tobytes()
    for fields, data in (
        ({"byte_skip": 7}, b"1234567" + raw),
        ({"byte_skip": -1}, b"any number of bytes" + raw),
        ({"line_skip": 2}, b"one\ntwo\n" + raw),
        ({"line_skip": 1, "byte_skip": 3}, b"one\nabc" + raw),
    ):
        image = read(nrrd(voxels, data=data, **placed(**fields)), tmp_path)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
    with pytest.raises(InputError, match="byte skip"):
        read(nrrd(voxels, **placed(byte_skip=-2)), tmp_path)


def test_voxels_in_files_of_their_own(tmp_path: Path) -> None:
    voxels = right()
    (tmp_path / "parts").mkdir()
    (tmp_path / "a.raw").write_bytes(voxels.tobytes())
    for k, part in enumerate(voxels):
        (tmp_path / "parts" / f"{k:02d}.raw").write_bytes(part.tobytes())
    listed = "LIST\n" + "\n".join(f"parts/{k:02d}.raw" for k in range(11))
    for where in ("a.raw", "./a.raw", "parts/%02d.raw 0 10 1", listed):
        header = nrrd(voxels, data=b"", **placed(data_file=where)).rstrip(b"\n") + b"\n"
        image = read(header, tmp_path, name="a.nhdr")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
    for where, message in (
        ("parts/%02d.raw 0 8 1", "names 9 files of voxels; expected 11"),
        ("b.raw", r"b\.raw is not there"),
    ):
        with pytest.raises(InputError, match=message):
            read(nrrd(voxels, data=b"", **placed(data_file=where)), tmp_path, name="a.nhdr")


@pytest.mark.parametrize("kind", ["parent", "absolute", "link"])
def test_voxels_elsewhere_are_opened_only_if_asked(tmp_path: Path, kind: str) -> None:
    voxels = right()
    (tmp_path / "secret.raw").write_bytes(voxels.tobytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    where = {
        "parent": "../secret.raw",
        "absolute": str(tmp_path / "secret.raw"),
        "link": "link.raw",
    }
    header = nrrd(voxels, data=b"", **placed(data_file=where[kind]))
    with pytest.raises(InputError, match=r"outside of its folder.*#outside"):
        read(header, folder, name="a.nhdr")
    assert largest_error(read(header, folder, "#outside", "a.nhdr")) < 0.01


@pytest.mark.parametrize(("kinds", "axis"), [("list domain domain domain", 3), ("domain domain domain list", 0), ("vector domain domain domain", 3)])  # fmt: skip  # noqa: E501
def test_frames_beside_the_axes_of_space(tmp_path: Path, kinds: str, axis: int) -> None:
    frames = np.stack([right(), right() + 1000], axis=axis)
    directions = [*map(vector, STEPS.T)]
    directions.insert(kinds.split().index("list" if "list" in kinds else "vector"), "none")
    fields = placed(kinds=kinds, space_directions=" ".join(directions))
    with pytest.raises(InputError, match=r"one number per pixel, got 2.*#frame=1"):
        read(nrrd(frames, **fields), tmp_path)
    assert largest_error(read(nrrd(frames, **fields), tmp_path, "#frame=1")) < 0.01


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"endian": None}, "lacks the field 'endian'"),
        ({"encoding_field": None}, "lacks the field 'encoding'"),
        ({"sizes": "9 10"}, "expected 3 positive numbers"),
        ({"sizes": "9 0 11"}, "expected 3 positive numbers"),
        ({"sizes": "99999999999999999 10 11"}, "needs"),
        ({"dimension": 77}, "dimension"),
        ({"type": "block"}, "type is 'block'"),
        ({"space_origin": "(1,2)"}, "vectors of 2 numbers; expected 3"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "expected 3 vectors"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,x)"}, "expected a number"),
        ({"space_directions": "(1,0,0) (0,0,0) (0,0,1)"}, "distance"),
        ({"space_directions": "(1,0,0) (2,0,0) (0,0,1)"}, "in one plane"),
        ({"space_directions": "(1,0,0) (0,nan,0) (0,0,1)"}, "distance"),
        ({"junk": "1"}, "no field of NRRD"),
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(nrrd(right(), data=right().tobytes(), **(placed() | fields)), tmp_path)


def test_fields_twice(tmp_path: Path) -> None:
    data = nrrd(right(), **placed()).replace(b"space:", b"sizes: 11 10 9\nspace:", 1)
    with pytest.raises(InputError, match="'sizes' twice"):
        read(data, tmp_path)
