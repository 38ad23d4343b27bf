"""``ldmreg cohort``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._printable import json_safe, one_line
from ..errors import InputError
from .cohort_options import (
    Display,
    add_means,
    clock,
    counted,
    expected_end,
    means_of,
    shared_options,
)
from .console import add_loudness, add_share, check_room
from .registration_options import add_guide, add_method, add_slices

if TYPE_CHECKING:
    from ..cohort import CohortFolder, CohortReport, CohortStatus, Totals

__all__ = ["SOME_FAILED", "add_cohort"]

#: Exit code of a cohort of which some pairs failed.
SOME_FAILED = 8
_STRICT = (("bad", 6), ("check", 5))
_REASONS = 20  # of failed pairs that are printed
_USAGE = """\
ldmreg cohort MANIFEST --output DIR [options]
       ldmreg cohort status DIR [--json]
       ldmreg cohort report DIR"""
_DESCRIPTION = """\
Register many pairs: those of a table, or those that images of a table or of a BIDS data set make.
Each pair has its own folder with its report; one page and one table show them all. A run can be
ended at any time, by Ctrl-C or by a failure of power, and goes on with the same command: what is
complete and unchanged is not done again. A pair that fails does not stop the others.

MANIFEST is CSV with a header, or JSON; paths are relative to its folder, further columns go along
into the table of results:
  pairs   fixed, moving; fixed_labels, moving_labels, fixed_landmarks, moving_landmarks, fixed_mask,
          moving_mask, initial_transform, label_names, id, split, group
  images  image; labels, label_names, landmarks, mask, id, subject, phase, split, group"""
_EPILOG = """\
examples:
  the pairs of a table, on as many processes as this computer has room for:
    ldmreg cohort pairs.csv --output study
  all scans of a BIDS data set to one, by refinement alone, on two processes:
    ldmreg cohort bids --bids-suffix T1w --pairs to:sub-01_T1w --model none --workers 2 \\
        --output study
  each frame of a heart to the one before it:
    ldmreg cohort frames.csv --pairs consecutive --output study
  on a cluster of Dask that is running (dask scheduler, dask worker --nthreads 1), or on SLURM:
    ldmreg cohort pairs.csv --output study --scheduler tcp://node1:8786
    ldmreg cohort pairs.csv --output study --slurm slurm.yaml
  how far it is, from another shell:
    ldmreg cohort status study

exit codes beside those of ldmreg: 8 some pairs failed; with --strict 5 and 6 for the worst verdict
"""


def add_cohort(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "cohort",
        help="register many pairs, and go on where it was ended",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_cohort_command)
    parser.add_argument("source", metavar="MANIFEST", help=(
        "table of pairs or of images (.csv .tsv .json), or the folder of a BIDS data set; the word "
        "status or report, followed by DIR, looks at a cohort"))  # fmt: skip
    parser.add_argument("folder", metavar="DIR", nargs="?", help="after status and report only")

    what = parser.add_argument_group("what to register")
    what.add_argument("--output", metavar="DIR", help="folder for all results")
    what.add_argument("--pairs", metavar="HOW", help=(
        "how images make pairs: all-to-all; to:ID, all others to the image with this id, file name "
        "or subject; consecutive, each frame of a subject to the one before it; first, each to the "
        "subject's first"))  # fmt: skip
    what.add_argument("--split", metavar="NAME", help="only entries of this split of the table")
    what.add_argument("--bids-suffix", metavar="NAME", help=(
        "kind of the images of a BIDS data set, such as T1w"))  # fmt: skip
    add_slices(what)
    add_share(what)

    add_means(parser)
    add_method(parser)
    add_guide(parser)

    output = parser.add_argument_group("on the screen")
    output.add_argument("--strict", action="store_true", help=(
        "exit with 6 when the verdict of a pair is Bad, with 5 when one is Check"))  # fmt: skip
    output.add_argument("--json", action="store_true", help="print counts as JSON")
    add_loudness(output)


def run_cohort_command(arguments: argparse.Namespace) -> int:
    """Register a cohort, or look at one."""
    from ..cohort import CohortFolder

    if arguments.source in ("status", "report"):
        if arguments.folder is None:
            raise InputError(f"cohort {arguments.source}: name the output folder of a cohort")
        folder = CohortFolder(Path(arguments.folder))
        return _status(arguments, folder) if arguments.source == "status" else _report(
            arguments, folder)  # fmt: skip
    if arguments.folder is not None:
        raise InputError(
            f"cohort: expected one manifest, got {arguments.source} and {arguments.folder}"
        )
    if arguments.output is None:
        raise InputError("cohort: name a folder for the results with --output")
    return _run(arguments, CohortFolder(Path(arguments.output)))


def _run(arguments: argparse.Namespace, folder: CohortFolder) -> int:
    check_room()
    from ..cohort import make_plan, run_cohort, write_report

    plan = make_plan(
        arguments.source,
        folder,
        shared_options(arguments),
        pairing=arguments.pairs,
        bids_suffix=arguments.bids_suffix,
        split=arguments.split,
    )
    folder.prepare(arguments.share)
    with Display(arguments) as display:
        totals = run_cohort(plan, folder, means_of(arguments), look=display.look, note=display.note)
        display.note("writing the report", loud=False)
        report = write_report(folder, arguments.share)
    _tell(arguments, folder, report, totals)
    return _exit_code(report.counts, arguments.strict)


def _report(arguments: argparse.Namespace, folder: CohortFolder) -> int:
    from ..cohort import write_report

    report = write_report(folder, arguments.share)
    _tell(arguments, folder, report, None)
    return _exit_code(report.counts, arguments.strict)


def _tell(
    arguments: argparse.Namespace,
    folder: CohortFolder,
    report: CohortReport,
    totals: Totals | None,
) -> None:
    counts = report.counts
    if arguments.json:
        plain = {"page": str(report.page), "outliers": report.outliers, **_plain(counts)}
        print(json_safe(json.dumps(plain, indent=2)))
        return
    if not arguments.quiet:
        new = "" if totals is None else f"; {len(totals.outcomes)} of them now"
        print(f"{report.page}: {counted(counts)}{new}")
        if report.derivatives is not None:
            print(f"{report.derivatives}: transforms and images, named as BIDS has it")
        if not report.parquet:
            print("no table.parquet: it needs pyarrow (pip install 'ldmreg[cohort]')")
    failed = {} if totals is None else {
        o.id: o.reason for o in totals.outcomes.values() if o.status == "failed"
    }  # fmt: skip
    _tell_reasons(failed)


def _tell_reasons(failed: Mapping[str, str]) -> None:
    for name, reason in list(failed.items())[:_REASONS]:
        print(one_line(f"ldmreg: warning: {name} failed: {reason}"), file=sys.stderr)
    if len(failed) > _REASONS:
        more = len(failed) - _REASONS
        print(f"ldmreg: warning: and {more} more, see the table", file=sys.stderr)


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    names = ("done", "failed", "missing", "good", "check", "bad")
    return {name: counts.get(name, 0) for name in names}


def _exit_code(counts: Mapping[str, int], strict: bool) -> int:
    if counts.get("failed"):
        return SOME_FAILED
    codes = [code for verdict, code in _STRICT if counts.get(verdict)] if strict else []
    return codes[0] if codes else 0


def _status(arguments: argparse.Namespace, folder: CohortFolder) -> int:
    from ..cohort import status_of

    status = status_of(folder)
    if arguments.json:
        plain = {
            "pairs": status.pairs,
            "done": status.done,
            "failed": status.failed,
            "missing": status.missing,
            "verdicts": dict(status.verdicts),
            "running": status.running,
            "pairs_per_second": status.rate,
            "expected_end": None if status.end is None else clock(status.end),
            "reasons": status.reasons,
        }
        print(json_safe(json.dumps(plain, indent=2, ensure_ascii=False)))
    else:
        print(f"{folder.root}: {_state(status)}")
        if not arguments.quiet:
            _tell_reasons(status.reasons)
    return SOME_FAILED if status.failed else 0


def _state(status: CohortStatus) -> str:
    counts = {"done": status.done, "failed": status.failed, "missing": status.missing}
    text = counted({**counts, **status.verdicts})
    if not status.running:
        return f"{text}; nothing is running"
    return f"{text}; running{expected_end(status.rate, status.end)}"
