"""Losses against analytic values, numpy references and finite differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from SlicerLDMRegLib import losses
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import identity_grid, warp

SHAPES = [(20, 24), (10, 12, 9)]


def noise(shape: tuple[int, ...], seed: int = 0, batch: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((batch, 1, *shape), generator=generator)


def blob(shape: tuple[int, ...], shift: float = 0.0) -> torch.Tensor:
    """A smooth asymmetric bump, moved along the last axis."""
    grid = identity_grid(shape)
    centre = torch.tensor([s / 2 for s in shape])
    centre[-1] += shift
    axes = [(g - c) / w for g, c, w in zip(grid, centre, (4.0, 6.0, 3.0), strict=False)]
    return torch.exp(-0.5 * sum(a.square() for a in axes))[None, None]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["mse", "ncc", "lncc", "mind"])
def test_similarity_is_best_for_the_same_image_and_worsens_with_a_shift(
    shape: tuple[int, ...], name: str
) -> None:
    loss = losses.similarity_loss(name)
    values = [loss(blob(shape, shift), blob(shape)).item() for shift in (0.0, 1.0, 2.0)]
    assert values[0] < values[1] < values[2]
    if name in ("mse", "mind"):
        assert values[0] == 0.0
    if name == "ncc":
        assert values[0] == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["mse", "ncc", "lncc", "mind"])
def test_gradient_moves_a_shifted_image_back(name: str) -> None:
    shape = (24, 24)
    shift = torch.tensor([0.0, 1.5], requires_grad=True)
    moving, fixed = blob(shape), blob(shape)
    field = shift.reshape(1, 2, 1, 1).expand(1, 2, *shape)
    losses.similarity_loss(name)(warp(moving, field), fixed).backward()
    assert shift.grad is not None
    assert shift.grad[1] > 0  # stepping against it shrinks the shift
    assert abs(shift.grad[0]) < 0.2 * abs(shift.grad[1])


@pytest.mark.parametrize("name", ["mse", "ncc", "lncc", "mind"])
def test_gradients_agree_with_finite_differences(name: str) -> None:
    a = noise((9, 10), 1).double().requires_grad_()
    b = noise((9, 10), 2).double()
    assert torch.autograd.gradcheck(lambda x: losses.similarity_loss(name)(x, b), (a,), atol=1e-6)


@pytest.mark.parametrize("name", ["ncc", "lncc", "mind"])
@pytest.mark.parametrize("constant", [0.0, 0.7])
def test_constant_images_give_finite_values_and_gradients(name: str, constant: float) -> None:
    flat = torch.full((1, 1, 20, 24), constant, requires_grad=True)
    for fixed in (noise((20, 24)), torch.full((1, 1, 20, 24), 0.3)):
        value = losses.similarity_loss(name)(flat, fixed)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(flat.grad).all()
        if name != "mind":
            assert abs(value.item()) < 1e-3


@pytest.mark.parametrize("name", ["mse", "ncc", "lncc", "mind"])
def test_each_image_of_a_batch_counts_by_itself(name: str) -> None:
    loss = losses.similarity_loss(name)
    a, b = noise((16, 16), 1, batch=2), noise((16, 16), 2, batch=2)
    a[1] *= 0.3
    apart = [loss(a[i : i + 1], b[i : i + 1]) for i in range(2)]
    assert loss(a, b).item() == pytest.approx(torch.stack(apart).mean().item(), rel=1e-4)


@pytest.mark.parametrize("name", ["mse", "ncc", "lncc", "mind"])
def test_half_precision_input_is_computed_in_single_precision(name: str) -> None:
    a, b = noise((16, 16), 1).bfloat16(), noise((16, 16), 2).bfloat16()
    loss = losses.similarity_loss(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(a, b)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(a.float(), b.float()).item(), rel=1e-5)


def test_shapes_must_agree() -> None:
    for loss in (losses.mse, losses.ncc, losses.lncc, losses.mind_ssc, losses.soft_dice_loss):
        with pytest.raises(ValueError, match=r"expected equal shapes, got \(1, 1, 8, 8\)"):
            loss(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))


def test_unknown_similarity_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="mse, ncc, lncc, mind, got 'nmi'"):
        losses.similarity_loss("nmi")


def test_ncc_ignores_brightness_and_contrast_but_not_the_sign() -> None:
    image = noise((16, 16))
    assert losses.ncc(3 * image + 2, image).item() == pytest.approx(-1, abs=1e-5)
    assert losses.ncc(1 - image, image).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_lncc_equals_its_definition(shape: tuple[int, ...]) -> None:
    a, b = noise(shape, 1), noise(shape, 2)
    window, expected = 5, []
    x, y = a[0, 0].double().numpy(), b[0, 0].double().numpy()
    for index in np.ndindex(*shape):
        box = tuple(slice(max(0, i - window // 2), i + window // 2 + 1) for i in index)
        expected.append(np.corrcoef(x[box].ravel(), y[box].ravel())[0, 1] ** 2)
    assert losses.lncc(a, b, window).item() == pytest.approx(-np.mean(expected), rel=1e-4)


def test_lncc_ignores_contrast_that_varies_slowly_and_its_sign() -> None:
    image = noise((40, 40))
    ramp = torch.linspace(0.5, 2, 40)
    assert losses.lncc(-ramp * image, image).item() < -0.97
    assert losses.ncc(-ramp * image, image).item() > 0


def test_lncc_keeps_its_digits_far_from_zero() -> None:
    image = noise((24, 24))
    other = noise((24, 24), 5)
    expected = losses.lncc(image, other).item()
    assert losses.lncc(image + 50, other - 20).item() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_lncc_of_a_mask_is_that_of_the_voxels_inside(shape: tuple[int, ...], stride: int) -> None:
    a, b = noise(shape, 1), noise(shape, 2)
    mask = torch.ones_like(a)
    mask[..., : shape[-1] // 2] = 0
    window, expected = 5, []
    x, y, inside = (t[0, 0].double().numpy() for t in (a, b, mask))
    for index in np.ndindex(*shape):
        if any(i % stride for i in index):
            continue
        box = tuple(slice(max(0, i - window // 2), i + window // 2 + 1) for i in index)
        known = inside[box] > 0
        values = x[box][known], y[box][known]
        share = known.mean()
        expected.append(share * np.corrcoef(*values)[0, 1] ** 2 if share > 0 else 0.0)
    found = losses.lncc(a, b, window, stride, mask).item()
    assert found == pytest.approx(-np.mean(expected), rel=1e-3)
    # Neither what is outside nor the level of the images inside matters.
    other = torch.where(mask > 0, 0.2 + 0.5 * b, torch.full_like(b, 7.0))
    assert losses.lncc(a, other, window, stride, mask).item() == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("window", [1, 4])
def test_lncc_window_must_be_odd(window: int) -> None:
    with pytest.raises(ValueError, match="odd number of voxels from 3"):
        losses.lncc(noise((8, 8)), noise((8, 8)), window)


def mind_reference(image: np.ndarray, radius: int, dilation: int) -> np.ndarray:
    """The descriptor voxel by voxel, from its definition."""
    d = image.ndim
    halo = radius + dilation
    padded = np.pad(image, halo, mode="edge")
    offsets = [s * dilation * np.eye(d, dtype=int)[a] for a in range(d) for s in (-1, 1)]
    pairs = [(p, q) for i, p in enumerate(offsets) for q in offsets[i + 1 :] if (p + q != 0).any()]

    def patch(centre: np.ndarray) -> np.ndarray:
        return padded[tuple(slice(c + dilation, c + dilation + 2 * radius + 1) for c in centre)]

    distance = np.zeros((len(pairs), *image.shape))
    for index in np.ndindex(*image.shape):
        for k, (p, q) in enumerate(pairs):
            distance[(k, *index)] = ((patch(index + p) - patch(index + q)) ** 2).mean()
    return np.exp(-(distance - distance.min(0)) / distance.mean(0))


@pytest.mark.parametrize(("shape", "channels"), [((9, 8), 4), ((6, 5, 7), 12)])
def test_mind_descriptor_equals_its_definition(shape: tuple[int, ...], channels: int) -> None:
    image = noise(shape)
    descriptor = losses.mind_ssc_descriptor(image, radius=1, dilation=2)
    assert descriptor.shape == (1, channels, *shape)
    expected = mind_reference(image[0, 0].double().numpy(), 1, 2)
    np.testing.assert_allclose(descriptor[0].numpy(), expected, atol=1e-4)


def test_mind_is_blind_to_inverted_contrast() -> None:
    image = blob((24, 24)) + 0.1 * noise((24, 24))
    moved = torch.roll(image, 3, dims=-1)
    assert losses.mind_ssc(1 - 0.5 * image, image).item() < 1e-6
    assert losses.mind_ssc(1 - 0.5 * moved, image).item() > 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_mind_in_slabs_gives_the_same_value_and_gradient(shape: tuple[int, ...]) -> None:
    fixed = noise(shape, 2)
    results = []
    for chunk in (2**21, 3 * int(np.prod(shape[1:])), 1):
        warped = noise(shape, 1).requires_grad_()
        value = losses.mind_ssc(warped, fixed, 1, 2, chunk_voxels=chunk)
        value.backward()
        results.append((value.item(), warped.grad))
    for value, gradient in results[1:]:
        assert value == pytest.approx(results[0][0], rel=1e-5)
        torch.testing.assert_close(gradient, results[0][1], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_mind_to_a_known_descriptor_is_the_same(shape: tuple[int, ...], stride: int) -> None:
    fixed = noise(shape, 2)
    values, gradients = [], []
    for known in (False, True):
        warped = noise(shape, 1).requires_grad_()
        if known:
            descriptor = losses.mind_ssc_descriptor(fixed, 1, 2, stride)
            value = losses.mind_ssc_to(warped, descriptor, 1, 2, chunk_voxels=60, stride=stride)
        else:
            value = losses.mind_ssc(warped, fixed, 1, 2, stride=stride)
        value.backward()
        values.append(value.item())
        gradients.append(warped.grad)
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("stride", [2, 3])
def test_mind_descriptor_of_every_other_voxel(stride: int) -> None:
    image = noise((11, 12, 13), 3)
    whole = losses.mind_ssc_descriptor(image, 1, 2)
    coarse = losses.mind_ssc_descriptor(image, 1, 2, stride)
    torch.testing.assert_close(coarse, whole[..., ::stride, ::stride, ::stride])


def test_mind_tells_a_descriptor_of_another_stride() -> None:
    descriptor = losses.mind_ssc_descriptor(noise((9, 8)), stride=2)
    with pytest.raises(ValueError, match=r"expected shape \(1, 4, 9, 8\) .* got \(1, 4, 5, 4\)"):
        losses.mind_ssc_to(noise((9, 8)), descriptor)


def test_mind_needs_a_neighbourhood() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0 and 2"):
        losses.mind_ssc(noise((8, 8)), noise((8, 8)), radius=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_smoothness_of_a_linear_field(shape: tuple[int, ...]) -> None:
    d = len(shape)
    matrix = torch.arange(float(d * d)).reshape(d, d)
    field = torch.einsum("ij,j...->i...", matrix, identity_grid(shape))[None]
    # Every axis contributes the mean over the components of the squared slope.
    expected = (matrix**2).mean(0).sum().item() / d
    assert losses.smoothness(field).item() == pytest.approx(expected, rel=1e-4)
    assert losses.smoothness(torch.ones(1, d, *shape)).item() == 0


def test_smoothness_sees_a_checkerboard() -> None:
    field = (identity_grid((8, 8)).sum(0) % 2).expand(1, 2, 8, 8)
    assert losses.smoothness(field).item() == 1


def test_smoothness_along_an_axis_of_one_voxel_counts_nothing() -> None:
    field = noise((6, 6), batch=3).reshape(1, 3, 1, 6, 6)
    steps = [torch.diff(field, dim=dim).square().mean().item() for dim in (3, 4)]
    assert losses.smoothness(field).item() == pytest.approx(sum(steps) / 3)
    assert losses.smoothness(torch.ones(1, 3, 1, 1, 1)).item() == 0


def test_smoothness_equals_that_of_the_released_code(shared_data: Path) -> None:
    reference = np.load(shared_data / "parity" / "ldm_morph.npz")
    pixels = torch.from_numpy(reference["flow"])[None] * 64  # released convention: half the size
    expected = float(reference["smoothness"])
    assert losses.smoothness(pixels).item() == pytest.approx(expected, rel=1e-6)


def one_hot(shape: tuple[int, ...], *columns: tuple[int, int]) -> torch.Tensor:
    labels = torch.zeros(1, len(columns), *shape)
    for k, (start, stop) in enumerate(columns):
        labels[0, k, ..., start:stop] = 1
    return labels


def test_soft_dice_of_overlapping_bars() -> None:
    a = one_hot((4, 10), (0, 4), (5, 9))
    b = one_hot((4, 10), (2, 6), (5, 9))
    assert losses.soft_dice_loss(a, a).item() == 0
    # First class: 2 * 2 / (4 + 4) = 0.5, second: 1.
    assert losses.soft_dice_loss(a, b).item() == pytest.approx(1 - 0.75)


def test_soft_dice_leaves_classes_out_that_neither_image_holds() -> None:
    a, b = one_hot((4, 10), (0, 4), (0, 0)), one_hot((4, 10), (2, 6), (0, 0))
    assert losses.soft_dice_loss(a, b).item() == pytest.approx(0.5)
    only_one = one_hot((4, 10), (2, 6), (7, 9))
    assert losses.soft_dice_loss(a, only_one).item() == pytest.approx(0.75)
    empty = torch.zeros(1, 2, 4, 10, requires_grad=True)
    loss = losses.soft_dice_loss(empty, torch.zeros(1, 2, 4, 10))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(empty.grad).all()


def test_soft_dice_gradient_pulls_the_label_over_the_other() -> None:
    moving, fixed = one_hot((8, 16), (4, 9)), one_hot((8, 16), (6, 11))
    shift = torch.tensor(0.5, requires_grad=True)
    field = torch.stack([torch.zeros(8, 16), -shift.expand(8, 16)])[None]
    losses.soft_dice_loss(warp(moving, field), fixed).backward()
    assert shift.grad < 0


@pytest.mark.parametrize("name", ["lncc", "mind_ssc"])
@pytest.mark.parametrize("shape", [(22, 25), (13, 16, 15)])
def test_stride_leaves_no_voxel_out_and_changes_little(name: str, shape: tuple[int, ...]) -> None:
    loss = getattr(losses, name)
    generator = torch.Generator().manual_seed(0)
    warped, fixed = (torch.rand(1, 1, *shape, generator=generator) for _ in range(2))
    warped = (0.5 * (warped + fixed)).requires_grad_()
    whole, part = loss(warped, fixed), loss(warped, fixed, stride=2)
    assert part.item() == pytest.approx(whole.item(), rel=0.1)
    (gradient,) = torch.autograd.grad(part, warped)
    inner = (..., *[slice(3, -3)] * len(shape))
    assert (gradient[inner] != 0).float().mean() > 0.99
    if name == "mind_ssc":
        slabs = loss(warped, fixed, stride=2, chunk_voxels=3 * warped[0, 0, 0].numel())
        assert slabs.item() == pytest.approx(part.item(), rel=1e-5)
    with pytest.raises(ValueError, match="stride"):
        loss(warped, fixed, stride=0)


@pytest.mark.parametrize("weighted", ["nowhere", "partly", "softly"])
@pytest.mark.parametrize(
    ("shape", "channels", "window", "stride"),
    [((20, 21), 1, 9, 1), ((12, 13, 14), 1, 5, 2), ((9, 10, 11), 3, 3, 2)],
)
def test_the_gradient_of_lncc_is_that_of_autograd(
    shape: tuple[int, ...], channels: int, window: int, stride: int, weighted: str
) -> None:
    """That of the warped image alone has a formula; with that of the fixed image it has none."""
    warped, fixed = (
        torch.cat([noise(shape, 10 * seed + n) for n in range(channels)], 1).double()
        for seed in (1, 2)
    )
    warped[..., 4:9], fixed[..., :8] = 0.5, 0.3  # without contrast
    mask = None
    if weighted != "nowhere":
        mask = noise(shape, 5).double()
        if weighted == "partly":
            mask = (mask > 0.3).double()
            mask[..., : shape[-1] // 2] = 0
    found = []
    for also_fixed in (False, True):
        one = warped.clone().requires_grad_()
        other = fixed.clone().requires_grad_(also_fixed)
        value = losses.lncc(one, other, window, stride, mask)
        (3 * value).backward()
        assert one.grad is not None
        found.append((value.detach(), one.grad))
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-14, rtol=0)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-14, rtol=1e-10)
    assert found[0][1].abs().max() > 1e-4
