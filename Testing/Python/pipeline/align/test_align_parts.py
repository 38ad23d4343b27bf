"""The parts of the linear alignment, against what can be calculated."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.align.agreement import correlation_information, mutual_information
from SlicerLDMRegLib.pipeline.align.linear_map import STAGES, Frame, LinearMap
from SlicerLDMRegLib.pipeline.align.pyramid import Pyramid
from SlicerLDMRegLib.pipeline.align.rigid_affine import centre_of_mass
from SlicerLDMRegLib.pipeline.align.starts import best_apart, rotations
from SlicerLDMRegLib.pipeline.masks import Masks

# Oblique, left-handed, anisotropic, far away.
C, S = np.cos(0.5), np.sin(0.5)
LATTICE = ImageGeometry(
    (30, 24, 12), (1.0, 2.5, 6.0), (900.0, -700.0, 40.0), (C, S, 0, S, -C, 0, 0, 0, 1)
)
PLANE = ImageGeometry((40, 12), (0.5, 6.0), (300.0, 10.0), (C, -S, S, C))
EYE = torch.eye(3, dtype=torch.float64)


def frame_of(geometry: ImageGeometry) -> tuple[Frame, np.ndarray]:
    points = geometry.points().reshape(-1, geometry.dimension)
    return Frame.of(points, geometry.direction_matrix, np.array(geometry.spacing)), points


def applied(frame: Frame, map_: LinearMap, points: np.ndarray) -> np.ndarray:
    center = frame.center.numpy()
    return np.asarray((points - center) @ map_.matrix.numpy().T + center + map_.shift.numpy())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("geometry", [PLANE, LATTICE])
def test_each_parameter_moves_the_voxels_by_a_mm(stage: str, geometry: ImageGeometry) -> None:
    frame, points = frame_of(geometry)
    base = LinearMap.identity(geometry.dimension)
    count = frame.count(stage)
    expected = {"rigid": (3, 6), "similarity": (4, 7), "affine": (6, 12)}
    assert count == expected[stage][geometry.dimension - 2]
    for number in range(count):
        parameters = torch.zeros(count, dtype=torch.float64)
        parameters[number] = 0.1
        found = frame.moved(base, parameters, stage)
        moved = applied(frame, found, points) - points
        assert np.sqrt((moved**2).sum(axis=1).mean()) == pytest.approx(0.1, rel=0.02)
        assert float(frame.distances(found, base)) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("geometry", [PLANE, LATTICE])
def test_stages_have_their_kind_of_matrix(geometry: ImageGeometry) -> None:
    frame, points = frame_of(geometry)
    generator = torch.Generator().manual_seed(0)
    base = LinearMap.identity(geometry.dimension)
    for stage in STAGES:
        parameters = torch.randn(frame.count(stage), generator=generator, dtype=torch.float64)
        found = frame.moved(base, 4 * parameters, stage)
        gram = found.matrix.T @ found.matrix
        size = float(gram[0, 0]) if stage == "similarity" else 1.0
        eye = torch.eye(geometry.dimension, dtype=torch.float64)
        assert torch.allclose(gram, size * eye) == (stage != "affine")
        assert stage != "similarity" or abs(size - 1) > 0.01
        transform = frame.transform(found, stage)
        moved = [transform.TransformPoint(p) for p in points[::97].tolist()]
        np.testing.assert_allclose(moved, applied(frame, found, points[::97]), atol=1e-6)


def test_a_deviation_is_that_of_turns_and_stretches() -> None:
    frame, _ = frame_of(ImageGeometry((40, 40), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0)))
    turns = frame.about(rotations(2), np.zeros(2), np.ones(2))
    angles = np.deg2rad(7.5 * np.arange(48))
    found = frame.deviations(turns).numpy()
    np.testing.assert_allclose(found, 2 * np.abs(np.sin(angles / 2)), atol=1e-9)
    stretched = LinearMap(1.2 * EYE[None, :2, :2], torch.ones(1, 2, dtype=torch.float64))
    assert frame.deviations(stretched).item() == pytest.approx(0.2)


@pytest.mark.parametrize(("dimension", "gap"), [(2, 3.8), (3, 27.0)])
def test_rotations_leave_no_gap(dimension: int, gap: float) -> None:
    turns = rotations(dimension)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    generator = np.random.default_rng(0)
    some = np.linalg.qr(generator.normal(size=(2000, dimension, dimension)))[0]
    some[np.linalg.det(some) < 0, :, 0] *= -1
    traces = (some.reshape(2000, -1) @ turns.reshape(len(turns), -1).T).max(axis=1)
    cosines = traces / 2 if dimension == 2 else (traces - 1) / 2
    assert np.rad2deg(np.arccos(np.clip(cosines, -1, 1))).max() < gap


def test_maps_that_are_alike_are_left_out() -> None:
    frame, _ = frame_of(LATTICE)
    shifts = torch.tensor([[0.0, 0, 0], [1, 0, 0], [9, 0, 0], [20, 0, 0], [21, 0, 0]]).double()
    maps = LinearMap(EYE.expand(5, 3, 3), shifts)
    values = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    assert best_apart(maps, values, frame, 3, 2.0).shift[:, 0].tolist() == [21, 9, 1]
    without = best_apart(maps, values, frame, 3, 2.0, maps[torch.tensor([2])])
    assert without.shift[:, 0].tolist() == [21, 1]


def test_information_is_that_of_the_joint_histogram() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 4, (40_000,), generator=generator)
    fixed = (levels + 0.5) / 4
    ones = torch.ones(1, len(levels))
    # Another contrast tells everything, two levels in one half of it, chance nothing.
    other = torch.tensor([0.9, 0.1, 0.6, 0.3])[levels]
    halves = torch.tensor([0.2, 0.2, 0.8, 0.8])[levels]
    chance = fixed[torch.randperm(len(fixed), generator=generator)]
    for smooth in (True, False):
        for moving, bits in ((other, 2), (halves, 1), (chance, 0)):
            found = mutual_information(fixed, moving[None], ones, smooth).item()
            assert found == pytest.approx(bits * np.log(2), abs=0.01)
    # Samples without a weight do not count.
    counts = torch.arange(len(levels)) < 20_000
    mixed = torch.where(counts, other, chance)[None]
    found = mutual_information(fixed, mixed, counts.float()[None]).item()
    assert found == pytest.approx(2 * np.log(2), abs=0.01)


def test_few_samples_do_not_tell_everything() -> None:
    generator = torch.Generator().manual_seed(0)
    fixed, moving = torch.rand(2, 100, generator=generator)
    assert mutual_information(fixed, moving[None], torch.ones(1, 100)).item() < 0.15


def test_no_image_tells_more_than_the_fixed_image_itself() -> None:
    """A histogram of splines says that the same image with more contrast does."""
    image = torch.linspace(0, 0.25, 30_000)
    moving = torch.stack([image, 4 * image, 2 * image, image**0.5])
    ones = torch.ones(4, 30_000)
    found = mutual_information(image, moving, ones, smooth=False)
    assert bool((found <= found[0] + 1e-4).all())
    assert mutual_information(image, moving, ones).argmax() == 1


def test_correlation_has_the_information_of_gaussian_variables() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 200_000, generator=generator).double()
    for r in (-0.8, 0.0, 0.5, 0.9):
        moving = (r * a + (1 - r * r) ** 0.5 * b)[None]
        found = correlation_information(a, moving, torch.ones_like(moving)).item()
        assert found == pytest.approx(-0.5 * np.sign(r) * np.log(1 - r * r), abs=0.01)
    both = torch.stack([a, 0 * a])
    same = correlation_information(a, both, torch.ones_like(both))
    assert 3 < same[0].item() < 4 and same[1].item() == 0


@pytest.mark.parametrize("metric", ["mattes", "correlation"])
def test_agreement_falls_with_what_leaves_the_view(metric: str) -> None:
    """Stripes: what is left fits as well as all did, and counts as what it is."""
    rows = np.random.default_rng(0).random((160, 1))
    geometry = ImageGeometry((200, 160), (2.0, 1.0), (5.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    image = geometry.to_image(np.repeat(rows, 200, axis=1).astype(np.float32))
    samples = Pyramid(image, image, Masks(), metric, 0).samples(2, 30_000)
    shifts = torch.tensor([[0.0, 0.0], [100.0, 0.0], [-300.0, 0.0], [500.0, 0.0]]).double()
    maps = LinearMap(EYE[:2, :2].expand(4, 2, 2), shifts)
    values = samples.score(maps).numpy()
    # Beyond its border an image goes on for a twentieth of its size with falling weights.
    np.testing.assert_allclose(values / values[0], [1, 0.775, 0.275, 0], atol=0.04)
    # What two maps cover.
    both = samples.covered_by(maps[torch.tensor([2, 3])])
    assert both.weights is not None
    assert float(both.weights.mean()) == pytest.approx(0.25, abs=0.01)


def test_levels_show_the_same_place() -> None:
    """An image and itself with its axes stored in another order agree on every level."""
    generator = np.random.default_rng(0)
    geometry = ImageGeometry((61, 43, 17), LATTICE.spacing, LATTICE.origin, LATTICE.direction)
    points = (geometry.points() - np.array(geometry.center())) / 25
    array = np.sin(points @ generator.normal(size=3)) + np.cos(points @ generator.normal(size=3))
    image = geometry.to_image(array.astype(np.float32))
    moving = sitk.Flip(sitk.PermuteAxes(image, (2, 0, 1)), (True, False, False))
    pyramid = Pyramid(image, moving, Masks(), "correlation", 0)
    for level in range(pyramid.levels):
        value = pyramid.samples(level, 5000).score(LinearMap.identity(3)[None]).item()
        assert value > 2.3  # a correlation of 0.995


def test_the_middle_of_an_image_without_contrast() -> None:
    flat = LATTICE.to_image(np.ones(LATTICE.array_shape, dtype=np.float32))
    np.testing.assert_allclose(centre_of_mass(flat), LATTICE.center())
