"""``ldmreg register``."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._printable import one_line
from ..errors import InputError
from .console import check_room, progress_bar
from .registration_options import over_preset, prompts_by_label, refinement

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
    from ..pipeline import Progress
    from .kept_runner import kept_runner

    with progress_bar(arguments) as bar:
        result = kept_runner().run(request, Progress(bar))
    if arguments.pdf:
        _write_pdf(result, output, arguments.share)
    if arguments.json:
        print((output / "report.json").read_text(encoding="utf-8"), end="")
    elif not arguments.quiet:
        print(_summary(result, output))
    if arguments.compact:  # the last, for it may fail where all else is there
        compact = _write_compact(result, output, arguments.share)
        if not (arguments.quiet or arguments.json):
            print(compact)
    if not arguments.strict:
        return 0
    from ..report import judge

    return _STRICT[judge(result.metrics).status]


def _write_pdf(result: RegistrationResult, output: Path, share: bool) -> None:
    from .._outputs import whole_file
    from ..report import write_report

    try:
        with whole_file(output / "report.pdf", private=not share) as new:
            write_report(result, new, None if result.slices is None else result.slices.axis)
    except OSError as error:
        raise InputError(f"output: {output / 'report.pdf'} cannot be written: {error}") from error


def _write_compact(result: RegistrationResult, output: Path, share: bool) -> str:
    """Write the B-spline, and return how exact it is."""
    from .._outputs import whole_file
    from ..exchange import write_transform

    target = output / "compact.h5"
    try:
        with whole_file(target, private=not share) as new:
            written = write_transform(result.field, new, "compact", tolerance_mm=None)
    except OSError as error:
        raise InputError(f"output: {target} cannot be written: {error}") from error
    except InputError as error:
        raise InputError(
            f"{target} was not written, all else was: {error}, as by `ldmreg transform "
            f"{output / 'transform.h5'} --to compact --tolerance 0.5 --output {target}`"
        ) from error
    return one_line(replace(written, path=target).summary)


def _request(arguments: argparse.Namespace) -> RegistrationRequest:
    """Return what was asked for; the options are named as the fields of the request."""
    from ..pipeline import RegistrationRequest

    given = {f.name: getattr(arguments, f.name) for f in fields(RegistrationRequest)}
    for role in ("fixed", "moving"):
        if given[role] is None and arguments.register_by == "labels":
            given[role] = given[f"{role}_labels"]
        if given[role] is None:
            arguments.parser.error(f"the following arguments are required: --{role}")
    given |= {
        "refine": refinement(arguments),
        "prompts": prompts_by_label(arguments.prompts),
    }
    return RegistrationRequest(**over_preset(arguments, given))


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
