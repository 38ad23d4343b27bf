"""``ldmreg register``."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._printable import one_line
from ..errors import InputError
from .console import check_room, progress_bar

if TYPE_CHECKING:
    from ..pipeline import RegistrationRequest, RegistrationResult

__all__ = ["run_register"]

#: Exit codes of ``--strict`` by the status of the verdict.
_STRICT = {"good": 0, "check": 5, "bad": 6}


def run_register(arguments: argparse.Namespace) -> int:
    """Register, write the results, print the summary; with ``--strict`` return the verdict."""
    check_room()
    request = _request(arguments)
    from ..pipeline.output_folder import check_output

    # Before torch is imported: a place that cannot be written to is told at once.
    check_output(request)
    output = Path(arguments.output).expanduser()
    from ..pipeline import Progress, Runner

    with progress_bar(arguments) as bar:
        result = Runner().run(request, Progress(bar))
    if arguments.json:
        print((output / "report.json").read_text(encoding="utf-8"), end="")
    elif not arguments.quiet:
        print(_summary(result, output))
    if not arguments.strict:
        return 0
    from ..report import judge

    return _STRICT[judge(result.metrics).status]


def _request(arguments: argparse.Namespace) -> RegistrationRequest:
    """Return what was asked for; the options are named as the fields of the request."""
    from ..pipeline import RegistrationRequest

    given = {f.name: getattr(arguments, f.name) for f in fields(RegistrationRequest)}
    given |= {
        "refine": _refinement(arguments),
        "prompts": _prompts(arguments.prompts),
    }
    return RegistrationRequest(**given)


def _refinement(arguments: argparse.Namespace) -> bool | dict[str, Any] | None:
    """Return what was said about refinement; None leaves it to the model."""
    given = {
        "similarity": arguments.refine_similarity,
        "smoothness": arguments.refine_smoothness,
        "iterations": arguments.refine_iterations,
        "max_seconds": arguments.max_seconds,
    }
    options = {name: value for name, value in given.items() if value is not None}
    if options and arguments.refine is False:
        raise InputError("--no-refine cannot go with other options of the refinement")
    return options or arguments.refine


def _prompts(texts: list[str] | None) -> dict[str, str] | None:
    """Return words by label number."""
    if texts is None:
        return None
    found: dict[str, str] = {}
    for text in texts:
        number, separator, words = text.partition("=")
        if not separator or not re.fullmatch("[0-9]{1,18}", number.strip()):
            raise InputError(
                f"--prompt: expected a label and words such as 17='left hippocampus', got {text!r}"
            )
        if number.strip() in found:
            raise InputError(f"--prompt: label {number.strip()} is given twice; give it once")
        found[number.strip()] = words.strip()
    return found


def _summary(result: RegistrationResult, output: Path) -> str:
    from ..report import judge, key_numbers

    seconds = result.timings.get("total")
    numbers = key_numbers(result.metrics, seconds)
    facts = "; ".join(f"{name} {text}".replace("→", "->") for name, text in numbers)
    lines = [f"{output / 'report.html'}: {facts}"]
    if "regions" in result.metrics:
        lines.append(f"regions: {result.metrics['regions']['summary']}")
    verdict = judge(result.metrics)
    if verdict.status != "good":
        lines.append(f"{verdict.headline} {verdict.advice[0]}")
    return "\n".join(map(one_line, lines))
