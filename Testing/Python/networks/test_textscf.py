"""textSCF: regions choose the filters; the head, its limits, and the folded table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import compose
from SlicerLDMRegLib.networks import Regions, build_network
from SlicerLDMRegLib.networks.backbones.lku_net import LargeKernelBlock, LKUNet
from SlicerLDMRegLib.networks.textscf import (
    BlendedFilters,
    ResidualFilters,
    TextSCF,
    TextSCFConfig,
    filter_by_region,
)

SHAPE = (32, 16, 48)


def network(**options: Any) -> TextSCF:
    torch.manual_seed(0)
    arguments = {
        "backbone_arguments": {"start_channels": 4},
        "regions": 5,
        "text_channels": 6,
        "hidden_channels": 8,
        **options,
    }
    built = TextSCF(TextSCFConfig.from_dict(arguments))
    if built.uses_regions:
        built.embeddings.normal_()
    return built.eval()


def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    volumes = torch.rand(2, 1, 1, *SHAPE, generator=generator)
    return volumes[0], volumes[1]


def labels(rows: int = 5, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randint(0, rows, (1, 1, *shape), generator=torch.Generator().manual_seed(2))


@pytest.fixture(autouse=True)
def _no_gradient() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("functions", [1, 3])
@pytest.mark.parametrize("filters", ["blended", "residual"])
def test_the_folded_table_gives_what_the_functions_give(filters: str, functions: int) -> None:
    net = network(filters=filters, functions=functions)
    moving, fixed = pair()
    folded = net(moving, fixed, regions=Regions(labels()))
    full = net(moving, fixed, regions=Regions(labels(), filters=net.filter_table(net.embeddings)))
    assert (folded.displacement - full.displacement).abs().max() < 1e-5
    net.drop_function()
    dropped = net(moving, fixed, regions=Regions(labels()))
    assert torch.equal(dropped.displacement, folded.displacement)
    with pytest.raises(ModelError, match="knows no new prompts"):
        net.filter_table(net.embeddings)


def test_leaving_training_folds_what_was_learned() -> None:
    net = network()
    before = net.filters.clone()
    net.train()
    net.function.functions[0][-1].bias += 1.0  # type: ignore[union-attr, index, operator]
    assert torch.equal(net.filters, before)
    net.eval()
    assert torch.allclose(net.filters, before + 1.0, atol=1e-6)


def test_one_function_and_three_number_their_outputs_alike() -> None:
    one, three = network(functions=1), network(functions=3)
    assert one.function is not None and three.function is not None
    last = one.function.functions[0][-1]  # type: ignore[index]
    channels = 8
    for axis, function in enumerate(three.function.functions):
        function.load_state_dict(  # type: ignore[operator]
            {
                **{
                    k: v
                    for k, v in one.function.functions[0].state_dict().items()
                    if not k.startswith("4")
                },
                "4.weight": last.weight[axis * channels : (axis + 1) * channels],  # type: ignore[union-attr, index]
                "4.bias": last.bias[axis * channels : (axis + 1) * channels],  # type: ignore[union-attr, index]
            }
        )
    assert torch.allclose(one.filter_table(one.embeddings), three.filter_table(one.embeddings))


def test_a_region_reads_the_features_with_its_own_filter() -> None:
    features = torch.randn(2, 3, 4, 5, 6)
    table = torch.randn(4, 3, 3)
    rows = torch.randint(0, 4, (2, 1, 4, 5, 6))
    field = filter_by_region(features, rows, table)
    assert field.shape == (2, 3, 4, 5, 6)
    for b, z, y, x in [(0, 0, 0, 0), (1, 3, 4, 5), (0, 2, 1, 3)]:
        expected = table[rows[b, 0, z, y, x]].T @ features[b, :, z, y, x]
        assert torch.allclose(field[b, :, z, y, x], expected, atol=1e-5)


def test_exchanging_rows_of_table_and_labels_changes_nothing() -> None:
    features, table, rows = torch.randn(1, 3, 4, 4, 4), torch.randn(5, 3, 3), labels(5, (4, 4, 4))
    order = torch.tensor([3, 0, 4, 1, 2])
    moved = torch.empty_like(table)
    moved[order] = table
    a, b = filter_by_region(features, rows, table), filter_by_region(features, order[rows], moved)
    assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("bad", [-1, 5])
def test_labels_that_name_no_row_are_refused(bad: int) -> None:
    rows = labels(5, (4, 4, 4))
    rows[0, 0, 0, 0, 0] = bad
    with pytest.raises(ValueError, match="expected labels from 0 to 4"):
        filter_by_region(torch.randn(1, 3, 4, 4, 4), rows, torch.randn(5, 3, 3))


def test_labels_on_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="expected labels"):
        filter_by_region(torch.randn(1, 3, 4, 4, 4), labels(5, (4, 4, 8)), torch.randn(5, 3, 3))


def test_blending_holds_both_limits() -> None:
    """Equation 4: p = 1 is the region's filter alone, p = 0 the common filter alone."""
    head, features = BlendedFilters(3), torch.randn(1, 3, 4, 4, 4)
    rows, table = labels(5, (4, 4, 4)), torch.randn(5, 3, 3)
    region, common = filter_by_region(features, rows, table), head.common(features)
    for p, expected in ((1.0, region), (0.0, common), (0.25, 0.25 * region + 0.75 * common)):
        confidence = torch.full(rows.shape, p)
        field = head(features, Regions(rows, confidence), table)
        assert torch.allclose(field, expected, atol=1e-6), p
    assert torch.equal(head(features, Regions(rows), table), region)


def test_equal_filters_everywhere_are_a_plain_linear_head() -> None:
    head, features = BlendedFilters(3), torch.randn(1, 3, 4, 4, 4)
    table = head.common.weight[:, :, 0, 0, 0].T.expand(5, 3, 3)
    rows = labels(5, (4, 4, 4))
    for p in (0.0, 0.5, 1.0):
        field = head(features, Regions(rows, torch.full(rows.shape, p)), table)
        assert torch.allclose(field, head.common(features), atol=1e-6)


def test_the_residual_form_adds_a_convolution_to_the_region_filters() -> None:
    head, features = ResidualFilters(3), torch.randn(1, 3, 4, 4, 4)
    rows, table = labels(5, (4, 4, 4)), torch.randn(5, 3, 3)
    region = filter_by_region(features, rows, table)
    assert torch.allclose(head(features, Regions(rows), table), region, atol=1e-3)
    unknown = Regions(rows, torch.zeros(rows.shape))
    assert torch.allclose(head(features, unknown, table), head.common(features), atol=1e-6)


def test_without_regions_the_field_is_that_of_the_common_filter() -> None:
    net, (moving, fixed) = network(), pair()
    nothing = Regions(torch.zeros(1, 1, *SHAPE).long(), torch.zeros(1, 1, *SHAPE))
    without = net(moving, fixed).displacement
    assert torch.equal(without, net(moving, fixed, regions=nothing).displacement)
    assert not torch.allclose(without, net(moving, fixed, regions=Regions(labels())).displacement)


class _Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in out if isinstance(out, tuple | list) else (out,):
            if isinstance(t, Tensor):
                self.elements = max(self.elements, t.numel())
        return out


def test_filters_are_never_spread_over_the_voxels() -> None:
    channels, shape = 24, (16, 16, 16)
    features = torch.randn(1, channels, *shape)
    head, rows, table = BlendedFilters(channels), labels(5, shape), torch.randn(5, channels, 3)
    with _Largest() as largest:
        head(features, Regions(rows, torch.ones(rows.shape)), table)
    assert largest.elements <= features.numel() < 3 * features.numel()


def test_inverse_and_displacement_come_from_one_call_and_undo_each_other() -> None:
    net, (moving, fixed) = network(integration_steps=7), pair()
    net.filters *= 30  # an untrained field is too small to test anything
    prediction = net(moving, fixed, regions=Regions(labels(2)))
    u, v = prediction.displacement, prediction.inverse
    assert u.abs().max() > 1.0
    inner = (..., *[slice(6, -6) if n > 16 else slice(4, -4) for n in SHAPE])
    assert compose(v, u)[inner].abs().mean() < 0.1 * u[inner].abs().mean()
    assert net.train()(moving, fixed, regions=Regions(labels())).inverse is None


def test_constant_velocity_stays_itself() -> None:
    """Scaling, squaring and up-sampling must keep a translation a translation, in voxels."""
    net, (moving, fixed) = network(integration_steps=7), pair()
    net.head = _Constant([1.5, -2.0, 0.5])
    prediction = net(moving, fixed)
    expected = torch.tensor([1.5, -2.0, 0.5]).view(1, 3, 1, 1, 1)
    for field, sign in ((prediction.displacement, 1), (prediction.inverse, -1)):
        assert (field - sign * expected).abs().max() < 1e-5
    assert (prediction.velocity - expected).abs().max() < 1e-6


class _Constant(torch.nn.Module):
    def __init__(self, vector: list[float]) -> None:
        super().__init__()
        self.vector = torch.tensor(vector).view(1, 3, 1, 1, 1)

    def forward(self, features: Tensor, regions: Regions, filters: Tensor) -> Tensor:
        return self.vector.expand(-1, -1, *features.shape[2:])


def test_plain_heads_begin_at_the_identity() -> None:
    net, (moving, fixed) = network(filters="none"), pair()
    assert net(moving, fixed).displacement.abs().max() < 1e-2
    assert not net.uses_regions


@pytest.mark.parametrize("output", ["half", "full"])
def test_large_kernels_fuse_into_one_convolution(output: str) -> None:
    torch.manual_seed(0)
    backbone = LKUNet(4, output=output).eval()  # type: ignore[arg-type]
    moving, fixed = pair()
    before = backbone(moving, fixed)
    parameters = sum(p.numel() for p in backbone.parameters())
    backbone.fuse()
    assert (backbone(moving, fixed) - before).abs().max() < 1e-4
    assert sum(p.numel() for p in backbone.parameters()) < parameters
    backbone.fuse()  # twice is once
    assert (backbone(moving, fixed) - before).abs().max() < 1e-4
    blocks = [m for m in backbone.modules() if isinstance(m, LargeKernelBlock)]
    assert len(blocks) == 4 and all(b.regular is None for b in blocks)


def test_the_signal_does_not_fade_on_its_way() -> None:
    torch.manual_seed(0)
    moving, fixed = pair()
    features = LKUNet(8)(moving, fixed)
    assert 0.05 < float(features.std(dim=(2, 3, 4)).mean()) < 5


def test_gradient_reaches_every_parameter() -> None:
    net, (moving, fixed) = network(integration_steps=7).train(), pair()
    confidence = torch.rand(1, 1, *SHAPE)
    with torch.enable_grad():
        field = net(moving, fixed, regions=Regions(labels(), confidence)).displacement
        field.square().mean().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": "magic"}, "filters must be one of"),
        ({"functions": 2}, "functions must be one of"),
        ({"regions": 0}, "regions must be an integer of at least 1"),
        ({"backbone": "unet"}, "unknown backbone 'unet'"),
        ({"backbone_arguments": {"colour": 1}}, "unexpected keyword argument 'colour'"),
        ({"colour": "red"}, r"unknown textSCF options \['colour'\]"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_network("textscf", options)


def test_volumes_that_do_not_fit_are_refused() -> None:
    net = network()
    small = torch.rand(1, 1, 30, 16, 16)
    with pytest.raises(ValueError, match=r"multiples of 16, got \(1, 1, 30, 16, 16\); pad them"):
        net(small, small)
    with pytest.raises(ValueError, match="one shape"):
        net(pair()[0], torch.rand(1, 1, 16, 16, 16))
    with pytest.raises(ModelError, match=r"expected embeddings \(n, 6\), got \(2, 7\)"):
        net.filter_table(torch.rand(2, 7))
