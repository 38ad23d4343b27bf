"""Numerical inverse and logarithm."""

from __future__ import annotations

import math

import pytest
import torch

from SlicerLDMRegLib.functional import (
    compose,
    forward_differences,
    gaussian_smooth,
    identity_grid,
    integrate,
    inverse_consistency,
    invert,
    invert_points,
    jacobian_determinant,
    logarithm,
    sample,
)


def rotation(dimension, angle):
    matrix = torch.eye(dimension)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix[:2, :2] = torch.tensor([[cos, -sin], [sin, cos]])
    return matrix


def folded(shape, largest=8.0):
    noise = torch.randn(1, len(shape), *shape, generator=torch.Generator().manual_seed(5))
    field = gaussian_smooth(noise, 1.5)
    field = field * (largest / field.abs().max())
    assert (jacobian_determinant(field) < 0).float().mean() > 0.1
    return field


def test_inverse_of_a_translation(shape):
    displacement = torch.full((1, len(shape), *shape), 4.5)
    displacement[:, 0] = -2
    torch.testing.assert_close(invert(displacement), -displacement)


@pytest.mark.parametrize("angle", [0.4, 1.5, 2.6, math.pi])
def test_inverse_of_a_rotation_however_large(shape, angle, affine_displacement):
    displacement = affine_displacement(rotation(len(shape), angle), shape)
    expected = affine_displacement(rotation(len(shape), -angle), shape)
    torch.testing.assert_close(invert(displacement), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_inverse_of_a_scaling_and_a_shear(shape, scale, affine_displacement):
    matrix = torch.eye(len(shape))
    matrix[0, 0], matrix[0, 1] = scale, 1.5
    displacement = affine_displacement(matrix, shape)
    expected = affine_displacement(torch.linalg.inv(matrix), shape)
    torch.testing.assert_close(invert(displacement), expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("largest", [1.0, 4.0])
def test_inverse_of_a_diffeomorphism(shape, largest, smooth_velocity):
    displacement = integrate(smooth_velocity(shape, largest))
    inverse = invert(displacement)
    assert inverse_consistency(displacement, inverse).max() <= 1e-3 + 1e-5
    # The other way round needs interpolation of the inverse itself.
    assert compose(inverse, displacement).abs().mean() < 0.05
    assert (invert(inverse) - displacement).abs().mean() < 0.05


def test_inverse_of_a_map_that_leaves_the_lattice(shape):
    noise = torch.randn(1, len(shape), *shape, generator=torch.Generator().manual_seed(2))
    velocity = gaussian_smooth(noise, 3.0)
    displacement = integrate(velocity * (10 / velocity.abs().max()))
    inverse = invert(displacement, iterations=15)
    assert inverse_consistency(displacement, inverse).max() <= 1e-3 + 1e-5


def test_plain_fixed_point_would_diverge_here():
    # Slope of x + u up to 5 in the middle: u <- -u(x + u) does not converge there.
    x = identity_grid((4, 41))
    displacement = torch.zeros(1, 2, 4, 41)
    displacement[:, 1] = 10 * torch.tanh((x[1] - 20) * 0.4)
    inverse = invert(displacement)
    assert inverse_consistency(displacement, inverse).max() <= 1e-3 + 1e-5
    plain = torch.zeros_like(displacement)
    for _ in range(100):
        plain = -compose(displacement, plain) + plain
    assert inverse_consistency(displacement, plain).max() > 1


def test_elements_of_a_batch_are_inverted_each_for_itself(shape, smooth_velocity):
    fields = [integrate(smooth_velocity(shape, 3.0, seed=seed)) for seed in (1, 2)]
    together = invert(torch.cat(fields))
    for i, field in enumerate(fields):
        torch.testing.assert_close(together[i : i + 1], invert(field), atol=2e-3, rtol=0)


def test_residual_tells_a_wrong_inverse(shape, smooth_velocity):
    displacement = integrate(smooth_velocity(shape, 3.0))
    residual = inverse_consistency(displacement, torch.zeros_like(displacement))
    torch.testing.assert_close(residual, torch.linalg.vector_norm(displacement, dim=1))
    assert inverse_consistency(displacement, displacement).max() > 2
    with pytest.raises(ValueError, match="two fields of one shape"):
        inverse_consistency(displacement, displacement[:, :, 1:])


def test_points_may_lie_anywhere(smooth_velocity):
    displacement = integrate(smooth_velocity((20, 24), 3.0))
    source = torch.tensor([[[5.3, 9.1, 30.0], [17.2, 8.8, -6.0]]]).reshape(1, 2, 3, 1)
    points = invert_points(displacement, source)
    assert points.shape == source.shape
    mapped = points + sample(displacement, points)
    torch.testing.assert_close(mapped[:, :, :2], source[:, :, :2], atol=1e-3, rtol=0)
    assert (points[:, :, 2] - source[:, :, 2]).abs().max() < 1.0
    with pytest.raises(ValueError, match="points: expected batch and channels"):
        invert_points(displacement, source[:, :1])


def test_folded_field_gives_a_finite_inverse_and_a_residual(shape):
    displacement = folded(shape)
    inverse = invert(displacement)
    assert torch.isfinite(inverse).all()
    assert inverse.abs().max() < 4 * displacement.abs().max()
    assert inverse_consistency(displacement, inverse).max() > 0.1


def test_collapsed_and_flat_fields_stay_finite():
    collapsed = -identity_grid((6, 7))[None]
    assert torch.isfinite(invert(collapsed)).all()
    flat = torch.zeros(1, 3, 1, 6, 7)
    flat[:, 2] = 1.5
    torch.testing.assert_close(invert(flat), -flat)


def test_inverse_in_autocast_and_half_precision():
    displacement = torch.full((1, 2, 4, 320), 0.3).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        result = invert(displacement)
    torch.testing.assert_close(result, -displacement.float(), atol=1e-4, rtol=0)


def test_inverse_is_differentiable(smooth_velocity):
    # Shifted off the lattice: interpolation has kinks at the voxels.
    displacement = (smooth_velocity((6, 7), 1.0, sigma=2.0).double() + 0.37).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda u: invert(u, tolerance=1e-10), displacement, eps=1e-5, fast_mode=True
    )
    # Also in folds and without an exact solution, gradients are finite.
    field = folded((10, 11)).requires_grad_()
    invert(field).square().sum().backward()
    assert torch.isfinite(field.grad).all()
    collapsed = (-identity_grid((6, 7))[None]).requires_grad_()
    invert(collapsed).square().sum().backward()
    assert torch.isfinite(collapsed.grad).all()


@pytest.mark.parametrize(("largest", "accuracy"), [(1.0, 0.02), (3.0, 0.1)])
def test_logarithm_undoes_the_exponential(shape, largest, accuracy, smooth_velocity):
    velocity = smooth_velocity(shape, largest)
    displacement = integrate(velocity)
    result = logarithm(displacement)
    assert (integrate(result) - displacement).abs().max() < accuracy
    assert (result - velocity).abs().max() < 0.2 * largest
    # It is more than taking the displacement for the velocity.
    assert (integrate(displacement) - displacement).abs().max() > 3 * accuracy


def test_logarithm_of_a_large_displacement(smooth_velocity):
    # Adding what is missing where the trajectory starts stays above 0.03 here.
    displacement = integrate(smooth_velocity((48, 56), 6.0, sigma=5.0))
    missing = integrate(logarithm(displacement)) - displacement
    assert missing.square().mean().sqrt() < 0.01
    assert displacement.square().mean().sqrt() > 1


def test_logarithm_of_a_translation_is_the_translation(shape):
    displacement = torch.full((2, len(shape), *shape), 2.0)
    torch.testing.assert_close(logarithm(displacement), displacement)


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_logarithm_of_a_folded_field_is_finite(shape, smoothing):
    displacement = folded(shape)
    result = logarithm(displacement, smoothing=smoothing)
    exponential = integrate(result)
    assert torch.isfinite(result).all()
    # No worse than its starting point, and far fewer folds than the field has.
    start = integrate(gaussian_smooth(displacement, smoothing))
    assert (exponential - displacement).square().mean() <= (start - displacement).square().mean()
    folds = (jacobian_determinant(exponential) <= 0).float().mean()
    assert folds < 0.7 * (jacobian_determinant(displacement) <= 0).float().mean()


def test_logarithm_of_noise_is_smooth_if_asked(shape):
    displacement = 0.3 * torch.randn(1, len(shape), *shape)
    rough, smooth = logarithm(displacement), logarithm(displacement, smoothing=1.0)
    steps = [
        sum(d.square().mean() for d in forward_differences(velocity))
        for velocity in (rough, smooth)
    ]
    assert steps[1] < 0.5 * steps[0]
    start = logarithm(displacement, smoothing=1.0, iterations=0)
    assert torch.equal(start, gaussian_smooth(displacement, 1.0))


def test_logarithm_does_not_run_away():
    displacement = folded((9, 12, 14), largest=30.0)
    missing = integrate(logarithm(displacement)) - displacement
    start = integrate(displacement) - displacement
    assert missing.square().mean() < 0.95 * start.square().mean()


def test_logarithm_is_differentiable(smooth_velocity):
    displacement = integrate(smooth_velocity((8, 9), 1.0, sigma=2.0)).requires_grad_()
    logarithm(displacement, iterations=3).square().sum().backward()
    assert torch.isfinite(displacement.grad).all()
    assert displacement.grad.abs().max() > 0
