"""A 3D model that works in anatomical axes: the file's order, the lattice's end, the inverse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.functional import (
    identity_grid,
    integrate,
    inverse_consistency,
    smallest_jacobian_determinant,
)
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Grid
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.pipeline import LoadedModel, RegistrationResult, load_model, register
from SlicerLDMRegLib.pipeline.predict.extrapolate_field import extend_prediction
from SlicerLDMRegLib.pipeline.prepare import model_lattice

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
HEAD = ImageGeometry((40, 48, 36), (3.0, 2.5, 3.0), (-50.0, 20.0, 10.0), AXES)
SHIFT = (4.0, -3.0, 2.0)


def head(
    geometry: ImageGeometry, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> sitk.Image:
    """A ball around the middle of HEAD with brighter blobs in it."""
    offset = geometry.points() - np.asarray(HEAD.center()) - shift
    generator = np.random.default_rng(5)
    image = np.zeros(geometry.array_shape)
    for _ in range(8):
        place, width = generator.uniform(-25, 25, 3), generator.uniform(8, 14)
        image += generator.uniform(0.2, 0.6) * np.exp(
            -((offset - place) ** 2).sum(axis=-1) / (2 * width**2)
        )
    window = np.exp(-((np.linalg.norm(offset, axis=-1) / 40) ** 6))
    return geometry.to_image(((1 + image) * window).astype(np.float32))


@pytest.fixture(scope="module")
def model(region_model: Path) -> LoadedModel:
    return load_model(region_model, "cpu")


@pytest.fixture(scope="module")
def straight(model: LoadedModel) -> RegistrationResult:
    return register(head(HEAD), head(HEAD, SHIFT), model=model, align="none")


def difference(a: RegistrationResult, b: RegistrationResult) -> float:
    """Return the largest distance of two fields inside of both lattices, mm."""
    points = ImageGeometry((9, 9, 9), (9.0, 10.0, 9.0), (-25.0, 45.0, 30.0), AXES).points()
    moved = [result.field.warp_points(points) for result in (a, b)]
    return float(np.linalg.norm(moved[0] - moved[1], axis=-1).max())


def test_the_model_moves_and_its_own_inverse_is_taken(straight: RegistrationResult) -> None:
    found = straight.metrics["deformation"]
    assert found["displacement_max_mm"] > 4
    assert found["inverse_consistency_mm"] < 0.5
    assert straight.provenance["method"]["lattice_spacing_mm"] == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(("permutation", "flips"), [
    ((2, 0, 1), (False, True, False)),
    ((1, 2, 0), (True, True, True)),
    ((0, 1, 2), (True, False, False)),
])  # fmt: skip
def test_the_order_of_storage_changes_nothing(
    straight: RegistrationResult,
    model: LoadedModel,
    permutation: tuple[int, int, int],
    flips: tuple[bool, bool, bool],
) -> None:
    fixed = sitk.Flip(sitk.PermuteAxes(head(HEAD), permutation), flips)
    moving = sitk.Flip(head(HEAD, SHIFT), flips)
    assert fixed.GetDirection() != AXES
    result = register(fixed, moving, model=model, align="none")
    assert difference(result, straight) < 1e-3
    assert result.metrics["after"]["ncc"] == pytest.approx(straight.metrics["after"]["ncc"], 1e-3)


def test_an_oblique_scan_gives_nearly_the_same_field(model: LoadedModel) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    fine = ImageGeometry((80, 80, 72), (1.5,) * 3, (-49.0, 20.0, 10.0), AXES)
    turned = replace(fine, size=(76, 80, 78), direction=(0, -s, c, 1, 0, 0, 0, c, s))
    offset = np.asarray(fine.center()) - np.asarray(turned.center())
    turned = replace(turned, origin=tuple((np.asarray(turned.origin) + offset).tolist()))
    results = [register(head(g), head(g, SHIFT), model=model, align="none") for g in (fine, turned)]
    largest = results[0].metrics["deformation"]["displacement_max_mm"]
    assert difference(*results) < 0.03 * largest


def test_bfloat16_gives_nearly_the_same_field(
    straight: RegistrationResult, region_model: Path
) -> None:
    low = load_model(region_model, "cpu", "bfloat16")
    result = register(head(HEAD), head(HEAD, SHIFT), model=low, align="none")
    assert result.provenance["options"]["precision"] == "bfloat16"
    assert 0 < difference(result, straight) < 0.5


def test_a_large_image_is_cut_and_its_field_fades_out(model: LoadedModel) -> None:
    """The model sees 128 mm of 300; far from there nothing moves, and nothing folds on the way."""
    long = ImageGeometry((100, 48, 36), (3.0, 2.5, 3.0), (-50.0, 20.0, 10.0), AXES)
    assert model_lattice(head(long), model.card.grid).center() == pytest.approx(
        HEAD.center(), abs=2
    )
    result = register(head(long), head(long, SHIFT), model=model, align="none")
    found = result.metrics["deformation"]
    assert found["displacement_max_mm"] > 4
    assert found["fold_count"] == 0
    assert found["inverse_consistency_mm"] < 0.5
    far = result.field.vectors[:, :, -10:]
    assert np.abs(far).max() == 0


def test_a_volume_smaller_than_the_stride_of_the_network_is_padded(model: LoadedModel) -> None:
    tiny = ImageGeometry((9, 8, 8), (2.0, 2.0, 2.0), (0.0, 40.0, 60.0), AXES)
    rng = np.random.default_rng(0)
    images = [tiny.to_image(rng.random(tiny.array_shape).astype(np.float32)) for _ in range(2)]
    result = register(*images, model=model, align="none")
    assert result.warped.GetSize() == tiny.size


def test_a_grid_with_a_spacing_alone_follows_the_image() -> None:
    image = head(replace(HEAD, direction=(0, 1, 0, 0, 0, 1, 1, 0, 0)))
    lattice = model_lattice(image, Grid((16, 32, 48), 16, spacing=2.0))
    assert lattice.size == (16, 32, 48)
    assert lattice.direction == image.GetDirection()
    np.testing.assert_allclose(lattice.center(), ImageGeometry.from_image(image).center())


def test_extension() -> None:
    lattice = ImageGeometry((20, 20, 20), (2.0,) * 3, (0.0,) * 3, AXES)
    grid = identity_grid((20, 20, 20))
    velocity = 1.5 * torch.sin(grid[None] / 4) + torch.tensor([3.0, 0.0, -2.0]).reshape(
        1, 3, 1, 1, 1
    )
    fields = integrate(velocity), velocity, None, integrate(-velocity)
    prediction = FieldPrediction(*fields)
    same, where = extend_prediction(prediction, lattice, lattice.crop((2, 2, 2), (18, 18, 18)))
    assert same is prediction
    assert where is lattice
    image = lattice.crop((-40, 0, -3), (100, 20, 23))
    extended, where = extend_prediction(prediction, lattice, image)
    before = round(-where.origin[0] / 2)
    assert 16 <= before < 40
    assert where.size == (20 + 2 * before, 20, 23)
    inner = extended.displacement[:, :, 3:, :, before:-before]
    torch.testing.assert_close(inner, prediction.displacement)
    assert float(extended.displacement[..., 0].abs().max()) == 0
    assert extended.inverse is not None
    error = inverse_consistency(extended.displacement, extended.inverse)[..., 3:]
    assert float(error[:, 3:, 4:-4].max()) < 0.2


@pytest.mark.parametrize(("largest", "width"), [(0.4, 16), (4.0, 16), (10.0, 40), (30.0, 120)])
def test_extension_fades_so_slowly_that_nothing_folds(largest: float, width: int) -> None:
    """Over 16 voxels, or four times the displacement: its half is left at half the way."""
    lattice = ImageGeometry((8, 8, 8), (1.0,) * 3, (0.0,) * 3, AXES)
    image = lattice.crop((-200, 0, 0), (208, 8, 8))
    field = torch.zeros(1, 3, 8, 8, 8)
    field[:, 2] = largest  # along i, where the image goes on
    found, where = extend_prediction(FieldPrediction(field, field), lattice, image)
    assert where.size == (8 + width, 8, 8)
    row = found.displacement[0, 2, 4, 4]
    assert float(row[0]) == pytest.approx(0.0, abs=1e-6)
    assert float(row[width // 2]) == pytest.approx(largest / 2, rel=1e-4)
    torch.testing.assert_close(row[width:], field[0, 2, 4, 4])
    assert float(smallest_jacobian_determinant(found.displacement).min()) > 0.5


@pytest.mark.parametrize(("offset", "expected"), [(-0.6, 9), (-0.4, 8), (0.4, 8), (0.6, 9)])
def test_half_a_voxel_belongs_to_the_last_one(offset: float, expected: int) -> None:
    lattice = ImageGeometry((8, 8, 8), (2.0,) * 3, (0.0,) * 3, AXES)
    image = ImageGeometry((8, 8, 8), (2.0,) * 3, (2 * offset, 0.0, 0.0), AXES)
    field = torch.ones(1, 3, 8, 8, 8)
    _, where = extend_prediction(FieldPrediction(field, field), lattice, image)
    assert where.size == (expected, 8, 8)
    assert where.origin[0] == (-2.0 if offset < -0.5 else 0.0)
