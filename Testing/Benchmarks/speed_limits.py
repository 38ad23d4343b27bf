"""Distance of each stage to what this machine can do: the fraction of its measured peaks.

The peaks are those of a product of matrices (2 x 1024^3 operations) and of a copy of 256 MB,
measured in the same run. A stage with few operations for each byte can be no faster than its
bytes are moved, another no faster than its operations are done: the larger of both times is its
limit. Operations are counted by torch (convolutions and products) or from the definition; bytes
are those of inputs, outputs and weights, each once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from SlicerLDMRegLib.functional import compose, integrate, jacobian_determinant, warp
from SlicerLDMRegLib.losses import lncc
from SlicerLDMRegLib.networks.backbones.lku_net import LKUNet
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig

__all__ = ["Limited", "limit_table", "measure_limits", "measured_peaks"]

# Operations a voxel, from the definitions: 8 corners of 3 weights, a product and a sum; three of
# these; nine differences and 14 operations; five running sums of two differences on three axes, in
# float32, and its 12 operations.
_OPERATIONS = {"warp": 40, "compose": 123, "jacobian": 32, "lncc": 42}


@dataclass
class Limited:
    """A stage beside the peaks of the machine.

    Attributes:
        stage: title.
        seconds: median.
        operations, moved: of floating-point numbers; bytes.
        peak_operations, peak_moved: of the machine, in a second.
    """

    stage: str
    seconds: float
    operations: float
    moved: float
    peak_operations: float
    peak_moved: float

    @property
    def bound(self) -> str:
        """Limit of the time: operations or bytes."""
        of_operations = self.operations / self.peak_operations
        return "operations" if of_operations > self.moved / self.peak_moved else "bytes"

    @property
    def fraction(self) -> float:
        """Limit of the time over the time."""
        limit = max(self.operations / self.peak_operations, self.moved / self.peak_moved)
        return limit / self.seconds


def _median(function: Callable[[], object], rounds: int) -> float:
    function()
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def measured_peaks(rounds: int = 5, size: int = 1024, floats: int = 2**25) -> tuple[float, float]:
    """Return the operations and the bytes of this machine in a second, with torch's threads."""
    matrix = torch.rand(size, size)
    source, target = torch.rand(floats), torch.empty(floats)
    operations = 2 * size**3 / _median(lambda: matrix @ matrix, rounds)
    moved = 2 * source.nbytes / _median(lambda: target.copy_(source), rounds)
    return operations, moved


def _counted(network: nn.Module, *inputs: Tensor) -> tuple[float, float]:
    """Return operations and bytes of a network."""
    with FlopCounterMode(display=False) as counter:
        output = network(*inputs)
    output = getattr(output, "displacement", output)
    weights = sum(p.nbytes for p in network.parameters())
    return float(counter.get_total_flops()), float(
        weights + sum(t.nbytes for t in (*inputs, output))
    )


def measure_limits(
    rounds: int, size: int = 96, slice_size: int = 128, config: LDMMorphConfig | None = None
) -> list[Limited]:
    """Measure the stages of the default pairs and LDM-Morph, by default of the paper's size."""
    peaks = measured_peaks(rounds)
    generator = torch.Generator().manual_seed(0)
    image, other = torch.rand(2, 1, 1, *[size] * 3, generator=generator)
    coarse = torch.randn(1, 3, 6, 6, 6, generator=generator)
    field = 2 * nn.functional.interpolate(coarse, [size] * 3, mode="trilinear")
    voxels = size**3
    moving, fixed = torch.rand(2, 1, 1, slice_size, slice_size, generator=generator)
    with torch.inference_mode():
        plain: list[tuple[str, str, Callable[[], object], float, float]] = [
            ("warp", "warp", lambda: warp(image, field), 1, 20),
            ("composition", "compose", lambda: compose(field, field), 1, 36),
            ("7 squarings", "compose", lambda: integrate(field, 7), 7, 7 * 24),
            ("Jacobian determinant", "jacobian", lambda: jacobian_determinant(field), 1, 16),
            ("LNCC", "lncc", lambda: lncc(image, other), 1, 8),
        ]
        rows = [
            Limited(
                f"{title}, {size}^3", _median(function, rounds),
                float(times * voxels * _OPERATIONS[kind]), float(moved * voxels), *peaks,
            )
            for title, kind, function, times, moved in plain
        ]  # fmt: skip
        network = LKUNet(8).eval()
        network.fuse()
        volumes = f"textSCF's network, 8 start channels, {size}^3"
        slices = f"LDM-Morph, paper's size, {slice_size}^2"
        networks: list[tuple[str, nn.Module, tuple[Tensor, Tensor]]] = [
            (volumes, network, (image, other)),
            (slices, LDMMorph(config).eval(), (moving, fixed)),
        ]
        for title, module, inputs in networks:
            with torch.no_grad():
                counted = _counted(module, *inputs)
            seconds = _median(lambda run=module, on=inputs: run(*on), rounds)  # type: ignore[misc]
            rows.append(Limited(title, seconds, *counted, *peaks))
    return rows


def limit_table(rows: Sequence[Limited]) -> str:
    """Return the table of the stages, Markdown, and a line for each under half of its limit."""
    first = rows[0]
    lines = [
        f"\nPeaks: {first.peak_operations / 1e9:.0f} GFLOP/s, {first.peak_moved / 1e9:.1f} GB/s\n",
        "| Stage | ms | GFLOP | MB | bound by | of the limit |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.stage} | {1000 * row.seconds:.1f} | {row.operations / 1e9:.2f} | "
        f"{row.moved / 1e6:.0f} | {row.bound} | {100 * row.fraction:.0f} % |"
        for row in rows
    ]
    lines += [
        f"Under half of its limit: {row.stage}: {1 / row.fraction:.1f} times the {row.bound}"
        for row in rows
        if row.fraction < 0.5
    ]
    return "\n".join(lines)
