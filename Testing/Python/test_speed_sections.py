"""Sections of ``make bench-speed``: networks, limits, growth."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
from Testing.Benchmarks import speed_growth, speed_networks
from Testing.Benchmarks.speed_growth import Grown, exponents, growth_table, plot_growth
from Testing.Benchmarks.speed_limits import Limited, limit_table, measure_limits
from Testing.Benchmarks.speed_networks import (
    Way,
    measure_ldm_morph,
    measure_textscf,
    network_table,
    released_ldm_morph,
)

pytestmark = pytest.mark.slow

SMALL = LDMMorphConfig(
    autoencoder_channels=(8, 8, 8), autoencoder_groups=4, autoencoder_res_blocks=1,
    unet_channels=(8, 16, 24, 32), unet_groups=4, unet_head_channels=4, embed_dim=8,
    codebook_size=16,
)  # fmt: skip


@pytest.mark.parametrize("noising", ["seeded", "none"])
def test_half_of_the_unet_gives_what_the_released_computation_gives(noising: str) -> None:
    torch.manual_seed(0)
    config = LDMMorphConfig.from_dict({**SMALL.to_dict(), "noising": noising})
    network = LDMMorph(config).eval()
    torch.nn.init.normal_(network.registration.decoder.head.weight, std=0.1)
    moving, fixed = torch.rand(2, 2, 1, 64, 64)
    step = 0 if noising == "none" else config.noise_step
    with torch.inference_mode():
        expected = released_ldm_morph(network, moving, fixed, seed=3, step=step)
        found = network(moving, fixed, seed=3).displacement
        known = network.features(fixed, 3)
        cached = network.predict(moving, fixed, network.features(moving, 3), known).displacement
    assert expected.abs().max() > 1
    for way in (found, cached):
        assert (way - expected).abs().max() < 1e-4 * expected.abs().max()


def test_ways_of_ldm_morph_take_turns_and_agree() -> None:
    rows = measure_ldm_morph(rounds=2, size=64, frames=3, config=SMALL)
    assert [row.way for row in rows][:3] == [
        "float32", "fixed image cached", "3 frames against one image",
    ]  # fmt: skip
    for row in rows[:3]:
        assert row.error is not None and row.error < 1e-4
        assert len(row.seconds) == len(row.released) == 2 and row.ratio > 0
    assert network_table(rows).count("64 x 64") == len(rows)


def test_textscf_is_measured_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: list[tuple[object, ...]] = []
    real = speed_networks.memory_of_textscf

    def kept(*arguments: object) -> float | None:
        memory.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(speed_networks, "memory_of_textscf", kept)
    (row,) = measure_textscf(rounds=1, shape=(32, 32, 32), channels=4)
    assert row.error is not None and row.error < 1e-5
    assert row.peak_mib is None or 0 <= row.peak_mib < 500
    assert memory == [((32, 32, 32), 4, torch.get_num_threads())]
    assert "32 x 32 x 32" in network_table([row])


def test_tables_tell_what_was_missed() -> None:
    way = Way("a", "b", (4, 4), 2.0, [1.0, 1.0], [1.5, 1.5], 1e-5)
    assert "| 1.50 | 2, missed | 1.0e-05 |" in network_table([way])
    near, far = (Limited(name, t, 1e9, 1e6, 1e10, 1e10) for name, t in (("x", 0.11), ("y", 0.5)))
    assert near.bound == "operations" and near.fraction == pytest.approx(0.1 / 0.11)
    assert Limited("z", 1.0, 1e6, 1e10, 1e10, 1e10).bound == "bytes"
    told = limit_table([near, far])
    assert "Under half of its limit: y: 5.0 times the operations" in told
    assert "half of its limit: x" not in told


def test_every_stage_has_its_limit() -> None:
    rows = measure_limits(rounds=1, size=16, slice_size=32, config=SMALL)
    assert len(rows) == 7
    for row in rows:
        assert row.operations > 0 and row.moved > 0 and row.seconds > 0
    # 7 squarings are 7 compositions.
    by_stage = {row.stage.split(",")[0]: row for row in rows}
    assert by_stage["7 squarings"].operations == 7 * by_stage["composition"].operations


def test_growth_ends_where_time_or_memory_do(monkeypatch: pytest.MonkeyPatch) -> None:
    last = Grown("voxels", 10, 1000.0, seconds=4.0, peak_mib=100.0)
    double = Grown("voxels", 20, 8000.0)
    assert speed_growth._fits(last, double, 33.0) and not speed_growth._fits(last, double, 31.0)
    monkeypatch.setattr(speed_growth, "_free_mib", lambda: 900.0)
    assert not speed_growth._fits(last, double, 33.0)


def test_growth_is_measured_in_processes_plotted_and_told(tmp_path: Path) -> None:
    rows = speed_growth.measure_growth(1000.0, 1, {"labels": (2,)})
    assert [row.failed for row in rows] == [None] and rows[0].seconds > 0
    rows += [Grown("pixels", n, n**2, seconds=n**3 / 1e6, peak_mib=n**2 / 1e3) for n in (64, 128)]
    rows.append(Grown("pixels", 256, 256**2, failed="MemoryError"))
    time, memory = exponents(rows)["pixels"]
    assert (time, memory) == pytest.approx((1.5, 1.0))
    told = growth_table(rows)
    assert "| pixels | 256^2 | MemoryError |" in told
    assert "pixels: time grows by 1.50, memory by 1.00" in told
    plot_growth(rows, tmp_path / "growth.png")
    assert imread(tmp_path / "growth.png").std() > 0.01
