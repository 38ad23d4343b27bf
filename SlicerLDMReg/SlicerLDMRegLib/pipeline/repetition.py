"""The registration of a report, run again: the same bits, or what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import torch

from .._small_files import DamagedFile, read_json
from ..errors import InputError
from .progress import Progress
from .request import RegistrationRequest
from .result import RegistrationResult
from .runner import Runner

__all__ = ["Repetition", "repeat"]

_MOST_BYTES = 100_000_000  # a report has some 10 kB
_MOST_THREADS = 1024
# Conditions that are compared, by the words for them.
_MACHINE = {
    "processor": "processor",
    "instructions": "vector instructions",
    "system": "system",
    "device": "device",
    "threads": "threads",
    "itk_threads": "threads of ITK",
}


@dataclass(frozen=True, eq=False)
class Repetition:
    """A registration that was run again.

    Attributes:
        result: of the new run.
        same: whether field, inverse and warped image have the same bits as before.
        differences: what is not as it was: inputs, options, model, versions, machine; one sentence
            each. Bits may agree all the same.
    """

    result: RegistrationResult
    same: bool
    differences: tuple[str, ...]


def repeat(
    report: str | Path | Mapping[str, Any],
    *,
    output: str | Path | None = None,
    progress: Progress | None = None,
    runner: Runner | None = None,
    **changes: Any,
) -> Repetition:
    """Run the registration of a report again, and compare the results bit by bit.

    It uses the inputs, the options, the model, the device, the precision and the numbers of threads
    that the report names. On the CPU of one machine the same versions give the same bits.

    Args:
        report: ``report.json`` of a registration, or what it holds.
        output: folder of the results; None: nothing is written.
        progress: told about the stages; cancels.
        runner: keeps models in memory; None: one of its own.
        changes: fields of :class:`.RegistrationRequest` to use instead, such as ``fixed`` for an
            image that has moved, or that was in memory.

    Raises:
        InputError: when the report cannot be read or is older than this command, an input is not
            there any more, or an option cannot be.
        ModelError: when the model is not installed.
        OutOfMemoryError: when the images are too large for the memory.
        CancelledError: when the caller cancels.

    Example:
        >>> again = repeat("results/report.json")  # doctest: +SKIP
        >>> again.same, again.differences  # doctest: +SKIP
        (True, ())
    """
    before = _provenance(report)
    request = _request(before, {**changes, "output": output})
    with _threads(before.get("machine")):
        result = (runner or Runner()).run(request, progress)
    differences = tuple(_differences(before, result.provenance))
    same = before.get("results") == result.provenance["results"]
    return Repetition(result, same, differences)


def _provenance(report: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the provenance of a report, of which nothing but its being an object is certain."""
    content: Any = report
    if not isinstance(report, Mapping):
        path = Path(report).expanduser()
        path = path / "report.json" if path.is_dir() else path
        if not path.is_file():
            raise InputError(f"report: there is no file {path}")
        try:
            content = read_json(path, _MOST_BYTES)
        except DamagedFile as error:
            raise InputError(f"report: {path} cannot be read as JSON: {error}") from error
    found = content.get("provenance") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping):
        raise InputError("report: expected the report.json of a registration, got another file")
    if not isinstance(found.get("request"), Mapping):
        raise InputError(
            "report: it does not hold the request, as those of LDMReg 0.1 do not; "
            "register the images again, and repeat from the new report"
        )
    return found


def _request(before: Mapping[str, Any], changes: Mapping[str, Any]) -> RegistrationRequest:
    """Return the request of a report on the device, and with the model, that it ended with."""
    values = dict(before["request"])
    held = values.pop("in_memory", [])
    options, model = before.get("options"), before.get("model")
    if isinstance(options, Mapping):
        values |= {name: options[name] for name in ("device", "precision") if name in options}
    if values.get("model", "auto") == "auto":
        values["model"] = model.get("id", "auto") if isinstance(model, Mapping) else "none"
    values |= changes
    missing = [name for name in held if name not in values] if isinstance(held, list) else []
    if missing:
        names = ", ".join(str(name).replace("_", " ") for name in missing)
        raise InputError(
            f"report: the registration was of what was in memory ({names}), of which a report "
            "holds no copy; give it, in Python as repeat(report, "
            f"{', '.join(f'{name}=...' for name in missing)})"
        )
    return RegistrationRequest.from_dict(values)


@contextmanager
def _threads(machine: Any) -> Iterator[None]:
    """Compute with as many threads as a report names, for sums depend on their order."""
    numbers = machine if isinstance(machine, Mapping) else {}
    before = torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    wanted = [numbers.get(name) for name in ("threads", "itk_threads")]
    torch_threads, itk_threads = (
        number if type(number) is int and 1 <= number <= _MOST_THREADS else own
        for number, own in zip(wanted, before, strict=True)
    )
    torch.set_num_threads(torch_threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(itk_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before[1])


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs, the likeliest cause of other bits first."""
    yield from _input_differences(_part(before, "inputs"), _part(after, "inputs"))
    regions = [_part(side, "regions").get("sha256") for side in (before, after)]
    if regions[0] != regions[1]:
        yield "the segmentation that guides the model has other voxels"
    yield from _request_differences(_part(before, "request"), _part(after, "request"))
    for name in ("id", "version", "sha256"):
        old, new = (_part(side, "model").get(name) for side in (before, after))
        if old != new:
            words = "weights (SHA-256)" if name == "sha256" else name
            yield f"the model has another {words}: {_short(old)} then, {_short(new)} now"
    for name in sorted({*_part(before, "versions"), *_part(after, "versions")}):
        old, new = (_part(side, "versions").get(name) for side in (before, after))
        if old != new:
            yield f"{name} is {_short(new)}, it was {_short(old)}"
    for name, words in _MACHINE.items():
        old, new = (_part(side, "machine").get(name) for side in (before, after))
        if old != new:
            yield f"the {words} differ: {_short(old)} then, {_short(new)} now"
    if _part(before, "method").get("refinement_stopped_by") == "time":
        yield "the refinement had stopped because its time was over, which is never quite the same"


def _input_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for role in dict.fromkeys((*before, *after)):
        old, new = (_part(side, role) for side in (before, after))
        name = str(role).replace("_", " ")
        if not old or not new:
            had, has = ("a" if side else "no" for side in (old, new))
            yield f"there was {had} {name}, and now there is {has}"
            continue
        if old.get("sha256") != new.get("sha256"):
            hashes = (_short(side.get("sha256")) for side in (old, new))
            yield "{}: its content has changed, SHA-256 {} then, {} now".format(name, *hashes)
        for part in ("size", "spacing", "origin", "direction"):
            if old.get(part) != new.get(part):
                yield f"{name}: another {part}, {old.get(part)} then, {new.get(part)} now"


def _request_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    # Where the images come from does not matter; device, precision and model follow below.
    apart = {"device", "precision", "model", "output", "in_memory"}
    for name, new in after.items():
        old = before.get(name)
        paths = isinstance(old, str | None) and isinstance(new, str) and name.startswith(_PATHS)
        if name not in apart and old != new and not paths:
            yield f"{name.replace('_', ' ')}: {_short(old)} then, {_short(new)} now"


_PATHS = ("fixed", "moving", "initial_transform")


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def _short(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:12]}..."
