"""The networks beside the computation of their authors' released code, rebuilt from our modules.

LDM-Morph at the paper's size, 128 x 128: the released code describes both images one after the
other, each by a whole pass through the denoising U-Net of which only the encoder is used, with
plain convolutions. textSCF at 160 x 192 x 224: all branches of the large kernels apart, every map
whole. Weights are random: they change the time of nothing. All ways of a network take turns in
one process; the memory of textSCF is that of a process of its own.
"""

from __future__ import annotations

import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from SlicerLDMRegLib.networks.backbones import slabs
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
from SlicerLDMRegLib.networks.regions import Regions
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig
from SlicerLDMRegLib.networks.winograd import WinogradConv2d
from training.machine import peak_memory

__all__ = ["Way", "has_bfloat16", "measure_ldm_morph", "measure_textscf", "network_table",
           "released_ldm_morph"]  # fmt: skip


@dataclass
class Way:
    """One way to compute a network, beside the released one.

    Attributes:
        network, way: titles.
        shape: of an image.
        aim: times as fast as the released computation that are asked for; None: none.
        seconds: of each round, for one pair.
        released: seconds of the released computation in the same rounds.
        error: largest difference of the displacements over the largest displacement of the
            released computation.
        peak_mib: memory above the inputs, where it was measured.
    """

    network: str
    way: str
    shape: tuple[int, ...]
    aim: float | None = None
    seconds: list[float] = field(default_factory=list)
    released: list[float] = field(default_factory=list)
    error: float | None = None
    peak_mib: float | None = None

    @property
    def ratio(self) -> float:
        """Times as fast as the released computation, of the medians."""
        return statistics.median(self.released) / statistics.median(self.seconds)


def has_bfloat16() -> bool:
    """Return whether this CPU computes in bfloat16 itself."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _has_flag(
        "avx512_bf16", "amx_bf16"
    )


def _has_flag(*names: str) -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return any(name in flags for name in names)


@contextmanager
def _plain_convolutions() -> Iterator[None]:
    with mock.patch.object(WinogradConv2d, "_pays", lambda *_: False):
        yield


def released_ldm_morph(
    network: LDMMorph, moving: Tensor, fixed: Tensor, seed: int = 0, step: int | None = None
) -> Tensor:
    """Return the displacement ``(B, 2, H, W)`` as the released code computes it.

    Args:
        network: its weights.
        moving, fixed: ``(B, 1, H, W)`` in [0, 1].
        seed: of the noise.
        step: that the denoising U-Net is told; None: that of the noise.
    """
    step = network.config.noise_step if step is None else step
    with _plain_convolutions():
        features = [_released_features(network, image, seed, step) for image in (moving, fixed)]
        return network.predict(moving, fixed, *features).displacement


def _released_features(network: LDMMorph, image: Tensor, seed: int, step: int) -> list[Tensor]:
    """Return the features of images, picked out of a whole pass through the denoising U-Net."""
    latent, unet = network.latent_features, network.latent_features.unet
    outputs: list[tuple[Tensor, Sequence[Tensor]]] = []
    first: list[Tensor] = []
    hooks = [unet.conv_in.register_forward_hook(lambda *given: first.append(given[2]))]
    hooks += [
        block.register_forward_hook(lambda *given: outputs.append(given[2]))
        for block in unet.down_blocks
    ]
    unet(
        latent.noised(latent.encode(image), seed),
        torch.full((len(image),), step),
    )
    for hook in hooks:
        hook.remove()
    features, before = [], first[0]
    for level, (after, states) in enumerate(outputs):
        features.append(torch.cat([before, states[unet.num_res_blocks[level] - 1]], dim=1))
        before = after
    return features


def measure_ldm_morph(
    rounds: int, size: int = 128, frames: int = 8, config: LDMMorphConfig | None = None
) -> list[Way]:
    """Measure LDM-Morph on pairs of one size, the ways in turns.

    Args:
        rounds: of each way.
        size: side of the images.
        frames: of a cine series that are registered to one fixed image.
        config: sizes of the network; default: the paper's.
    """
    torch.manual_seed(0)
    network = LDMMorph(config).eval()
    # A field of some pixels: at the start of a training it is zero.
    torch.nn.init.normal_(network.registration.decoder.head.weight, std=0.02)
    smooth = torch.rand(frames + 1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    images = F.interpolate(smooth, (size, size), mode="bicubic").clamp(0, 1)
    fixed, moving, series = images[:1], images[1:2], images[1:]
    shape = (size, size)
    ways: dict[str, tuple[Way, Callable[[], Tensor], int]] = {}
    with torch.inference_mode():
        known = network.features(fixed)

        def cached(frame: Tensor) -> Tensor:
            return network.predict(frame, fixed, network.features(frame), known).displacement

        def cine() -> Tensor:
            return torch.cat([cached(frame[None]) for frame in series])

        def half() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return network(moving, fixed).displacement

        def add(title: str, aim: float, function: Callable[[], Tensor], pairs: int = 1) -> None:
            ways[title] = Way("LDM-Morph", title, shape, aim), function, pairs

        add("float32", 1.25, lambda: network(moving, fixed).displacement)
        add("fixed image cached", 1.8, lambda: cached(moving))
        add(f"{frames} frames against one image", 10.0, cine, frames)
        if has_bfloat16():
            add("bfloat16", 2.4, half)
        expected = released_ldm_morph(network, moving, fixed)
        for way, function, _ in ways.values():
            found = function()[:1]
            way.error = float((found - expected).abs().max() / expected.abs().max())
        for number in range(rounds):
            print(f"LDM-Morph: round {number + 1} of {rounds}", file=sys.stderr)
            released = _seconds(lambda: released_ldm_morph(network, moving, fixed))
            for way, function, pairs in ways.values():
                way.seconds.append(_seconds(function) / pairs)
                way.released.append(released)
    return [way for way, *_ in ways.values()]


def _seconds(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def _textscf(channels: int, shape: Sequence[int]) -> tuple[TextSCF, Tensor, Tensor, Regions]:
    torch.manual_seed(0)
    config = TextSCFConfig(
        backbone_arguments={"start_channels": channels}, filters="residual", text_channels=16,
        hidden_channels=16,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    moving, fixed = torch.rand(2, 1, 1, *shape, generator=generator)
    labels = torch.randint(0, config.regions, fixed.shape, generator=generator)
    return TextSCF(config).eval(), moving, fixed, Regions(labels)


@contextmanager
def _whole_maps() -> Iterator[None]:
    with mock.patch.object(slabs, "_LARGE", 2**62):
        yield


def measure_textscf(
    rounds: int, shape: Sequence[int] = (160, 192, 224), channels: int = 8
) -> list[Way]:
    """Measure textSCF on a pair, beside all branches apart and every map whole."""
    released, moving, fixed, regions = _textscf(channels, shape)
    fused = copy.deepcopy(released)
    fused.fuse()
    fused.drop_function()
    way = Way(f"textSCF, {channels} start channels", "float32", tuple(shape), 2.5)

    def whole() -> Tensor:
        with _whole_maps():
            return released(moving, fixed, regions=regions).displacement

    def own() -> Tensor:
        return fused(moving, fixed, regions=regions).displacement

    with torch.inference_mode():
        expected = whole()
        way.error = float((own() - expected).abs().max() / expected.abs().max())
        for number in range(rounds):
            print(f"textSCF: round {number + 1} of {rounds}", file=sys.stderr)
            way.released.append(_seconds(whole))
            way.seconds.append(_seconds(own))
    way.peak_mib = memory_of_textscf(shape, channels, torch.get_num_threads())
    return [way]


def memory_of_textscf(shape: Sequence[int], channels: int, threads: int) -> float | None:
    """Return the memory in MiB that a prediction takes above network and images, in a process."""
    task = json.dumps([list(shape), channels, threads])
    command = [sys.executable, "-m", "Testing.Benchmarks.speed_networks", task]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _print_memory(task: str) -> None:
    shape, channels, threads = json.loads(task)
    torch.set_num_threads(threads)
    network, moving, fixed, regions = _textscf(channels, shape)
    network.fuse()
    network.drop_function()
    with torch.inference_mode():
        # What the first convolutions bring in stays, whatever the size.
        small = torch.rand(1, 1, 16, 16, 16)
        network(small, small)
        before = peak_memory()
        network(moving, fixed, regions=regions)
    after = peak_memory()
    print(json.dumps(None if before is None or after is None else after - before))


def network_table(rows: Sequence[Way]) -> str:
    """Return the table of the networks, Markdown."""
    lines = [
        "\n| Network | way | shape | ms a pair | times as fast as released | asked | error | MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        shape = " x ".join(map(str, row.shape))
        aim = (
            "" if row.aim is None else f"{row.aim:g}, {'met' if row.ratio >= row.aim else 'missed'}"
        )
        error = "" if row.error is None else f"{row.error:.1e}"
        memory = "" if row.peak_mib is None else f"{row.peak_mib:.0f}"
        milliseconds = 1000 * statistics.median(row.seconds)
        lines.append(
            f"| {row.network} | {row.way} | {shape} | {milliseconds:.0f} | "
            f"{row.ratio:.2f} | {aim} | {error} | {memory} |"
        )
    if not has_bfloat16():
        lines.append("\nThis CPU has no bfloat16: left out.")
    return "\n".join(lines)


if __name__ == "__main__":
    _print_memory(sys.argv[1])
