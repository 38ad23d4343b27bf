"""The local search for the partner of a landmark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.landmark_match import match_landmark

PLANE = ImageGeometry((60, 50), (1.0, 1.2), (3.0, -4.0), (0.8, -0.6, 0.6, 0.8))
VOLUME = ImageGeometry((32, 30, 24), (1.0, 1.0, 1.5), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
MakeImage = Callable[..., sitk.Image]


@pytest.mark.parametrize("geometry", [PLANE, VOLUME])
def test_the_partner_is_found_to_a_part_of_a_voxel(
    make_image: MakeImage, geometry: ImageGeometry
) -> None:
    shift = [2.3, -1.6, 0.9][: geometry.dimension]
    fixed, moving = make_image(geometry), make_image(geometry, shift)
    point = np.asarray(geometry.center()) + 1.0
    match = match_landmark(fixed, moving, point, point)
    assert match.found and match.correlation > 0.95
    np.testing.assert_allclose(match.point - point, shift, atol=0.2)


def test_another_lattice_and_other_intensities_do_not_matter(make_image: MakeImage) -> None:
    finer = ImageGeometry((90, 80), (0.8, 0.7), (3.0, -4.0), (0.8, -0.6, 0.6, 0.8))
    center = PLANE.center()
    moving = 300 - 20 * (1 - make_image(finer, [1.5, 1.0], center=center))
    point = np.asarray(center)
    match = match_landmark(make_image(PLANE), moving, point, point)
    np.testing.assert_allclose(match.point - point, [1.5, 1.0], atol=0.3)


def test_where_nothing_is_alike_the_point_stays(make_image: MakeImage) -> None:
    point = np.asarray(PLANE.center())
    noise = np.random.default_rng(0).random(PLANE.array_shape)
    for moving in (PLANE.to_image(noise), PLANE.to_image(np.full(PLANE.array_shape, 7.0))):
        match = match_landmark(make_image(PLANE), moving, point, point)
        assert not match.found
        np.testing.assert_array_equal(match.point, point)


def test_a_partner_beyond_the_search_is_not_taken(make_image: MakeImage) -> None:
    point = np.asarray(PLANE.center())
    moving = make_image(PLANE, [12.0, 0.0])
    assert not match_landmark(make_image(PLANE), moving, point, point).found


def test_points_outside_are_told(make_image: MakeImage) -> None:
    image, point = make_image(PLANE), np.asarray(PLANE.center())
    with pytest.raises(InputError, match="outside of the moving image"):
        match_landmark(image, image, point, point + 500)
