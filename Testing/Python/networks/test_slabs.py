"""Large volumes are computed in slabs, and get what they get as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.networks.backbones import lku_net, slabs
from SlicerLDMRegLib.networks.backbones.lku_net import LKUNet
from SlicerLDMRegLib.networks.regions import Regions
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig, region_filters


@pytest.fixture
def thin(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Make the slabs thin, and return the list of the shapes that they are computed from."""
    seen: list[tuple[int, ...]] = []
    in_slabs = slabs.in_slabs

    def watched(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
        def watch(*maps: Tensor) -> Tensor:
            seen.append(tuple(maps[0].shape[2:]))
            return function(*maps)

        return in_slabs(watch, *arguments)

    monkeypatch.setattr(slabs, "_LARGE", 1)
    monkeypatch.setattr(slabs, "_SLAB", 1)
    monkeypatch.setattr(slabs, "_LEAST_PLANES", 4)
    monkeypatch.setattr(lku_net, "in_slabs", watched)
    return seen


def pair(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    moving, fixed = torch.rand(2, 2, 1, *shape, generator=generator)
    return moving, fixed


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("shape", [(32, 16, 16), (48, 16, 32), (16, 32, 16)])
def test_slabs_give_the_features_of_the_whole(
    kernel: int, shape: tuple[int, ...], thin: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(kernel)
    network = LKUNet(4, kernel).eval()
    images = pair(*shape)
    whole = network(*images).detach()  # with gradients: as a whole
    assert not thin
    with torch.inference_mode():
        found = network(*images)
    assert len(thin) >= 6 and max(depth for depth, *_ in thin) < max(shape[0], 17)
    assert found.shape == whole.shape
    assert (found - whole).abs().max() < 1e-5 * whole.abs().max()


def test_fused_networks_and_deep_ones_too(thin: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    network = LKUNet(2, 5).eval()
    images = pair(64, 16, 16)
    whole = network(*images).detach()
    network.fuse()
    with torch.no_grad():
        found = network(*images)
    assert thin and (found - whole).abs().max() < 1e-5 * whole.abs().max()


def test_small_images_slices_and_full_resolution_need_no_slabs(
    thin: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.inference_mode():
        LKUNet(2, output="full").eval()(*pair(16, 16, 16))
        LKUNet(2, spatial_dims=2).eval()(*pair(16, 16))
        monkeypatch.setattr(slabs, "_LARGE", 10**6)
        LKUNet(2).eval()(*pair(16, 16, 16))
    assert not thin


@pytest.mark.parametrize("filters", ["blended", "residual"])
def test_fields_in_parts_are_those_of_the_whole(
    filters: Any, thin: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    config = TextSCFConfig(
        backbone_arguments={"start_channels": 4}, regions=5, text_channels=8, hidden_channels=8,
        filters=filters, integration_steps=3,
    )  # fmt: skip
    network = TextSCF(config).eval()
    moving, fixed = pair(32, 16, 32)
    labels = torch.randint(0, 5, fixed.shape, generator=torch.Generator().manual_seed(2))
    regions = Regions(labels, torch.rand(fixed.shape))
    whole = network(moving, fixed, regions=regions).displacement.detach()
    monkeypatch.setattr(region_filters, "_AT_ONCE", 500)
    with torch.inference_mode():
        found = network(moving, fixed, regions=regions).displacement
    assert thin and whole.abs().max() > 0
    assert (found - whole).abs().max() < 1e-5 * whole.abs().max()


def test_activations_write_into_what_they_get_only_without_gradients() -> None:
    activation = lku_net._PReLU().eval()
    values = torch.randn(1, 2, 3, 3)
    kept = values.clone()
    expected = torch.nn.functional.prelu(values, activation.weight)
    assert torch.equal(activation(values), expected) and torch.equal(values, kept)
    with torch.no_grad():
        assert torch.equal(activation(values), expected)
    assert torch.equal(values, expected.detach())
    assert list(activation.state_dict()) == ["weight"]
