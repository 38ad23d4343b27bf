"""All parts of the long proof, side by side; an hour or more on two processors.

    make prove            # or: python -m Testing.Prove [--parts faults fuzz ...] [--quick | --long]

``--long`` tries more of what is drawn at random, for half a day. Each part writes what it prints
into ``results/prove``; the tables are printed together at the end. The exit code is 1 if a part
found what must not be.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PARTS", "Part"]

_LAST_LINES = 40  # of what a part prints, that are shown again


@dataclass(frozen=True)
class Part:
    """A part of the proof.

    Attributes:
        title: for people.
        module: run with ``python -m``.
        full, quick: its arguments.
        long: likewise, where half a day tries more than an hour.
    """

    title: str
    module: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    long: tuple[str, ...] | None = None

    def arguments(self, size: str) -> tuple[str, ...]:
        """Return the arguments of a size, ``quick``, ``full`` or ``long``."""
        if size == "quick":
            return self.quick
        return self.full if size == "full" or self.long is None else self.long


#: The longest come first, so that the processors end together.
PARTS = {
    "verdict": Part(
        "Verdicts of sound and wrong pairs (needs ../shared/data)",
        "Testing.Prove.verdict", ("--half", "second"), ("--half", "second", "--limit", "6"),
    ),
    "geometries": Part(
        "Random geometries, formats and options against analytic truth",
        "Testing.Prove.geometries", ("--count", "400"), ("--count", "10"), ("--count", "2000"),
    ),
    "fuzz": Part(
        "Mutated files of text",
        "Testing.Prove.fuzz", ("--seconds", "600"), ("--seconds", "24"), ("--seconds", "14400"),
    ),
    "images": Part(
        "Mutated files of images",
        "Testing.Python.images.fuzz", ("--runs", "50000"), ("--runs", "600"), ("--runs", "1000000"),
    ),
    "situations": Part(
        "Situations that users report, against the truth",
        "Testing.Prove.situations", (), ("spine: one vertebra off, other", "torso: mirrored"),
    ),
    "endurance": Part(
        "Registrations in one worker",
        "Testing.Prove.endurance", ("--count", "500"), ("--count", "60"), ("--count", "1000"),
    ),
    "cohort memory": Part(
        "Memory of the workers of a cohort",
        "Testing.Prove.cohort", ("memory", "--pairs", "300"), ("memory", "--pairs", "60"),
    ),
    "cohort faults": Part(
        "A cohort whose workers and scheduler are killed",
        "Testing.Prove.cohort", ("faults", "--pairs", "200"), ("faults", "--pairs", "20"),
        ("faults", "--pairs", "1000"),
    ),
    "faults": Part(
        "Full disks, Ctrl-C and the end of the process at every change of the disk",
        "Testing.Prove.faults", (), ("labels", "field .h5", "model", "--every", "6"),
    ),
    "inputs": Part(
        "Named bad inputs", "Testing.Prove.bad_inputs", (), ("worker",),
    ),
}  # fmt: skip


def _run(name: str, part: Part, size: str, folder: Path) -> tuple[int, float]:
    """Return the exit code of a part and its seconds."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
    }
    command = [sys.executable, "-m", part.module, *part.arguments(size)]
    print(f"{name}: begun", file=sys.stderr, flush=True)
    start = time.perf_counter()
    with (folder / f"{name}.txt").open("w", encoding="utf-8") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False
        )
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.0f} s, exit code {done.returncode}", file=sys.stderr, flush=True)
    return done.returncode, seconds


def main() -> int:
    """Run the parts and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    sizes = parser.add_mutually_exclusive_group()
    for size, text in (("quick", "a little of each part: two minutes"), ("long", "half a day")):
        sizes.add_argument(f"--{size}", action="store_const", const=size, dest="size", help=text)
    parser.set_defaults(size="full")
    parser.add_argument("--jobs", type=int, default=2, help="parts at a time")
    parser.add_argument("--output", type=Path, default=Path("results/prove"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = {
            name: pool.submit(_run, name, PARTS[name], arguments.size, arguments.output)
            for name in arguments.parts
        }
        failed = []
        for name, result in running.items():
            code, seconds = result.result()
            lines = (arguments.output / f"{name}.txt").read_text(encoding="utf-8").splitlines()
            print(f"\n== {PARTS[name].title} ({name}): {seconds:.0f} s, exit code {code}")
            print("\n".join(lines[-_LAST_LINES:]), flush=True)
            if code:
                failed.append(name)
    print(f"\n{len(running)} parts; {', '.join(failed) or 'none'} found what must not be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
