"""``ldmreg export-dicom``."""

from __future__ import annotations

import argparse
from typing import Any

from .._printable import one_line
from .console import add_loudness, add_share

__all__ = ["add_export_dicom"]

_DESCRIPTION = """\
Write results of a registration as DICOM: the warped image as a derived series, and the deformation
as a Deformable Spatial Registration object. Both lie in the study and the frame of reference of the
fixed image, with new UIDs of series and instances."""
_EPILOG = """\
examples:
  images that were registered as DICOM folders:
    ldmreg export-dicom results --output results-dicom
  images that were converted before, with their series:
    ldmreg export-dicom results --output results-dicom --fixed dicom/first --moving dicom/second
"""


def add_export_dicom(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "export-dicom",
        help="write the warped image and the deformation as DICOM",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_export_dicom)
    parser.add_argument("results", metavar="RESULTS", help="output folder of ldmreg register")
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder for the files")
    for role in ("fixed", "moving"):
        parser.add_argument(f"--{role}", metavar="SERIES", help=(
            f"DICOM series of the {role} image: a folder, FOLDER/SERIES_UID or a file "
            "(default: what was registered, where it was DICOM)"))  # fmt: skip
    add_share(parser)
    add_loudness(parser)


def run_export_dicom(arguments: argparse.Namespace) -> int:
    """Write the files, and say which."""
    from ..pipeline.export_dicom import export_dicom

    done = export_dicom(
        arguments.results, arguments.output, arguments.fixed, arguments.moving, arguments.share
    )
    if not arguments.quiet:
        for line in (done.summary, *done.notes):
            print(one_line(line))
    return 0
