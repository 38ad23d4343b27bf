"""LapIRN level by level: what is trained in which step, at which resolution, and what is frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from lightning_fabric import Fabric

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.functional import integrate, warp
from SlicerLDMRegLib.losses import label_dice_loss, lncc, smoothness
from Testing.Python.training.tiny_stages import write_cardiac_pairs
from training.baselines.networks import Objective, build_baseline
from training.baselines.networks.lapirn import ProgressiveLapIRN
from training.config import StageConfig, find_config
from training.loop import Step
from training.stages import build_stage

SHARES = {"level_shares": [0.25, 0.25], "frozen_share": 0.125}
OBJECTIVE = Objective("lncc", smoothness=0.5, dice=1.0, window=7, scales=3, classes=3)


def build(dimension: int = 2, integration_steps: int = 0, **options: Any) -> ProgressiveLapIRN:
    torch.manual_seed(3)
    arguments = {"start_channels": 1, "blocks": 1, **SHARES, **options}
    values = {"name": "lapirn", "spatial_dims": dimension, "arguments": arguments}
    network = build_baseline({**values, "integration_steps": integration_steps})
    assert isinstance(network, ProgressiveLapIRN)
    for flow in network.backbone.flows:  # fields that are not almost zero
        torch.nn.init.normal_(flow.weight, std=1.0)
    return network


def images(dimension: int) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    size = (1, 1, *((32, 24, 32)[:dimension]))
    moving, fixed = (torch.rand(size, generator=generator) for _ in range(2))
    labels = [torch.randint(0, 3, size, generator=generator) for _ in range(2)]
    return moving, fixed, (labels[0], labels[1])


def test_steps_of_the_levels_are_those_of_the_released_code() -> None:
    config = StageConfig.load(find_config("baselines-abdomen/lapirn"), ["data.root=x"])
    arguments = {**config.network["arguments"], "start_channels": 1, "blocks": 1}
    network = build_baseline({**config.network, "arguments": arguments})
    assert isinstance(network, ProgressiveLapIRN)
    for number, level, frozen in (
        (0, 1, 0), (29_999, 1, 0), (30_000, 2, 1), (31_999, 2, 1), (32_000, 2, 0), (59_999, 2, 0),
        (60_000, 3, 2), (61_999, 3, 2), (62_000, 3, 0), (119_999, 3, 0),
    ):  # fmt: skip
        network.begin_step(number, config.steps)
        assert (network.level, network.frozen) == (level, frozen), number


@pytest.mark.parametrize("name", ["baselines-camus", "baselines-oasis", "compact"])
def test_all_recipes_have_levels_in_the_same_shares(name: str) -> None:
    config = StageConfig.load(find_config(f"{name}/lapirn"), ["data.root=x"])
    arguments = config.network["arguments"]
    assert arguments["level_shares"] == [0.25, 0.25]
    assert arguments["frozen_share"] == pytest.approx(2000 / 120_000, rel=1e-4)
    assert (config.losses["window"], config.losses["scales"]) == (7, 3)


@pytest.mark.parametrize("integration_steps", [0, 4])
@pytest.mark.parametrize("dimension", [2, 3])
def test_level_1_is_measured_at_a_quarter_of_the_resolution(
    dimension: int, integration_steps: int
) -> None:
    network = build(dimension, integration_steps)
    moving, fixed, labels = images(dimension)
    network.begin_step(0, 8)
    terms = network.losses(moving, fixed, OBJECTIVE, labels)
    pool = F.avg_pool2d if dimension == 2 else F.avg_pool3d
    moving, fixed = (pool(pool(t, 2), 2) for t in (moving, fixed))
    features, _ = network.backbone.levels[0](torch.cat([moving, fixed], dim=1), None)
    field = network.backbone.reach * F.softsign(network.backbone.flows[0](features))
    half = torch.tensor(fixed.shape[2:]).view(1, -1, *[1] * dimension) / 2
    velocity = field * half
    field = integrate(velocity, integration_steps) if integration_steps else velocity
    assert float(field.abs().max()) > 0.05
    assert terms["similarity"].item() == pytest.approx(lncc(warp(moving, field), fixed, 3).item())
    assert terms["smoothness"].item() == pytest.approx(0.5 * smoothness(velocity).item())
    every_fourth = (..., *[slice(None, None, 4)] * dimension)
    a, b = (t[every_fourth] for t in labels)
    assert terms["dice_loss"].item() == pytest.approx(label_dice_loss(a, b, field, 3).item())


def test_level_2_is_measured_at_half_the_resolution_in_two_scales() -> None:
    network = build()
    moving, fixed, _ = images(2)
    network.begin_step(3, 8)
    similarity = network.losses(moving, fixed, OBJECTIVE)["similarity"].item()
    halves = [F.avg_pool2d(t, 2) for t in (moving, fixed)]
    pyramid = [torch.cat([F.avg_pool2d(t, 2) for t in halves], 1), torch.cat(halves, 1)]
    field = network.backbone.coarse_field(pyramid)
    assert field.shape == (1, 2, 16, 12)
    warped = warp(halves[0], field)
    coarse = lncc(F.avg_pool2d(warped, 2), F.avg_pool2d(halves[1], 2), 3)
    assert similarity == pytest.approx((lncc(warped, halves[1], 5) + coarse / 2).item())


def test_level_3_has_the_loss_of_the_whole_network() -> None:
    network, together = build(), build(level_shares=[], frozen_share=0)
    together.load_state_dict(network.state_dict())
    moving, fixed, labels = images(2)
    network.begin_step(7, 8)
    ours = network.losses(moving, fixed, OBJECTIVE, labels)
    theirs = together.losses(moving, fixed, OBJECTIVE, labels)
    assert {k: v.item() for k, v in ours.items()} == {k: v.item() for k, v in theirs.items()}


def test_only_the_levels_of_a_step_change(tmp_path: Path) -> None:
    """The optimiser remembers gradients: a frozen weight must not drift by them either."""
    root = write_cardiac_pairs(tmp_path / "data")
    changes: dict[str, Any] = {"data.root": root, "data.size": 32, "steps": 8, "workers": 0}
    changes |= {"network.arguments.start_channels": 1, "network.arguments.blocks": 1}
    changes |= {"network.arguments.frozen_share": 0.125, "data.set": "cardiac-mr"}
    overrides = [f"{name}={value}" for name, value in changes.items()]
    config = StageConfig.load(find_config("baselines-camus/lapirn"), overrides)
    torch.manual_seed(0)
    stage = build_stage(config, Fabric(accelerator="cpu", devices=1), None)
    parts = ("levels.0", "flows.0", "levels.1", "flows.1", "levels.2", "head")
    changed = []
    before = {k: v.clone() for k, v in stage.weights().items()}
    for number in range(8):
        batch = {k: v[None] for k, v in stage.stream[number].items()}
        stage.step({**batch, "item": torch.tensor([number])}, Step(number))
        after = {k: v.clone() for k, v in stage.weights().items()}
        different = {k for k, v in after.items() if not torch.equal(v, before[k])}
        changed.append({p for p in parts if any(p in name for name in different)})
        # All of the weights of a part that is trained, none of one that is not.
        names = {k for k in after if any(p in k for p in changed[-1])}
        assert different == names
        before = after
    first, second = {"levels.0", "flows.0"}, {"levels.1", "flows.1"}
    third = {"levels.2", "head"}
    assert changed[:2] == [first] * 2
    assert changed[2:4] == [second, first | second]
    assert changed[4:] == [third, *[first | second | third] * 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level_shares": [0.5]}, "two shares of the steps"),
        ({"level_shares": [0.5, 0.5]}, "below 1"),
        ({"level_shares": [0.5, 0.0]}, "above 0"),
        ({"level_shares": [0.25, 0.25, 0.5]}, "two shares"),
        ({"frozen_share": 0.5}, r"below that of level 3, 0\.5, got 0\.5"),
        ({"frozen_share": -0.1}, "frozen_share"),
    ],
)
def test_shares_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(**options)


def test_more_scales_than_the_window_has_room_for_are_refused() -> None:
    Objective("lncc", window=7, scales=3)
    with pytest.raises(InputError, match=r"losses\.scales: expected at most 3 with a window of 7"):
        Objective("lncc", window=7, scales=4)
