from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.evaluation import deformation_metrics, match_metrics
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.prepare import IntensityMap
from SlicerLDMRegLib.pipeline.slices import SliceRange

MakeImage = Callable[..., sitk.Image]
UNIT = IntensityMap(0.0, 1.0), IntensityMap(0.0, 1.0)


def identity(dimension: int) -> sitk.Transform:
    return sitk.Transform(dimension, sitk.sitkIdentity)


def test_images_are_compared_where_both_are(plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed = make_image(plane) + 1.0
    part = fixed[14:42]
    inputs = Inputs(fixed, part)
    found = match_metrics(inputs, identity(2), UNIT)
    assert found["overlap"] == pytest.approx(0.5)
    assert found["ncc"] == pytest.approx(1.0)
    assert found["mse"] == pytest.approx(0.0, abs=1e-9)
    away = sitk.TranslationTransform(2, (1e4, 0.0))
    nothing = match_metrics(inputs, away, UNIT)
    assert nothing["overlap"] == 0
    assert np.isnan(nothing["ncc"])


def test_labels_that_only_one_image_holds_are_left_out(
    plane: ImageGeometry, make_image: MakeImage
) -> None:
    image = make_image(plane)
    labels = sitk.GetArrayFromImage(make_image(plane, labels=True))
    other = np.where(labels == 2, 7, labels)
    inputs = Inputs(image, image, plane.to_image(labels), plane.to_image(other))
    found = match_metrics(inputs, identity(2), UNIT)
    assert found["dice"] == {1: 1.0}
    assert found["dice_mean"] == 1.0
    assert found["hd95"] == {1: 0.0}


def test_hd95_is_in_mm(plane: ImageGeometry, make_image: MakeImage) -> None:
    labels = np.zeros(plane.array_shape, np.uint8)
    labels[10:20, 10:30] = 1
    moved = np.roll(labels, 3, axis=0)  # three rows of 1.4 mm
    image = make_image(plane)
    inputs = Inputs(image, image, plane.to_image(labels), plane.to_image(moved))
    found = match_metrics(inputs, identity(2), UNIT)
    assert found["hd95"][1] == pytest.approx(4.2)


def test_landmarks_beside_the_slices_do_not_count(
    volume: ImageGeometry, make_image: MakeImage
) -> None:
    image = make_image(volume)
    points = volume.index_to_physical([[10, 10, 2], [12, 14, 7], [20, 20, 7]])
    inputs = Inputs(
        image, image, fixed_landmarks=points, moving_landmarks=np.add(points, (0.0, 0.0, 2.0))
    )
    assert len(match_metrics(inputs, identity(3), UNIT)["tre_per_landmark"]) == 3
    part = replace(inputs, slices=SliceRange(2, 6, 8))
    found = match_metrics(part, identity(3), UNIT)
    assert found["tre_per_landmark"] == pytest.approx([2.0, 2.0])
    none = match_metrics(replace(inputs, slices=SliceRange(2, 4, 5)), identity(3), UNIT)
    assert "tre" not in none


def test_deformation_of_a_known_fold(plane: ImageGeometry) -> None:
    voxels = np.zeros((2, *plane.array_shape))
    rows = np.arange(plane.array_shape[0])[:, None]
    voxels[0] = -2.0 * (rows - 20) * (np.abs(rows - 20) <= 2)
    field = DisplacementField.from_voxels(voxels, plane)
    determinant = field.jacobian_determinant()
    found = deformation_metrics(field, determinant)
    assert found["fold_count"] == 3 * plane.size[0]
    assert found["fold_percent"] == pytest.approx(100 * 3 / 40)
    assert found["jacobian_min"] == pytest.approx(-1.0)
    assert found["displacement_max_mm"] == pytest.approx(4 * 1.4)
    assert "inverse_consistency_mm" not in found


def test_inverse_consistency_is_a_distance_in_mm(plane: ImageGeometry) -> None:
    shift = DisplacementField(np.broadcast_to((2.0, 1.0), (*plane.array_shape, 2)), plane)
    back = DisplacementField(np.broadcast_to((-2.0, -0.5), (*plane.array_shape, 2)), plane)
    found = deformation_metrics(shift, shift.jacobian_determinant(), back)
    assert found["inverse_consistency_mm"] == pytest.approx(0.5)


@pytest.mark.parametrize("axis", [0, 1])
def test_inverse_consistency_of_a_large_image_is_that_of_all_columns(axis: int) -> None:
    """Every second pixel would lie in every second column."""
    lattice = ImageGeometry((1440, 1440), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    vectors = np.zeros((*lattice.array_shape, 2))
    np.moveaxis(vectors, axis, 0)[1::2, :, 1] = 0.3
    field, still = DisplacementField(vectors, lattice), DisplacementField.identity(lattice)
    found = deformation_metrics(field, np.ones(lattice.array_shape), still)
    assert found["inverse_consistency_mm"] == pytest.approx(0.15, rel=0.01)
