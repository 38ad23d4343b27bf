"""``ldmreg segment``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._printable import one_line
from ..errors import InputError
from .console import add_device, add_loudness, add_share, check_room, progress_bar

if TYPE_CHECKING:
    from ..segmentation import Segmentation

__all__ = ["add_segment", "run_segment"]

_DESCRIPTION = """\
Find the structures that a segmentation model knows, and write them as labels on the lattice of the
image. A registration model that is guided by structures uses its segmenter by itself; this command
is for looking at its work, correcting it, and giving it back with register --fixed-labels."""
_EPILOG = """\
examples:
  ldmreg segment t1.nii.gz --model segment-brain-mr --output labels.nii.gz
  for 3D Slicer, where the segments have their names:
    ldmreg segment t1.nii.gz --model segment-brain-mr --output labels.seg.nrrd
  abdominal CT, with the public weights of SwinUNETR, and how sure it is:
    ldmreg segment ct.nii.gz --model swin_unetr.base_5000ep_f48_lr2e-4_pretrained.pt \\
        --output organs.nii.gz --confidence sure.nii.gz --names names.json
"""


def add_segment(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "segment",
        help="find the structures of an image",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.set_defaults(run=run_segment)
    parser.add_argument("image", metavar="IMAGE", help="a volume: file or DICOM folder")
    parser.add_argument("--model", required=True, metavar="MODEL", help=(
        "id or folder of a segmentation model (ldmreg models list), or a file (.pt) of the public "
        "SwinUNETR weights for abdominal CT"))  # fmt: skip
    parser.add_argument("--output", required=True, metavar="LABELS", help=(
        "file of the labels: .nii.gz .nii .nrrd .mha, or .seg.nrrd for 3D Slicer"))  # fmt: skip
    parser.add_argument("--confidence", metavar="FILE", help=(
        "write the probability of the label at each voxel"))  # fmt: skip
    parser.add_argument("--names", metavar="FILE", help="write the names of the labels as JSON")
    add_share(parser)
    add_device(parser)
    add_loudness(parser)


def run_segment(arguments: argparse.Namespace) -> int:
    """Segment, write, and say what was found."""
    check_room()
    from ..segmentation.writing import check_place

    check_place(arguments.output)
    if arguments.confidence is not None:
        check_place(arguments.confidence)
    if arguments.names is not None:
        check_place(arguments.names, (".json",))
    _check_distinct(arguments)

    from ..images import read_image
    from ..model_store import build_segmenter
    from ..pipeline.device import memory_errors, select_device
    from ..pipeline.progress import Progress
    from ..segmentation import write_segmentation

    device = select_device(arguments.device)
    image = read_image(arguments.image)
    segmenter = build_segmenter(arguments.model, device)
    with progress_bar(arguments) as bar, memory_errors("the segmentation"):
        segmentation = segmenter.segment(image, Progress(bar))
        write_segmentation(
            segmentation,
            arguments.output,
            arguments.confidence,
            arguments.names,
            share=arguments.share,
        )
    if not arguments.quiet:
        _tell(segmentation, arguments.output)
    return 0


def _check_distinct(arguments: argparse.Namespace) -> None:
    """Refuse outputs that replace each other or an input, or lie in a folder of inputs."""
    from ..images.selection import is_there, split_path

    files = [f for f in (arguments.output, arguments.confidence, arguments.names) if f is not None]
    places = {os.path.realpath(Path(file).expanduser()) for file in files}
    if len(places) < len(files):
        raise InputError("output: expected another file for each of labels, confidence and names, "
                         "got one twice")  # fmt: skip
    image = split_path(Path(arguments.image).expanduser())[0]
    inputs = {Path(os.path.realpath(path)) for path in (image, Path(arguments.model).expanduser())}
    for file in files:
        place = Path(os.path.realpath(Path(file).expanduser()))
        if any(place == given or given in place.parents for given in inputs if is_there(given)):
            raise InputError(f"output: {file} is, or lies in, an input; name another file")


def _tell(segmentation: Segmentation, output: str) -> None:
    import numpy as np
    import SimpleITK as sitk

    voxels = sitk.GetArrayViewFromImage(segmentation.labels)
    present = set(np.unique(voxels).tolist()) - {0}
    total = len(segmentation.names)
    print(f"{output}: {len(present)} of {total} structures")
    missing = [name for number, name in segmentation.names.items() if number not in present]
    if missing:
        shown = one_line(", ".join(missing[:8]) + (", ..." if len(missing) > 8 else ""))
        print(f"ldmreg: warning: not found: {shown}", file=sys.stderr)
