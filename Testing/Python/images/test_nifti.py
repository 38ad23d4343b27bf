"""NIfTI headers, written here byte by byte, against where their voxels must lie."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import notes_of, read_image
from Testing.Python.images.places import largest_error, ramp, rotation, value_at

SIZE = (9, 10, 11)
LPS = np.diag([-1.0, -1.0, 1.0])
STEPS = rotation(10, -20, 30) @ np.diag([2.0, 3.0, 4.0])  # RAS
ORIGIN = np.array([5.0, -6.0, 7.0])  # RAS


def quaternion(matrix: np.ndarray) -> tuple[float, float, float]:
    a = np.sqrt(max(0.0, 1 + np.trace(matrix))) / 2
    return (
        (matrix[2, 1] - matrix[1, 2]) / (4 * a),
        (matrix[0, 2] - matrix[2, 0]) / (4 * a),
        (matrix[1, 0] - matrix[0, 1]) / (4 * a),
    )


def nifti(
    voxels: np.ndarray,
    sform: np.ndarray | None = None,
    qform: np.ndarray | None = None,
    origin: np.ndarray = ORIGIN,
    codes: tuple[int, int] | None = None,
    order: str = "<",
    version: int = 1,
    **fields: Any,
) -> bytes:
    """Return a file of voxels ``(..., k, j, i)``; ``sform`` and ``qform`` are steps in RAS mm."""
    dims = fields.pop("dim", voxels.shape[::-1])
    kinds = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "i8": 1024}
    datatype = fields.pop("datatype", kinds.get(voxels.dtype.str[1:], 16))
    qfac, lengths, quatern = 1.0, np.ones(3), (0.0, 0.0, 0.0)
    steps = qform if qform is not None else sform
    if steps is not None:
        lengths = np.linalg.norm(steps, axis=0)
    if qform is not None:
        unit = qform / lengths
        qfac = np.sign(np.linalg.det(unit))
        quatern = quaternion(unit * [1, 1, qfac])
    pixdim = fields.pop("pixdim", (qfac, *lengths, 1, 1, 1, 1))
    if codes is None:
        codes = (int(qform is not None), int(sform is not None))
    rows = np.column_stack([np.eye(3) if sform is None else sform, origin]).ravel()
    dim = [len(dims), *dims, *[1] * (7 - len(dims))]
    slope, inter = fields.pop("scale", (1.0, 0.0))
    units, intent = fields.pop("units", 2), fields.pop("intent", 0)
    bits = fields.pop("bitpix", voxels.dtype.itemsize * 8)
    offset = fields.pop("vox_offset", 352 if version == 1 else 544)
    assert not fields
    if version == 1:
        head = struct.pack(
            order + "i36x8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s",
            348, *dim, 0, 0, 0, intent, datatype, bits, 0, *pixdim, offset, slope, inter, 0, 0,
            units, 0, 0, 0, 0, 0, 0, b"", b"", *codes, *quatern, *origin, *rows, b"", b"n+1\0",
        )  # fmt: skip
    else:
        head = struct.pack(
            order + "i8s2h8q3d8dq2d4d2q80s24s2i6d12d3i16sB15x",
            540, b"n+2\0\r\n\x1a\n", datatype, bits, *dim, 0, 0, 0, *pixdim, offset, slope, inter,
            0, 0, 0, 0, 0, 0, b"", b"", *codes, *quatern, *origin, *rows, 0, units, intent, b"", 0,
        )  # fmt: skip
    voxels = voxels.astype(voxels.dtype.newbyteorder(order))
    return head + bytes(4) + voxels.tobytes()


def right(
    dtype: str = "<f4", steps: np.ndarray = STEPS, size: tuple[int, ...] = SIZE
) -> np.ndarray:
    """The voxels that lie right where the RAS steps and ORIGIN put them."""
    return ramp(size, LPS @ steps, LPS @ ORIGIN, dtype)


def read(data: bytes, folder: Path, name: str = "a.nii", choice: str = "") -> sitk.Image:
    (folder / name).write_bytes(data)
    return read_image(f"{folder / name}{choice}")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("mirror", [1, -1])
@pytest.mark.parametrize("form", ["qform", "sform", "both"])
def test_every_voxel_lies_in_its_place(
    tmp_path: Path, version: int, order: str, mirror: int, form: str
) -> None:
    steps = STEPS * [1, 1, mirror]
    both = {"qform": steps, "sform": steps}
    forms = both if form == "both" else {form: steps}
    image = read(nifti(right(steps=steps), order=order, version=version, **forms), tmp_path)
    assert largest_error(image) < 0.01
    assert notes_of(image) == ()


@pytest.mark.parametrize(
    ("other", "codes"),
    [
        (STEPS * [-1, 1, 1], (1, 1)),
        (STEPS * [-1, 1, 1], (1, 4)),
        (rotation(0, 0, 20) @ STEPS, (2, 1)),
        (rotation(90, 0, 0) @ STEPS, (1, 2)),
        (STEPS @ np.diag([1.3, 1, 1]), (4, 3)),
    ],
)
def test_qform_and_sform_that_contradict_each_other(
    tmp_path: Path, other: np.ndarray, codes: tuple[int, int]
) -> None:
    data = nifti(right(), sform=other, qform=STEPS, codes=codes)
    with pytest.raises(InputError, match=r"qform and sform contradict.*#qform or #sform"):
        read(data, tmp_path)
    assert largest_error(read(data, tmp_path, choice="#qform")) < 0.01
    data = nifti(right(), sform=STEPS, qform=other, codes=codes)
    image = read(data, tmp_path, choice="#sform")
    assert largest_error(image) < 0.01


def test_a_form_that_is_not_finite_is_named(tmp_path: Path) -> None:
    for wrong, good in (("sform", "qform"), ("qform", "sform")):
        data = bytearray(nifti(right(), sform=STEPS, qform=STEPS))
        # srow_x and qoffset_x of the header.
        struct.pack_into("<f", data, 280 if wrong == "sform" else 268, math.inf)
        with pytest.raises(InputError, match=f"its {wrong} holds.*not finite; #{good}"):
            read(bytes(data), tmp_path)
        assert largest_error(read(bytes(data), tmp_path, choice=f"#{good}")) < 0.01


def test_forms_that_differ_by_rounding_are_no_contradiction(tmp_path: Path) -> None:
    rounded = STEPS * 1.01
    image = read(nifti(right(), sform=rounded, qform=STEPS), tmp_path)
    assert largest_error(image) < 5  # a hundredth of ten voxels
    assert any("differ by up to" in note for note in notes_of(image))


def test_an_origin_that_contradicts(tmp_path: Path) -> None:
    data = bytearray(nifti(right(), sform=STEPS, qform=STEPS))
    data[268:272] = struct.pack("<f", ORIGIN[0] + 40)
    with pytest.raises(InputError, match="contradict each other by up to 20 voxels"):
        read(bytes(data), tmp_path)


SHEARS = [
    np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1]]),
    np.array([[1, 0, 0], [0, 1, 0.2], [0, 0, 1]]),
    np.array([[1, 0, 0.1], [0.1, 1, 0], [0, 0, 1]]),
    np.array([[1, 0, 0], [0.15, 1, 0], [0, 0.1, 1]]),
    np.array([[1, 0.2, 0.2], [0, 1, 0.2], [0, 0, 1]]),
]


@pytest.mark.parametrize("shear", SHEARS)
def test_a_sheared_sform_is_refused_and_resampled_if_asked(
    tmp_path: Path, shear: np.ndarray
) -> None:
    steps = STEPS @ shear
    data = nifti(right(steps=steps), sform=steps)
    with pytest.raises(InputError, match=r"not at right angles.*#resample"):
        read(data, tmp_path)
    image = read(data, tmp_path, choice="#resample")
    voxels = sitk.GetArrayFromImage(image)
    points = np.stack(
        [image.TransformIndexToPhysicalPoint((i, j, k)) for k in range(voxels.shape[0])
         for j in range(voxels.shape[1]) for i in range(voxels.shape[2])]
    )  # fmt: skip
    # Inside of what was there, a linear image stays itself.
    back = (np.linalg.inv(steps) @ (LPS @ points.T - ORIGIN[:, None])).T
    inside = ((back >= 0) & (back <= np.array(SIZE) - 1)).all(axis=1)
    assert inside.sum() > 100
    difference = np.abs(voxels.ravel() - value_at(points))[inside]
    assert difference.max() < 0.01
    assert any("resampled to right angles" in note for note in notes_of(image))


def test_a_sheared_sform_beside_a_good_qform(tmp_path: Path) -> None:
    data = nifti(right(), sform=STEPS @ SHEARS[0], qform=STEPS)
    with pytest.raises(InputError, match="contradict"):
        read(data, tmp_path)
    assert largest_error(read(data, tmp_path, choice="#qform")) < 0.01


def test_no_place_at_all_is_told(tmp_path: Path) -> None:
    data = nifti(ramp(SIZE, np.diag([2, 3, 4]), np.zeros(3)), pixdim=(1, 2, 3, 4, 1, 1, 1, 1))
    image = read(data, tmp_path)
    assert largest_error(image) < 0.01
    assert "does not say how the image lies" in notes_of(image)[0]


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_pixdim_that_is_no_distance(tmp_path: Path, bad: float) -> None:
    data = nifti(right(), qform=STEPS, pixdim=(1, 2, bad, 4, 1, 1, 1, 1))
    with pytest.raises(InputError, match=r"distance between voxels.*correct pixdim"):
        read(data, tmp_path)


def test_a_negative_pixdim_is_told(tmp_path: Path) -> None:
    data = nifti(right(), qform=STEPS, pixdim=(1, 2, -3, 4, 1, 1, 1, 1))
    image = read(data, tmp_path)
    assert largest_error(image) < 0.01
    assert any("negative distance" in note for note in notes_of(image))


def test_the_spacing_of_an_sform_is_its_own(tmp_path: Path) -> None:
    image = read(nifti(right(), sform=STEPS, pixdim=(1, 1, 1, 1, 1, 1, 1, 1)), tmp_path)
    assert image.GetSpacing() == pytest.approx((2, 3, 4), rel=1e-5)
    assert largest_error(image) < 0.01
    assert any("spacing" in note for note in notes_of(image))


def test_qfac_of_zero_is_one(tmp_path: Path) -> None:
    data = nifti(right(), qform=STEPS, pixdim=(0, 2, 3, 4, 1, 1, 1, 1))
    assert largest_error(read(data, tmp_path)) < 0.01


def test_a_quaternion_that_is_no_rotation(tmp_path: Path) -> None:
    data = bytearray(nifti(right(), qform=STEPS))
    data[256:268] = struct.pack("<3f", 1, 1, 1)
    with pytest.raises(InputError, match="no rotation"):
        read(bytes(data), tmp_path)


@pytest.mark.parametrize(("units", "scale"), [(1, 1e3), (3, 1e-3)])
def test_lengths_in_metres_and_microns(tmp_path: Path, units: int, scale: float) -> None:
    voxels = right()
    data = nifti(voxels, sform=STEPS / scale, origin=ORIGIN / scale, units=units)
    image = read(data, tmp_path)
    assert largest_error(image) < 0.02
    assert any("were converted" in note for note in notes_of(image))


def test_a_unit_that_cannot_be_meant(tmp_path: Path) -> None:
    data = nifti(right(), sform=STEPS, units=1)
    with pytest.raises(InputError, match=r"voxels of 4000 mm.*#unit=mm"):
        read(data, tmp_path)
    assert largest_error(read(data, tmp_path, choice="#unit=mm")) < 0.01


def test_no_unit_is_told(tmp_path: Path) -> None:
    image = read(nifti(right(), sform=STEPS, units=0), tmp_path)
    assert any("unit of length" in note for note in notes_of(image))


def test_frames_are_times_and_one_can_be_taken(tmp_path: Path) -> None:
    frames = np.stack([right() + 1000 * t for t in range(3)])
    data = nifti(frames, sform=STEPS)
    for name, stored in (("a.nii", data), ("a.nii.gz", gzip.compress(data))):
        with pytest.raises(InputError, match=r"4D.*one frame.*#frame=1"):
            read(stored, tmp_path, name)
        image = read(stored, tmp_path, name, "#frame=2")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), frames[1])
        with pytest.raises(InputError, match="expected a number from 1 to 3"):
            read(stored, tmp_path, name, "#frame=4")


@pytest.mark.parametrize("dim", [(9, 10, 11, 1), (9, 10, 11, 1, 1)])
def test_trailing_axes_of_one(tmp_path: Path, dim: tuple[int, ...]) -> None:
    assert largest_error(read(nifti(right(), sform=STEPS, dim=dim), tmp_path)) < 0.01


def test_colours_and_complex_numbers(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (11, 10, 27)).astype("u1")
    data = nifti(colours, sform=STEPS, dim=SIZE, datatype=128, bitpix=24)
    with pytest.raises(InputError, match=r"got 3 \(colour.*#grey"):
        read(data, tmp_path)
    rgb = colours.reshape(11, 10, 9, 3).astype(float)
    grey = sitk.GetArrayFromImage(read(data, tmp_path, choice="#grey"))
    assert np.abs(grey - rgb @ [0.299, 0.587, 0.114]).max() <= 0.5
    equal = np.repeat(colours[..., :9], 3, axis=-1)
    image = read(nifti(equal, sform=STEPS, dim=SIZE, datatype=128, bitpix=24), tmp_path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), colours[..., :9])
    with pytest.raises(InputError, match="complex"):
        read(nifti(right("<f8"), sform=STEPS, datatype=32, bitpix=64), tmp_path)


@pytest.mark.parametrize(
    ("scale", "slope", "inter"),
    [((0, 7), 1, 0), ((2, 10), 2, 10), ((0.5, -3), 0.5, -3), ((np.nan, 0), 1, 0)],
)
def test_scaling(tmp_path: Path, scale: tuple[float, float], slope: float, inter: float) -> None:
    voxels = right("<i2")
    image = read(nifti(voxels, sform=STEPS, scale=scale), tmp_path)
    expected = voxels * slope + inter
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), expected, rtol=1e-6)


def test_a_pair_of_header_and_voxels(tmp_path: Path) -> None:
    data = bytearray(nifti(right(), sform=STEPS, vox_offset=0))
    data[344:348] = b"ni1\0"
    (tmp_path / "a.hdr").write_bytes(data[:348])
    with pytest.raises(InputError, match=r"voxels a\.img are not beside it"):
        read_image(tmp_path / "a.hdr")
    (tmp_path / "a.img").write_bytes(data[352:])
    for name in ("a.hdr", "a.img"):
        assert largest_error(read_image(tmp_path / name)) < 0.01
    (tmp_path / "b.img").write_bytes(data[352:])
    with pytest.raises(InputError, match=r"header b\.hdr is not beside it"):
        read_image(tmp_path / "b.img")
    data[344:348] = bytes(4)
    (tmp_path / "a.hdr").write_bytes(data[:348])
    with pytest.raises(InputError, match=r"Analyze.*convert it to NIfTI"):
        read_image(tmp_path / "a.hdr")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vox_offset": 20}, "inside the header"),
        ({"vox_offset": np.nan}, "voxels begin at byte nan"),
        ({"datatype": 99}, "unknown type"),
        ({"datatype": 1536}, "128-bit"),
        ({"dim": (9, 0, 11)}, "expected 1 or more"),
        ({"dim": (9, -10, 11)}, "expected 1 or more"),
        ({"dim": (9,)}, "got 1D"),
        ({"dim": (9, 10, 30000)}, r"cut off.*announces"),
        ({"dim": (30000, 30000, 30000)}, r"needs.*memory are free"),
        ({"dim": (9, 10, 2)}, "more voxels than its header"),
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    voxels = np.zeros((40, 10, 9), "<f4")
    voxels[3] = 1
    with pytest.raises(InputError, match=message):
        read(nifti(voxels, sform=STEPS, **change), tmp_path)


def test_a_slice_has_its_place_in_space(tmp_path: Path) -> None:
    size = (9, 10, 1)
    image = read(nifti(right(size=size), sform=STEPS), tmp_path)
    assert image.GetSize() == size
    assert largest_error(image) < 0.01


def test_a_2d_image_across_the_axes_is_a_slice(tmp_path: Path) -> None:
    steps = np.array([[0, 0, 3.0], [2, 0, 0], [0, 2, 0]])
    flat = ramp((9, 10, 1), LPS @ steps, LPS @ ORIGIN)[0]
    image = read(nifti(flat, sform=steps), tmp_path)
    assert image.GetDimension() == 3
    assert largest_error(image) < 0.01
