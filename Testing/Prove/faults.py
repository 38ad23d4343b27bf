"""Faults at every call that changes the disk: is the old result or the new one whole afterwards?

A child process saves something over an older one, and at its n-th change of the disk something
happens: the disk is full, Ctrl-C is pressed, or the process is killed. Then the place is looked at,
the next run looks there as it does, and the place is looked at again.

``python -m Testing.Prove.faults [SCENARIO ...] [--every N] [--json FILE]`` prints the table.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "SCENARIOS", "Outcome", "run"]

KINDS = ("full", "interrupted", "killed")
_SECONDS = 120  # that one save may take
_DONE, _FAILED, _CANCELLED = 0, 3, 130
_WRITING = set("wax+")
_MOVING = ("rename", "replace", "exchange")

Save = Callable[[Path], object]
"""Saves something into a folder."""


@dataclass(frozen=True)
class Outcome:
    """What came of one fault.

    Attributes:
        scenario: what was saved, where.
        kind: what happened, of :data:`KINDS`.
        call: at which change of the disk, counted from 1, and which function it was.
        ended: how the process ended: ``done``, ``error``, ``cancelled`` or ``killed``.
        found: what was in the place then: ``old``, ``new``, ``nothing`` or ``a part``.
        recovered: the same after the next run had looked.
        left: names that the next run left beside it.
        seconds: the child took.
    """

    scenario: str
    kind: str
    call: str
    ended: str
    found: str
    recovered: str
    left: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost: a whole result, nothing beside it, and told as it is."""
        whole = ("new",) if self.ended == "done" else ("old", "new")
        known = "-" if self.ended == "killed" else self.found  # a process that ends by itself
        return self.recovered in whole and not self.left and known in ("-", *whole)


class Injector:
    """Counts the calls that change the disk, and does harm before one of them.

    Args:
        at: number of the call, from 1; 0: never.
        kind: of :data:`KINDS`.

    Attributes:
        calls: names of the functions that were called.
    """

    def __init__(self, at: int, kind: str) -> None:
        self.at, self.kind = at, kind
        self.calls: list[str] = []

    def __call__(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) != self.at:
            return
        if self.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "interrupted":
            signal.raise_signal(signal.SIGINT)
        elif self.kind == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch the functions of Python and of ITK that write, rename and remove."""
        import SimpleITK as sitk

        places: list[tuple[Any, str]] = [
            (os, name)
            for name in ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "chmod")
        ]
        places += [(os, "fsync"), (os, "posix_fallocate"), (io, "open")]
        places += [(sitk, "WriteImage"), (sitk, "WriteTransform")]
        originals = [(place, name, getattr(place, name)) for place, name in places]
        for place, name, function in originals:
            setattr(place, name, self._watched(name, function))
        try:
            yield
        finally:
            for place, name, function in originals:
                setattr(place, name, function)

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            mode = str(options.get("mode", arguments[1] if len(arguments) > 1 else "r"))
            if name != "open" or _WRITING & set(mode):
                self(name)
            return function(*arguments, **options)

        return called


@dataclass(frozen=True)
class Scenario:
    """Something that is saved.

    Attributes:
        prepare: called once with a folder for its inputs; returns what saves the old and what the
            new one, given the folder in which they do it.
        place: of the file or folder, in that folder.
        next_run: what the next run does first in that folder.
        exchanging: whether the file system can exchange two folders.
        first: whether nothing is there before.
        inside: whether the process stands in the place.
    """

    prepare: Callable[[Path], tuple[Save, Save]]
    place: str
    next_run: Callable[[Path], object]
    exchanging: bool = True
    first: bool = False
    inside: bool = False


def _results(folder: Path) -> tuple[Save, Save]:
    import numpy as np

    from SlicerLDMRegLib import register

    y, x = np.mgrid[:40, :40]
    saves = []
    for shift in (2, 3):
        fixed = np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 60)
        moving = np.exp(-((x - 20 - shift) ** 2 + (y - 20) ** 2) / 60)
        result = register(fixed, moving, model="none", refine={"iterations": (2, 2)})
        _draw_once(result, folder / f"drawn-{shift}")
        saves.append(lambda place, result=result: result.save(place / "results"))
    return saves[0], saves[1]


_drawn: dict[tuple[str, int], Any] = {}


def _draw_once(result: Any, folder: Path) -> None:
    """Keep the pictures of a first save, for drawing takes seconds and does not touch the disk."""
    from SlicerLDMRegLib.report import figures, html

    if not _drawn:
        for module, name in ((figures, "overview_png"), (html, "panel_png")):
            setattr(module, name, _remembered(name, getattr(module, name)))
    result.save(folder)


def _remembered(name: str, function: Callable[..., bytes]) -> Callable[..., bytes]:
    def call(*arguments: Any) -> bytes:
        data = next(a for a in arguments if type(a).__name__ == "FigureData")
        panel = getattr(arguments[0], "key", "")
        key = (name + panel, hash(data.views[0].warped.tobytes()))
        if key not in _drawn:
            _drawn[key] = function(*arguments)
        return _drawn[key]

    return call


def _model(folder: Path) -> tuple[Save, Save]:
    import torch

    from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder

    card = ModelCard(
        id="tiny",
        title="Tiny",
        method="ldm-morph",
        spatial_dims=2,
        network={},
        grid=Grid((32, 32), divisor=32),
        use="Nothing: a proof",
    )

    def save(place: Path, value: float) -> None:
        weights = {"w": torch.full((50,), value)}
        write_model_folder(place / "tiny", card, weights, "CC0", overwrite=True)

    return lambda place: save(place, 1.0), lambda place: save(place, 2.0)


def _labels(folder: Path) -> tuple[Save, Save]:
    import numpy as np
    import SimpleITK as sitk

    from SlicerLDMRegLib.segmentation import Segmentation, write_segmentation

    def save(place: Path, value: int) -> None:
        labels = sitk.GetImageFromArray(np.full((6, 7, 8), value, np.uint8))
        write_segmentation(Segmentation(labels, {value: "it"}), place / "labels.nii.gz")

    return lambda place: save(place, 1), lambda place: save(place, 2)


def _field(name: str) -> Callable[[Path], tuple[Save, Save]]:
    def prepare(folder: Path) -> tuple[Save, Save]:
        import numpy as np

        from SlicerLDMRegLib import DisplacementField
        from SlicerLDMRegLib.geometry import ImageGeometry

        def save(place: Path, value: float) -> None:
            geometry = ImageGeometry((6, 7, 8), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
            vectors = np.full((8, 7, 6, 3), value)
            DisplacementField(vectors, geometry).write(place / name)

        return lambda place: save(place, 1.0), lambda place: save(place, 2.0)

    return prepare


def _next_registration(folder: Path) -> None:
    from SlicerLDMRegLib.pipeline.output_folder import check_output_directory

    check_output_directory(folder / "results")


def _next_list_of_models(folder: Path) -> None:
    from SlicerLDMRegLib.model_store import list_models

    os.environ["LDMREG_MODELS"] = str(folder)
    list_models([])


def _next_write(folder: Path) -> None:
    from SlicerLDMRegLib._outputs import recover

    recover(folder)


SCENARIOS = {
    "results": Scenario(_results, "results", _next_registration),
    "results, no exchange": Scenario(_results, "results", _next_registration, exchanging=False),
    "results, first": Scenario(_results, "results", _next_registration, first=True),
    "results, here": Scenario(_results, "results", _next_registration, inside=True),
    "model": Scenario(_model, "tiny", _next_list_of_models),
    "model, no exchange": Scenario(_model, "tiny", _next_list_of_models, exchanging=False),
    "model, first": Scenario(_model, "tiny", _next_list_of_models, first=True),
    "labels": Scenario(_labels, "labels.nii.gz", _next_write),
    "field .h5": Scenario(_field("field.h5"), "field.h5", _next_write),
    "field .nii.gz": Scenario(_field("field.nii.gz"), "field.nii.gz", _next_write),
}


def run(
    names: Sequence[str] | None = None, kinds: Sequence[str] = KINDS, every: int = 1
) -> list[Outcome]:
    """Try faults; a run of its own process, for it forks: see :func:`main`.

    Args:
        names: of :data:`SCENARIOS`; None: all.
        kinds: of faults.
        every: only each so-manieth change of the disk, and those that move something: for tests.

    Returns:
        A row for each fault.
    """
    table = []
    with tempfile.TemporaryDirectory(prefix="ldmreg-faults-") as name:
        prepared: dict[Any, Any] = {}
        for number, scenario in enumerate(SCENARIOS if names is None else names):
            chosen = SCENARIOS[scenario]
            if chosen.prepare not in prepared:
                inputs = Path(name, f"inputs-{number}")
                inputs.mkdir()
                prepared[chosen.prepare] = chosen.prepare(inputs)
            trial = _Trial(scenario, chosen, *prepared[chosen.prepare], Path(name, str(number)))
            for kind_number, kind in enumerate(kinds):
                calls = trial.calls
                sampled = set(range(1 + kind_number % every, len(calls) + 1, every))
                sampled |= {at for at, call in enumerate(calls, 1) if call in _MOVING}
                table += [trial.fault(kind, at) for at in sorted(sampled)]
    return table


class _Trial:
    """One scenario with its references."""

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        old: Callable[[Path], object],
        new: Callable[[Path], object],
        folder: Path,
    ) -> None:
        self.name, self.scenario, self.new = name, scenario, new
        self.folder = folder
        self.references = {}
        for which, save in (("old", old), ("new", new)):
            place = folder / which
            place.mkdir(parents=True)
            save(place)
            self.references[which] = _digest(place / scenario.place)
        self.calls: list[str] = []
        self.calls = self._child(folder / "counted", "none", 0)[2]

    def fault(self, kind: str, at: int) -> Outcome:
        """Save with a fault, look, let the next run look, and look again."""
        place = self.folder / f"{kind}-{at}"
        begin = time.perf_counter()
        ended, found, _ = self._child(place, kind, at)
        seconds = time.perf_counter() - begin
        self.scenario.next_run(place)
        expected = {self.scenario.place} | ({"current"} if self.scenario.inside else set())
        left = sorted({entry.name for entry in place.iterdir()} - expected)
        if (place / self.scenario.place).is_dir():
            left += [entry.name for entry in (place / self.scenario.place).glob(".*")]
        return Outcome(
            self.name,
            kind,
            f"{at} {self.calls[at - 1]}",
            ended,
            found,
            self._state(place),
            tuple(left),
            round(seconds, 2),
        )

    def _state(self, place: Path) -> str:
        target = place / self.scenario.place
        if not target.exists():
            # Where nothing was before, nothing is as it was.
            return "old" if self.scenario.first else "nothing"
        digest = _digest(target)
        for which, reference in self.references.items():
            if digest == reference:
                return which
        return "a part"

    def _child(self, place: Path, kind: str, at: int) -> tuple[str, str, list[str]]:
        place.mkdir()
        if not self.scenario.first:
            source = self.folder / "old" / self.scenario.place
            _copy(source, place / self.scenario.place)
        notes = self.folder / "calls.json"
        pid = os.fork()
        if pid == 0:
            os._exit(self._save(place, Injector(at, kind), notes))
        status = _wait(pid)
        ended = {_DONE: "done", _FAILED: "error", _CANCELLED: "cancelled", -9: "killed"}
        calls = json.loads(notes.read_text()) if at == 0 else []
        return ended.get(status, f"code {status}"), self._state(place), calls

    def _save(self, place: Path, injector: Injector, notes: Path) -> int:
        """Save in the child; returns its exit code."""
        from SlicerLDMRegLib._outputs import whole
        from SlicerLDMRegLib.errors import LDMRegError

        signal.signal(signal.SIGINT, signal.default_int_handler)
        exchange = whole.exchange

        def watched(first: Path, second: Path) -> bool:
            injector("exchange")
            return self.scenario.exchanging and exchange(first, second)

        whole.exchange = watched  # type: ignore[assignment]
        if self.scenario.inside:
            os.chdir(place / self.scenario.place)
        try:
            with injector.installed():
                self.new(place)
        except KeyboardInterrupt:
            return _CANCELLED
        except LDMRegError:
            return _FAILED
        except BaseException as error:
            print(f"{self.name}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        if injector.at == 0:
            notes.write_text(json.dumps(injector.calls))
        return _DONE


def _copy(source: Path, target: Path) -> None:
    import shutil

    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _wait(pid: int) -> int:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 99


def _digest(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    own = [file for file in files if not any(part.startswith(".") for part in file.parts[-2:])]
    return {file.name: _content(file) for file in own}


def _content(file: Path) -> str:
    """Return what is in a file; the bytes of HDF5 and gzip differ from one writing to the next."""
    import SimpleITK as sitk

    try:
        if file.name.endswith(".h5"):
            parameters = sitk.ReadTransform(str(file)).GetParameters()
            return hashlib.sha256(repr(parameters).encode()).hexdigest()
        if file.name.endswith(".nii.gz"):
            import gzip

            return hashlib.sha256(gzip.decompress(file.read_bytes())).hexdigest()
    except (RuntimeError, OSError, EOFError) as error:
        return f"damaged: {type(error).__name__}"
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main() -> int:
    """Print the table, and how many faults lost something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    # A child of a fork has none of the threads of its parent: let there be none.
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    table = run(arguments.scenarios, every=arguments.every)
    for row in table:
        mark = "" if row.good else "LOST"
        print(f"{row.scenario:22} {row.kind:12} {row.call:20} {row.ended:10} {row.found:8} "
              f"{row.recovered:8} {' '.join(row.left)} {mark}")  # fmt: skip
    lost = [row for row in table if not row.good]
    print(f"{len(table)} faults, {len(lost)} lost something")
    if arguments.json is not None:
        rows = [{**asdict(row), "good": row.good} for row in table]
        arguments.json.write_text(json.dumps(rows), encoding="utf-8")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
