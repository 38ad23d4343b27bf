"""Sampling in parts: the values and gradients of grid_sample, for any number of points."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from SlicerLDMRegLib.functional import _grid_sampling
from SlicerLDMRegLib.functional._grid_sampling import sample_grid, sample_grid_backward

SHAPES = [((7, 9), (5, 7)), ((6, 5, 7), (5, 7, 3)), ((6, 5, 7), (4, 4, 2))]


@pytest.fixture(autouse=True)
def parts_of_small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_grid_sampling, "_SMALLEST", {2: 1, 3: 1})


def inputs(
    image_shape: tuple[int, ...], out: tuple[int, ...], batch: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 2, *image_shape, generator=generator)
    grid = 2.4 * torch.rand(batch, *out, len(out), generator=generator) - 1.2
    return image, grid, torch.rand(batch, 2, *out, generator=generator)


@pytest.mark.parametrize("padding", ["border", "zeros"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("shape", "out"), SHAPES)
def test_values_and_gradients_are_those_of_grid_sample(
    shape: tuple[int, ...], out: tuple[int, ...], batch: int, padding: str
) -> None:
    image, grid, weights = inputs(shape, out, batch)
    image.requires_grad_()
    grid.requires_grad_()
    expected = F.grid_sample(image, grid, padding_mode=padding, align_corners=True)
    values = sample_grid(image, grid, padding)
    torch.testing.assert_close(values, expected, rtol=0, atol=0)
    gradients = torch.autograd.grad((expected * weights).sum(), [image, grid])
    by_autograd = torch.autograd.grad((values * weights).sum(), [image, grid])
    by_hand = sample_grid_backward(weights, image.detach(), grid.detach(), padding)
    for result in (by_autograd, by_hand):
        torch.testing.assert_close(result[0], gradients[0])
        torch.testing.assert_close(result[1], gradients[1])


def test_bits_do_not_depend_on_threads_or_batch() -> None:
    image, grid, weights = inputs((6, 5, 7), (5, 7, 3), 2)
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(sample_grid_backward(weights, image, grid))
    finally:
        torch.set_num_threads(threads)
    one = slice(1, 2)
    results.append(sample_grid_backward(weights[one], image[one], grid[one]))
    for result in results[1:]:
        for value, first in zip(result, results[0], strict=True):
            torch.testing.assert_close(value, first[-len(value) :], rtol=0, atol=0)
