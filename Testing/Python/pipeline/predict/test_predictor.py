"""The predictor: what it remembers of an image, and that memory changes nothing."""

from __future__ import annotations

import pytest
import torch

from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
from SlicerLDMRegLib.pipeline.predict.predictor import Predictor

SMALL = LDMMorphConfig(
    autoencoder_channels=(8, 8, 8),
    autoencoder_res_blocks=1,
    autoencoder_groups=4,
    codebook_size=16,
    unet_channels=(8, 8, 8, 8),
    unet_groups=4,
    unet_head_channels=8,
    embed_dim=8,
    low_level_channels=4,
    integration_steps=3,
)


class Counting(LDMMorph):
    """Counts the images that are encoded."""

    encoded = 0

    def features(self, images: torch.Tensor, seed: int = 0) -> list[torch.Tensor]:
        self.encoded += len(images)
        return super().features(images, seed)


@pytest.fixture
def network() -> Counting:
    torch.manual_seed(0)
    network = Counting(SMALL).eval()
    torch.nn.init.normal_(network.registration.decoder.head.weight, std=0.05)
    return network


def image(seed: int) -> torch.Tensor:
    return torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_an_image_is_encoded_once_and_known_by_its_content(network: Counting) -> None:
    predictor = Predictor(network)
    first = predictor.predict(image(1), image(2))
    assert network.encoded == 2
    again = predictor.predict(image(1), image(2).clone())
    assert network.encoded == 2
    torch.testing.assert_close(again.displacement, first.displacement, rtol=0, atol=0)
    predictor.predict(image(1), image(3))
    assert network.encoded == 3, "only the new image"
    predictor.predict(image(1), image(2) + 1e-6)
    assert network.encoded == 4, "the smallest change makes another image"
    predictor.predict(image(1), image(2), seed=7)
    assert network.encoded == 6, "another seed, other features"
    predictor.memory.clear()
    predictor.predict(image(1), image(2))
    assert network.encoded == 8


def test_memory_gives_what_the_network_gives(network: Counting) -> None:
    direct = network(image(1), image(2), seed=5).displacement
    predictor = Predictor(network)
    predictor.predict(image(2), image(3), seed=5)
    cached = predictor.predict(image(1), image(2), seed=5)
    torch.testing.assert_close(cached.displacement, direct.detach(), rtol=1e-4, atol=1e-4)
    assert cached.velocity is not None


def test_the_oldest_image_is_forgotten_first(network: Counting) -> None:
    predictor = Predictor(network, cache_size=2)
    predictor.predict(image(1), image(2))
    predictor.predict(image(3), image(2))
    network.encoded = 0
    predictor.predict(image(2), image(3))
    assert network.encoded == 0
    predictor.predict(image(1), image(2))
    assert network.encoded == 1


def test_an_image_that_comes_back_is_kept(network: Counting) -> None:
    """The reference of a series: unused for longest is not the same as encoded first."""
    predictor = Predictor(network, cache_size=2)
    predictor.predict(image(1), image(2))
    predictor.predict(image(1), image(1))
    predictor.predict(image(3), image(3))
    network.encoded = 0
    predictor.predict(image(1), image(3))
    assert network.encoded == 0


def test_a_repeated_image_of_a_batch_is_encoded_once(network: Counting) -> None:
    Predictor(network).predict(
        image(1).repeat(3, 1, 1, 1), torch.cat([image(n) for n in (2, 3, 1)])
    )
    assert network.encoded == 3


def test_half_precision_gives_a_float32_field_near_the_full_one(network: Counting) -> None:
    full = Predictor(network).predict(image(1), image(2)).displacement
    half = Predictor(network, torch.bfloat16).predict(image(1), image(2)).displacement
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    assert (half - full).abs().mean() < 0.05 * full.abs().mean()
