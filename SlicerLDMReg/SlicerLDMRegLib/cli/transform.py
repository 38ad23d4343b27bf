"""``ldmreg transform``."""

from __future__ import annotations

import argparse
from typing import Any

from .._printable import one_line
from .console import add_loudness

__all__ = ["add_transform"]

_DESCRIPTION = """\
Write a transform from fixed to moving points, such as transform.h5 of the results, in the form of
another program, or its inverse, and tell the error that this costs in mm."""
_EPILOG = """\
forms:
  itk        ITK displacement field .h5 .tfm
  composite  ITK composite with that field .h5 .tfm
  compact    cubic B-spline of ITK, as coarse as --tolerance allows .h5 .tfm
  ants       displacements in LPS mm .nii.gz .nii, for ANTs, Greedy and c3d
  fsl        relative warp of FSL .nii.gz .nii; needs --moving, and NIfTI files of both images
  elastix    B-spline as parameter file .txt, for transformix and elastix
  slicer     displacement field of 3D Slicer .nii.gz .nii .nrrd .mha

examples:
  ldmreg transform results/transform.h5 --to ants --output 1Warp.nii.gz
  ldmreg transform results/transform.h5 --to compact --tolerance 0.5 --output small.h5
  ldmreg transform results/transform.h5 --moving moving.nii.gz --to fsl --output warp.nii.gz
  ldmreg transform results/transform.h5 --moving moving.nii.gz --inverse --to itk --output back.h5
  ldmreg transform 1Warp.nii.gz --to itk --output transform.h5
"""


def add_transform(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "transform",
        help="write a transform for other programs, or its inverse",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_transform)
    parser.add_argument("transform", metavar="TRANSFORM", help=(
        "of ITK, 3D Slicer, ANTs, FSL or elastix: .h5 .tfm .txt .mat .nii(.gz) .nrrd "
        ".mha"))  # fmt: skip
    parser.add_argument("--to", required=True, metavar="FORM", help="see below")
    parser.add_argument("--output", required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--fixed", metavar="IMAGE", help=(
        "on whose voxels it is sampled (default: on its own)"))  # fmt: skip
    parser.add_argument("--moving", metavar="IMAGE", help="for --to fsl and --inverse")
    parser.add_argument("--inverse", action="store_true", help=(
        "write the map from moving to fixed points, on the voxels of the moving "
        "image"))  # fmt: skip
    parser.add_argument("--tolerance", type=float, default=0.25, metavar="MM", help=(
        "largest error of a B-spline at a voxel (default 0.25 mm)"))  # fmt: skip
    add_loudness(parser)


def run_transform(arguments: argparse.Namespace) -> int:
    """Convert, and say what it cost."""
    from ..pipeline.convert_transform import convert_transform

    done = convert_transform(
        arguments.transform,
        arguments.output,
        arguments.to,
        arguments.fixed,
        arguments.moving,
        arguments.inverse,
        arguments.tolerance,
    )
    if arguments.quiet:
        return 0
    print(one_line(done.written.summary))
    if done.round_trip_mm is not None:
        mean, most = done.round_trip_mm
        print(f"there and back: {mean:.2g} mm on average, {most:.2g} mm at most")
    for note in done.notes:
        print(one_line(note))
    return 0
