"""VoxelMorph, TransMorph and LapIRN, alone and under the heads of textSCF."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import integrate, warp
from SlicerLDMRegLib.networks.backbones import BackboneOutput, build_backbone
from SlicerLDMRegLib.networks.backbones.lku_net import LargeKernelBlock
from SlicerLDMRegLib.networks.regions import Regions
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig

# The real classes, narrow. Without drop path, which skips whole blocks at random.
SMALL: dict[str, dict[str, Any]] = {
    "voxelmorph": {"encoder": [4, 6, 6, 6], "decoder": [6, 6, 6, 6], "final": [6, 4, 4]},
    "transmorph": {
        "image_size": [64, 64, 64],
        "embed_dim": 8,
        "depths": [2, 2, 2, 1],
        "heads": [1, 2, 2, 4],
        "head_channels": 6,
        "drop_path": 0.0,
    },
    "lapirn": {"start_channels": 1, "blocks": 2},
}
CHANNELS = {"voxelmorph": 4, "transmorph": 6, "lapirn": 4}
SIZE = (16, 48, 32)
REGIONS = 4


def build(name: str, filters: str = "none", **changes: Any) -> TextSCF:
    torch.manual_seed(0)
    config = TextSCFConfig(
        backbone=name,
        backbone_arguments=SMALL[name] | changes.pop("backbone_arguments", {}),
        filters=filters,  # type: ignore[arg-type]
        regions=REGIONS,
        text_channels=5,
        hidden_channels=8,
        **changes,
    )
    network = TextSCF(config)
    if filters != "none":
        network.embeddings.copy_(torch.randn(REGIONS, 5))
    return network.eval()


def volumes(size: tuple[int, ...] = SIZE, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 1, 6, 6, 6, generator=generator)
    both = torch.nn.functional.interpolate(coarse, size=size, mode="trilinear")
    return both[:1], both[1:]


def regions(size: tuple[int, ...] = SIZE) -> Regions:
    generator = torch.Generator().manual_seed(2)
    labels = torch.randint(0, REGIONS, (1, 1, *size), generator=generator)
    return Regions(labels, torch.rand(1, 1, *size, generator=generator))


def awaken(network: torch.nn.Module) -> None:
    """Give weights that start near zero a size, so that the fields say something."""
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        if parameter.ndim == 5 and parameter.std() < 1e-3:
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "arguments", "head", "expected"),
    [
        ("voxelmorph", {}, 16 * 3 * 27 + 3, 301_411),
        ("transmorph", {}, 16 * 3 * 27 + 3, 108_343_907),
        ("transmorph", {"variant": "base"}, 16 * 3 * 27 + 3, 46_771_251),
        ("lapirn", {"start_channels": 32}, 128 * 3 * 27, 19_045_248),
    ],
)
def test_parameter_counts_of_the_papers(
    name: str, arguments: dict[str, Any], head: int, expected: int
) -> None:
    with torch.device("meta"):
        assert count(build_backbone(name, arguments)) + head == expected


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("filters", ["none", "blended", "residual"])
def test_field_with_every_head(name: str, filters: str) -> None:
    network = build(name, filters)
    assert network.backbone.out_channels == CHANNELS[name]
    pair = volumes()
    prediction = network(*pair, regions=regions() if network.uses_regions else None)
    assert prediction.displacement.shape == (1, 3, *SIZE)
    assert prediction.displacement.dtype == torch.float32
    again = network(*pair, regions=regions() if network.uses_regions else None)
    assert torch.equal(prediction.displacement, again.displacement)
    swapped = network(*pair[::-1], regions=regions() if network.uses_regions else None)
    assert not torch.equal(prediction.displacement, swapped.displacement)


@pytest.mark.parametrize("name", SMALL)
def test_plain_head_starts_at_the_identity(name: str) -> None:
    displacement = build(name)(*volumes()).displacement
    assert 0 < displacement.abs().max() < 0.01


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("filters", ["none", "blended"])
def test_gradient_reaches_every_parameter(name: str, filters: str) -> None:
    network = build(name, filters).train()
    displacement = network(*volumes(), regions=regions()).displacement
    (displacement * torch.randn_like(displacement)).sum().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("size", [(3, 4, 3), (6, 5, 7)])
def test_large_kernels_learn_in_bfloat16_on_any_lattice(size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    block, worst = LargeKernelBlock(64), 0.0
    for _ in range(30):  # memory that was not written is wrong now and then
        x = torch.randn(1, 64, *size)
        gradients = []
        for lower in (False, True):
            block.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=lower):
                loss = (block(x).float() ** 2).mean()
            loss.backward()
            gradients.append(block.large.weight.grad.clone())
        exact, found = gradients
        worst = max(worst, float((found - exact).norm() / exact.norm()))
    assert worst < 0.02


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_is_close_and_its_field_float32(name: str) -> None:
    network = build(name, "blended")
    pair = volumes()
    full = network(*pair, regions=regions()).displacement
    with torch.autocast("cpu", torch.bfloat16):
        half = network(*pair, regions=regions()).displacement
    assert half.dtype == torch.float32
    assert half.isfinite().all()
    assert (half - full).abs().max() < 0.2 * full.abs().max()


@pytest.mark.parametrize("name", SMALL)
def test_features_become_a_velocity_when_integrated(name: str) -> None:
    network = build(name, integration_steps=7)
    awaken(network)
    prediction = network(*volumes())
    velocity = prediction.velocity
    assert velocity is not None
    assert velocity.abs().max() > 0.05
    torch.testing.assert_close(prediction.displacement, integrate(velocity, 7))
    torch.testing.assert_close(prediction.inverse, integrate(-velocity, 7))


@pytest.mark.parametrize(("name", "divisor"), [("voxelmorph", 16), ("lapirn", 8)])
def test_divisor_is_the_smallest_that_works(name: str, divisor: int) -> None:
    network = build(name)
    assert network.divisor == divisor
    network(*volumes((divisor, 2 * divisor, divisor)))
    with pytest.raises(ValueError, match=f"multiples of {divisor}"):
        network(*volumes((divisor, 3 * divisor // 2, divisor)))
    with pytest.raises(RuntimeError):
        network.backbone(*volumes((divisor, 3 * divisor // 2, divisor)))


@pytest.mark.parametrize("size", [(32, 40, 17), (5, 33, 64)])
def test_transmorph_takes_any_size(size: tuple[int, int, int]) -> None:
    network = build("transmorph")
    assert network.divisor == 1
    assert network(*volumes(size)).displacement.shape == (1, 3, *size)


def test_transmorph_pads_with_zeros_at_the_end_and_crops() -> None:
    backbone = build("transmorph").backbone
    pair = volumes((20, 32, 40))
    padded = [torch.nn.functional.pad(v, (0, 24, 0, 0, 0, 12)) for v in pair]
    expected = backbone(*padded)[..., :20, :, :40]
    torch.testing.assert_close(backbone(*pair), expected)


def test_transmorph_window_follows_the_image_size() -> None:
    with torch.device("meta"):
        large = build_backbone("transmorph", {})
        ours = build_backbone("transmorph", {"image_size": [80, 112, 96]})
    assert large.encoder.stages[0].window_size == (5, 6, 7)
    assert ours.encoder.stages[0].window_size == (3, 4, 3)


def test_transmorph_sees_beyond_a_convolution() -> None:
    """Attention carries a change in one corner across the window to the other side."""
    backbone = build("transmorph").backbone
    moving, fixed = volumes((32, 32, 64))
    changed = moving.clone()
    changed[..., :4] = 1
    difference = backbone.encoder(torch.cat([changed - moving, fixed - fixed], dim=1))[0]
    nothing = backbone.encoder(torch.zeros(1, 2, 32, 32, 64))[0]
    # The first level has tokens of 4 voxels and no convolution between them.
    assert (difference - nothing)[..., 1:].abs().max() > 1e-3


class TestLapIRN:
    """What is its own: fields at three levels."""

    def test_coarse_levels_are_the_base(self) -> None:
        network = build("lapirn")
        output = network.backbone(*volumes())
        assert isinstance(output, BackboneOutput)
        awaken(network)
        features, base = network.backbone(*volumes())
        assert base is not None
        expected = base + network.head(features)
        torch.testing.assert_close(network(*volumes()).displacement, expected)
        assert base.abs().max() > 0.1

    def test_normalised_units_become_voxels_of_each_axis(self) -> None:
        """Coarse levels that answer far above 1 move by their reach, 0.4 of half the extent."""
        backbone = build("lapirn").backbone
        for level, sign in enumerate((1, -1)):
            layer = backbone.flows[level]
            torch.nn.init.zeros_(layer.weight)
            layer.bias = torch.nn.Parameter(torch.full((3,), sign * 1e6))
        _, base = backbone(*volumes())
        assert base.abs().max() < 1e-3
        backbone.flows[1].bias.data.abs_()
        _, base = backbone(*volumes())
        for axis, size in enumerate(SIZE):
            expected = torch.full((1, *SIZE), 2 * 0.4 * size / 2)
            torch.testing.assert_close(base[:, axis], expected, rtol=1e-4, atol=1e-3)

    @pytest.mark.parametrize("steps", [0, 4])
    def test_finer_levels_see_the_warped_moving_image(self, steps: int) -> None:
        network = build("lapirn", integration_steps=steps)
        awaken(network)
        seen = []
        finest = network.backbone.levels[2]
        finest.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        moving, fixed = volumes()
        _, base = network.backbone(moving, fixed)
        displacement = integrate(base, steps) if steps else base
        torch.testing.assert_close(seen[0][:, :1], warp(moving, displacement))
        torch.testing.assert_close(seen[0][:, 1:2], fixed)

    def test_integrates_as_the_network_does(self) -> None:
        with pytest.raises(ModelError, match="must be those of the network, 7, got 5"):
            build("lapirn", integration_steps=7, backbone_arguments={"integration_steps": 5})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("voxelmorph", {"decoder": [8, 8]}, "one width for each level"),
        ("transmorph", {"variant": "huge"}, "variant must be one of"),
        ("transmorph", {"depths": [2, 2]}, "must have 4 numbers"),
        ("transmorph", {"embed_dim": 10}, "heads of a level must divide"),
        ("lapirn", {"start_channels": 0}, "must be at least 1"),
        ("lapirn", {"colour": "red"}, "colour"),
    ],
)
def test_wrong_options_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_backbone(name, arguments)
