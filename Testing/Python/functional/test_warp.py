"""warp and sample: which way, which axis, which border, which precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from SlicerLDMRegLib.functional import identity_grid, sample, warp


def random_image(shape, channels=1, batch=1, seed=0):
    return torch.rand(batch, channels, *shape, generator=torch.Generator().manual_seed(seed))


def random_displacement(shape, scale, batch=1, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(batch, len(shape), *shape, generator=generator)


def test_identity_grid_counts_the_voxels_along_each_axis():
    grid = identity_grid((2, 3))
    assert grid.tolist() == [[[0, 0, 0], [1, 1, 1]], [[0, 1, 2], [0, 1, 2]]]
    assert identity_grid((2, 3), dtype=torch.float64).dtype == torch.float64


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_displacement_points_from_the_result_into_the_image(shape, mode):
    image = random_image(shape)
    for axis in range(len(shape)):
        displacement = torch.zeros(1, len(shape), *shape)
        displacement[:, axis] = 2
        expected = image.narrow(2 + axis, 2, shape[axis] - 2)
        result = warp(image, displacement, mode).narrow(2 + axis, 0, shape[axis] - 2)
        torch.testing.assert_close(result, expected)


@pytest.mark.parametrize(
    ("padding", "scipy_mode"), [("border", "nearest"), ("zeros", "grid-constant")]
)
def test_linear_agrees_with_scipy_inside_and_outside(shape, padding, scipy_mode):
    image = random_image(shape, channels=2)
    displacement = random_displacement(shape, scale=4)
    points = (identity_grid(shape) + displacement[0]).numpy()
    result = warp(image, displacement, padding=padding)[0]
    for channel in range(2):
        expected = ndimage.map_coordinates(
            image[0, channel].numpy(), points, order=1, mode=scipy_mode
        )
        np.testing.assert_allclose(result[channel], expected, atol=2e-6)


@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_nearest_agrees_with_rounding(shape, padding):
    labels = torch.randint(0, 2**40, (1, 1, *shape))
    displacement = random_displacement(shape, scale=4)
    result = warp(labels, displacement, "nearest", padding)
    assert result.dtype == torch.int64
    index = np.floor((identity_grid(shape) + displacement[0]).numpy() + 0.5).astype(int)
    last = np.reshape(shape, (-1, *[1] * len(shape))) - 1
    expected = labels[0, 0].numpy()[tuple(np.clip(index, 0, last))]
    if padding == "zeros":
        expected = np.where(((index >= 0) & (index <= last)).all(0), expected, 0)
    np.testing.assert_array_equal(result[0, 0], expected)


def test_nearest_gives_a_tie_to_the_higher_index():
    labels = torch.arange(4, dtype=torch.uint8).reshape(1, 1, 1, 4)
    displacement = torch.zeros(1, 2, 1, 4)
    displacement[:, 1] = 0.5
    assert warp(labels, displacement, "nearest").flatten().tolist() == [1, 2, 3, 3]


def test_sample_at_other_points_than_the_lattice():
    image = 10 * identity_grid((5, 7))[0] + identity_grid((5, 7))[1]
    points = torch.tensor([[1.5, 0.25], [2.0, 6.0]]).T.reshape(1, 2, 2, 1)
    result = sample(image[None, None], points)
    assert result.shape == (1, 1, 2, 1)
    torch.testing.assert_close(result.flatten(), torch.tensor([15.25, 26.0]))


@pytest.mark.parametrize(
    ("padding", "expected"), [("border", [5.0, 5.0, 5.0]), ("zeros", [5.0, 2.5, 0.0])]
)
def test_axis_of_one_voxel(padding, expected):
    image = torch.full((1, 1, 1, 4, 4), 5.0)
    displacement = torch.zeros(1, 3, 1, 4, 4)
    for shift, value in zip([0.0, 0.5, 2.0], expected, strict=True):
        displacement[:, 0] = shift
        torch.testing.assert_close(
            warp(image, displacement, padding=padding), torch.full_like(image, value)
        )


def test_half_precision_displacement_on_a_long_axis_is_exact():
    image = random_image((4, 320))
    displacement = random_displacement((4, 320), scale=3).bfloat16()
    expected = warp(image, displacement.float())
    result = warp(image, displacement)
    assert result.dtype == torch.float32
    assert torch.equal(result, expected)
    # What the precision is for: the same coordinates in bfloat16 are wrong by a voxel.
    coarse = identity_grid((4, 320)).bfloat16() + displacement
    assert (sample(image, coarse) - expected).abs().max() > 0.3


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_autocast_changes_nothing(mode):
    image = random_image((4, 320))
    displacement = random_displacement((4, 320), scale=3)
    expected = warp(image, displacement, mode)
    with torch.autocast("cpu", torch.bfloat16):
        result = warp(image, displacement, mode)
        half_image = warp(image.bfloat16(), displacement, mode)
    assert torch.equal(result, expected)
    assert half_image.dtype == (torch.float32 if mode == "linear" else torch.bfloat16)
    torch.testing.assert_close(
        half_image.float(), warp(image.bfloat16().float(), displacement, mode), atol=0, rtol=0
    )


def test_batch_of_one_is_repeated_on_either_side(shape):
    images, fields = random_image(shape, batch=3), random_displacement(shape, 2, batch=3)
    for mode in ("linear", "nearest"):
        one_image = warp(images[:1], fields, mode)
        one_field = warp(images, fields[:1], mode)
        for i in range(3):
            torch.testing.assert_close(one_image[i : i + 1], warp(images[:1], fields[[i]], mode))
            torch.testing.assert_close(one_field[i : i + 1], warp(images[[i]], fields[:1], mode))


def test_linear_is_differentiable_in_image_and_displacement():
    image = random_image((4, 5)).double().requires_grad_()
    displacement = random_displacement((4, 5), 0.8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda i, u: warp(i, u), (image, displacement), eps=1e-7)


@pytest.mark.parametrize(
    ("image", "displacement", "options", "message"),
    [
        ((1, 1, 4, 4), (1, 3, 4, 4), {}, "one channel for each of the 2 spatial axes"),
        ((1, 1, 4, 4), (1, 3, 4, 4, 4), {}, "expected 2 channels"),
        ((1, 4, 4), (1, 2, 4, 4), {}, r"expected \(B, C, H, W\)"),
        ((2, 1, 4, 4), (3, 2, 4, 4), {}, "2 images and 3 fields"),
        ((1, 1, 4, 4), (1, 2, 4, 4), {"mode": "cubic"}, "'linear' or 'nearest', got 'cubic'"),
        ((1, 1, 4, 4), (1, 2, 4, 4), {"padding": "wrap"}, "'border' or 'zeros', got 'wrap'"),
    ],
)
def test_errors_say_what_was_expected(image, displacement, options, message):
    with pytest.raises(ValueError, match=message):
        warp(torch.zeros(image), torch.zeros(displacement), **options)
