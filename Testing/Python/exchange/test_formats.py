"""Transforms in the forms of other programs: read back, and by these programs themselves."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.exchange import FORMATS, write_transform
from SlicerLDMRegLib.exchange.bspline import fit_bspline
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.initial_transform import load_transform

_TURN = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
_FLIPPED = (-0.8, -0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
FIXED = ImageGeometry((22, 20, 14), (2.0, 2.5, 3.0), (5.0, -6.0, 7.0), _TURN)
MOVING = ImageGeometry((30, 18, 20), (1.5, 2.0, 2.5), (-8.0, 3.0, -2.0), _FLIPPED)
PLANE = ImageGeometry((30, 26), (1.5, 2.0), (3.0, -4.0), (0.8, -0.6, 0.6, 0.8))
ENDS = {key: form.suffixes for key, form in FORMATS.items()}


def waves(geometry: ImageGeometry, amplitude: float = 3.0) -> DisplacementField:
    """A smooth field of some mm."""
    points = (geometry.points() - np.asarray(geometry.center())) / 14.0
    d = geometry.dimension
    parts = [np.sin(points.sum(axis=-1) + n) * np.cos(points[..., n]) + 0.2 for n in range(d)]
    return DisplacementField(amplitude * np.stack(parts, axis=-1), geometry)


def inner_points(geometry: ImageGeometry) -> np.ndarray:
    """Points between the voxels, away from the border."""
    shares = np.random.default_rng(2).uniform(0.1, 0.9, (25, geometry.dimension))
    return np.asarray(geometry.index_to_physical(shares * (np.asarray(geometry.size) - 1)))


def moved(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(p) for p in points.tolist()])


@pytest.mark.parametrize(
    ("key", "suffix"), [(key, suffix) for key, ends in ENDS.items() for suffix in ends]
)
def test_what_is_written_is_read_back(tmp_path: Path, key: str, suffix: str) -> None:
    field, points = waves(FIXED), inner_points(FIXED)
    written = write_transform(field, tmp_path / f"t{suffix}", key, MOVING)
    read = load_transform(written.path, 3, MOVING).transform
    off = np.linalg.norm(moved(read, points) - field.warp_points(points), axis=1)
    # Between the voxels a spline is not linear.
    curved = 0.1 if key in ("compact", "elastix") else 1e-4
    assert off.max() <= written.max_error_mm + curved
    assert written.max_error_mm < (0.25 if curved == 0.1 else 1e-4)
    assert written.size == written.path.stat().st_size
    assert FORMATS[key].title in written.summary and " mm at most" in written.summary


@pytest.mark.parametrize("key", ["itk", "composite", "compact", "ants", "elastix"])
def test_those_of_the_plane_are_read_back(tmp_path: Path, key: str) -> None:
    field, points = waves(PLANE), inner_points(PLANE)
    written = write_transform(field, tmp_path / f"t{ENDS[key][0]}", key)
    read = load_transform(written.path, 2).transform
    np.testing.assert_allclose(moved(read, points), field.warp_points(points), atol=0.35)


def test_a_slice_keeps_its_place_with_ants(tmp_path: Path) -> None:
    field = waves(FIXED.crop((0, 0, 5), (22, 20, 1)))
    write_transform(field, tmp_path / "t.nii.gz", "ants")
    point = np.asarray(field.geometry.index_to_physical([10.0, 9.0, 0.0]))
    read = load_transform(tmp_path / "t.nii.gz", 3).transform
    np.testing.assert_allclose(moved(read, point[None]), field.warp_points(point[None]), atol=1e-4)


# The compact one


def test_the_error_that_is_told_is_the_error(tmp_path: Path) -> None:
    field = waves(FIXED)
    sizes = []
    for tolerance in (2.0, 0.5, 0.2):
        written = write_transform(field, tmp_path / "t.tfm", "compact", tolerance_mm=tolerance)
        spline = DisplacementField.from_transform(load_transform(written.path, 3).transform, FIXED)
        error = np.linalg.norm(spline.vectors - field.vectors, axis=-1)
        assert error.max() == pytest.approx(written.max_error_mm, rel=1e-3)
        assert error.max() <= tolerance
        assert error.mean() == pytest.approx(written.mean_error_mm, rel=1e-3)
        sizes.append(written.size)
    assert sizes[0] < sizes[-1]  # more exact is larger


def test_a_smooth_field_becomes_far_smaller(tmp_path: Path) -> None:
    large = FIXED.resampled(size=(66, 60, 42))
    field = waves(large)
    compact = write_transform(field, tmp_path / "c.h5", "compact", tolerance_mm=0.5)
    whole = write_transform(field, tmp_path / "w.h5", "itk")
    assert compact.size < whole.size / 50


def test_an_affine_field_needs_one_cell() -> None:
    points = FIXED.points()
    affine = points @ np.diag([0.1, -0.05, 0.02]) + [1, 2, 3]
    found = fit_bspline(DisplacementField(affine, FIXED), 0.01)
    assert found.cells == (1, 1, 1) and found.max_error_mm < 1e-8


def test_a_field_that_is_too_rough_is_told(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 2, (*FIXED.array_shape, 3))
    with pytest.raises(InputError, match=r"needs more than half of its numbers; [\d.]+ mm are"):
        write_transform(DisplacementField(noise, FIXED), tmp_path / "t.h5", "compact")
    assert not list(tmp_path.iterdir())


def test_without_a_tolerance_the_error_is_half_a_voxel_or_is_told(tmp_path: Path) -> None:
    smooth = fit_bspline(waves(FIXED), None)
    assert smooth.max_error_mm <= 0.5 * min(FIXED.spacing)
    noise = np.random.default_rng(0).normal(0, 2, (*FIXED.array_shape, 3))
    rough = DisplacementField(noise, FIXED)
    written = write_transform(rough, tmp_path / "t.h5", "compact", tolerance_mm=None)
    assert written.max_error_mm > 0.5 * min(FIXED.spacing)
    spline = DisplacementField.from_transform(load_transform(written.path, 3).transform, FIXED)
    error = np.linalg.norm(spline.vectors - rough.vectors, axis=-1).max()
    assert error == pytest.approx(written.max_error_mm, rel=1e-3)
    assert f"{written.max_error_mm:.2g} mm at most" in written.summary


# FSL


@pytest.mark.parametrize("fixed", [FIXED, MOVING])
@pytest.mark.parametrize("moving", [FIXED, MOVING])
def test_a_warp_of_fsl_is_in_the_coordinates_of_both_images(
    tmp_path: Path, fixed: ImageGeometry, moving: ImageGeometry
) -> None:
    """As applywarp does it: mm of the fixed image, plus the warp, are those of the other one."""
    field = waves(fixed)
    write_transform(field, tmp_path / "w.nii.gz", "fsl", moving)
    image = sitk.ReadImage(str(tmp_path / "w.nii.gz"))
    warp = sitk.GetArrayFromImage(image)  # (3, k, j, i)
    k, j, i = 3, 7, 11
    ras = [np.diag([-1, -1, 1]) @ geometry.matrix for geometry in (fixed, moving)]
    neurological = [np.linalg.det(matrix) > 0 for matrix in ras]
    assert neurological == [geometry is FIXED for geometry in (fixed, moving)]
    place = np.array([i, j, k]) * fixed.spacing
    if neurological[0]:
        place[0] = (fixed.size[0] - 1 - i) * fixed.spacing[0]
    target = (place + warp[:, k, j, i]) / moving.spacing
    if neurological[1]:
        target[0] = moving.size[0] - 1 - target[0]
    point = np.asarray(fixed.index_to_physical([float(i), j, k]))
    expected = moving.physical_to_index(field.warp_points(point[None]))[0]
    np.testing.assert_allclose(target, expected, atol=1e-4)
    header = (tmp_path / "w.nii.gz").read_bytes()
    assert header[:2] == b"\x1f\x8b"


def test_absolute_warps_and_those_without_intent_are_read(tmp_path: Path) -> None:
    field, points = waves(FIXED), inner_points(FIXED)
    write_transform(field, tmp_path / "w.nii", "fsl", MOVING)
    image = sitk.ReadImage(str(tmp_path / "w.nii"))
    index = np.stack(np.meshgrid(*map(np.arange, FIXED.array_shape), indexing="ij")[::-1])
    index[0] = FIXED.size[0] - 1 - index[0]
    place = index * np.array(FIXED.spacing).reshape(3, 1, 1, 1)
    volumes = sitk.GetArrayFromImage(image) + place
    parts = [FIXED.to_image(volume.astype(np.float32)) for volume in volumes]
    sitk.WriteImage(sitk.JoinSeries(parts), str(tmp_path / "abs.nii"))
    with pytest.raises(InputError, match="name a warp of FSL as FILE#fsl"):
        load_transform(tmp_path / "abs.nii", 3, MOVING)
    found = load_transform(f"{tmp_path / 'abs.nii'}#fsl", 3, MOVING)
    np.testing.assert_allclose(moved(found.transform, points), field.warp_points(points), atol=1e-3)
    assert "absolute" in found.notes[0]


def test_coefficients_of_fsl_are_told(tmp_path: Path) -> None:
    write_transform(waves(FIXED), tmp_path / "w.nii", "fsl", MOVING)
    with (tmp_path / "w.nii").open("r+b") as file:
        file.seek(68)
        file.write(struct.pack("=h", 2009))
    with pytest.raises(InputError, match="fnirtfileutils"):
        load_transform(tmp_path / "w.nii", 3, MOVING)


# elastix


def test_a_chain_of_elastix_is_read(tmp_path: Path) -> None:
    field, points = waves(FIXED), inner_points(FIXED)
    written = write_transform(field, tmp_path / "t.txt", "elastix")
    first = (
        '(Transform "TranslationTransform")\n(TransformParameters 1 -2 0.5)\n'
        '(FixedImageDimension 3)\n(InitialTransformParametersFileName "NoInitialTransform")\n'
    )
    (tmp_path / "t0.txt").write_text(first)
    text = written.path.read_text().replace('"NoInitialTransform"', '"/gone/t0.txt"')
    (tmp_path / "t1.txt").write_text(text)
    chain = load_transform(tmp_path / "t1.txt", 3).transform
    alone = load_transform(written.path, 3).transform
    np.testing.assert_allclose(moved(chain, points), moved(alone, points + np.array([1, -2, 0.5])))
    (tmp_path / "t1.txt").write_text(text.replace('"Compose"', '"Add"'))
    with pytest.raises(InputError, match="adds up several"):
        load_transform(tmp_path / "t1.txt", 3)
    (tmp_path / "t1.txt").write_text(text.replace("t0.txt", "lost.txt"))
    with pytest.raises(InputError, match=r"lost\.txt, is not beside it"):
        load_transform(tmp_path / "t1.txt", 3)
    (tmp_path / "t1.txt").write_text(text.replace("t0.txt", "t1.txt"))
    with pytest.raises(InputError, match=r"t1\.txt, is not beside it"):
        load_transform(tmp_path / "t1.txt", 3)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("(GridSize", "(GridSizes", "damaged parameter file"),
        ("(GridSize ", "(GridSize 1e9 ", "damaged parameter file|no size that can be"),
        ('UseCyclicTransform "false"', 'UseCyclicTransform "true"', "cyclic"),
        ("(GridIndex 0", "(GridIndex 1", "does not begin at index 0"),
        ("(TransformParameters ", "(TransformParameters 1 ", "parameters; expected"),
    ],
)
def test_damaged_splines_are_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = write_transform(waves(FIXED), tmp_path / "t.txt", "elastix").path
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=told):
        load_transform(path, 3)


# What cannot be


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("t.h5", {"format": "mincs"}, "expected itk, composite"),
        ("t.nii.gz", {"format": "itk"}, "ends in .h5 or .tfm"),
        ("t.h5", {"format": "fsl"}, "ends in .nii.gz or .nii"),
        ("t.nii", {"format": "fsl"}, "needs the moving image as well"),
        ("t.h5", {"format": "compact", "tolerance_mm": 0}, "expected a positive number"),
        ("none/t.nii", {"format": "ants"}, "the folder does not exist"),
    ],
)
def test_what_cannot_be_is_told(
    tmp_path: Path, name: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        write_transform(waves(FIXED), tmp_path / name, **options)


# The programs themselves


def test_ants_reads_them(tmp_path: Path) -> None:
    ants = pytest.importorskip("ants", reason="needs antspyx")
    field, points = waves(FIXED), inner_points(FIXED)
    import pandas

    for key in ("ants", "composite", "compact"):
        written = write_transform(field, tmp_path / f"{key}{ENDS[key][0]}", key)
        table = pandas.DataFrame(points, columns=["x", "y", "z"])
        found = ants.apply_transforms_to_points(3, table, [str(written.path)])
        expected = field.warp_points(points)
        np.testing.assert_allclose(found[["x", "y", "z"]], expected, atol=0.35, err_msg=key)


def test_greedy_reads_the_warp_of_ants(tmp_path: Path) -> None:
    picsl_greedy = pytest.importorskip("picsl_greedy", reason="needs picsl_greedy")
    field = waves(FIXED)
    write_transform(field, tmp_path / "w.nii.gz", "ants")
    other = FIXED.resampled(size=(26, 24, 16))
    ramp = other.points() @ [1.0, 2.0, 3.0] + 500
    moving = other.to_image(ramp.astype(np.float32))
    sitk.WriteImage(moving, str(tmp_path / "m.nii.gz"))
    sitk.WriteImage(FIXED.empty_image(), str(tmp_path / "f.nii.gz"))
    files = {name: tmp_path / f"{name}.nii.gz" for name in ("f", "m", "w", "out")}
    greedy = picsl_greedy.Greedy3D()
    greedy.execute(f"-d 3 -rf {files['f']} -rm {files['m']} {files['out']} -r {files['w']}")
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(files["out"])))
    ours = sitk.Resample(moving, FIXED.empty_image(), field.to_transform(), sitk.sitkLinear, 0.0)
    expected = sitk.GetArrayFromImage(sitk.Cast(ours, sitk.sitkFloat32))
    # Away from the border, where each program has its own way to leave the image.
    middle = np.s_[4:-4, 5:-5, 5:-5]
    np.testing.assert_allclose(found[middle], expected[middle], atol=0.05)


def test_transformix_reads_the_spline(tmp_path: Path) -> None:
    itk = pytest.importorskip("itk", reason="needs itk-elastix")
    pytest.importorskip("itk.itkElastixRegistrationMethodPython", reason="needs itk-elastix")
    field, points = waves(FIXED), inner_points(FIXED)
    written = write_transform(field, tmp_path / "t.txt", "elastix")
    text = f"point\n{len(points)}\n" + "\n".join(" ".join(map(str, p)) for p in points.tolist())
    (tmp_path / "p.txt").write_text(text)
    sitk.WriteImage(MOVING.empty_image() + 1.0, str(tmp_path / "m.nii.gz"))
    parameters = itk.ParameterObject.New()
    parameters.ReadParameterFile(str(written.path))
    filter = itk.TransformixFilter.New(
        itk.imread(str(tmp_path / "m.nii.gz"), itk.F), transform_parameter_object=parameters
    )
    filter.SetFixedPointSetFileName(str(tmp_path / "p.txt"))
    filter.SetOutputDirectory(str(tmp_path))
    filter.UpdateLargestPossibleRegion()
    lines = (tmp_path / "outputpoints.txt").read_text().splitlines()
    found = np.array([
        line.split("OutputPoint = [")[1].split("]")[0].split() for line in lines
    ]).astype(float)  # fmt: skip
    np.testing.assert_allclose(found, field.warp_points(points), atol=0.35)
