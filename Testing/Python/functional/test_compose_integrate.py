"""Composition and exponential of fields."""

from __future__ import annotations

import math

import pytest
import torch

from SlicerLDMRegLib.functional import (
    compose,
    identity_grid,
    integrate,
    jacobian_determinant,
    warp,
)


def rotation(dimension, angle):
    matrix = torch.eye(dimension)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix[:2, :2] = torch.tensor([[cos, -sin], [sin, cos]])
    return matrix


def stays_inside(displacement, margin=0.0):
    """Mask of the voxels that the map leaves within the lattice."""
    shape = displacement.shape[2:]
    points = identity_grid(shape) + displacement[0]
    last = torch.tensor(shape).reshape(-1, *[1] * len(shape)) - 1
    return ((points >= margin) & (points <= last - margin)).all(0)


def test_translations_add(shape):
    one = torch.full((1, len(shape), *shape), 1.25)
    other = torch.arange(len(shape)).float().reshape(1, -1, *[1] * len(shape)).expand_as(one)
    torch.testing.assert_close(compose(one, other), one + other)


def test_rotations_add_their_angles(shape, affine_displacement):
    dimension = len(shape)
    first = affine_displacement(rotation(dimension, 0.3), shape)
    second = affine_displacement(rotation(dimension, 0.5), shape)
    expected = affine_displacement(rotation(dimension, 0.8), shape)
    result = compose(second, first)
    inside = stays_inside(first)
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(result[0][:, inside], expected[0][:, inside], atol=1e-4, rtol=0)


def test_inner_acts_first(shape, affine_displacement):
    dimension = len(shape)
    inner_matrix, outer_matrix = rotation(dimension, 0.4), torch.eye(dimension)
    outer_matrix[0, 0] = 0.5
    inner = affine_displacement(inner_matrix, shape)
    outer = affine_displacement(outer_matrix, shape)
    inside = stays_inside(inner)
    expected = affine_displacement(outer_matrix @ inner_matrix, shape)
    swapped = affine_displacement(inner_matrix @ outer_matrix, shape)
    result = compose(outer, inner)[0][:, inside]
    torch.testing.assert_close(result, expected[0][:, inside], atol=1e-4, rtol=0)
    assert (result - swapped[0][:, inside]).abs().max() > 0.5


def test_composed_warp_is_outer_warp_then_inner_warp(shape, affine_displacement):
    dimension = len(shape)
    inner = affine_displacement(rotation(dimension, 0.2), shape)
    outer = affine_displacement(0.8 * torch.eye(dimension), shape)
    image = identity_grid(shape).sum(0)[None, None]
    result = warp(image, compose(outer, inner))
    expected = warp(warp(image, outer), inner)
    inside = stays_inside(inner, margin=1)
    torch.testing.assert_close(result[..., inside], expected[..., inside], atol=1e-4, rtol=0)


def test_compose_needs_one_lattice():
    with pytest.raises(ValueError, match="resize one of them"):
        compose(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 5, 4))


def test_constant_velocity_is_its_own_exponential(shape):
    velocity = torch.full((1, len(shape), *shape), 3.3)
    velocity[:, 0] = -5.0
    torch.testing.assert_close(integrate(velocity), velocity)


def test_zeros_outside_leak_into_the_lattice_and_the_border_does_not(shape):
    velocity = torch.full((1, len(shape), *shape), 3.0)
    leaking = integrate(velocity, padding="zeros")
    assert (leaking - velocity).abs().max() > 1
    torch.testing.assert_close(integrate(velocity, padding="border"), velocity)


def test_linear_velocity_gives_the_matrix_exponential(shape, affine_displacement):
    dimension = len(shape)
    generator = torch.zeros(dimension, dimension)
    generator[0, 1], generator[1, 0] = -0.4, 0.4
    generator[1, 1] = -0.3
    velocity = affine_displacement(torch.eye(dimension) + generator, shape)
    expected = affine_displacement(torch.linalg.matrix_exp(generator), shape)
    centre = (0, slice(None), *[slice(n // 3, -(n // 3)) for n in shape])
    # The first step, (1 + L / 2^n)^(2^n) for exp(L), is what more squarings improve.
    torch.testing.assert_close(
        integrate(velocity, steps=9)[centre], expected[centre], atol=2e-3, rtol=0
    )
    error = [
        (integrate(velocity, steps=s)[centre] - expected[centre]).abs().max() for s in (3, 5, 7)
    ]
    assert error[0] > 3 * error[1] > 9 * error[2]


def test_opposite_velocity_is_the_inverse(shape, smooth_velocity):
    # Linear interpolation leaves an error of about |v| |v''| / 2.
    velocity = smooth_velocity([2 * n for n in shape], largest=2.0, sigma=5.0)
    there, back = integrate(velocity), integrate(-velocity)
    assert there.abs().max() > 1.5
    for round_trip in (compose(there, back), compose(back, there)):
        assert round_trip.abs().max() < 0.2
        assert round_trip.abs().mean() < 0.02


def test_doubled_velocity_is_the_map_twice(shape, smooth_velocity):
    velocity = smooth_velocity(shape, largest=1.0)
    once = integrate(velocity)
    torch.testing.assert_close(
        compose(once, once), integrate(2 * velocity, steps=8), atol=1e-5, rtol=0
    )


def test_exponential_of_a_smooth_velocity_does_not_fold_where_the_velocity_would():
    x = identity_grid((24, 24))
    velocity = torch.zeros(1, 2, 24, 24)
    velocity[0, 0] = -4 * torch.sin(x[0] * 2 * math.pi / 12)
    assert jacobian_determinant(velocity).min() < -0.5
    assert jacobian_determinant(integrate(velocity)).min() > 0


def test_half_precision_velocity_is_integrated_in_float32():
    velocity = torch.randn(1, 2, 4, 320).bfloat16()
    expected = integrate(velocity.float())
    with torch.autocast("cpu", torch.bfloat16):
        result = integrate(velocity)
    assert result.dtype == torch.float32
    assert torch.equal(result, expected)


def test_no_steps_and_negative_steps():
    velocity = torch.randn(1, 2, 4, 4)
    assert torch.equal(integrate(velocity, steps=0), velocity)
    with pytest.raises(ValueError, match="steps: expected 0 or more"):
        integrate(velocity, steps=-1)


def test_differentiable():
    velocity = (0.4 * torch.randn(1, 2, 4, 5, dtype=torch.float64)).requires_grad_()
    inner = (0.4 * torch.randn(1, 2, 4, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: integrate(v, steps=2), velocity, eps=1e-7)
    assert torch.autograd.gradcheck(compose, (velocity, inner), eps=1e-7)


@pytest.mark.parametrize("size", [(17, 23), (1, 19), (9, 12, 10), (8, 1, 9)])
def test_exponential_and_its_gradient_are_those_of_repeated_composition(size):
    generator = torch.Generator().manual_seed(3)
    velocity = torch.randn(2, len(size), *size, generator=generator, dtype=torch.float64)
    velocity.requires_grad_()
    weight = torch.randn(velocity.shape, generator=generator, dtype=torch.float64)
    expected = velocity / 2**5
    for _ in range(5):
        expected = compose(expected, expected)
    result = integrate(velocity, 5)
    torch.testing.assert_close(result, expected, atol=1e-10, rtol=0)
    gradients = [torch.autograd.grad((r * weight).sum(), velocity)[0] for r in (result, expected)]
    torch.testing.assert_close(*gradients, atol=1e-9, rtol=1e-9)
