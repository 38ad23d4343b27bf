"""``ldmreg transform``: other forms, inverses, and what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry

FIXED = ImageGeometry((20, 18, 14), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
MOVING = ImageGeometry((24, 22, 18), (2.0, 2.0, 2.0), (-4.0, -4.0, -4.0), FIXED.direction)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A field, and both images."""
    points = (FIXED.points() - 18) / 10
    vectors = 2 * np.stack([np.sin(points[..., n]) for n in (1, 2, 0)], axis=-1)
    DisplacementField(vectors, FIXED).write(tmp_path / "t.h5")
    for name, lattice in (("f", FIXED), ("m", MOVING)):
        voxels = np.random.default_rng(0).random(lattice.array_shape, np.float32)
        sitk.WriteImage(lattice.to_image(voxels), str(tmp_path / f"{name}.nii.gz"))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["transform", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def field_of(path: Path) -> DisplacementField:
    return DisplacementField.read(path, FIXED)


@pytest.mark.parametrize(
    ("form", "name"), [("ants", "w.nii.gz"), ("fsl", "w.nii"), ("compact", "w.tfm")]
)
def test_there_and_back_is_the_same_field(
    files: Path, capsys: pytest.CaptureFixture[str], form: str, name: str
) -> None:
    moving = ("--moving", files / "m.nii.gz")
    code, told = run(capsys, files / "t.h5", "--to", form, *moving, "--output", files / name)
    assert code == 0 and "mm at most" in told, told
    back = ("--to", "itk", "--fixed", files / "f.nii.gz", "--output", files / "back.h5")
    assert run(capsys, files / name, *moving, *back)[0] == 0
    off = np.abs(field_of(files / "back.h5").vectors - field_of(files / "t.h5").vectors)
    assert off.max() < (0.25 if form == "compact" else 1e-3)


def test_the_inverse_tells_how_far_it_misses(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moving = ("--moving", files / "m.nii.gz")
    code, told = run(
        capsys, files / "t.h5", *moving, "--inverse", "--to", "itk", "--output", files / "i.h5"
    )
    assert code == 0 and "there and back: 0.0" in told, told
    inverse = DisplacementField.read(files / "i.h5")
    assert inverse.geometry.matches(MOVING)
    errors = field_of(files / "t.h5").round_trip(inverse)
    assert np.nanmax(errors) < 0.2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "itk", "--inverse", "--output", "i.h5"), "give that image"),
        (("--to", "fsl", "--output", "w.nii"), "needs the moving image"),
        (("--to", "mincs", "--output", "w.nii"), "expected itk, composite"),
        (("--to", "compact", "--tolerance", "-1", "--output", "w.h5"), "expected a positive"),
    ],
)
def test_what_is_missing_is_told(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    paths = [str(files / a) if a.endswith((".h5", ".nii")) else a for a in arguments]
    code, text = run(capsys, files / "t.h5", *paths)
    assert code == 2 and told in text, text


def test_a_matrix_needs_the_fixed_image(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sitk.WriteTransform(sitk.TranslationTransform(3, (1, 2, 3)), str(files / "shift.tfm"))
    arguments = (files / "shift.tfm", "--to", "itk", "--output", files / "o.h5")
    code, told = run(capsys, *arguments)
    assert code == 2 and "no lattice of its own" in told
    assert run(capsys, *arguments, "--fixed", files / "f.nii.gz")[0] == 0
    np.testing.assert_allclose(field_of(files / "o.h5").vectors[3, 4, 5], [1, 2, 3])


# The round trip


def test_the_round_trip_is_zero_for_an_exact_inverse_and_told_for_others() -> None:
    shift = DisplacementField(np.tile([2.0, 0.0, 0.0], (*FIXED.array_shape, 1)), FIXED)
    back = DisplacementField(np.tile([-2.0, 0.0, 0.0], (*MOVING.array_shape, 1)), MOVING)
    assert np.abs(shift.round_trip(back)).max() < 1e-9
    off = DisplacementField(back.vectors + np.array([0.0, 0.5, 0.0]), MOVING)
    np.testing.assert_allclose(shift.round_trip(off), 0.5)
    none = DisplacementField.identity(MOVING)
    np.testing.assert_allclose(shift.round_trip(none), 2.0)


def test_what_leaves_the_moving_image_has_no_round_trip() -> None:
    far = DisplacementField(np.tile([20.0, 0.0, 0.0], (*FIXED.array_shape, 1)), FIXED)
    errors = far.round_trip(DisplacementField.identity(MOVING))
    assert np.isnan(errors[0, 0, -1]) and np.isfinite(errors[0, 0, 0])
