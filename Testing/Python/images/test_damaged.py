"""Files that are not what they say, of every format."""

from __future__ import annotations

import gzip
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import load_image, notes_of, read_image

VOXELS = np.random.default_rng(0).integers(0, 30000, (11, 12, 13)).astype(np.int16)
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".tif")


def written(folder: Path, suffix: str, compress: bool = False) -> bytes:
    path = folder / f"whole{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path), useCompression=compress)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.95, 0.998])
def test_cut_off(tmp_path: Path, suffix: str, compress: bool, part: float) -> None:
    data = written(tmp_path, suffix, compress)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data[: int(len(data) * part)])
    if suffix == ".tif" and part > 0.99:  # behind the pixels there are remarks
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), VOXELS)
        return
    with pytest.raises(InputError, match=r"cut off|damaged|ElementDataFile|header is damaged"):
        read_image(path)


@pytest.mark.parametrize("suffix", SUFFIXES[:4])
def test_longer_than_its_header_says(tmp_path: Path, suffix: str) -> None:
    data = written(tmp_path, suffix)
    if suffix == ".nii.gz":
        data = gzip.decompress(data)
    for more, told in ((bytes(100), True), (bytes(10**5), False)):
        path = tmp_path / f"a{suffix}"
        longer = data + more
        path.write_bytes(gzip.compress(longer) if suffix == ".nii.gz" else longer)
        if told:
            image = read_image(path)
            np.testing.assert_array_equal(sitk.GetArrayFromImage(image), VOXELS)
            assert any("100 bytes behind the voxels" in note for note in notes_of(image))
        else:
            with pytest.raises(InputError, match="more voxels than its header announces"):
                read_image(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_one_bit_of_compressed_voxels(tmp_path: Path, suffix: str) -> None:
    """The checksum of gzip and zlib finds what a decoder would let pass."""
    data = bytearray(written(tmp_path, suffix, compress=True))
    for place in (-6, -3):
        changed = bytearray(data)
        changed[place] ^= 4
        path = tmp_path / f"a{suffix}"
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"damaged|cut off"):
            read_image(path)


def test_empty_files_zeros_and_no_files(tmp_path: Path) -> None:
    for suffix in (*SUFFIXES, ".png", ".jpg", ".dcm"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"")
        with pytest.raises(InputError, match="is empty"):
            read_image(path)
        path.write_bytes(bytes(5000))
        with pytest.raises(InputError, match="begins with zeros"):
            read_image(path)
    os.mkfifo(tmp_path / "pipe.nii")
    with pytest.raises(InputError, match="is no file"):
        read_image(tmp_path / "pipe.nii")
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    (tmp_path / "gone.nii").symlink_to(tmp_path / "nowhere.nii")
    for name in ("loop.nii", "gone.nii", "x" * 300, "a\0b"):
        with pytest.raises(InputError, match=r"there is no file|link to a file|name too long"):
            read_image(str(tmp_path / name))
    with pytest.raises(InputError, match="no DICOM series"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".png"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, suffix: str) -> None:
    if suffix == ".png":
        sitk.WriteImage(
            sitk.GetImageFromArray(VOXELS[0].astype(np.uint8)), str(tmp_path / "whole.png")
        )
        data = (tmp_path / "whole.png").read_bytes()
    else:
        data = written(tmp_path, suffix)
    for name in ("a.mhd", "a.nii", "a.nrrd", "a.jpg", "a.dcm", "a"):
        path = tmp_path / name
        path.write_bytes(data)
        image = read_image(path)
        assert image.GetSize()[:2] == (13, 12)
        right = (name == "a.mhd" and suffix == ".mha") or name[1:] == suffix
        right = right or (name == "a.nii" and suffix == ".nii.gz")
        assert right or any("its content is" in note for note in notes_of(image))
    path = tmp_path / "a.nrrd"
    path.write_bytes(gzip.compress(written(tmp_path, ".nrrd")))
    with pytest.raises(InputError, match="nrrd file compressed with gzip"):
        read_image(path)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    """10 MB that become 10 GB, announced or not."""
    header = written(tmp_path, ".nii")[:352]
    path = tmp_path / "a.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(header)
        for _ in range(100):
            file.write(bytes(10**7))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="more voxels than its header announces"):
        read_image(path)
    announced = bytearray(header)
    announced[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(announced) + bytes(1000)))
    with pytest.raises(InputError, match=r"needs .* of memory are free|cut off"):
        read_image(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 200_000  # kB


def test_errors_name_role_and_file_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(written(tmp_path, ".nii")[:-5])
    with pytest.raises(InputError) as caught:
        load_image(path, "moving image")
    text = str(caught.value)
    assert text.startswith(f"moving image {path} is cut off") and "\n" not in text


def test_choices_that_a_file_has_not(tmp_path: Path) -> None:
    written(tmp_path, ".nrrd")
    with pytest.raises(
        InputError, match=r"#junk: this file has no such choice; it has: .*#resample"
    ):
        read_image(f"{tmp_path / 'whole.nrrd'}#junk")
    odd = tmp_path / "name#1.nrrd"
    odd.write_bytes((tmp_path / "whole.nrrd").read_bytes())
    assert read_image(odd).GetSize() == (13, 12, 11)


@pytest.mark.parametrize("suffix", [".vtk", ".gipl", ".bmp", ".mrc", ".hdf5"])
def test_formats_that_only_itk_knows(tmp_path: Path, suffix: str) -> None:
    voxels = VOXELS[0].astype(np.uint8) if suffix == ".bmp" else VOXELS
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    image = read_image(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
    assert any("read by ITK" in note for note in notes_of(image))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"cannot be read|crashed|cut off"):
        read_image(path)
