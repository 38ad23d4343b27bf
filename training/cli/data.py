"""``ldmreg-train data``: the contents of a data set's folder, and originals made into pairs."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from SlicerLDMRegLib.errors import InputError

from ..datasets.layouts import (
    LAYOUTS,
    DataSet,
    open_data_set,
    recognise,
    write_pairs,
)
from ..datasets.layouts.splits import SPLITS

__all__ = ["main", "report"]

_EPILOG = """\
examples:
  what a folder holds, what is missing, the pairs of each split; all files are read:
    ldmreg-train data check ~/data/CAMUS
  names alone, which takes a second:
    ldmreg-train data check ~/data/EchoNet-Dynamic --quick
  your own images, a line each with image, labels, label_names, subject, phase, split:
    ldmreg-train data check mine.csv
  the pairs that the cardiac model is trained on, from the Sunnybrook originals:
    ldmreg-train data cardiac-mr ~/data/Sunnybrook --output data/cardiac_mr
  the layouts that are known, with their rules:
    ldmreg-train data layouts
"""
_MOST_LINES = 20  # of faults that are printed; the number of the others is


def main(argv: Sequence[str] | None = None, prog: str = "python -m training.cli.data") -> None:
    """Look at data sets from the command line; ``prog``: the program in its help.

    Raises:
        SystemExit: with 1 when a data set has faults, with 2 for bad usage.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Look at data sets: layout, splits, pairs, labels, and what is missing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="tell what a folder holds and what is missing")
    check.add_argument("folder", type=Path, metavar="DIR", help="folder, or file of a manifest")
    check.add_argument("--as", dest="layout", choices=LAYOUTS, metavar="LAYOUT", help=(
        f"do not guess the layout: {', '.join(LAYOUTS)}"))  # fmt: skip
    check.add_argument("--quick", action="store_true", help="do not read the images")
    check.set_defaults(run=_check)

    layouts = commands.add_parser("layouts", help="list the layouts with their rules")
    layouts.set_defaults(run=_layouts)

    cardiac = commands.add_parser("cardiac-mr", help="make pairs of the Sunnybrook originals")
    cardiac.add_argument("folder", type=Path, metavar="DIR", help="DICOM and contour files")
    cardiac.add_argument("--output", type=Path, required=True, metavar="DIR", help=(
        "folder of the pairs, <patient>_s<slice>.npz"))  # fmt: skip
    cardiac.add_argument("--incomplete", action="store_true", help=(
        "leave out patients of which files are missing"))  # fmt: skip
    cardiac.set_defaults(run=_cardiac_mr)

    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def _check(arguments: argparse.Namespace) -> None:
    names = [arguments.layout] if arguments.layout else _recognised(arguments.folder)
    faults = 0
    for name in names:
        text, count = report(
            open_data_set(name, arguments.folder, incomplete=True), not arguments.quick
        )
        print(text)
        faults += count
    if faults:
        raise SystemExit(1)


def _recognised(folder: Path) -> list[str]:
    if folder.is_file():
        return ["manifest"]
    names = recognise(folder)
    if not names:
        known = "; ".join(f"{name}: {layout.title}" for name, layout in LAYOUTS.items())
        raise InputError(
            f"{folder}: expected the files of a known data set, got none of them ({known}); "
            "--as LAYOUT tells what a layout misses, and a manifest.csv describes any other images"
        )
    return names


def report(data: DataSet, read: bool) -> tuple[str, int]:
    """Return what a data set holds, as text, and the number of its faults.

    Args:
        data: opened with ``incomplete``.
        read: whether to read every scan.
    """
    lines = [f"{data.title} ({data.name}), {data.dimension}D, in {data.root}"]
    scored = set(data.scored) != set(data.labels)
    named = [
        f"{number} {name}{' (scored)' if scored and number in data.scored else ''}"
        for number, name in data.labels.items()
    ]
    lines += _wrapped(f"labels: {', '.join(named) or 'none'}", "  ")
    lines.append(f"  {'split':<12}{'subjects':>9}{'pairs':>9}{'an epoch':>10}{'published':>11}")
    for split in SPLITS:
        pairs = len(data.pairings[split])
        epoch = data.epoch if split == "train" else pairs
        published = data.published.get(split, "-")
        count = len(data.subjects(split))
        lines.append(f"  {split:<12}{count:>9}{pairs:>9}{epoch:>10}{published:>11}")
    for rule in data.rules:
        lines += _wrapped(rule)
    damaged = _damaged(data) if read else []
    for title, faults in (("missing", data.missing), ("damaged", damaged)):
        if faults:
            lines.append(f"  {title}: {len(faults)}")
            lines += [f"    {fault}" for fault in faults[:_MOST_LINES]]
            more = len(faults) - _MOST_LINES
            lines += [f"    and {more} more"] if more > 0 else []
    count = len(data.missing) + len(damaged)
    if not any(data.pairings.values()):
        lines.append("  no pair was found")
        count += 1
    if not count:
        lines.append("  all files are there" + (" and can be read" if read else "; none was read"))
    return "\n".join(lines), count


def _wrapped(text: str, first: str = "  - ") -> list[str]:
    return textwrap.wrap(text, 98, initial_indent=first, subsequent_indent="    ")


def _damaged(data: DataSet) -> list[str]:
    """Read every scan once; return the messages of those that cannot be used."""
    scans = dict.fromkeys(
        scan
        for split in SPLITS
        for pairing in data.pairings[split]
        for scan in (pairing.fixed, pairing.moving)
    )
    faults = []
    shapes: dict[str, tuple[int, ...]] = {}
    for scan in tqdm(scans, unit="image", mininterval=1, disable=None):
        try:
            shapes[scan] = data.scan(scan).image.shape
        except InputError as error:
            faults.append(f"{scan}: {error}")
    if len(set(shapes.values())) > 1 and data.name != "manifest":
        usual = max(shapes.values(), key=list(shapes.values()).count)
        faults += [
            f"{scan}: expected {usual[::-1]} voxels as of the others, got {shape[::-1]}"
            for scan, shape in shapes.items()
            if shape != usual
        ]
    return faults


def _layouts(arguments: argparse.Namespace) -> None:
    for name, layout in LAYOUTS.items():
        print(f"{name}: {layout.title}")
        if layout.published:
            print("  " + ", ".join(f"{n} {split} pairs" for split, n in layout.published.items()))
        for rule in layout.rules:
            print("\n".join(_wrapped(rule)))


def _cardiac_mr(arguments: argparse.Namespace) -> None:
    data = open_data_set("sunnybrook", arguments.folder, arguments.incomplete)
    count = write_pairs(data, arguments.output)  # type: ignore[arg-type]
    print(f"{count} pairs of {sum(len(data.subjects(s)) for s in SPLITS)} patients in "
          f"{arguments.output}")  # fmt: skip


if __name__ == "__main__":
    main()
