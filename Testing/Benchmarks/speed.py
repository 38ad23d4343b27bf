"""Time, memory and overlap of registrations beside the peers', in one run: ``make bench-speed``.

    make bench-speed        # or: python -m Testing.Benchmarks.speed --rounds 20 --rounds-3d 5

Three pairs, each registered by all methods whose package is installed: a slice of a beating heart
(128 x 128), two hippocampi of two people, and two generated brains (96 voxels along their longest
axis). Each method has a process of its own, is warmed up by a mirrored pair, and the processes
take turns, each round in another order, so that all of them meet the rest of the machine's work.
Printed are medians with quartiles, the ratio to Greedy, the peak memory of the process and the
mean Dice.

Then the operators that the registrations are made of, beside the usual way to compute the same:
the warp beside MONAI's, scaling and squaring beside compositions one by one, label metrics beside
a loop over labels; each alternates with its counterpart in one process, and both must agree.

Then the networks beside the released computations (:mod:`.speed_networks`), the distance of each
stage to the peaks of this machine (:mod:`.speed_limits`), and the growth of time and memory with
the size (:mod:`.speed_growth`; ``growth.png``).

``--sections`` chooses some of these. ``speed.json`` holds all times, host, versions, threads and
shapes. The data lie in ``../shared/data``; a pair without its data is left out, and told.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import compose, integrate, warp
from SlicerLDMRegLib.metrics import dice
from Testing.Benchmarks.speed_growth import growth_table, measure_growth, plot_growth
from Testing.Benchmarks.speed_limits import limit_table, measure_limits
from Testing.Benchmarks.speed_networks import measure_ldm_morph, measure_textscf, network_table
from training.baselines import MethodError, MethodProcess
from training.datasets.evaluation import EvaluationPair
from training.datasets.evaluation_sets import evaluation_pairs
from training.evaluate import build_methods, default_methods
from training.machine import available_cpus, describe_machine, load_average, use_threads
from training.scores import score

_GREEDY = "Greedy (NCC)"
# Title of a pair, its set, and the models beside the classical methods.
_PAIRS = {
    "heart": ("cardiac-mr", ["ldm-morph-cardiac-mr"]),
    "hippocampus": ("hippocampus", []),
    "brain": ("brain-mr", ["textscf-brain-mr"]),
}


_SECTIONS = ["pairs", "operators", "networks", "limits", "growth"]


@dataclass
class Timed:
    """A method on a pair.

    Attributes:
        pair, method: titles.
        shape: of the images.
        seconds: of each round.
        peak_mib: of the process.
        dice: mean over labels.
        failed: reason, of a method that gave no result.
    """

    pair: str
    method: str
    shape: tuple[int, ...]
    seconds: list[float] = field(default_factory=list)
    peak_mib: float | None = None
    dice: float | None = None
    failed: str | None = None


@dataclass
class Compared:
    """An operator beside another way to compute the same.

    Attributes:
        operator, reference: what was compared.
        shape: of the volume.
        seconds, reference_seconds: of each round.
        difference: largest, absolute.
    """

    operator: str
    reference: str
    shape: tuple[int, ...]
    seconds: list[float]
    reference_seconds: list[float]
    difference: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write ``speed.json``."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.speed")
    parser.add_argument("--sections", nargs="*", choices=_SECTIONS, default=_SECTIONS)
    parser.add_argument("--pairs", nargs="*", choices=list(_PAIRS), default=list(_PAIRS))
    parser.add_argument("--growth-seconds", type=float, default=30.0, metavar="S", help=(
        "of a run of a series of growing sizes; larger ones are left out"))  # fmt: skip
    parser.add_argument("--rounds", type=int, default=20, help="in 2D and of operators")
    parser.add_argument("--rounds-3d", type=int, default=5)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--methods", nargs="*", metavar="METHOD", help=(
        "as in ldmreg-train evaluate; default all installed that take no minutes"))  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("results/speed"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    use_threads(options.threads, 0)
    before = load_average()
    rows: list[Timed] = []
    for name in options.pairs if "pairs" in options.sections else ():
        data, models = _PAIRS[name]
        try:
            pair = evaluation_pairs(data)[0]
        except (FileNotFoundError, InputError) as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        rounds = options.rounds if pair.fixed.ndim == 2 else options.rounds_3d
        names = default_methods(pair.fixed.ndim) if options.methods is None else options.methods
        names = [method for method in names if method not in ("identity", "syn-cc", "lddmm")]
        rows += measure_pair(name, pair, names, models, rounds, options.threads)
        print(pair_table([row for row in rows if row.pair == name]), flush=True)
    operators, networks, limits, growth = [], [], [], []
    if "operators" in options.sections:
        operators = measure_operators(options.rounds)
        print(operator_table(operators), flush=True)
    if "networks" in options.sections:
        networks = measure_ldm_morph(options.rounds) + measure_textscf(options.rounds_3d)
        print(network_table(networks), flush=True)
    if "limits" in options.sections:
        limits = measure_limits(options.rounds_3d)
        print(limit_table(limits), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    if "growth" in options.sections:
        growth = measure_growth(options.growth_seconds, options.threads)
        plot_growth(growth, options.output / "growth.png")
        print(growth_table(growth), flush=True)
    summary = {
        "machine": describe_machine(),
        "load": {"before": before, "after": load_average()},
        "pairs": [asdict(row) for row in rows],
        "operators": [asdict(row) for row in operators],
        "networks": [asdict(row) for row in networks],
        "limits": [asdict(row) for row in limits],
        "growth": [asdict(row) for row in growth],
    }
    target = options.output / "speed.json"
    target.write_text(json.dumps(summary, indent=1, default=str) + "\n", encoding="utf-8")
    print(f"{options.threads} threads; load {before} before, {load_average()} after; {target}")


def measure_pair(
    name: str,
    pair: EvaluationPair,
    methods: Sequence[str],
    models: Sequence[str],
    rounds: int,
    threads: int,
) -> list[Timed]:
    """Let the methods take turns at a pair, each in a process of its own."""
    prepared = build_methods(methods, models, masks=["predicted"])
    rows = {title: Timed(name, title, pair.fixed.shape) for title in prepared}
    with ExitStack() as stack:
        processes: dict[str, MethodProcess] = {}
        for title, prepare in prepared.items():
            print(f"{name}: warming up {title}", file=sys.stderr)
            try:
                process = stack.enter_context(MethodProcess(prepare, threads, 0))
                process.register(pair.mirrored())
                processes[title] = process
            except MethodError as error:
                rows[title].failed = str(error)
        for number in range(rounds):
            print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
            titles = list(processes)
            first = number % max(1, len(titles))
            for title in titles[first:] + titles[:first]:
                row = rows[title]
                try:
                    found, row.peak_mib = processes[title].register(pair)
                except MethodError as error:
                    row.failed = str(error)
                    del processes[title]
                    continue
                row.seconds.append(found.seconds)
                if row.dice is None:
                    row.dice = score(pair, found.field).get("dice")
    return list(rows.values())


def measure_operators(rounds: int, size: int = 96, labels: int = 35) -> list[Compared]:
    """Measure operators on a volume, in turns with their counterparts."""
    from monai.networks.blocks import Warp

    generator = torch.Generator().manual_seed(0)
    shape = (size,) * 3
    image = torch.rand(1, 1, *shape, generator=generator)
    coarse = torch.randn(1, 3, 8, 8, 8, generator=generator)
    field = 3 * torch.nn.functional.interpolate(coarse, shape, mode="trilinear")
    monai_warp = Warp("bilinear", "border")
    first = torch.randint(0, labels + 1, shape, generator=generator).numpy()
    second = np.roll(first, 1, axis=0)
    names = list(range(1, labels + 1))

    def loop() -> Tensor:
        values = []
        for label in names:
            a, b = first == label, second == label
            values.append(2 * np.sum(a & b) / (np.sum(a) + np.sum(b)))
        return torch.tensor(values)

    def at_once() -> Tensor:
        found = dice(first, second)
        return torch.tensor([found[label] for label in names])

    def squarings() -> Tensor:
        displacement = field / 2**6
        for _ in range(6):
            displacement = compose(displacement, displacement)
        return displacement

    cases: list[tuple[str, str, Callable[[], Tensor], Callable[[], Tensor]]] = [
        ("warp", "MONAI's Warp", lambda: warp(image, field), lambda: monai_warp(image, field)),
        ("6 squarings", "compositions", lambda: integrate(field, 6), squarings),
        (f"Dice of {labels} labels", "loop over labels", at_once, loop),
    ]
    results = []
    with torch.inference_mode():
        for name, reference, own, other in cases:
            difference = float((own() - other()).abs().max())
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(rounds):
                for which in (0, 1) if number % 2 else (1, 0):
                    begin = time.perf_counter()
                    (own, other)[which]()
                    times[which].append(time.perf_counter() - begin)
            results.append(Compared(name, reference, shape, *times, difference))
    return results


def pair_table(rows: Sequence[Timed]) -> str:
    """Return the table of a pair, Markdown."""
    medians = {row.method: statistics.median(row.seconds) for row in rows if row.seconds}
    greedy = medians.get(_GREEDY)
    shape = " x ".join(map(str, rows[0].shape))
    lines = [
        f"\n{rows[0].pair}, {shape}\n",
        "| Method | seconds (quartiles) | to Greedy | peak MiB | Dice |",
        "|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda r: medians.get(r.method, float("inf"))):
        if not row.seconds:
            lines.append(f"| {row.method} | {row.failed} | | | |")
            continue
        low, high = np.quantile(row.seconds, [0.25, 0.75])
        ratio = "" if greedy is None else f"{medians[row.method] / greedy:.2f}"
        memory = "" if row.peak_mib is None else f"{row.peak_mib:.0f}"
        dice = "" if row.dice is None else f"{row.dice:.3f}"
        lines.append(
            f"| {row.method} | {medians[row.method]:.2f} ({low:.2f} to {high:.2f}) | {ratio} | "
            f"{memory} | {dice} |"
        )
    return "\n".join(lines)


def operator_table(rows: Sequence[Compared]) -> str:
    """Return the table of the operators, Markdown."""
    lines = [
        "\n| Operator | beside | shape | ms | times as fast | largest difference |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        own, other = (statistics.median(t) for t in (row.seconds, row.reference_seconds))
        shape = " x ".join(map(str, row.shape))
        lines.append(
            f"| {row.operator} | {row.reference} | {shape} | {1000 * own:.1f} | "
            f"{other / own:.2f} | {row.difference:.1e} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
