"""Samples of volumes by the kernel for slices, against those by the kernel for volumes."""

from __future__ import annotations

import pytest
import torch

from SlicerLDMRegLib.functional import gaussian_smooth, identity_grid, integrate, sample
from SlicerLDMRegLib.functional._slice_sampling import SlicePlaces, sample_slices, suits

SHAPE = (29, 27, 25)


def smooth_noise(*shape: int, sigma: float, largest: float, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_smooth(noise, sigma)
    return smooth * (largest / smooth.abs().max())


def places(batch: int, out: tuple[int, ...], beyond: float = 0.0) -> torch.Tensor:
    """Points in and around the volume, none of them where the gradient jumps."""
    generator = torch.Generator().manual_seed(1)
    last = torch.tensor(SHAPE).reshape(1, 3, 1, 1, 1) - 1
    points = torch.rand((batch, 3, *out), generator=generator) * (last + 2 * beyond) - beyond
    return torch.where((points - points.round()).abs() < 0.01, points.floor() + 0.5, points)


@pytest.mark.parametrize(
    ("batch", "channels", "out"),
    [(1, 1, SHAPE), (2, 1, (8, 9, 7)), (1, 3, (29, 2, 3)), (3, 2, (11, 13, 10))],
)
def test_samples_and_gradients_are_those_of_the_kernel_for_volumes(
    batch: int, channels: int, out: tuple[int, ...]
) -> None:
    volume = smooth_noise(batch, channels, *SHAPE, sigma=1.0, largest=1.0).requires_grad_()
    points = places(batch, out, beyond=3.0).requires_grad_()
    assert suits(volume)
    weights = torch.rand((batch, channels, *out), generator=torch.Generator().manual_seed(2))
    values, found = [], []
    for function in (sample, sample_slices):
        value = function(volume, points)
        values.append(value.detach())
        found.append(torch.autograd.grad((value * weights).sum(), [volume, points]))
    # 28 * 27 rows are counted in float32: in steps of 0.00006.
    torch.testing.assert_close(values[1], values[0], atol=1e-4, rtol=0)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=3e-4, rtol=0)
        assert one.abs().max() > 0.1


def test_beyond_the_border_nothing_moves_a_point() -> None:
    volume = smooth_noise(1, 1, *SHAPE, sigma=1.0, largest=1.0)
    middle = torch.tensor([14.5, 13.5, 12.5])
    for axis, size in enumerate(SHAPE):
        for outside in (-2.0, size + 1.0):
            point = middle.clone()
            point[axis] = outside
            point = point.reshape(1, 3, 1, 1, 1).requires_grad_()
            inside = point.detach().clone()
            inside[0, axis] = 0 if outside < 0 else size - 1
            value = sample_slices(volume, point)
            (gradient,) = torch.autograd.grad(value.sum(), point)
            assert gradient[0, axis] == 0
            assert gradient.abs().max() > 0
            torch.testing.assert_close(value, sample(volume, inside), atol=1e-4, rtol=0)


def test_places_serve_all_images_of_one_shape() -> None:
    points = places(2, (9, 8, 7))
    known = SlicePlaces.of(points, SHAPE)
    for seed in range(2):
        volume = smooth_noise(2, 1, *SHAPE, sigma=1.0, largest=1.0, seed=seed)
        assert torch.equal(sample_slices(volume, points, known), sample_slices(volume, points))


@pytest.mark.parametrize("batch", [1, 2])
def test_quick_integration_is_the_exponential(batch: int) -> None:
    velocity = smooth_noise(batch, 3, *SHAPE, sigma=2.5, largest=4.0).requires_grad_()
    weights = smooth_noise(batch, 3, *SHAPE, sigma=1.0, largest=1.0, seed=3)
    found = []
    for quick in (False, True):
        displacement = integrate(velocity, 6, quick=quick)
        (gradient,) = torch.autograd.grad((displacement * weights).sum(), velocity)
        found.append((displacement.detach(), gradient))
    torch.testing.assert_close(found[1][0], found[0][0], atol=1e-3, rtol=0)
    difference = found[1][1] - found[0][1]
    assert difference.norm() < 0.01 * found[0][1].norm()
    # One direction and the other undo each other as well as they do without the rounding.
    forward, back = (integrate(sign * velocity.detach(), 6, quick=True) for sign in (1, -1))
    left = forward + sample(back, identity_grid(SHAPE)[None] + forward)
    exact, exact_back = (integrate(sign * velocity.detach(), 6) for sign in (1, -1))
    expected = exact + sample(exact_back, identity_grid(SHAPE)[None] + exact)
    assert left.abs().mean() < expected.abs().mean() + 1e-4


def test_translations_stay_translations() -> None:
    way = torch.tensor([1.5, -2.25, 3.0]).reshape(1, 3, 1, 1, 1)
    velocity = way.expand(1, 3, *SHAPE).contiguous()
    torch.testing.assert_close(integrate(velocity, 6, quick=True), velocity)


def test_what_does_not_suit_is_integrated_as_usual() -> None:
    for shape in [(1, 2, 40, 44), (1, 3, 6, 7, 8), (1, 3, 1, 200, 200)]:
        velocity = smooth_noise(*shape, sigma=2.0, largest=2.0)
        assert not suits(velocity)
        assert torch.equal(integrate(velocity, 5, quick=True), integrate(velocity, 5))
    doubled = smooth_noise(1, 3, *SHAPE, sigma=2.0, largest=2.0).double()
    assert integrate(doubled, 5, quick=True).dtype == torch.float64


def test_the_bits_do_not_depend_on_the_threads() -> None:
    velocity = smooth_noise(1, 3, *SHAPE, sigma=2.5, largest=4.0).requires_grad_()
    threads, found = torch.get_num_threads(), []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            displacement = integrate(velocity, 6, quick=True)
            (gradient,) = torch.autograd.grad(displacement.square().sum(), velocity)
            found.append((displacement.detach(), gradient))
    finally:
        torch.set_num_threads(threads)
    for displacement, gradient in found[1:]:
        assert torch.equal(displacement, found[0][0])
        assert torch.equal(gradient, found[0][1])
