"""Templates of subjects that are known warps of one shape, whose mean is that shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import Means, Template, build_template
from SlicerLDMRegLib.cohort.poses import affine_part, after_inverse
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.manifest import read_images

HERE = Means(workers=0, threads=1, pictures="none")
# The alignments alone: their maps are exact, and a deformation adds what takes long to compute.
OPTIONS = {"model": "none", "refine": False, "device": "cpu"}
SIZE, RADIUS = 32, 8.0
LATTICE = ImageGeometry((SIZE, SIZE), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))


def shape(points: np.ndarray) -> np.ndarray:
    """A disk with a smooth edge and four dots; points ``(..., 2)`` from its middle, mm."""
    image = 100 / (1 + np.exp((np.linalg.norm(points, axis=-1) - RADIUS) / 0.7))
    for turn in range(4):
        dot = 0.6 * RADIUS * np.array([np.cos(2 * turn + 0.3), np.sin(2 * turn + 0.3)])
        distance = ((points - dot) ** 2).sum(axis=-1)
        image += (30 + 10 * turn) * np.exp(-distance / (0.03 * RADIUS**2))
    return image


def from_middle(lattice: ImageGeometry) -> np.ndarray:
    points = lattice.points()
    return points - points.reshape(-1, lattice.dimension).mean(axis=0)


def write_subjects(folder: Path, matrices: Sequence[np.ndarray], apart: float) -> Path:
    """Write images of the shape, stretched by matrices, in frames some mm apart."""
    rows = ["image"]
    for n, matrix in enumerate(matrices):
        lattice = replace(LATTICE, origin=(apart * n, apart * n))
        values = shape(from_middle(lattice) @ np.linalg.inv(matrix).T)
        values += np.random.default_rng(n).normal(0, 1, values.shape)
        sitk.WriteImage(lattice.to_image(values.astype(np.float32)), str(folder / f"d{n}.nrrd"))
        rows.append(f"d{n}.nrrd")
    table = folder / "images.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def area(image: sitk.Image) -> float:
    """What is brighter than the middle between inside and outside, in square mm."""
    fine = ImageGeometry.from_image(image).resampled(spacing=(0.25, 0.25))
    values = sitk.GetArrayFromImage(
        sitk.Resample(image, fine.to_image(np.zeros(fine.array_shape, np.float32)))
    )
    distance = np.linalg.norm(from_middle(fine), axis=-1) / RADIUS
    levels = np.median(values[distance < 0.5]), np.median(values[distance > 1.5])
    return float((values > np.mean(levels)).sum()) / 16


def stretched(*factors: float) -> np.ndarray:
    return np.diag(factors)


def sheared(much: float) -> np.ndarray:
    return np.array([[1.0, much], [0.0, 1.0]])


SCALES = [stretched(s, s) for s in (0.9, 1.0, 1.1)]


def build(
    folder: Path, matrices: Sequence[np.ndarray], apart: float, reference: str, **options: str
) -> Template:
    images = read_images(write_subjects(folder, matrices, apart))
    return build_template(
        images, folder / "atlas", {**OPTIONS, **options}, HERE, reference=reference, steps=1,
        tolerance=0.0,
    )  # fmt: skip


def determinants(template: Template, subject: int) -> np.ndarray:
    results = template.cohort.results(f"d{subject}_to_template")
    found: np.ndarray = sitk.GetArrayFromImage(sitk.ReadImage(str(results / "jacobian.nrrd")))
    return found


def area_of(template: Template) -> float:
    """Area of a template beside that of the shape."""
    expected = area(LATTICE.to_image(shape(from_middle(LATTICE)).astype(np.float32)))
    return area(sitk.ReadImage(str(template.path))) / expected


@pytest.mark.parametrize(
    ("matrices", "apart", "reference"),
    [
        (SCALES[::2], 100.0, "d0"),  # frames that have no point in common
        (SCALES, 3.0, "d2"),
        ([stretched(1.1, 0.95), stretched(0.9, 1.05)], 3.0, "d0"),
        ([sheared(0.1), sheared(-0.1)], 100.0, "d1"),
        ([stretched(0.85, 0.85), stretched(1.15, 1.15)], 3.0, "d0"),
    ],
)
def test_the_template_of_warps_of_a_shape_is_the_shape(
    tmp_path: Path, matrices: Sequence[np.ndarray], apart: float, reference: str
) -> None:
    template = build(tmp_path, matrices, apart, reference)
    assert area_of(template) == pytest.approx(1, abs=0.01)
    # The map to each subject is the one it was made with, up to its pose, also where nothing is.
    for n, matrix in enumerate(matrices):
        assert determinants(template, n) == pytest.approx(np.linalg.det(matrix), rel=0.02), n


def test_steps_begin_with_the_alignment_of_the_linear_mean(tmp_path: Path) -> None:
    template = build(tmp_path, SCALES[::2], 3.0, "d1", refine="4,3")
    linear = [
        np.reshape(sitk.AffineTransform(sitk.ReadTransform(str(path))).GetMatrix(), (2, 2))
        for path in sorted((tmp_path / "atlas" / "linear").iterdir())
    ]
    # Their mean shape is the identity: none is the measure of the others.
    assert np.mean(linear, axis=0) == pytest.approx(np.eye(2), abs=0.01)
    assert np.divide(*map(np.linalg.det, linear)) == pytest.approx((0.9 / 1.1) ** 2, abs=0.02)
    for step in ("step-01", "final"):
        table = (tmp_path / "atlas" / f"{step}.csv").read_text(encoding="utf-8")
        assert "linear/d0.tfm" in table and "linear/d1.tfm" in table
    # A deformation leaves the mean shape as it is.
    assert area_of(template) == pytest.approx(1, abs=0.01)
    for n, made in enumerate((0.81, 1.21)):
        assert determinants(template, n).mean() == pytest.approx(made, rel=0.05), n


def stretch(lattice: ImageGeometry, matrix: np.ndarray, way: Sequence[float]) -> DisplacementField:
    points = lattice.points()
    return DisplacementField(points @ matrix.T + np.asarray(way) - points, lattice)


_AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    "matrix",
    [np.eye(3), 1.2 * np.eye(3), np.diag([0.8, 1.0, 1.3]), _TURN, 0.9 * _TURN @ np.diag([1, 2, 1])],
)
def test_the_affine_part_of_an_affine_map_is_the_map(matrix: np.ndarray) -> None:
    lattice = ImageGeometry((7, 6, 5), (1.0, 2.0, 0.5), (80.0, -40.0, 3.0), _AXES)
    found = affine_part(stretch(lattice, matrix, (30.0, -5.0, 2.0)))
    assert np.allclose(np.reshape(found.GetMatrix(), (3, 3)), matrix)
    assert np.allclose(found.TransformPoint((0.0, 0.0, 0.0)), (30.0, -5.0, 2.0))
    # Taken out of itself, nothing is left.
    nothing = after_inverse(found, found)
    assert np.allclose(nothing.TransformPoint((1.0, 20.0, 3.0)), (1.0, 20.0, 3.0))
    half = sitk.TranslationTransform(3, (1.0, 2.0, 3.0))
    point = after_inverse(half, found).TransformPoint((4.0, 4.0, 4.0))
    assert np.allclose(point, matrix @ (3.0, 2.0, 1.0) + (30.0, -5.0, 2.0))


def test_an_affine_part_stretches_nothing_across_a_single_slice() -> None:
    lattice = ImageGeometry((7, 6, 1), (1.0, 2.0, 5.0), (80.0, -40.0, 30.0), _AXES)
    found = affine_part(stretch(lattice, np.diag([1.2, 0.9, 1.0]), (0.0, 0.0, 7.0)))
    assert np.allclose(np.reshape(found.GetMatrix(), (3, 3)), np.diag([1.2, 0.9, 1.0]))


_Deform = Callable[[np.ndarray], np.ndarray]


@pytest.mark.parametrize(
    "bend",
    [
        lambda p: 0.3 * np.sin(p),
        lambda p: 0.02 * p**2,
        lambda p: 0.3 * np.cos(p)[:, ::-1],
    ],
)
def test_the_affine_part_of_another_map_leaves_least(bend: _Deform) -> None:
    lattice = LATTICE
    points = lattice.points().reshape(-1, 2)
    moved = points @ sheared(0.1).T + bend(points)
    field = DisplacementField((moved - points).reshape(*lattice.array_shape, 2), lattice)
    found = affine_part(field)
    matrix = np.reshape(found.GetMatrix(), (2, 2))
    rest = moved - points @ matrix.T - found.GetTranslation()
    # What is left has no mean and no slope.
    assert np.allclose(rest.mean(axis=0), 0, atol=1e-8)
    assert np.allclose((points - points.mean(axis=0)).T @ rest / len(points), 0, atol=1e-6)
