"""Results in a program with decimal commas, which calls ``setlocale`` as those with windows do."""

from __future__ import annotations

import locale
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import DisplacementField, load_segmentation, register
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.images import read_image
from SlicerLDMRegLib.segmentation import write_segmentation

PACKAGE_ROOT = Path(__file__).resolve().parents[3] / "SlicerLDMReg"

_READ = """
import sys
from pathlib import Path
from SlicerLDMRegLib.images import read_image
for path in sorted(Path(sys.argv[1]).glob("*.n*")):
    print(path.name, read_image(path).GetSpacing(), read_image(path).GetOrigin())
"""


def everything(inputs: Path, place: Path) -> list[object]:
    """Read, register and write; what is found in the files."""
    place.mkdir()
    found: list[object] = []
    for path in sorted(inputs.iterdir()):
        if path.suffix not in (".raw", ".tfm", ".h5"):
            image = read_image(path)
            found += [path.name, image.GetSpacing(), image.GetOrigin()]
            found.append(float(sitk.GetArrayViewFromImage(image).sum()))
    for start in ("start.tfm", "start.h5"):
        result = register(
            inputs / "a.nrrd",
            inputs / "a.mha",
            model="none",
            align="none",
            initial_transform=inputs / start,
            refine={"iterations": (1,)},
        )
        found.append(result.provenance["results"])
    (place / "results").mkdir()
    result._write_files(place / "results")
    for name in ("transform.h5", "inverse.h5"):
        found.append(DisplacementField.read(place / "results" / name).vectors.sum())
    for suffix in (".tfm", ".nrrd", ".mha", ".nii.gz"):
        result.field.write(place / f"field{suffix}")
        found.append(DisplacementField.read(place / f"field{suffix}").geometry)
    image = read_image(inputs / "a.nrrd")
    labels = sitk.Cast(image > 500, sitk.sitkUInt8)
    labels.CopyInformation(image)
    write_segmentation(load_segmentation(labels, {1: "one"}, image), place / "labels.seg.nrrd")
    for name in ("results/warped.nrrd", "labels.seg.nrrd"):
        lines = (place / name).read_bytes().split(b"\n")
        found += [line for line in lines if line.startswith(b"space ")]
    return found


@pytest.fixture
def comma(german: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process, as a program in German has it."""
    before = locale.setlocale(locale.LC_ALL)
    for name, value in german.items():
        monkeypatch.setenv(name, value)
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program in German, whose locale is made here."""
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/de_DE").is_file():
        pytest.skip("needs localedef and de_DE of Debian's package locales")
    folder = tmp_path_factory.mktemp("locale")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")],
        capture_output=True,
        check=False,
    )
    if not (folder / "de_DE.UTF-8").exists():
        pytest.skip(f"localedef failed: {made.stderr!r}")
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    array = np.random.default_rng(0).random((9, 20, 24)) * 1000
    image = sitk.DiscreteGaussian(sitk.GetImageFromArray(array.astype(np.float32)), 2.0)
    image.SetSpacing((1.25, 1.75, 2.5))
    image.SetOrigin((-10.125, 3.5, 7.75))
    for suffix in (".nrrd", ".nii.gz", ".nii", ".mha", ".mhd", ".nhdr", ".vtk"):
        sitk.WriteImage(image, str(folder / f"a{suffix}"))
    picture = sitk.GetImageFromArray((array[4] / 4).astype(np.uint8))
    picture.SetSpacing((0.5, 0.75))
    for suffix in (".png", ".tif", ".jpg"):
        sitk.WriteImage(picture, str(folder / f"b{suffix}"))
    start = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.125, 0.0625, 0.25, (1.5, 2.25, -3.125))
    for name in ("start.tfm", "start.h5"):
        sitk.WriteTransform(start, str(folder / name))
    return folder


def test_a_program_with_decimal_commas(
    inputs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    plain = everything(inputs, tmp_path / "plain")
    assert (1.25, 1.75, 2.5) in plain
    assert any(isinstance(part, bytes) and b"(1.25,0,0)" in part for part in plain)
    request.getfixturevalue("comma")
    assert locale.localeconv()["decimal_point"] == ","
    assert everything(inputs, tmp_path / "comma") == plain
    assert locale.localeconv()["decimal_point"] == ","  # the program keeps its own


def test_threads_give_the_locale_back(inputs: Path, comma: None) -> None:
    pictures = [
        threading.Thread(target=read_image, args=(inputs / "b.png",), daemon=True)
        for _ in range(12)
    ]
    for thread in pictures:
        thread.start()
    for thread in pictures:
        thread.join()
    assert locale.localeconv()["decimal_point"] == ","
    with pytest.raises(InputError):
        read_image(inputs / "none.png")
    assert locale.localeconv()["decimal_point"] == ","


def test_the_shell_in_german(german: dict[str, str], inputs: Path) -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", _READ, str(inputs)],
            capture_output=True,
            check=True,
            env={**os.environ, **environment, "PYTHONPATH": str(PACKAGE_ROOT)},
        ).stdout
        for environment in ({"LC_ALL": "C.UTF-8"}, german)
    ]
    assert said[0] == said[1] and b"(1.25, 1.75, 2.5)" in said[0]
