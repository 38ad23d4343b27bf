"""LDM-Morph at its real size (counts) and in a small configuration (behaviour)."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import integrate, warp
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.networks.ldm_morph import (
    LatentFeatures,
    LDMMorph,
    LDMMorphConfig,
    VQAutoencoder,
    noise_schedule,
)
from SlicerLDMRegLib.networks.ldm_morph.autoencoder import VectorQuantizer

SMALL = LDMMorphConfig(
    autoencoder_channels=(8, 8, 16),
    autoencoder_res_blocks=1,
    autoencoder_groups=4,
    codebook_size=32,
    unet_channels=(8, 16, 24, 32),
    unet_groups=4,
    unet_head_channels=8,
    embed_dim=8,
    low_level_channels=4,
)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def random_network(**changes: object) -> LDMMorph:
    """A small network whose head is not close to zero, so that its field says something."""
    torch.manual_seed(0)
    network = LDMMorph(dataclasses.replace(SMALL, **changes)).eval()
    torch.nn.init.normal_(network.registration.decoder.head.weight, std=0.05)
    # The U-Net's output layers start at zero: without weights there, no noise is predicted.
    for parameter in network.latent_features.unet.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return network


def images(seed: int = 1, size: tuple[int, int] = (64, 64)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 1, 8, 8, generator=generator)
    both = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return both[:1], both[1:]


@pytest.fixture(scope="module")
def paper() -> LDMMorph:
    with torch.device("meta"):
        return LDMMorph()


def test_parameter_counts_of_the_paper(paper: LDMMorph) -> None:
    features = paper.latent_features
    assert count(features.encoder.blocks) == 24_429_185
    assert count(features.unet) == 22_409_537
    assert count(paper.registration) == 29_144_934
    convolutions = [147_521, 442_497, 1_474_817, 4_129_281]
    assert [count(c) for c in paper.registration.latent_stream] == convolutions
    assert list(features.feature_channels) == [128, 192, 320, 448]
    with torch.device("meta"):
        assert count(VQAutoencoder(LDMMorphConfig())) == 60_549_766


def test_feature_levels() -> None:
    network = random_network()
    shapes = [tuple(f.shape) for f in network.features(torch.rand(2, 1, 64, 96))]
    assert shapes == [(2, 16, 16, 24), (2, 24, 8, 12), (2, 40, 4, 6), (2, 56, 2, 3)]


def test_noise_at_the_first_step_is_that_of_the_paper() -> None:
    alpha = noise_schedule().alphas_cumprod
    assert alpha[1].sqrt().item() == pytest.approx(0.99849608, abs=1e-7)
    assert (1 - alpha[1]).sqrt().item() == pytest.approx(0.05482311, abs=1e-6)
    assert alpha[999].item() == pytest.approx(1.42e-4, rel=0.01)
    features = LatentFeatures(SMALL)
    noise = torch.randn(16, 16)
    noised = features.noised(torch.ones(1, 1, 16, 16), noise=noise)
    torch.testing.assert_close(noised[0, 0], 0.99849608 + 0.05482311 * noise)


def test_the_field_is_almost_zero_at_the_start() -> None:
    torch.manual_seed(0)
    displacement = LDMMorph(SMALL).eval()(*images()).displacement
    assert 0 < displacement.abs().max() < 0.05


def test_both_images_get_the_same_noise() -> None:
    network = random_network()
    image, _ = images()
    features = network.features(torch.cat([image, image]))
    assert all(torch.allclose(f[0], f[1], atol=1e-6) for f in features)


def test_seed_decides_the_noise() -> None:
    network = random_network()
    pair = images()
    first, again, other = (network(*pair, seed=s).displacement for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noising_options_differ_and_only_seeded_depends_on_the_seed() -> None:
    latent = torch.randn(1, 1, 16, 16)
    results = {}
    for noising in ("seeded", "ddim", "none"):
        features = random_network(noising=noising).latent_features
        results[noising] = [features.noised(latent, seed) for seed in (0, 1)]
    assert not torch.equal(*results["seeded"])
    assert torch.equal(*results["ddim"])
    assert torch.equal(results["none"][0], latent)
    assert not torch.allclose(results["ddim"][0], latent, atol=1e-6)


def test_ddim_inversion_with_a_perfect_denoiser_adds_its_noise() -> None:
    """A denoiser that always answers n leads from z to sqrt(a) z + sqrt(1 - a) n exactly."""
    network = random_network(noising="ddim", noise_step=5)
    features = network.latent_features
    noise = torch.randn(1, 1, 16, 16)
    features.unet.forward = lambda x, timesteps: noise  # type: ignore[method-assign]
    latent = torch.randn(1, 1, 16, 16)
    alpha = features.alphas_cumprod[5]
    expected = alpha.sqrt() * latent + (1 - alpha).sqrt() * noise
    torch.testing.assert_close(features.noised(latent), expected, rtol=1e-4, atol=1e-4)


def test_features_need_only_half_of_the_unet() -> None:
    network = random_network()
    before = network.features(images()[0])
    del network.latent_features.unet.up_blocks, network.latent_features.unet.middle_block
    after = network.features(images()[0])
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_latent_loss_has_a_gradient_to_the_field_but_none_to_the_encoder() -> None:
    network = random_network()
    moving, fixed = images()
    displacement = torch.zeros(1, 2, 64, 64, requires_grad=True)
    encode = network.latent_features.encode
    (encode(warp(moving, displacement)) - encode(fixed)).square().mean().backward()
    assert displacement.grad is not None
    assert displacement.grad.abs().max() > 0
    assert all(p.grad is None for p in network.latent_features.parameters())


def test_frozen_part_stays_in_evaluation_mode() -> None:
    network = random_network().train()
    assert network.registration.training
    assert not network.latent_features.training
    assert not any(p.requires_grad for p in network.latent_features.parameters())


def test_lgca_second_block_changes_the_result() -> None:
    pair = images()
    cross = random_network(lgca_second="cross")(*pair).displacement
    self_ = random_network(lgca_second="self")(*pair).displacement
    assert not torch.allclose(cross, self_)


def test_integration_gives_the_exponential_of_the_velocity() -> None:
    prediction = random_network(integration_steps=5)(*images())
    assert prediction.velocity is not None
    torch.testing.assert_close(prediction.displacement, integrate(prediction.velocity, 5))
    plain = random_network()(*images())
    assert plain.velocity is None
    torch.testing.assert_close(plain.displacement, prediction.velocity)


def test_normalised_units_become_voxels_of_each_axis() -> None:
    """A head that answers 0.5 everywhere moves by a quarter of the distance first to last voxel."""
    network = random_network()
    head = network.registration.decoder.head
    torch.nn.init.zeros_(head.weight)
    assert head.bias is not None
    torch.nn.init.ones_(head.bias)  # softsign(1) = 0.5
    displacement = network(*images(size=(64, 96))).displacement
    torch.testing.assert_close(displacement[:, 0], torch.full((1, 64, 96), 63 / 4))
    torch.testing.assert_close(displacement[:, 1], torch.full((1, 64, 96), 95 / 4))


def test_batch_equals_single_pairs() -> None:
    network = random_network()
    (a, b), (c, d) = images(1), images(2)
    batch = network(torch.cat([a, c]), torch.cat([b, d])).displacement
    torch.testing.assert_close(batch[1:], network(c, d).displacement, rtol=1e-4, atol=1e-4)


def test_moving_and_fixed_are_told_apart() -> None:
    network = random_network()
    moving, fixed = images()
    forward = network(moving, fixed).displacement
    assert not torch.allclose(forward, network(fixed, moving).displacement)


def test_wrong_sizes_are_refused() -> None:
    network = random_network()
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.rand(1, 1, 60, 64), torch.rand(1, 1, 60, 64))
    with pytest.raises(ValueError, match="one shape"):
        network(torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 96))


def test_build_network_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ModelError, match="unknown method 'nope'"):
        build_network("nope", {})
    with pytest.raises(ModelError, match="unknown LDM-Morph options"):
        build_network("ldm-morph", {"colour": "red"})
    with pytest.raises(ModelError, match="noising must be one of"):
        build_network("ldm-morph", {"noising": "loud"})


def test_config_survives_json() -> None:
    assert LDMMorphConfig.from_dict(SMALL.to_dict()) == SMALL


def test_quantizer_takes_the_nearest_entry_and_lets_gradients_through() -> None:
    quantizer = VectorQuantizer(4, 1)
    with torch.no_grad():
        quantizer.codebook[:, 0] = torch.tensor([-1.0, 0.0, 1.0, 5.0])
    latent = torch.tensor([[[[-0.8, 0.3], [0.6, 9.0]]]], requires_grad=True)
    quantized = quantizer(latent)
    assert quantized.indices.flatten().tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(
        quantized.latent, torch.tensor([[[[-1.0, 0.0], [1.0, 5.0]]]]), rtol=0, atol=1e-6
    )
    quantized.latent.sum().backward()
    torch.testing.assert_close(latent.grad, torch.ones_like(latent))
    squares = torch.tensor([0.04, 0.09, 0.16, 16.0]).mean()
    torch.testing.assert_close(quantized.loss.detach(), 1.25 * squares)


def test_familiarity_is_near_for_like_images_and_far_for_others() -> None:
    network = random_network(familiarity_directions=4)
    assert network.familiarity is not None
    generator = torch.Generator().manual_seed(5)
    pattern = torch.rand(1, 1, 64, 64, generator=generator)

    def alike(count: int) -> torch.Tensor:
        weights = torch.rand(count, 1, 1, 1, generator=generator)
        return weights * pattern + 0.05 * torch.rand(count, 1, 64, 64, generator=generator)

    network.familiarity.fit(network.features(alike(60))[0])
    # The noise is the same for all images, so the summary of a constant image is not degenerate.
    near = network.familiarity(network.features(alike(20))[0])
    far = network.familiarity(network.features(torch.ones(1, 1, 64, 64))[0])
    assert (near <= 1.5).float().mean() > 0.9
    assert far.item() > 3 * near.max().item()
    familiar = alike(2)
    pair = network(familiar[:1], familiar[1:]).distance
    strange = network(familiar[:1], torch.ones(1, 1, 64, 64)).distance
    assert pair is not None
    assert strange is not None
    torch.testing.assert_close(strange, far, rtol=1e-3, atol=1e-3)
    assert pair.item() < strange.item()


def test_a_network_that_was_shown_nothing_gives_no_distance() -> None:
    assert random_network()(*images()).distance is None


def test_familiarity_is_measured_in_full_precision_inside_autocast() -> None:
    network = random_network(familiarity_directions=4)
    assert network.familiarity is not None
    features = torch.rand(60, 16, 8, 8, generator=torch.Generator().manual_seed(1))
    network.familiarity.fit(features)
    full = network.familiarity(features)
    with torch.autocast("cpu", torch.bfloat16):
        half = network.familiarity(features)
    torch.testing.assert_close(half, full)
