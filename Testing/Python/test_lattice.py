"""The lattice of a network in anatomical axes: where it lies, whatever way the file is stored."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.lattice import anatomical_lattice, covering_lattice, foreground_box
from SlicerLDMRegLib.resampling import coverage

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def ball(geometry: ImageGeometry, centre: tuple[float, float, float], radius: float) -> sitk.Image:
    distance = np.linalg.norm(geometry.points() - np.asarray(centre), axis=-1)
    noise = np.random.default_rng(0).uniform(0, 5, geometry.array_shape)
    return geometry.to_image((100.0 * (distance < radius) + noise).astype(np.float32))


def test_lattice_is_centred_on_what_the_image_shows_and_does_not_cut_an_image_that_fits() -> None:
    geometry = ImageGeometry((40, 30, 20), (1, 1, 2), (5, -7, 9), IDENTITY)  # 40 x 30 x 40 mm
    lattice = anatomical_lattice(ball(geometry, (22, 5, 24), 9), (32, 32, 48), 2.0)
    assert lattice.size == (32, 32, 48)
    assert lattice.spacing == (2.0, 2.0, 2.0)
    assert lattice.direction == IDENTITY
    np.testing.assert_allclose(lattice.center(), (22, 5, 24), atol=1.0)
    # The ball lies at the edge: its face of the image is that of the lattice.
    lattice = anatomical_lattice(ball(geometry, (10, 5, 24), 5), (24, 32, 48), 2.0)
    assert lattice.index_to_physical((23.5, 0, 0))[0] == pytest.approx(44.5, abs=0.01)


@pytest.mark.parametrize(("orientation", "signs"), [("LPS", (1, 1, 1)), ("RAS", (-1, -1, 1))])
def test_image_that_does_not_fit_is_cut_around_what_it_shows(
    orientation: str, signs: tuple[int, int, int]
) -> None:
    geometry = ImageGeometry((100, 40, 40), (1.5, 1.5, 1.5), (0, 0, 0), IDENTITY)
    image = ball(geometry, (95.0, 20.0, 40.0), 20.0)
    lattice = anatomical_lattice(image, (32, 32, 32), 2.0, orientation)
    np.testing.assert_array_equal(np.diag(lattice.direction_matrix), signs)
    # Along x the ball; y and z, where the image fits, are not cut.
    np.testing.assert_allclose(lattice.center(), (95.0, 27.25, 31.25), atol=1.0)
    low, high = foreground_box(image)
    np.testing.assert_allclose(low, (75, 0, 20), atol=4)
    np.testing.assert_allclose(high, (115, 40, 59), atol=4)


def test_specks_do_not_count() -> None:
    geometry = ImageGeometry((100, 40, 40), (1.5, 1.5, 1.5), (0, 0, 0), IDENTITY)
    image = ball(geometry, (60.0, 29.0, 29.0), 20.0)
    array = sitk.GetArrayFromImage(image)
    array[20, 20, 95:97] = 200
    boxes = [foreground_box(image), foreground_box(geometry.to_image(array))]
    np.testing.assert_allclose(boxes[1], boxes[0], atol=0.5)


@pytest.mark.parametrize("permutation", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True)])
def test_lattice_does_not_depend_on_the_order_of_storage(
    permutation: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    geometry = ImageGeometry((100, 40, 50), (1.5, 1.5, 1.5), (3, 4, 5), IDENTITY)
    image = ball(geometry, (95.0, 24.0, 40.0), 20.0)
    stored = sitk.Flip(sitk.PermuteAxes(image, permutation), flips)
    assert stored.GetDirection() != IDENTITY or (permutation == (0, 1, 2) and not any(flips))
    expected = anatomical_lattice(image, (32, 32, 32), 2.0)
    np.testing.assert_allclose(
        anatomical_lattice(stored, (32, 32, 32), 2.0).origin, expected.origin, atol=1e-3
    )


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "SAL"])
@pytest.mark.parametrize(("anchor", "place"), [(None, 100.0), ("S", 132.0), ("I", 68.0)])
def test_end_of_a_long_foreground_that_is_kept(
    orientation: str, anchor: str | None, place: float
) -> None:
    """A head with neck: the brain is at its upper end."""
    geometry = ImageGeometry((20, 20, 100), (2, 2, 2), (1, 1, 1), IDENTITY)
    array = np.zeros(geometry.array_shape, np.float32)
    array[10:90, 5:15, 5:15] = 100  # from 20 to 180 mm
    image = geometry.to_image(array)
    lattice = anatomical_lattice(image, (48, 48, 48), 2.0, orientation, anchor=anchor)
    np.testing.assert_allclose(lattice.center()[2], place, atol=1.0)  # outliers are left out
    np.testing.assert_allclose(lattice.center()[:2], (20, 20), atol=0.1)
    short = anatomical_lattice(image, (96, 96, 96), 2.0, orientation, anchor=anchor)
    np.testing.assert_allclose(short.center()[2], 100, atol=1.0)


@pytest.mark.parametrize("flip", [(True, False, False), (False, True, True)])
def test_voxels_on_the_face_of_an_image_are_inside_whatever_the_order(
    flip: tuple[bool, bool, bool],
) -> None:
    """A lattice whose voxels would lie on both faces: ITK counts those at one end alone."""
    geometry = ImageGeometry((40, 40, 40), (1.0,) * 3, (0.5,) * 3, IDENTITY)  # from 0 to 40 mm
    foreground = np.full(3, 11.0), np.full(3, 31.0)
    none = sitk.Transform(3, sitk.sitkIdentity)
    image = geometry.to_image(np.ones(geometry.array_shape, np.float32))
    lattice = anatomical_lattice(image, (32, 32, 32), 2.0, foreground=foreground)
    assert np.abs(lattice.physical_to_index((0.0, 0.0, 0.0)) % 1 - 1).max() < 0.01
    expected = coverage(image, lattice, none)
    stored = sitk.Flip(image, flip)
    np.testing.assert_array_equal(coverage(stored, lattice, none), expected)
    assert expected.sum() == 20**3


def test_the_corners_beside_a_turned_image_show_nothing() -> None:
    """Its border would go on there, bright as it is."""
    c = np.sqrt(0.5)
    turned = (c, -c, 0.0, c, c, 0.0, 0.0, 0.0, 1.0)
    geometry = ImageGeometry((40, 40, 40), (2.0,) * 3, (0.0,) * 3, turned)
    array = np.zeros(geometry.array_shape, np.float32)
    array[:, 34:, :] = 100  # a band along one side, in the world a slanting one
    points = geometry.points()[array > 0]
    low, high = foreground_box(geometry.to_image(array))
    for found, end in ((low, points.min(axis=0)), (high, points.max(axis=0))):
        np.testing.assert_allclose(found, end, atol=6.0)


def test_a_small_image_is_looked_at_finely() -> None:
    """Eight voxels or more along each axis, not one or two of four millimetres."""
    geometry = ImageGeometry((60, 60, 60), (0.1,) * 3, (0.05,) * 3, IDENTITY)
    low, high = foreground_box(ball(geometry, (3.9, 2.2, 3.1), 1.5))
    np.testing.assert_allclose(low, (2.4, 0.7, 1.6), atol=0.4)
    np.testing.assert_allclose(high, (5.4, 3.7, 4.6), atol=0.4)


def test_wrong_orientation() -> None:
    image = ball(ImageGeometry((9, 9, 9), (1, 1, 1), (0, 0, 0), IDENTITY), (4, 4, 4), 3)
    for wrong in ("LP", "LPP", "XYZ"):
        with pytest.raises(InputError, match="three letters"):
            anatomical_lattice(image, (8, 8, 8), 1.0, wrong)
    with pytest.raises(InputError, match="3D"):
        anatomical_lattice(image[:, :, 0], (8, 8), 1.0)
    with pytest.raises(InputError, match="anchor"):
        anatomical_lattice(image, (8, 8, 8), 1.0, anchor="up")


@pytest.mark.parametrize("orientation", ["LPS", "RAS"])
def test_covering_lattice_covers_all_and_little_more(orientation: str) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    turned = (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
    geometry = ImageGeometry((40, 30, 20), (1.0, 1.2, 3.0), (5.0, -7.0, 9.0), turned)
    lattice = covering_lattice(geometry, (1.5, 1.5, 2.0), orientation)
    assert lattice.spacing == (1.5, 1.5, 2.0)
    signs = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1)}[orientation]
    np.testing.assert_array_equal(lattice.direction_matrix, np.diag(signs))
    indices = lattice.physical_to_index(geometry.points()).reshape(-1, 3)
    assert indices.min() > -0.5 and (indices.max(axis=0) < np.asarray(lattice.size) - 0.5).all()
    smaller = [n - 2 for n in lattice.size]
    assert (indices.max(axis=0) - indices.min(axis=0) > np.asarray(smaller) - 2).all()
    same = ImageGeometry((9, 8, 7), (1.5, 1.5, 2.0), (1.0, 2.0, 3.0), tuple(np.eye(3).ravel()))
    assert covering_lattice(same, (1.5, 1.5, 2.0)).matches(same)
