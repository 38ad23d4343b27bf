"""Transforms as other programs write them, against what these programs do with them."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.initial_transform import load_transform, read_transform
from Testing.Python.images.places import rotation
from training.synthesis.phantoms import generate_pair

POINTS = np.random.default_rng(0).uniform(-20, 20, (40, 3))
STEPS = rotation(10, -20, 30) @ np.diag([2.0, 3.0, 4.0])  # RAS
ORIGIN = np.array([-14.0, -12.0, -16.0])  # RAS
SIZE = (14, 15, 16)
LPS = np.array([-1.0, -1.0, 1.0])


def moved(transform: sitk.Transform, points: np.ndarray = POINTS) -> np.ndarray:
    return np.array([transform.TransformPoint(p) for p in points.tolist()])


def vectors(ras: np.ndarray) -> np.ndarray:
    """Displacements in RAS mm at RAS points, linear, so that interpolation is exact."""
    return ras @ np.array([[0.02, -0.01, 0.03], [0.01, 0.02, 0.0], [-0.02, 0.01, 0.01]]) + [
        1,
        -2,
        3,
    ]


def lattice() -> np.ndarray:
    """RAS points of the voxels, ``(k, j, i, 3)``."""
    axes = [np.arange(n) for n in SIZE[::-1]]
    index = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1)
    return index @ STEPS.T + ORIGIN


def field(
    stored: np.ndarray, intent: int, name: bytes = b"", p1: float = 0, dim5: bool = True
) -> bytes:
    """Return a NIfTI file of vectors ``(k, j, i, 3)``, a component after the other."""
    dim = [5, *SIZE, 1, 3, 1, 1] if dim5 else [4, *SIZE, 3, 1, 1, 1]
    lengths = np.linalg.norm(STEPS, axis=0)
    rows = np.column_stack([STEPS, ORIGIN]).ravel()
    head = struct.pack(
        "<i36x8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s",
        348, *dim, p1, 0, 0, intent, 16, 32, 0, 1, *lengths, 1, 1, 1, 1, 352, 0, 0, 0, 0, 2, 0, 0,
        0, 0, 0, 0, b"", b"", 0, 1, *[0.0] * 6, *rows, name, b"n+1\0",
    )  # fmt: skip
    return head + bytes(4) + np.moveaxis(stored, -1, 0).astype("<f4").tobytes()


INSIDE = (rotation(10, -20, 30) @ np.diag([20.0, 30, 40]) @ np.random.default_rng(1).uniform(0.1, 0.9, (3, 40))).T + ORIGIN  # fmt: skip  # noqa: E501
EXPECTED = (INSIDE + vectors(INSIDE)) * LPS


@pytest.mark.parametrize(
    ("intent", "name", "p1", "stored"),
    [
        (1006, b"", 0, lambda p: vectors(p)),  # ITK and Slicer: RAS in the file
        (1007, b"", 0, lambda p: vectors(p) * LPS),  # ANTs, Greedy: LPS
        (1007, b"NREG_TRANS", 1, lambda p: vectors(p)),  # NiftyReg, displacement
        (1007, b"NREG_TRANS", 0, lambda p: p + vectors(p)),  # NiftyReg, deformation
        (1007, b"Mapping", 0, lambda p: p + vectors(p)),  # SPM, y_
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_fields_of_other_programs(
    tmp_path: Path, intent: int, name: bytes, p1: float, stored: Callable[[Any], Any], suffix: str
) -> None:
    data = field(stored(lattice()), intent, name, p1)
    path = tmp_path / f"warp{suffix}"
    path.write_bytes(gzip.compress(data) if suffix == ".nii.gz" else data)
    found = load_transform(path, 3)
    np.testing.assert_allclose(moved(found.transform, INSIDE * LPS), EXPECTED, atol=1e-3)
    assert bool(found.notes) == bool(name)
    np.testing.assert_array_equal(DisplacementField.read(path).vectors.shape, (*SIZE[::-1], 3))


@pytest.mark.parametrize(
    ("intent", "name", "p1", "dim5", "message"),
    [
        (2006, b"", 0, False, "FSL.*wb_command -convert-warpfield"),
        (2007, b"", 0, False, "FSL.*wb_command"),
        (2016, b"", 0, False, "FSL"),
        (0, b"", 0, False, "3 volumes and does not say.*FSL or AFNI"),
        (0, b"", 0, True, "does not say that its numbers are displacements"),
        (1007, b"NREG_TRANS", 2, True, "NiftyReg.*reg_transform -ref FIXED -def"),
        (1007, b"NREG_TRANS", 6, True, "NiftyReg"),
        (1005, b"", 0, True, "intent 1005"),
    ],
)
def test_fields_that_need_another_program(
    tmp_path: Path, intent: int, name: bytes, p1: float, dim5: bool, message: str
) -> None:
    path = tmp_path / "warp.nii"
    path.write_bytes(field(vectors(lattice()), intent, name, p1, dim5))
    with pytest.raises(InputError, match=f"initial transform.*{message}"):
        read_transform(path, 3)


def test_what_ants_writes_and_does(tmp_path: Path) -> None:
    ants = pytest.importorskip("ants")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    for d in (2, 3):
        direction = rotation(0, 0, 30)[:d, :d] if d == 2 else rotation(10, 20, 30)
        where = {"origin": (5.0, 6.0, 7.0)[:d], "spacing": (2.0, 3.0, 4.0)[:d]}
        stored = rng.random((*(12, 14, 16)[:d], d)).astype(np.float32) * 3
        warp = ants.from_numpy(stored, has_components=True, direction=direction, **where)
        affine = ants.create_ants_transform(
            transform_type="AffineTransform", dimension=d, center=(1.0, 2.0, 3.0)[:d],
            matrix=np.eye(d) + 0.1 * rng.random((d, d)), translation=(3.0, -2.0, 1.0)[:d],
        )  # fmt: skip
        ants.image_write(warp, str(tmp_path / "1Warp.nii.gz"))
        ants.write_transform(affine, str(tmp_path / "0GenericAffine.mat"))
        index = rng.uniform(2, 9, (20, d))
        points = np.array(where["origin"]) + index * where["spacing"] @ direction.T
        for name in ("1Warp.nii.gz", "0GenericAffine.mat"):
            table = pandas.DataFrame({axis: points[:, n] for n, axis in enumerate("xyz"[:d])})
            theirs = ants.apply_transforms_to_points(d, table, [str(tmp_path / name)]).to_numpy()
            ours = moved(read_transform(tmp_path / name, d), points)
            np.testing.assert_allclose(ours, theirs[:, :d], atol=1e-3)


AFFINE = np.array([[1.1, 0.1, 0, 5], [-0.1, 0.9, 0.2, -6], [0, 0.1, 1, 7], [0, 0, 0, 1]])


@pytest.mark.parametrize("separator", [" ", "  ", "\t", ",", " , "])
@pytest.mark.parametrize("rows", [3, 4])
def test_a_matrix_as_text_is_asked_for_its_coordinates(
    tmp_path: Path, separator: str, rows: int
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(separator.join(map(str, row)) for row in AFFINE[:rows]) + "\n")
    with pytest.raises(InputError, match=r"does not say its coordinates.*#lps or #ras.*c3d_affine"):
        read_transform(path, 3)
    homogeneous = np.column_stack([POINTS, np.ones(len(POINTS))])
    for choice, matrix in (("#lps", AFFINE), ("#lps,inverse", np.linalg.inv(AFFINE))):
        expected = (homogeneous @ matrix.T)[:, :3]
        np.testing.assert_allclose(moved(read_transform(f"{path}{choice}", 3)), expected, atol=1e-9)
        ras = ((homogeneous * [-1, -1, 1, 1]) @ matrix.T)[:, :3] * LPS
        turned = read_transform(f"{path}{choice.replace('lps', 'ras')}", 3)
        np.testing.assert_allclose(moved(turned), ras, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.lta", "type = 1\n", "lta_convert"),
        ("a.xfm", "MNI Transform File\n", "MINC"),
        ("a.txt", "MNI Transform File\n", "MINC"),
        ("a.1D", "1 0 0 0\n", "AFNI"),
        ("a.dof", "DOF: 12\n", "mirtk convert-dof"),
        ("a.mat", "MATLAB 5.0 MAT-file\0\0", "MATLAB or SPM"),
        ("a.txt", "1 2 3\n4 5 6\n", "coordinates"),
        ("a.txt#lps", "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 1 1\n", "last row"),
        ("a.txt#lps", "1 0 0 0\n0 1 0 0\n0 1 0 0\n0 0 0 1\n", "singular"),
        ("a.txt#lps", "1 0 0 nan\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "NaN or infinite"),
        ("a.txt#lps,ras", "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "coordinates"),
        ("a.txt", "", "not an ITK transform"),
        ("a.h5", "\x89HDF\0junk", "not an ITK transform|crashes"),
    ],
)
def test_what_is_no_transform(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name.split("#")[0]).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=rf"initial transform.*({message})") as caught:
        read_transform(f"{tmp_path / name}", 3)
    assert "\n" not in str(caught.value)


def elastix(kind: str, parameters: Any, center: Any = None, **fields: str) -> str:
    lines = {
        "Transform": f'"{kind}"',
        "NumberOfParameters": len(parameters),
        "TransformParameters": " ".join(map(str, parameters)),
        "InitialTransformParametersFileName": '"NoInitialTransform"',
        "FixedImageDimension": 3,
        "UseDirectionCosines": '"true"',
    } | fields
    if center is not None:
        lines["CenterOfRotationPoint"] = " ".join(map(str, center))
    return "".join(f"({name} {value})\n" for name, value in lines.items())


def test_global_transforms_of_elastix(tmp_path: Path) -> None:
    center = np.array([4.0, 5.0, 6.0])
    euler = sitk.Euler3DTransform(center.tolist(), 0.1, -0.2, 0.3, (1.0, 2.0, 3.0))
    zyx = sitk.Euler3DTransform(euler)
    zyx.SetComputeZYX(True)
    affine = sitk.AffineTransform(
        AFFINE[:3, :3].ravel().tolist(), (5.0, -6.0, 7.0), center.tolist()
    )
    angles = (0.1, -0.2, 0.3, 1, 2, 3)
    for text, expected in (
        (elastix("TranslationTransform", (1, 2, 3)), sitk.TranslationTransform(3, (1.0, 2.0, 3.0))),
        (elastix("EulerTransform", angles, center), euler),
        (elastix("EulerTransform", angles, center, ComputeZYX='"true"'), zyx),
        (elastix("AffineTransform", [*AFFINE[:3, :3].ravel(), 5, -6, 7], center), affine),
    ):
        (tmp_path / "TransformParameters.0.txt").write_text(text)
        found = read_transform(tmp_path / "TransformParameters.0.txt", 3)
        np.testing.assert_allclose(moved(found), moved(expected), atol=1e-9)
    flat = elastix("EulerTransform", (0.3, 1, 2), (4, 5), FixedImageDimension="2")
    (tmp_path / "a.txt").write_text(flat)
    expected = sitk.Euler2DTransform((4.0, 5.0), 0.3, (1.0, 2.0))
    found = read_transform(tmp_path / "a.txt", 2)
    np.testing.assert_allclose(moved(found, POINTS[:, :2]), moved(expected, POINTS[:, :2]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (elastix("BSplineTransform", range(12)), "damaged parameter file"),
        (
            elastix("AffineTransform", range(12), InitialTransformParametersFileName='"a.txt"'),
            "is not beside it; put it there",
        ),
        (
            elastix("AffineTransform", range(12), InitialTransformParameterFileName='"a.txt"',
                    InitialTransformParametersFileName='"a.txt"'),
            "is not beside it; put it there",
        ),
        (elastix("EulerTransform", (1, 2)), "2 parameters; expected 6"),
        (elastix("EulerTransform", (1,) * 6, UseDirectionCosines='"false"'), "ignores directions"),
        (elastix("EulerTransform", "junkxx"), "damaged"),
        (elastix("SplineKernelTransform", range(12)), "SplineKernelTransform"),
    ],
)  # fmt: skip
def test_other_transforms_of_elastix(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_transform(tmp_path / "a.txt", 3)


def test_inverse_warps_are_told(tmp_path: Path) -> None:
    path = tmp_path / "sub1InverseWarp.nii"
    path.write_bytes(field(vectors(lattice()) * LPS, 1007))
    assert any("says that it is an inverse" in note for note in load_transform(path, 3).notes)
    with pytest.raises(InputError, match="no inverse that can be computed"):
        load_transform(f"{path}#inverse", 3)


def test_fields_in_other_files(tmp_path: Path) -> None:
    geometry = ImageGeometry(SIZE, (2.0, 3.0, 4.0), (-14.0, -20.0, -25.0),
                             tuple(rotation(10, 20, 30).ravel().tolist()))  # fmt: skip
    image = geometry.to_image(np.random.default_rng(0).random((*SIZE[::-1], 3)), is_vector=True)
    expected = sitk.DisplacementFieldTransform(sitk.Image(image))
    points = geometry.index_to_physical(np.random.default_rng(1).uniform(1, 12, (30, 3)))
    for suffix in (".nrrd", ".mha"):
        sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
        found = read_transform(tmp_path / f"a{suffix}", 3)
        np.testing.assert_allclose(moved(found, points), moved(expected, points), atol=1e-9)
    text = (tmp_path / "a.nrrd").read_bytes()
    (tmp_path / "a.nrrd").write_bytes(
        text.replace(b"left-posterior-superior", b"right-anterior-superior")
    )
    with pytest.raises(InputError, match="space is 'right-anterior-superior'"):
        read_transform(tmp_path / "a.nrrd", 3)
    (tmp_path / "a.mha").write_bytes((tmp_path / "a.mha").read_bytes()[:-100])
    with pytest.raises(InputError, match="cut off"):
        read_transform(tmp_path / "a.mha", 3)


@pytest.mark.parametrize(("kind", "seed"), [("shapes", 3), ("echo", 1)])
def test_a_result_that_is_refined_once_more_does_not_fold(kind: str, seed: int) -> None:
    """Both deformations are free of folds, and their product would fold on the lattice."""
    pair = generate_pair(kind, seed, 64)
    fixed, moving = np.asarray(pair.fixed), np.asarray(pair.moving)
    first = register(fixed, moving, model="none")
    again = register(fixed, moving, model="none", initial_transform=first.transform)
    for result in (first, again):
        deformation = result.metrics["deformation"]
        assert deformation["fold_count"] == 0 < deformation["jacobian_min"]
    assert again.metrics["after"]["ncc"] > first.metrics["after"]["ncc"] - 0.002


def test_an_initial_transform_with_folds_keeps_them() -> None:
    """Nothing that is added takes them away, and it is told."""
    pair = generate_pair("shapes", 2, 48)
    fixed, moving = np.asarray(pair.fixed), np.asarray(pair.moving)
    y, x = np.mgrid[:48, :48]
    field = np.zeros((48, 48, 2))
    field[..., 0] = 6 * np.sin(x / 3) * np.exp(-((x - 24) ** 2 + (y - 24) ** 2) / 50)
    folded = sitk.DisplacementFieldTransform(sitk.GetImageFromArray(field, isVector=True))
    result = register(fixed, moving, model="none", initial_transform=folded)
    assert result.metrics["deformation"]["fold_count"] > 0
