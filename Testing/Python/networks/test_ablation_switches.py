"""Switches of LDM-Morph's ablation, and backbones in 2D."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks.backbones import BackboneOutput, build_backbone
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig

SMALL = LDMMorphConfig(
    autoencoder_channels=(8, 8, 8), autoencoder_groups=4, autoencoder_res_blocks=1,
    unet_channels=(8, 8, 8, 8), unet_groups=4, unet_head_channels=4, embed_dim=8,
    depths=(1, 1, 1, 1), codebook_size=16, low_level_channels=4,
)  # fmt: skip
GLOBAL = replace(SMALL, latent_stream=False, cross_attention=False)
FEATURES = replace(SMALL, cross_attention=False)


def network(config: LDMMorphConfig) -> LDMMorph:
    torch.manual_seed(0)
    made = LDMMorph(config).eval()
    torch.nn.init.normal_(made.registration.decoder.head.weight)
    return made


@pytest.mark.parametrize("config", [SMALL, GLOBAL, FEATURES])
def test_every_weight_of_a_variant_takes_part(config: LDMMorphConfig) -> None:
    made = network(config)
    images = torch.rand(2, 1, 1, 64, 64)
    displacement = made(images[0], images[1]).displacement
    assert displacement.shape == (1, 2, 64, 64)
    displacement.square().sum().backward()
    idle = {n for n, p in made.registration.named_parameters() if p.grad is None}
    assert not idle


def test_each_switch_takes_its_part_away() -> None:
    names = {
        key: {name.split(".")[0] for name, _ in network(config).registration.named_parameters()}
        for key, config in (("all", SMALL), ("features", FEATURES), ("global", GLOBAL))
    }
    assert names["all"] - names["features"] == {"lgca"}
    assert names["features"] - names["global"] == {"latent_stream"}


@pytest.mark.parametrize(("config", "matters"), [(SMALL, True), (FEATURES, True), (GLOBAL, False)])
def test_the_diffusion_features_matter_only_with_their_stream(
    config: LDMMorphConfig, matters: bool
) -> None:
    made = network(config)
    moving, fixed = torch.rand(2, 1, 1, 64, 64)
    features = made.features(torch.cat([moving, fixed]))
    both = [f.chunk(2) for f in features]
    first, second = ([f[i] for f in both] for i in (0, 1))
    with torch.no_grad():
        one = made.predict(moving, fixed, first, second).displacement
        other = made.predict(moving, fixed, [f + 1 for f in first], second).displacement
    assert (not torch.equal(one, other)) == matters


def test_attention_without_a_second_stream_is_refused() -> None:
    with pytest.raises(ModelError, match="without latent_stream set it to false"):
        LDMMorphConfig(latent_stream=False)
    assert LDMMorphConfig.from_dict(GLOBAL.to_dict()) == GLOBAL


BACKBONES: dict[str, dict[str, Any]] = {
    "voxelmorph": {},
    "lku-net": {"start_channels": 4, "output": "full"},
    "lapirn": {"start_channels": 1, "blocks": 1},
    "transmorph": {"image_size": [64, 96], "embed_dim": 8, "depths": [1, 1, 1, 1],
                   "heads": [1, 1, 1, 1]},
}  # fmt: skip


@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_are_the_same_in_2d(name: str) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name, {**BACKBONES[name], "spatial_dims": 2}).eval()
    moving, fixed = torch.rand(2, 1, 1, 64, 96)
    with torch.no_grad():
        output = backbone(moving, fixed)
        features, base = output if isinstance(output, BackboneOutput) else (output, None)
        assert features.shape == (1, backbone.out_channels, 64, 96)
        assert (base is None) != (name == "lapirn")
        if base is not None:
            assert base.shape == (1, 2, 64, 96)
        backbone.fuse()
        again = backbone(moving, fixed)
    again = again.features if isinstance(again, BackboneOutput) else again
    torch.testing.assert_close(again, features, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_plane_repeated_in_depth_needs_the_network_of_volumes(name: str) -> None:
    with pytest.raises(ModelError, match="spatial_dims must be 2 or 3, got 4"):
        build_backbone(name, {"spatial_dims": 4})
