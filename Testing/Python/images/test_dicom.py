"""Series of DICOM whose pixels tell where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.images import notes_of, read_image
from Testing.Python.images.dicom_files import along, dataset, save, slice_values, write_series
from Testing.Python.images.places import largest_error, rotation, value_at

ROUNDING = 1.01  # of the values of pixels, which are whole numbers


def test_slices_are_ordered_by_their_places(tmp_path: Path) -> None:
    for n, turn in enumerate(
        (np.eye(3), rotation(10, -20, 30), rotation(90, 0, 0), rotation(0, 180, 0))
    ):
        folder = tmp_path / str(n)
        positions = along(9, turn[:, 2] * 3)
        order = np.random.default_rng(n).permutation(9)
        write_series(folder, positions[order], turn[:, 0], turn[:, 1])
        image = read_image(folder)
        assert image.GetSize() == (12, 10, 9)
        assert image.GetSpacing() == pytest.approx((2, 2, 3))
        assert largest_error(image) < ROUNDING
        assert notes_of(image) == ()


@pytest.mark.parametrize("missing", [[4], [3, 4, 5], [1], [2, 6], [1, 2, 3, 4, 5, 6, 7]])
def test_missing_slices_are_named(tmp_path: Path, missing: list[int]) -> None:
    positions = np.delete(along(20), missing, axis=0)
    write_series(tmp_path / "s", positions)
    with pytest.raises(
        InputError, match=rf"{len(missing)} of its slices (is|are) missing.*#resample"
    ):
        read_image(tmp_path / "s")
    image = read_image(f"{tmp_path / 's'}#resample")
    assert image.GetSize() == (12, 10, 20)
    assert largest_error(image) < ROUNDING  # the values are linear
    assert any("resampled" in note for note in notes_of(image))


@pytest.mark.parametrize("heights", [
    (0, 2, 4, 6, 11, 16, 21), (0, 1, 3, 6, 10, 15), (0, 3, 6.5, 9, 12), (0, 5, 7, 9, 11, 16),
    (0, 2, 4, 6, 9),
])  # fmt: skip
def test_uneven_distances(tmp_path: Path, heights: tuple[float, ...]) -> None:
    write_series(tmp_path / "s", [(0, 0, h) for h in heights])
    with pytest.raises(InputError, match=r"(apart|missing).*#resample"):
        read_image(tmp_path / "s")
    image = read_image(f"{tmp_path / 's'}#resample")
    assert largest_error(image) < 2 * ROUNDING


def test_rounded_positions_are_even(tmp_path: Path) -> None:
    write_series(tmp_path / "s", np.round(along(20, (0, 0, 2.49961)), 2))
    assert notes_of(read_image(tmp_path / "s")) == ()


def test_every_second_slice_is_told(tmp_path: Path) -> None:
    write_series(tmp_path / "s", along(9), SpacingBetweenSlices=1.5)
    assert any("check that none is missing" in n for n in notes_of(read_image(tmp_path / "s")))


def test_doubled_slices_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path / "s", along(9))
    write_series(tmp_path / "s", along(9)[3:6], name="again{}.dcm".format)
    image = read_image(tmp_path / "s")
    assert image.GetSize() == (12, 10, 9)
    assert any("3 slices that are there twice" in note for note in notes_of(image))


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("EchoTime", (4.6, 9.2)),
        ("EchoNumbers", (1, 2, 3)),
        ("TriggerTime", (0, 50.5, 101)),
        ("TemporalPositionIdentifier", (1, 2)),
        ("DiffusionBValue", (0, 1000)),
        ("InversionTime", (300, 900)),
        ("ImageType", (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])),
        ("AcquisitionNumber", (1, 2)),
        ("KVP", (80, 140)),
    ],
)
def test_several_at_each_place(tmp_path: Path, keyword: str, values: tuple[Any, ...]) -> None:
    for n, value in enumerate(values):
        name = f"{n}-{{}}.dcm".format
        folder = write_series(tmp_path / "s", along(9), name=name, **{keyword: value})
        for path in folder.glob(f"{n}-*"):
            data = pydicom.dcmread(path)
            data.PixelData = (data.pixel_array + np.int16(1000 * n)).tobytes()
            data.save_as(path)
    with pytest.raises(
        InputError, match=rf"9 of its 9 places.*choose by their {keyword}: #{keyword}="
    ):
        read_image(tmp_path / "s")
    for n, value in enumerate(values):
        text = "-".join(value) if isinstance(value, list) else value
        image = read_image(f"{tmp_path / 's'}#{keyword}={text}")
        found = sitk.GetArrayFromImage(image) - 1000 * n
        points = ImageGeometry.from_image(image).points()
        assert np.abs(found - value_at(points)).max() < ROUNDING
    with pytest.raises(InputError, match="expected one of"):
        read_image(f"{tmp_path / 's'}#{keyword}=junk")


def test_two_choices(tmp_path: Path) -> None:
    for n, (echo, phase) in enumerate(((1, 0), (1, 50), (2, 0), (2, 50))):
        write_series(
            tmp_path / "s", along(9), name=f"{n}-{{}}.dcm".format, EchoNumbers=echo,
            TriggerTime=phase, WindowCenter=n, RescaleIntercept=n, RescaleSlope=1,
        )  # fmt: skip
    with pytest.raises(InputError, match=r"choose first by their EchoNumbers"):
        read_image(tmp_path / "s")
    with pytest.raises(InputError, match=r"choose by their TriggerTime"):
        read_image(f"{tmp_path / 's'}#EchoNumbers=2")
    image = read_image(f"{tmp_path / 's'}#EchoNumbers=2,TriggerTime=50")
    assert largest_error(image) == pytest.approx(3, abs=ROUNDING)


def test_nothing_tells_them_apart(tmp_path: Path) -> None:
    write_series(tmp_path / "s", along(9))
    write_series(tmp_path / "s", along(9), name="b{}.dcm".format, rows=10)
    for path in (tmp_path / "s").glob("b*"):
        data = pydicom.dcmread(path)
        data.PixelData, data.InstanceNumber = bytes(len(data.PixelData)), 100
        data.save_as(path)
    with pytest.raises(InputError, match="#copy=1 to #copy=2"):
        read_image(tmp_path / "s")
    assert largest_error(read_image(f"{tmp_path / 's'}#copy=1")) < ROUNDING


@pytest.mark.parametrize("kind", ["direction", "size", "spacing", "marked", "other"])
def test_localizers(tmp_path: Path, kind: str) -> None:
    folder = write_series(tmp_path / "s", along(9))
    changes: dict[str, Any] = {
        "direction": {"row": np.array([1.0, 0, 0]), "column": np.array([0, 0, -1.0])},
        "size": {"rows": 20},
        "spacing": {"PixelSpacing": [1, 1]},
        "marked": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "rows": 20},
        "other": {"row": np.array([0, 1.0, 0]), "column": np.array([0, 0, -1.0]), "columns": 40},
    }[kind]
    count = 3 if kind == "marked" else 1
    write_series(folder, along(count, start=(4, 5, 17)), name="loc{}.dcm".format, **changes)
    image = read_image(folder)
    assert image.GetSize() == (12, 10, 9) and largest_error(image) < ROUNDING
    assert any("left out" in note and "loc0.dcm" in note for note in notes_of(image))


def test_two_stacks_are_listed(tmp_path: Path) -> None:
    write_series(tmp_path / "s", along(9))
    turn = rotation(90, 0, 0)
    write_series(
        tmp_path / "s", along(7, turn[:, 2]), turn[:, 0], turn[:, 1], name="b{}.dcm".format
    )
    with pytest.raises(InputError, match=r"2 stacks.*#stack=1: 9 slices.*#stack=2: 7 slices"):
        read_image(tmp_path / "s")
    for n, count in ((1, 9), (2, 7)):
        image = read_image(f"{tmp_path / 's'}#stack={n}")
        assert image.GetSize()[2] == count and largest_error(image) < ROUNDING


@pytest.mark.parametrize("tilt", [15, -15, 5, 25, -8])
def test_a_tilted_gantry(tmp_path: Path, tilt: float) -> None:
    turn = rotation(tilt, 0, 0)
    write_series(tmp_path / "s", along(20), turn[:, 0], turn[:, 1], rows=40)
    image = read_image(tmp_path / "s")
    geometry = ImageGeometry.from_image(image)
    np.testing.assert_allclose(geometry.direction_matrix, turn, atol=1e-6)
    assert any("tilted gantry" in note for note in notes_of(image))
    points = geometry.points()
    back = np.linalg.solve(
        np.column_stack([turn[:, 0] * 2, turn[:, 1] * 2, [0, 0, 3]]),
        (points - [4, 5, 6]).reshape(-1, 3).T,
    ).T
    inside = ((back >= 0) & (back <= [11, 39, 19])).all(axis=1)
    found = sitk.GetArrayFromImage(image).ravel()[inside]
    assert inside.sum() > 5000
    assert np.abs(found - value_at(points.reshape(-1, 3)[inside])).max() < ROUNDING


def test_slices_shifted_against_each_other(tmp_path: Path) -> None:
    positions = along(9)
    positions[4, 0] += 1.5
    write_series(tmp_path / "s", positions)
    with pytest.raises(InputError, match=r"do not lie on one line: 004\.dcm"):
        read_image(tmp_path / "s")


def test_series_without_places(tmp_path: Path) -> None:
    for n in range(3):
        save(dataset(np.full((9, 10), n, np.uint8)), tmp_path / "s" / f"{n}.dcm")
    with pytest.raises(InputError, match="3 of its 3 files do not say where they lie"):
        read_image(tmp_path / "s")


@pytest.mark.parametrize("tags", [
    {"FrameTime": 33.3, "Modality": "US"}, {"FrameTimeVector": [0, 33, 33, 33], "Modality": "US"},
    {"CineRate": 30, "Modality": "XA"}, {"Modality": "OT"}, {"Modality": "RF", "FrameTime": 10},
])  # fmt: skip
def test_frames_in_time(tmp_path: Path, tags: dict[str, Any]) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (4, 9, 10)).astype(np.uint8)
    path = save(dataset(frames, **tags), tmp_path / "a.dcm")
    with pytest.raises(InputError, match=r"4 frames are .*#frame=1"):
        read_image(path)
    image = read_image(f"{path}#frame=3")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], frames[2])
    assert any("frame 3 of 4" in note for note in notes_of(image))
    with pytest.raises(InputError, match="expected a number from 1 to 4"):
        read_image(f"{path}#frame=5")


def enhanced(
    positions: np.ndarray, scales: list[tuple[float, float]], **each: list[Any]
) -> Dataset:
    """Return an enhanced multi-frame file; ``each`` has a value of MREchoSequence per frame."""
    parts = [slice_values(10, 12, p, np.eye(3)[0], np.eye(3)[1], (2, 2)) for p in positions]
    stored = [np.rint((part - i) / s) for part, (s, i) in zip(parts, scales, strict=True)]
    data = dataset(np.stack(stored).astype(np.int16), spacing=None)
    shared, data.PerFrameFunctionalGroupsSequence = Dataset(), []
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [2, 2], 3
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    data.SharedFunctionalGroupsSequence = [shared]
    for n, (position, (slope, intercept)) in enumerate(zip(positions, scales, strict=True)):
        group, place, scale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = list(map(float, position))
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = slope, intercept, "US"
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [place], [scale]
        for keyword, values in each.items():
            item = Dataset()
            setattr(item, keyword, values[n])
            group.MREchoSequence = [item]
        data.PerFrameFunctionalGroupsSequence.append(group)
    return data


@pytest.mark.parametrize("scale", [(1.0, 0.0), (1.0, -1024.0), (2.0, 10.0), (0.5, 0.0)])
def test_enhanced_files(tmp_path: Path, scale: tuple[float, float]) -> None:
    order = np.random.default_rng(0).permutation(9)
    path = save(enhanced(along(9)[order], [scale] * 9), tmp_path / "a.dcm")
    image = read_image(path)
    assert image.GetSize() == (12, 10, 9)
    assert largest_error(image) < ROUNDING * max(1, scale[0])


def test_each_frame_and_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    scales = [(1 + n / 4, 10.0 * n) for n in range(9)]
    path = save(enhanced(along(9), scales), tmp_path / "a.dcm")
    assert largest_error(read_image(path)) < 2 * ROUNDING
    for n, position in enumerate(along(9)):
        values = slice_values(10, 12, position, np.eye(3)[0], np.eye(3)[1], (2, 2))
        slope, intercept = scales[n]
        stored = np.rint((values - intercept) / slope).astype(np.int16)
        tags = {"RescaleSlope": slope, "RescaleIntercept": intercept}
        save(dataset(stored, position, number=n, **tags), tmp_path / "s" / f"{n}.dcm")
    assert largest_error(read_image(tmp_path / "s")) < 2 * ROUNDING


def test_enhanced_files_with_echoes(tmp_path: Path) -> None:
    positions = np.repeat(along(9), 2, axis=0)
    data = enhanced(positions, [(1, 0)] * 18, EffectiveEchoTime=[5.0, 10.0] * 9)
    path = save(data, tmp_path / "a.dcm")
    image = read_image(path)  # both echoes are alike
    assert any("there twice" in note for note in notes_of(image))
    data.PixelData = (data.pixel_array + np.arange(18)[:, None, None]).astype(np.int16).tobytes()
    with pytest.raises(InputError, match=r"#EffectiveEchoTime=5\.0, #EffectiveEchoTime=10\.0"):
        read_image(save(data, path))
    assert read_image(f"{path}#EffectiveEchoTime=10").GetSize() == (12, 10, 9)


@pytest.mark.parametrize("kind", ["dose", "nuclear"])
def test_frames_with_offsets(tmp_path: Path, kind: str) -> None:
    positions = along(5)
    frames = np.stack(
        [slice_values(10, 12, p, np.eye(3)[0], np.eye(3)[1], (2, 2)) for p in positions]
    )
    tags: dict[str, Any] = {"GridFrameOffsetVector": [0, 3, 6, 9, 12]}
    if kind == "nuclear":
        tags = {
            "FrameIncrementPointer": 0x00540080,
            "SliceVector": [1, 2, 3, 4, 5],
            "SpacingBetweenSlices": 3,
        }
    path = save(dataset(frames, positions[0], **tags), tmp_path / "a.dcm")
    image = read_image(path)
    assert image.GetSize() == (12, 10, 5) and largest_error(image) < ROUNDING


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("stored", "high", "dtype", "signed"),
    [(12, 11, "u2", 0), (12, 11, "i2", 1), (12, 15, "u2", 0), (10, 12, "i2", 1), (7, 6, "u1", 0)],
)
def test_bits_around_the_stored_ones_are_left_out(
    tmp_path: Path, stored: int, high: int, dtype: str, signed: int, big: bool
) -> None:
    rng = np.random.default_rng(0)
    low, top = (-(2 ** (stored - 1)), 2 ** (stored - 1)) if signed else (0, 2**stored)
    values = rng.integers(low, top, (9, 10))
    shift, width = high + 1 - stored, np.dtype(dtype).itemsize * 8
    mask = ((1 << stored) - 1) << shift
    rubbish = rng.integers(0, 1 << width, (9, 10)) & ~mask
    numbers = (((values << shift) & mask) | rubbish).astype(f"u{width // 8}").view(dtype)
    tags = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": signed}
    path = save(dataset(numbers, (0, 0, 0), big=big, **tags), tmp_path / "a.dcm")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path))[0], values)


def test_rescaling_does_not_overflow(tmp_path: Path) -> None:
    values = np.array([[0, 65535], [40000, 1]], np.uint16)
    for slope, intercept in ((1, -1024), (2, 0), (-1, 0), (1, 100000), (0.001, 0)):
        tags = {"RescaleSlope": slope, "RescaleIntercept": intercept}
        path = save(dataset(values, (0, 0, 0), **tags), tmp_path / "a.dcm")
        found = sitk.GetArrayFromImage(read_image(path))[0].astype(float)
        np.testing.assert_allclose(found, values * float(slope) + intercept, rtol=1e-6)
    path = save(dataset(values, (0, 0, 0), RescaleSlope=0), tmp_path / "a.dcm")
    with pytest.raises(InputError, match="RescaleSlope is 0"):
        read_image(path)


def test_monochrome1_is_inverted_and_told(tmp_path: Path) -> None:
    values = np.array([[0, 4095], [1000, 1]], np.uint16)
    tags = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11}
    image = read_image(save(dataset(values, (0, 0, 0), **tags), tmp_path / "a.dcm"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], 4095 - values)
    assert any("MONOCHROME1" in note for note in notes_of(image))


def test_colours(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (9, 10, 3)).astype(np.uint8)
    tags = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    path = save(dataset(colours, (0, 0, 0), **tags), tmp_path / "a.dcm")
    with pytest.raises(InputError, match=r"colour.*#grey"):
        read_image(path)
    grey = sitk.GetArrayFromImage(read_image(f"{path}#grey"))[0]
    assert np.abs(grey - colours @ [0.299, 0.587, 0.114]).max() <= 0.5
    planes = np.moveaxis(colours, -1, 0).reshape(9, 10, 3)
    path = save(
        dataset(planes, (0, 0, 0), **(tags | {"PlanarConfiguration": 1})), tmp_path / "b.dcm"
    )
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(f"{path}#grey"))[0], grey)


def test_pixels_of_other_devices(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (9, 10)).astype(np.uint8)
    path = save(dataset(values, spacing=None), tmp_path / "a.dcm")
    image = read_image(path)
    assert image.GetSpacing()[:2] == (1, 1)
    assert len([n for n in notes_of(image) if "does not say" in n]) == 2
    path = save(dataset(values, spacing=None, ImagerPixelSpacing=[0.2, 0.1]), tmp_path / "a.dcm")
    assert read_image(path).GetSpacing()[:2] == pytest.approx((0.1, 0.2))
    region = Dataset()
    region.RegionSpatialFormat, region.PhysicalUnitsXDirection = 1, 3
    region.PhysicalUnitsYDirection, region.PhysicalDeltaX, region.PhysicalDeltaY = 3, 0.03, 0.04
    data = dataset(values, spacing=None, SequenceOfUltrasoundRegions=[region])
    assert read_image(save(data, path)).GetSpacing()[:2] == pytest.approx((0.3, 0.4))


@pytest.mark.parametrize("compressor", ["JPEG2000", "JPEG", "RLE"])
def test_compressed_series(tmp_path: Path, compressor: str) -> None:
    folder = write_series(tmp_path / "s", along(9), RescaleSlope=2, RescaleIntercept=-3)
    plain = sitk.GetArrayFromImage(read_image(folder))
    for path in folder.iterdir():
        if compressor == "RLE":
            data = pydicom.dcmread(path)
            data.compress(pydicom.uid.RLELossless)
            data.save_as(path)
            continue
        image = sitk.ReadImage(str(path))
        image = sitk.Cast(image, sitk.sitkInt16)  # the writer scales back
        for key, value in {"0028|1052": "-3", "0028|1053": "2", "0020|000e": "1.2.3.5"}.items():
            image.SetMetaData(key, value)
        data = pydicom.dcmread(path)
        image.SetMetaData("0020|0032", "\\".join(map(str, data.ImagePositionPatient)))
        image.SetMetaData("0020|0037", "1\\0\\0\\0\\1\\0")
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetUseCompression(True)
        writer.SetCompressor(compressor)
        writer.SetFileName(str(path))
        writer.Execute(image)
    assert pydicom.dcmread(next(folder.iterdir())).file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(folder)), plain)


def test_damaged_compression(tmp_path: Path) -> None:
    data = dataset(np.arange(90, dtype=np.int16).reshape(9, 10), (0, 0, 0))
    data.compress(pydicom.uid.RLELossless)
    path = save(data, tmp_path / "a.dcm")
    content = bytearray(path.read_bytes())
    content[-40:] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|RLE"):
        read_image(path)


def test_files_that_are_cut_off(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "s", along(9))
    path = folder / "004.dcm"
    content = path.read_bytes()
    for length in (len(content) - 100, len(content) - 241, 400, 200):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"004\.dcm|missing"):
            read_image(folder)


def test_other_files_in_a_folder(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "s", along(9))
    (folder / "README.txt").write_text("text")
    (folder / "empty").write_bytes(b"")
    (folder / "DICOMDIR").write_bytes(b"anything")
    report = dataset(np.zeros((2, 2), np.uint8))
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    save(report, folder / "report.dcm")
    assert largest_error(read_image(folder)) < ROUNDING
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "s").symlink_to(folder)
    with pytest.raises(InputError, match=r"no DICOM series \(folders in it are not searched\)"):
        read_image(tmp_path / "outer")
