from __future__ import annotations

from typing import Any

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks import build_network

SHIPPED = {"features": [24, 48, 96, 128, 160, 32], "classes": 36, "patch": 2}


def test_logits_have_a_channel_for_each_class_and_the_size_of_the_image() -> None:
    network = build_network("unet", {"features": [4, 4, 4, 4, 4, 4], "classes": 5})
    assert network(torch.rand(2, 1, 32, 16, 48)).shape == (2, 5, 32, 16, 48)


def test_the_shipped_configuration_is_compact() -> None:
    with torch.device("meta"):
        network = build_network("unet", SHIPPED)
        assert network(torch.empty(1, 1, 96, 112, 80)).shape == (1, 36, 96, 112, 80)
    assert 4.8e6 < sum(p.numel() for p in network.parameters()) < 4.9e6


def test_blocks_of_voxels_keep_their_place() -> None:
    """With a head that hands on its input, block logits must come back to their own voxels."""
    network = build_network("unet", {"features": [4] * 6, "classes": 2, "patch": 2}).eval()
    image = torch.rand(1, 1, 32, 64, 64)
    # Class 1 of each voxel = the voxel's own intensity, whatever the U-Net does before.
    blocks = {}
    network.conv_0.register_forward_pre_hook(lambda _, inputs: blocks.update(x=inputs[0]))
    network.final_conv.register_forward_hook(
        lambda *_: torch.stack([0 * blocks["x"], blocks["x"]], 1).flatten(1, 2)
    )
    with torch.no_grad():
        assert torch.equal(network(image)[:, 1:], image)


def test_contrast_and_brightness_of_the_whole_image_hardly_matter() -> None:
    """Group normalisation: what distinguishes this network from one with batch statistics."""
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
        ({"classes": 3, "patch": 0}, "patch must be an integer from 1 to 4, got 0"),
        ({"classes": 3, "colour": "red"}, r"unknown U-Net options \['colour'\]"),
    ],
)
def test_options_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_network("unet", arguments)
