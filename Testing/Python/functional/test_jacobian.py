"""Jacobians against analytic maps, and folds at known places."""

from __future__ import annotations

import math

import pytest
import torch

from SlicerLDMRegLib.functional import (
    fold_fraction,
    fold_mask,
    identity_grid,
    jacobian_determinant,
    jacobian_matrix,
    smallest_jacobian_determinant,
)

DETERMINANTS = [jacobian_determinant, smallest_jacobian_determinant]


def asymmetric(dimension):
    generator = torch.Generator().manual_seed(3)
    return torch.eye(dimension) + 0.3 * torch.randn(dimension, dimension, generator=generator)


def test_matrix_of_an_affine_map_is_its_matrix(shape, affine_displacement):
    matrix = asymmetric(len(shape))
    result = jacobian_matrix(affine_displacement(matrix, shape))
    assert result.shape == (1, len(shape), len(shape), *shape)
    expected = matrix.reshape(1, *matrix.shape, *[1] * len(shape)).expand_as(result)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("determinant", DETERMINANTS)
def test_determinant_of_an_affine_map(determinant, shape, affine_displacement):
    matrix = asymmetric(len(shape))
    result = determinant(affine_displacement(matrix, shape))
    torch.testing.assert_close(
        result, torch.full((1, *shape), float(torch.linalg.det(matrix))), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("determinant", DETERMINANTS)
def test_translation_rotation_and_scaling(determinant, shape, affine_displacement):
    dimension = len(shape)
    rotation = torch.eye(dimension)
    rotation[:2, :2] = torch.tensor([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]])
    scaling = 1.3 * torch.eye(dimension)
    for displacement, expected in [
        (torch.full((1, dimension, *shape), 2.5), 1.0),
        (affine_displacement(rotation, shape), 1.0),
        (affine_displacement(scaling, shape), 1.3**dimension),
    ]:
        result = determinant(displacement)
        torch.testing.assert_close(result, torch.full_like(result, expected), atol=1e-5, rtol=0)


def test_determinant_is_that_of_the_matrix_in_every_voxel(shape):
    displacement = torch.randn(2, len(shape), *shape)
    matrices = jacobian_matrix(displacement).movedim((1, 2), (-2, -1))
    expected = torch.linalg.det(matrices)
    torch.testing.assert_close(jacobian_determinant(displacement), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_fold_is_found_where_it_is(shape, axis):
    # x + u(x) runs backwards, slope 1 - 2 = -1, between voxels 4 and 8 of one axis.
    x = identity_grid(shape)[axis]
    displacement = torch.zeros(1, len(shape), *shape)
    displacement[:, axis] = -2 * (x.clamp(4, 8) - 4)
    determinant = jacobian_determinant(displacement)
    assert torch.equal(fold_mask(determinant)[0], (x >= 4) & (x <= 8))
    torch.testing.assert_close(determinant[0][x == 6], torch.full_like(x[x == 6], -1.0))
    torch.testing.assert_close(determinant[0][x == 4], torch.zeros_like(x[x == 4]))
    assert fold_fraction(determinant).item() == pytest.approx(5 / shape[axis])


def test_a_checkerboard_hides_from_central_differences_only(shape):
    sign = 1 - 2 * (identity_grid(shape).sum(0) % 2)
    displacement = torch.zeros(1, len(shape), *shape)
    displacement[:, -1] = 0.7 * sign  # neighbours cross each other: 1 - 1.4 < 0
    inside = (0, *[slice(1, -1)] * len(shape))
    assert (jacobian_determinant(displacement)[inside] == 1).all()
    torch.testing.assert_close(
        smallest_jacobian_determinant(displacement)[inside],
        torch.full([n - 2 for n in shape], -0.4),
    )


def test_smallest_determinant_is_never_above_a_one_sided_one_inside():
    displacement = 0.3 * torch.randn(1, 2, 8, 9)
    forward = torch.stack(
        [
            displacement.roll(-1, 2) - displacement,
            displacement.roll(-1, 3) - displacement,
        ],
        dim=2,
    )
    j = forward + torch.eye(2).reshape(1, 2, 2, 1, 1)
    forward_determinant = j[:, 0, 0] * j[:, 1, 1] - j[:, 0, 1] * j[:, 1, 0]
    smallest = smallest_jacobian_determinant(displacement)
    assert (smallest <= forward_determinant + 1e-6)[:, :-1, :-1].all()


def test_fold_counts_per_element_and_not_a_number_is_a_fold():
    determinant = torch.tensor([[[1.0, -1.0], [0.0, 2.0]], [[1.0, 1.0], [1.0, float("nan")]]])
    assert fold_mask(determinant).tolist() == [
        [[False, True], [True, False]],
        [[False, False], [False, True]],
    ]
    assert fold_fraction(determinant).tolist() == [0.5, 0.25]


@pytest.mark.parametrize("determinant", DETERMINANTS)
def test_flat_volume_and_half_precision(determinant):
    displacement = torch.zeros(1, 3, 1, 6, 300, dtype=torch.bfloat16)
    displacement[:, 2] = 0.5 * torch.arange(300)
    with torch.autocast("cpu", torch.bfloat16):
        result = determinant(displacement)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, determinant(displacement.float()))
    torch.testing.assert_close(result[..., :100], torch.full((1, 1, 6, 100), 1.5))


@pytest.mark.parametrize("determinant", DETERMINANTS)
def test_differentiable(determinant):
    displacement = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(determinant, displacement)


def test_needs_one_channel_for_each_axis():
    with pytest.raises(ValueError, match="one channel for each of the 3 spatial axes"):
        jacobian_determinant(torch.zeros(1, 2, 4, 4, 4))
