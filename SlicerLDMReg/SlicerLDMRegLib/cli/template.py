"""``ldmreg template`` and ``ldmreg morphometry``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InputError
from .cohort_options import Display, add_means, means_of, shared_options
from .console import add_loudness, add_share, check_room
from .registration_options import add_guide, add_method, add_slices

__all__ = ["add_morphometry", "add_template"]

_TEMPLATE = """\
Build the template of a group of images: their mean, in intensity and in shape. Step by step all
images are registered to the template so far, and their mean is drawn in the mean of their shapes.
A build that was ended goes on with the same command.

In DIR: template.nrrd; convergence.csv, the way to it; final, the cohort of all images to it (see
ldmreg cohort), with mean and variance of the determinant; and where the images have labels,
template_labels.nrrd, what most of them have there, labels/ID.nrrd, that carried back to each image,
and labels.csv, the mean Dice of both."""
_TEMPLATE_EPILOG = """\
examples:
  ldmreg template images.csv --output atlas
  ldmreg template bids --bids-suffix T1w --output atlas --model none --steps 6 --workers 4
  ldmreg morphometry atlas/final --groups ill control --output comparison
"""
_MORPHOMETRY = """\
Compare two groups of a cohort with one fixed image: where are the subjects of the first one larger
than those of the second? The logarithm of the determinant is smoothed and compared by a t-test;
p values are corrected for all voxels by permutation of the groups."""
_MORPHOMETRY_EPILOG = """\
examples:
  ldmreg morphometry atlas/final --groups ill control --output comparison
  ldmreg morphometry study --groups 1 2 --fwhm 8 --permutations 10000 --output comparison

In the folder are difference.nrrd (of the logarithms, first group minus second), t.nrrd, p.nrrd (of
a single voxel) and p_corrected.nrrd. The groups are those of the column group of the manifest.
"""


def add_template(commands: Any) -> None:
    """Add the command that builds a template."""
    parser = commands.add_parser(
        "template",
        help="build the mean of a group of images",
        description=_TEMPLATE,
        epilog=_TEMPLATE_EPILOG,
    )
    parser.set_defaults(run=run_template)
    parser.add_argument("source", metavar="IMAGES", help=(
        "table of images (.csv .tsv .json), or the folder of a BIDS data set"))  # fmt: skip
    what = parser.add_argument_group("what to build")
    what.add_argument("--output", required=True, metavar="DIR", help="folder for all results")
    what.add_argument("--reference", metavar="ID", help=(
        "image on whose lattice the template lies (default: the first)"))  # fmt: skip
    what.add_argument("--steps", type=int, default=4, metavar="N", help=(
        "at most, after the linear mean (default 4)"))  # fmt: skip
    what.add_argument("--tolerance", type=float, default=0.002, metavar="X", help=(
        "end when a step changes the intensities, in [0, 1], by less (default 0.002)"))  # fmt: skip
    what.add_argument("--split", metavar="NAME", help="only images of this split of the table")
    what.add_argument("--bids-suffix", metavar="NAME", help=(
        "kind of the images of a BIDS data set, such as T1w"))  # fmt: skip
    add_slices(what)
    add_share(what)
    add_means(parser)
    add_method(parser)
    add_guide(parser)
    add_loudness(parser.add_argument_group("on the screen"))
    parser.set_defaults(pictures="none", json=False)


def run_template(arguments: argparse.Namespace) -> int:
    """Build a template, and write the report of the images to it."""
    check_room()
    from ..cohort import build_template, write_report
    from ..cohort.plan import read_images_of

    images = read_images_of(arguments.source, arguments.bids_suffix, arguments.split)
    if arguments.steps < 1:
        raise InputError(f"--steps: expected a positive integer, got {arguments.steps}")
    with Display(arguments) as display:
        template = build_template(
            images,
            Path(arguments.output),
            shared_options(arguments),
            means_of(arguments),
            reference=arguments.reference,
            steps=arguments.steps,
            tolerance=arguments.tolerance,
            look=display.look,
            note=display.note,
        )
        report = write_report(template.cohort, arguments.share)
    if not arguments.quiet:
        last = template.steps[-1]
        overlap = list(template.overlap.values())
        labels = (
            f"; labels carried to the images, mean Dice {_mean(overlap):.3f}" if overlap else ""
        )
        print(
            f"{template.path}: {len(images)} images, {last.step} steps, the last one changed it by "
            f"{last.change:.2g} and its shape by {last.shape_mm:.2g} mm{labels}"
        )
        print(f"{report.page}: the images to it")
    return 0


def add_morphometry(commands: Any) -> None:
    """Add the command that compares groups."""
    parser = commands.add_parser(
        "morphometry",
        help="compare two groups of a cohort, voxel by voxel",
        description=_MORPHOMETRY,
        epilog=_MORPHOMETRY_EPILOG,
    )
    parser.set_defaults(run=run_morphometry)
    parser.add_argument("folder", metavar="DIR", help="output of ldmreg cohort, to one image")
    parser.add_argument("--groups", required=True, nargs=2, metavar=("A", "B"), help=(
        "two values of the column group"))  # fmt: skip
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the maps")
    parser.add_argument("--fwhm", type=float, default=4.0, metavar="MM", help=(
        "width of the smoothing at half height, 0: none (default 4)"))  # fmt: skip
    parser.add_argument("--permutations", type=int, default=1000, metavar="N", help=(
        "the least p value is 1 / N (default 1000)"))  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the permutations")
    add_share(parser)
    add_loudness(parser)


def run_morphometry(arguments: argparse.Namespace) -> int:
    """Compare two groups, and tell whether there is a difference."""
    check_room()
    from ..cohort import CohortFolder
    from ..cohort.group_maps import write_comparison

    found = write_comparison(
        CohortFolder(Path(arguments.folder)),
        Path(arguments.output),
        (arguments.groups[0], arguments.groups[1]),
        fwhm_mm=arguments.fwhm,
        permutations=arguments.permutations,
        seed=arguments.seed,
        share=arguments.share,
    )
    if not arguments.quiet:
        first, second = arguments.groups
        larger, smaller = (int((found.corrected < 0.05)[sign].sum()) for sign in (
            found.t > 0, found.t < 0))  # fmt: skip
        print(
            f"{arguments.output}: {found.counts[0]} {first} and {found.counts[1]} {second}; with "
            f"corrected p < 0.05, {first} is larger at {larger:,} voxels and smaller at "
            f"{smaller:,}; least p {found.corrected.min():.2g}"
        )
    return 0


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
