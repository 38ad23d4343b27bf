"""Smoothing against scipy, and resizing that keeps the map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from SlicerLDMRegLib.functional import gaussian_smooth, identity_grid, local_deviation, resize, warp


def test_gaussian_agrees_with_scipy_along_every_axis(shape):
    field = torch.rand(2, 3, *shape)
    sigmas = (1.5, 0.5, 2.0)[: len(shape)]
    expected = ndimage.gaussian_filter(field.numpy(), (0, 0, *sigmas), mode="nearest", truncate=4.0)
    np.testing.assert_allclose(gaussian_smooth(field, sigmas), expected, atol=1e-6)


def test_constants_stay_and_sigma_zero_does_nothing(shape):
    constant = torch.full((1, 2, *shape), 3.0)
    torch.testing.assert_close(gaussian_smooth(constant, 2.0), constant)
    field = torch.rand(1, 2, *shape)
    assert torch.equal(gaussian_smooth(field, 0.0), field)


def test_smoothing_wider_than_the_image():
    field = torch.rand(1, 1, 3, 1)
    result = gaussian_smooth(field, 20.0)
    assert torch.isfinite(result).all()
    assert result.min() >= field.min()
    assert result.max() <= field.max()


def test_autocast_does_not_reach_the_matrix_products(shape):
    field = torch.rand(1, 2, *shape)
    with torch.autocast("cpu", torch.bfloat16):
        result = gaussian_smooth(field, 1.5)
    assert torch.equal(result, gaussian_smooth(field, 1.5))


def test_resize_is_exact_for_linear_fields(shape):
    new_shape = [2 * n - 3 for n in shape]
    position = identity_grid(shape)[None]
    expected = torch.stack(
        [
            axis * (old - 1) / (new - 1)
            for axis, old, new in zip(identity_grid(new_shape), shape, new_shape, strict=True)
        ]
    )[None]
    torch.testing.assert_close(resize(position, new_shape), expected, atol=1e-5, rtol=1e-5)


def test_resized_displacement_is_the_same_map(shape):
    # Twice the voxels between the same outer centres: twice the displacement in voxels.
    new_shape = [2 * n - 1 for n in shape]
    displacement = torch.rand(1, len(shape), *shape)
    result = resize(displacement, new_shape, displacement=True)
    every_second = (..., *[slice(None, None, 2)] * len(shape))
    torch.testing.assert_close(result[every_second], 2 * displacement)


def test_resize_scales_each_channel_by_its_own_axis():
    displacement = torch.ones(1, 3, 5, 5, 5)
    result = resize(displacement, (9, 5, 3), displacement=True)
    assert [result[0, i].unique().tolist() for i in range(3)] == [[2.0], [1.0], [0.5]]
    assert torch.equal(resize(displacement, (9, 5, 3)), torch.ones(1, 3, 9, 5, 3))


def test_warping_before_and_after_resizing_is_one_thing():
    shape, new_shape = (11, 17), (21, 49)
    image = (identity_grid(shape)[0] - 2 * identity_grid(shape)[1])[None, None]
    displacement = torch.stack([torch.full(shape, 0.75), torch.full(shape, -1.5)])[None]
    expected = resize(warp(image, displacement), new_shape)
    result = warp(resize(image, new_shape), resize(displacement, new_shape, displacement=True))
    inner = (..., slice(2, -4), slice(8, -2))
    torch.testing.assert_close(result[inner], expected[inner], atol=1e-4, rtol=0)


def test_resize_of_a_flat_axis():
    displacement = torch.ones(1, 3, 1, 4, 4)
    result = resize(displacement, (1, 7, 7), displacement=True)
    assert result.shape == (1, 3, 1, 7, 7)
    assert torch.isfinite(resize(displacement, (3, 4, 4), displacement=True)).all()


def test_differentiable():
    field = torch.rand(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: gaussian_smooth(f, 1.0), field)
    assert torch.autograd.gradcheck(lambda f: resize(f, (7, 3), displacement=True), field)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: gaussian_smooth(f, -1.0), "none negative"),
        (lambda f: gaussian_smooth(f, (1.0, 1.0, 1.0)), "one number or 2"),
        (lambda f: resize(f, (4,)), "expected 2 positive numbers"),
        (lambda f: resize(f, (4, 0)), "expected 2 positive numbers"),
        (lambda f: resize(f[:, :1], (4, 4), displacement=True), "one channel for each"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 2, 5, 5))


def test_the_deviation_of_a_ramp_is_the_width_of_the_gaussian():
    ramp = torch.arange(40.0).expand(1, 1, 30, 40)
    deviation = local_deviation(3 * ramp, 1.5)
    torch.testing.assert_close(
        deviation[..., 8:-8], torch.full_like(deviation[..., 8:-8], 4.5), atol=0.02, rtol=0
    )
    assert local_deviation(torch.full((1, 1, 9, 9, 9), 0.7), 1.0).max() < 1e-3
