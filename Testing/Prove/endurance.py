"""Many registrations in one worker: what grows, what is left, what changes.

    python -m Testing.Prove.endurance --count 1000

Pairs of several sizes come in turn, some are cancelled, some cannot be registered. The same pair
has to give the same numbers at the end as at the beginning, the memory of the worker must not grow
with their number, and no file of a job may be left.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import CancelledError, LDMRegError
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.worker import WorkerClient

__all__ = ["Endurance", "run"]

_SIZES = ((40, 48), (64, 64), (96, 72), (12, 14, 16), (16, 16, 16))
_WARM = 50  # registrations, after which memory should have settled
_GROWTH = 0.1  # of the memory then, that may be added by the end
_CANCELLED, _WRONG = 17, 23  # every so many-th job is cancelled, or cannot be done


@dataclass
class Endurance:
    """What came of many registrations.

    Attributes:
        done, cancelled, refused, faults: how many of each.
        changed: registrations of a pair whose numbers differ from the first ones.
        mib: memory of the worker after each tenth of them.
        files: files that are left in the worker's folder.
        processes: workers that were started; 1 unless one died.
        seconds: all of it.
    """

    done: int = 0
    cancelled: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    changed: int = 0
    mib: list[float] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    processes: int = 0
    seconds: float = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether something must not be."""
        grown = len(self.mib) > 1 and self.mib[-1] > (1 + _GROWTH) * self.mib[0]
        return bool(self.faults or self.changed or self.files or grown or self.processes != 1)


def run(count: int) -> Endurance:
    """Register so many times in one worker."""
    found, first = Endurance(), dict[int, bytes]()
    began, pids = time.perf_counter(), set[int]()
    pairs = [_pair(number, size) for number, size in enumerate(_SIZES)]
    with tempfile.TemporaryDirectory() as name:
        with WorkerClient(folder=name, threads=1) as client:
            for number in range(count):
                kind = number % len(pairs)
                images = dict(zip(("fixed", "moving"), pairs[kind], strict=True))
                wrong = number % _WRONG == _WRONG - 1
                align = "affine" if wrong else "center"
                if wrong:
                    images = {role: image[:2] for role, image in images.items()}
                request = RegistrationRequest(
                    **images, model="none", align=align, refine={"iterations": [0, 0, 3]}
                )
                job = client.submit(request)
                if number % _CANCELLED == _CANCELLED - 1:
                    client.cancel(job)
                try:
                    field_ = job.wait().field.vectors
                except CancelledError:
                    found.cancelled += 1
                except LDMRegError as error:
                    found.refused += 1
                    if not wrong:
                        found.faults.append(f"job {number}: {error}")
                except Exception as error:
                    found.faults.append(f"job {number}: {type(error).__name__}: {error}")
                else:
                    found.done += 1
                    numbers = np.ascontiguousarray(field_).tobytes()
                    found.changed += first.setdefault(kind, numbers) != numbers
                pids |= {client.pid} - {None}
                if (
                    number + 1 >= _WARM
                    and (number + 1 - _WARM) % max(1, (count - _WARM) // 10) == 0
                ):
                    found.mib.append(_memory(client.pid))
            found.processes = len(pids)
        found.files = sorted(str(p.relative_to(name)) for p in Path(name).rglob("*") if p.is_file())
    found.seconds = time.perf_counter() - began
    return found


def _pair(number: int, size: tuple[int, ...]) -> list[sitk.Image]:
    """Return two images of a size, the moving one a little stretched."""
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in size], indexing="ij")
    images = []
    for stretch in (1.0, 1.1):
        waves = [np.cos((number + 3) * stretch * x + k) for k, x in enumerate(grid)]
        inside = sum(x * x for x in grid) * stretch < 0.8
        images.append(sitk.GetImageFromArray((inside * (3 + sum(waves))).astype(np.float32)))
    return images


def _memory(pid: int | None) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> int:
    """Print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove.endurance")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = run(arguments.count)
    print(
        f"{arguments.count} jobs in {found.seconds:.0f} s: {found.done} done, {found.cancelled} "
        f"cancelled, {found.refused} refused as they should, {len(found.faults)} faults; "
        f"{found.changed} with other numbers than the first; {found.processes} worker; "
        f"{len(found.files)} files left; MiB {' '.join(f'{m:.0f}' for m in found.mib)}"
    )
    for fault in found.faults:
        print(fault)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(asdict(found)), encoding="utf-8")
    return 1 if found.is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
