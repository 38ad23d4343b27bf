from __future__ import annotations

from typing import Any

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks import build_network

SHIPPED = {"features": [16, 16, 32, 64, 128, 16], "classes": 36}


def test_logits_have_a_channel_for_each_class_and_the_size_of_the_image() -> None:
    network = build_network("unet", {"features": [4, 4, 4, 4, 4, 4], "classes": 5})
    assert network(torch.rand(2, 1, 32, 16, 48)).shape == (2, 5, 32, 16, 48)


def test_the_shipped_configuration_is_compact() -> None:
    with torch.device("meta"):
        network = build_network("unet", SHIPPED)
        assert network(torch.empty(1, 1, 96, 112, 80)).shape == (1, 36, 96, 112, 80)
    # 3x3x3 convolutions from 16 to 128 channels: by hand about 1.4 million.
    assert 1.2e6 < sum(p.numel() for p in network.parameters()) < 1.6e6


def test_contrast_and_brightness_of_the_whole_image_hardly_matter() -> None:
    """Instance normalisation: what distinguishes this network from one with batch statistics."""
    torch.manual_seed(0)
    network = build_network("unet", {"features": [4] * 6, "classes": 3}).eval()
    image = torch.rand(1, 1, 32, 32, 32)
    with torch.no_grad():
        inner = (..., slice(8, 24), slice(8, 24), slice(8, 24))
        difference = (network(image) - network(0.5 * image)).abs()[inner].max()
    assert difference < 1e-2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "classes must be an integer of at least 2, got nothing"),
        ({"classes": 1}, "classes must be an integer of at least 2, got 1"),
        ({"classes": 3, "features": [4, 4]}, "features must be 6 positive integers"),
        ({"classes": 3, "colour": "red"}, r"unknown U-Net options \['colour'\]"),
    ],
)
def test_options_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_network("unet", arguments)
