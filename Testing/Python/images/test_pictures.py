"""PNG, JPEG and TIFF, written byte by byte or by Pillow, not by what reads them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import notes_of, read_image
from SlicerLDMRegLib.images import tiff as tiff_reader

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (13, 17)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (13, 17, 3)).astype(np.uint8)
LUMINANCE = [0.299, 0.587, 0.114]


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "P grey"])
def test_png_of_every_depth(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    expected = GREY.astype(int)
    if mode == "I;16":
        expected = GREY.astype(np.uint16) * 251
        Image.fromarray(expected).save(path)
    elif mode == "1":
        expected = np.where(GREY > 127, 255, 0)
        Image.fromarray(expected.astype(np.uint8)).convert("1", dither=0).save(path)
    elif mode == "P grey":
        Image.fromarray(GREY).convert("P").save(path)
    else:
        Image.fromarray(GREY).save(path)
    found = array(read_image(path)).astype(int)
    if mode == "1":
        found = found * (255 // found.max())
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_colours_are_grey_only_if_asked(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    Image.fromarray(COLOUR).save(path, **options)
    with pytest.raises(InputError, match=r"got 3 \(colour or vectors\).*#grey"):
        read_image(path)
    image = read_image(f"{path}#grey")
    tolerance = 3 if suffix == "jpg" else 0.5
    assert np.abs(array(image) - COLOUR @ LUMINANCE).max() <= tolerance
    assert any("made grey" in note for note in notes_of(image))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_transparency(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    for alpha, told in ((np.full_like(GREY, 255), False), (GREY, True)):
        Image.fromarray(np.dstack([GREY, GREY, GREY, alpha])).save(path)
        if told:
            with pytest.raises(InputError, match=r"transparency.*#grey"):
                read_image(path)
        np.testing.assert_array_equal(array(read_image(f"{path}{'#grey' * told}")), GREY)
    if suffix == "png":
        Image.fromarray(np.dstack([GREY, GREY]), "LA").save(path)
        with pytest.raises(InputError, match=r"transparency.*#grey"):
            read_image(path)
        np.testing.assert_array_equal(array(read_image(f"{path}#grey")), GREY)
        Image.fromarray(np.dstack([GREY, np.full_like(GREY, 200)]), "LA").save(path)
        np.testing.assert_array_equal(array(read_image(path)), GREY)


def test_a_palette_is_its_colours(tmp_path: Path) -> None:
    indexed = Image.fromarray(COLOUR).quantize(200)
    for suffix in ("png", "tif"):
        path = tmp_path / f"a.{suffix}"
        indexed.save(path)
        with pytest.raises(InputError, match=r"got 3 \(colour"):
            read_image(path)
        expected = np.asarray(indexed.convert("RGB")) @ LUMINANCE
        assert np.abs(array(read_image(f"{path}#grey")) - expected).max() <= 0.5


def test_a_picture_has_no_size_and_says_so(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert "a picture does not say its size: 1 mm a pixel was taken" in notes_of(
        read_image(tmp_path / "a.png")
    )


def test_pictures_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(GREY).save(path)
    png = path.read_bytes()
    Image.fromarray(GREY).save(tmp_path / "a.jpg")
    jpeg = (tmp_path / "a.jpg").read_bytes()
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 1
    huge = png[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png[24:]
    huge = huge[:29] + struct.pack(">I", zlib.crc32(huge[12:29])) + huge[33:]
    bomb = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)),
                       (b"IDAT", zlib.compress(bytes(10**7))), (b"IEND", b"")):  # fmt: skip
        bomb += struct.pack(">I", len(body)) + kind + body
        bomb += struct.pack(">I", zlib.crc32(kind + body))
    for data, message in (
        (png[:-30], "cut off"),
        (png[:60], "cut off"),
        (bytes(flipped), "checksum"),
        (huge, "needs"),
        (bomb, "has more"),
        (jpeg[: len(jpeg) // 2], "cut off"),
        (jpeg[:20], r"has no header|cut off"),
        (jpeg[:-40] + b"\xff\xd9", "premature end"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_image(path)


# --- TIFF ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "compression", [None, "tiff_deflate", "tiff_adobe_deflate", "packbits", "tiff_lzw", "jpeg"]
)
@pytest.mark.parametrize("kind", ["u1", "u2", "f4", "i4"])
def test_tiff_of_every_compression(tmp_path: Path, compression: str | None, kind: str) -> None:
    if compression == "jpeg" and kind != "u1":
        pytest.skip("JPEG has 8 bits")
    path = tmp_path / "a.tif"
    picture = np.repeat(GREY, 5, axis=0).astype(kind)  # several strips, long runs
    Image.fromarray(picture).save(path, compression=compression)
    if kind == "i4" and compression == "tiff_lzw" and tiff_reader._sitk_version() < (2, 5, 6):
        with pytest.raises(
            InputError, match="decodes to other values; save it without compression"
        ):
            read_image(path)
        return
    tolerance = 60 if compression == "jpeg" else 0
    assert np.abs(array(read_image(path)).astype(float) - picture).max() <= tolerance


def test_what_an_older_simpleitk_decodes_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.repeat(GREY, 5, axis=0).astype("i4")
    Image.fromarray(picture).save(tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(tiff_reader, "_sitk_version", lambda: (2, 5, 5))
    with pytest.raises(InputError, match=r"older than 2.5.6, decodes to other values; save it"):
        read_image(tmp_path / "a.tif")
    Image.fromarray(picture.astype("u2")).save(tmp_path / "b.tif", compression="tiff_lzw")
    assert read_image(tmp_path / "b.tif").GetSize() == picture.shape[::-1]


@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw", "packbits"])
def test_pages_are_slices(tmp_path: Path, compression: str | None) -> None:
    stack = RNG.integers(0, 60000, (5, 13, 17)).astype(np.uint16)
    pages = [Image.fromarray(page) for page in stack]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    image = read_image(path)
    np.testing.assert_array_equal(array(image), stack)
    assert any("between its slices" in note for note in notes_of(image))
    np.testing.assert_array_equal(array(read_image(f"{path}#page=4")), stack[3])
    pages[2] = Image.fromarray(stack[2][:9])
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    with pytest.raises(InputError, match=r"5 pages differ in size.*#page=1"):
        read_image(path)
    np.testing.assert_array_equal(array(read_image(f"{path}#page=3")), stack[2][:9])


def tiff(pixels: np.ndarray, order: str = "<", **tags: Any) -> bytes:
    """Return a TIFF file of one page; tags by number, written as text, short or rational."""
    rows, columns = pixels.shape[:2]
    bits = pixels.dtype.itemsize * 8
    kinds = {"u": 1, "i": 2, "f": 3}
    entries: dict[int, Any] = {
        256: columns, 257: rows, 258: bits, 259: 1, 262: 1, 277: 1, 278: rows,
        339: kinds[pixels.dtype.kind], 279: pixels.nbytes,
    } | {int(tag[1:]): value for tag, value in tags.items()}  # fmt: skip
    entries = {tag: value for tag, value in entries.items() if value is not None}
    entries.setdefault(273, 0)
    directory = 8 + 2 + 12 * len(entries) + 4
    extra, body = b"", b""
    for tag, value in sorted(entries.items()):
        if tag == 273:
            body += struct.pack(order + "HHI", tag, 4, 1) + b"@@@@"
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            body += struct.pack(order + "HHII", tag, 2, len(text), directory + len(extra))
            extra += text
        elif isinstance(value, float):
            body += struct.pack(order + "HHII", tag, 5, 1, directory + len(extra))
            extra += struct.pack(order + "II", round(value * 10**6), 10**6)
        else:
            body += struct.pack(order + "HHII", tag, 4, 1, value)
    body = body.replace(b"@@@@", struct.pack(order + "I", directory + len(extra)))
    begin = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(entries))
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    return begin + body + bytes(4) + extra + data


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_numbers_of_tiff(tmp_path: Path, order: str, kind: str) -> None:
    pixels = (GREY.astype(int) - (100 if kind[0] != "u" else 0)).astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff(pixels, order))
    np.testing.assert_array_equal(array(read_image(tmp_path / "a.tif")), pixels)


_IMAGEJ = "ImageJ=1.53\nunit=micron\n"
_OME = '<OME><Pixels PhysicalSizeX="2" PhysicalSizeY="3" SizeZ="1"/></OME>'


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [
        ({"t282": 254.0, "t283": 127.0, "t296": 2}, (0.1, 0.2)),
        ({"t282": 10.0, "t283": 5.0, "t296": 3}, (1, 2)),
        ({"t282": 72.0, "t283": 72.0, "t296": 1}, (1, 1)),
        ({"t270": _IMAGEJ, "t282": 0.5, "t283": 0.25, "t296": 1}, (2e-3, 4e-3)),
        ({"t270": _OME}, (2e-3, 3e-3)),
    ],
)  # fmt: skip
def test_the_size_of_a_pixel(tmp_path: Path, tags: Any, spacing: tuple[float, float]) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(GREY, **tags))
    image = read_image(tmp_path / "a.tif")
    assert image.GetSpacing() == pytest.approx(spacing, rel=1e-5)


def test_stacks_of_imagej(tmp_path: Path) -> None:
    stack = RNG.integers(0, 60000, (6, 13, 17)).astype(np.uint16)
    path = tmp_path / "a.tif"
    for text, message in (
        ("images=6\nslices=6\nspacing=3.0\nunit=mm\n", None),
        ("images=6\nchannels=2\nslices=3\n", "times or channels"),
        ("images=6\nframes=6\n", "times or channels"),
    ):
        one_page = tiff(stack.reshape(-1, 17), t257=13, t278=13, t279=stack[0].nbytes,
                        t270="ImageJ=1.53\n" + text, t282=0.5, t283=0.5, t296=1)  # fmt: skip
        path.write_bytes(one_page)
        if message:
            with pytest.raises(InputError, match=rf"{message}.*#page=1"):
                read_image(path)
            np.testing.assert_array_equal(array(read_image(f"{path}#page=2")), stack[1])
            continue
        image = read_image(path)
        np.testing.assert_array_equal(array(image), stack)
        assert image.GetSpacing() == pytest.approx((2, 2, 3))


def test_white_is_zero_and_turned_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(GREY, t262=0))
    image = read_image(path)
    np.testing.assert_array_equal(array(image), 255 - GREY)
    assert any("inverted" in note for note in notes_of(image))
    for orientation, expected in ((2, GREY[:, ::-1]), (3, GREY[::-1, ::-1]), (4, GREY[::-1])):
        path.write_bytes(tiff(GREY, t274=orientation))
        np.testing.assert_array_equal(array(read_image(path)), expected)
    path.write_bytes(tiff(GREY, t274=6))
    with pytest.raises(InputError, match="stored turned"):
        read_image(path)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"t256": 0}, "no picture"),
        ({"t256": 2**30, "t257": 2**30}, "needs"),
        ({"t279": 10**6}, "behind its end"),
        ({"t278": 5}, "announces 3 strips or tiles, and it has 1"),
        ({"t278": 0}, "no size"),
        ({"t277": 7}, "got 7 .channels"),
        ({"t279": 100}, "a strip has 100"),
        ({"t259": 8}, "damaged"),
        ({"t259": 34712}, "cannot be read|crashed"),
    ],
)
def test_damaged_tiff(tmp_path: Path, tags: Any, message: str) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(GREY, **tags))
    with pytest.raises(InputError, match=message):
        read_image(tmp_path / "a.tif")
