"""Mutated files for every reader that is not one of images, many a second.

    python -m Testing.Prove.fuzz --seconds 600 [--targets landmarks.json ...]

Each reader begins from small valid files. Everything but a value or an error in words is a fault,
and so are more than two seconds for a file of a few hundred bytes. A reader that ends its process
is found out by its parent. Files of images: ``Testing.Python.images.fuzz``.
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from SlicerLDMRegLib.errors import LDMRegError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import ModelCard
from SlicerLDMRegLib.model_store.catalogue import read_catalogue
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.pipeline.initial_transform import load_transform
from SlicerLDMRegLib.pipeline.landmarks import load_landmarks
from SlicerLDMRegLib.pipeline.slices import SliceSelection
from SlicerLDMRegLib.segmentation import read_names
from SlicerLDMRegLib.worker import protocol
from Testing.Python.images.fuzz import mutated

__all__ = ["TARGETS", "Target", "run"]

_SECONDS = 2  # that one file may take
_AT_ONCE = 500  # files between two reports
_LATTICE = ImageGeometry((9, 9, 9), (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
_CARD = Path(__file__).resolve().parents[2] / "Resources/Models/textscf-brain-mr/metadata.json"


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        suffix: of its files; empty for one that reads text.
        seeds: valid contents.
        read: called with the path, or the bytes.
        patience: factor of the time that one file may take; of what starts a process it is longer.
    """

    suffix: str
    seeds: tuple[bytes, ...]
    read: Callable[[Any], object]
    patience: float = 1.0


def _landmarks(path: Path) -> object:
    return load_landmarks(str(path), _LATTICE)


def _markups(**point: Any) -> bytes:
    points = [{"id": "1", "label": "A", "position": [1, 2, 3], **point}, {"position": [4, 5, 6]}]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}
    return json.dumps({"@schema": "markups-schema-v1.0.3.json", "markups": [markup]}).encode()


def _request(text: bytes) -> object:
    return RegistrationRequest.from_json(text.decode("utf-8", "replace"))


def _message(line: bytes) -> object:
    message = protocol.decode(line)
    known = protocol.TO_WORKER
    return None if message is None else protocol.problem_of(message, known)


def _card(path: Path) -> object:
    return ModelCard.from_folder(path.parent)


_FCSV = b"""# Markups fiducial file version = 4.10
# CoordinateSystem = 0
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,1.5,2,3,0,0,0,1,1,1,0,F-1,,
vtkMRMLMarkupsFiducialNode_1,4,5,6.25,0,0,0,1,1,1,0,F-2,,
"""
_TFM = b"""#Insight Transform File V1.0
#Transform 0
Transform: AffineTransform_double_3_3
Parameters: 1 0 0 0 1 0 0 0 1 4 5 6
FixedParameters: 0 0 0
"""
_ELASTIX = b"""(Transform "EulerTransform")
(NumberOfParameters 6)
(TransformParameters 0.1 0 0 1 2 3)
(FixedImageDimension 3)
(MovingImageDimension 3)
(CenterOfRotationPoint 1 2 3)
(UseDirectionCosines "true")
"""
_REQUEST = json.dumps(
    {
        "fixed": "a.nrrd", "moving": "b.nrrd", "align": {"method": "rigid", "metric": "mattes"},
        "refine": {"enabled": True, "iterations": [3, 2, 1]}, "slices": "axial:2-5", "seed": 3,
        "prompts": {"3": "liver"}, "label_names": {"3": "liver"},
    }
).encode()  # fmt: skip
_MESSAGE = protocol.encode({"type": "run", "id": 1, "request": {"fixed": "a"}, "folder": "/tmp/x"})
_CATALOGUE = json.dumps(
    {
        "format": 1,
        "models": [
            {
                "id": "a-b", "title": "A", "url": "https://example.org/a.zip", "bytes": 10,
                "sha256": "0" * 64, "version": "1.0.0", "use": "x",
            }
        ],
    }
).encode()  # fmt: skip

#: The readers by name.
TARGETS = {
    "landmarks.json": Target(".mrk.json", (_markups(), _markups(selected=False)), _landmarks),
    "landmarks.fcsv": Target(".fcsv", (_FCSV,), _landmarks),
    "landmarks.csv": Target(".csv", (b"label,x,y,z\na,1,2,3\nb,4,5,6\n", b"1,2,3\n"), _landmarks),
    "landmarks.txt": Target(
        ".txt", (b"point\n2\n1 2 3\n4 5 6\n", b"index\n1\n1 2 3\n"), _landmarks
    ),
    "names": Target(".json", (b'{"1": "liver", "2": "spleen"}',), read_names),
    "transform.tfm": Target(".tfm", (_TFM,), lambda path: load_transform(path, 3), 10.0),
    "transform.txt": Target(
        ".txt",
        (b"1 0 0 4\n0 1 0 5\n0 0 1 6\n0 0 0 1\n", _ELASTIX),
        lambda path: load_transform(f"{path}#ras", 3),
        10.0,
    ),
    "request": Target("", (_REQUEST,), _request),
    "slices": Target("", (b"axial:2-5", b"all"), lambda b: SliceSelection.parse(b.decode("latin"))),
    "message": Target("", (_MESSAGE,), _message),
    "card": Target("/metadata.json", (_CARD.read_bytes(),), _card),
    "catalogue": Target(".json", (_CATALOGUE,), read_catalogue),
}


class _Slow(BaseException):
    """Too many seconds for one file."""


def _alarm(*_: object) -> None:
    raise _Slow


def contents(name: str, number: int) -> bytes:
    """Return the mutated file of a number."""
    rng = random.Random(f"{name} {number}")
    return mutated(rng.choice(TARGETS[name].seeds), rng)


def _one(target: Target, file: Path, data: bytes, again: bool = True) -> tuple[str, str]:
    """Return ``read``, ``refused``, ``fault`` or ``slow``, and the details.

    What is slow is tried again: a process of a busy machine may stand still for seconds.
    """
    if target.suffix:
        file.write_bytes(data)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS * target.patience)
    try:
        target.read(file if target.suffix else data)
    except LDMRegError as error:
        return ("refused" if "\n" not in str(error) else "fault"), str(error)
    except _Slow:
        if again:
            return _one(target, file, data, again=False)
        return "slow", f"more than {_SECONDS * target.patience:g} s"
    except Exception:
        return "fault", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "read", ""


def _work(name: str, current: Any, until: float, connection: Any) -> None:
    """Read mutated files until a time, and report after every few hundred."""
    target = TARGETS[name]
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    signal.signal(signal.SIGALRM, _alarm)
    with tempfile.TemporaryDirectory() as folder:
        inner = target.suffix.startswith("/")
        file = Path(folder) / (target.suffix.strip("/") if inner else f"file{target.suffix}")
        while time.monotonic() < until:
            counts: collections.Counter[str] = collections.Counter()
            faults = []
            for _ in range(_AT_ONCE):
                data = contents(name, current.value)
                what, text = _one(target, file, data)
                counts[what] += 1
                if what in ("fault", "slow"):
                    faults.append(f"{name} {current.value}: {what}: {data!r}: {text}")
                current.value += 1
                if time.monotonic() > until:
                    break
            connection.send((dict(counts), faults))


def run(
    seconds: float, names: Sequence[str] = tuple(TARGETS), first: int = 0
) -> tuple[collections.Counter[tuple[str, str]], list[str]]:
    """Read mutated files, each reader for an equal part of the time.

    Args:
        seconds: for all of them.
        names: of the readers.
        first: number of the first file of each.

    Returns:
        How often what happened, by reader, and the faults with their files.
    """
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    faults: list[str] = []
    context = multiprocessing.get_context("fork")
    for name in names:
        current = context.RawValue("q", first)
        until = time.monotonic() + seconds / len(names)
        while time.monotonic() < until:
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=_work, args=(name, current, until, there), daemon=True)
            child.start()
            there.close()
            try:
                while True:
                    own, texts = here.recv()
                    counts.update({(name, what): n for what, n in own.items()})
                    faults += texts
            except EOFError:
                child.join()
            if child.exitcode:
                data = contents(name, current.value)
                faults.append(f"{name} {current.value}: ended with {child.exitcode}: {data!r}")
                counts[name, "crash"] += 1
                current.value += 1
    return counts, faults


def table(counts: collections.Counter[tuple[str, str]]) -> str:
    """Return a table of the readers and what happened."""
    kinds = ("read", "refused", "slow", "fault", "crash")
    names = list(dict.fromkeys(name for name, _ in counts))
    lines = [f"{'reader':16}" + "".join(f"{kind:>11}" for kind in kinds)]
    for name in (*names, "all"):
        own = [sum(n for (a, k), n in counts.items() if name in (a, "all") and k == kind)
               for kind in kinds]  # fmt: skip
        lines.append(f"{name:16}" + "".join(f"{n:11,}" for n in own))
    return "\n".join(lines)


def main() -> int:
    """Print the table, and each fault."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove.fuzz")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    arguments = parser.parse_args()
    counts, faults = run(arguments.seconds, arguments.targets, arguments.first)
    print(table(counts))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
