"""Parser of the command line: commands, options, help and examples."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from .._printable import one_line
from .._version import __version__
from .check import add_check
from .cohort import add_cohort
from .console import add_loudness, add_share
from .export_dicom import add_export_dicom
from .models import run_download, run_import, run_list, run_pack, run_show, run_verify
from .register import run_register
from .registration_options import add_guide, add_method, add_slices
from .repeat import add_repeat
from .segment import add_segment
from .serve import add_serve
from .template import add_morphometry, add_template
from .terminal import safe_streams
from .transform import add_transform

__all__ = ["build_parser"]

_DESCRIPTION = "Register medical images with trained deep networks. Not for clinical use."
_EPILOG = """\
examples:
  ldmreg register --fixed ed.nrrd --moving es.nrrd --output results
  ldmreg repeat results/report.json
  ldmreg cohort pairs.csv --output study
  ldmreg models list

exit codes:
  0 done                       3 model missing or damaged
  1 unexpected error           4 out of memory
  2 bad usage or input         130 cancelled
with register --strict, which writes all results, too:
  5 the verdict is Check       6 the verdict is Bad
with repeat:
  7 the result differs
with cohort:
  8 some pairs failed; all others are registered
"""
_REGISTER = """\
Find the deformation that brings the moving image onto the fixed image, and write the warped image,
the transform and its inverse (as 3D Slicer and ITK read them), the Jacobian map, the folds and a
report. Without --model the shipped model for the dimension of the images is used; the defaults are
what most users want."""
_REGISTER_EPILOG = """\
examples:
  two images, with the defaults:
    ldmreg register --fixed ed.nrrd --moving es.nrrd --output results
  with labels of both, so that the report tells their overlap:
    ldmreg register --fixed ed.nrrd --moving es.nrrd --fixed-labels ed_seg.nrrd \\
        --moving-labels es_seg.nrrd --output results
  two volumes of different scanners, slice by slice, after a rigid alignment:
    ldmreg register --fixed ct.nii.gz --moving mr.nii.gz --align rigid --slices axial:20-40 \\
        --refine-similarity mind --output results
  two brains, guided by labels of the fixed one, one structure named in words:
    ldmreg register --fixed a.nii.gz --moving b.nii.gz --fixed-labels a_seg.nii.gz \\
        --label-names freesurfer35 --prompt 85="optic chiasm" --output results
  after an operation: the images are compared where the mask of the moving one is not 0:
    ldmreg register --fixed before.nii.gz --moving after.nii.gz --moving-mask healthy.nii.gz \\
        --output results
  without a network, by optimisation alone:
    ldmreg register --fixed a.png --moving b.png --model none --output results
"""
_MODELS_EPILOG = """\
examples:
  ldmreg models list
  ldmreg models show ldm-morph-cardiac-mr
  ldmreg models verify                      (all of them)
  ldmreg models verify path/to/model
  ldmreg models download                    (lists what there is)
"""
_IMPORT_EPILOG = """\
examples:
  ldmreg import-checkpoint ldm-morph --ldm ldm.ckpt --registration dsc0.88.pth.tar \\
      --id ldm-morph-camus --title "LDM-Morph, CAMUS"
  ldmreg import-checkpoint textscf --checkpoint oasis_9002_64_2048_0_vit.pth \\
      --text-weights clip --id textscf-oasis --title "textSCF, OASIS"
  ldmreg register --model ldm-morph-camus --fixed a.png --moving b.png --output results
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all errors of the program do."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self.set_defaults(run=None, parser=self)

    def error(self, message: str) -> NoReturn:
        with safe_streams():
            print(f"ldmreg: error: {one_line(message)}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


class _By(argparse.Action):
    """Keeps what a registration goes by; labels stand for images, which then need not be given."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        setattr(namespace, self.dest, values)
        for action in parser._actions:
            if action.dest in ("fixed", "moving"):
                action.required = values != "labels"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``ldmreg``; ``run`` of its result is the command's function."""
    parser = _Parser(prog="ldmreg", description=_DESCRIPTION, epilog=_EPILOG)
    text = "print the version and stop"
    parser.add_argument("--version", action="version", version=f"ldmreg {__version__}", help=text)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_register(commands)
    add_repeat(commands)
    add_transform(commands)
    add_export_dicom(commands)
    add_cohort(commands)
    add_template(commands)
    add_morphometry(commands)
    add_segment(commands)
    add_serve(commands, parser)
    add_check(commands)
    _add_models(commands)
    _add_import(commands)
    return parser


def _add_register(commands: Any) -> None:
    parser = commands.add_parser(
        "register",
        help="register a moving image to a fixed image",
        description=_REGISTER,
        epilog=_REGISTER_EPILOG,
    )
    parser.set_defaults(run=run_register)

    images = parser.add_argument_group("images")
    files = ".nrrd .nhdr .nii(.gz) .mha .mhd .png .jpg .tif, or a folder with a DICOM series"
    images.add_argument("--fixed", required=True, metavar="IMAGE", help=(
        f"the target; {files}; with --register-by labels the labels stand for it"))  # fmt: skip
    images.add_argument(
        "--moving", required=True, metavar="IMAGE", help="what is to be deformed; likewise"
    )
    images.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    images.add_argument("--pdf", action="store_true", help="write report.pdf as well")
    images.add_argument("--compact", action="store_true", help=(
        "write the transform as a coarse B-spline as well, compact.h5, which ITK and 3D Slicer "
        "read: off by half a voxel at most, or told to be off by more"))  # fmt: skip
    add_share(images)
    for role in ("fixed", "moving"):
        images.add_argument(f"--{role}-mask", metavar="IMAGE", help=(
            f"on the lattice of the {role} image: where it is 0 (a tumour, an implant, another "
            "organ), the images are not compared"))  # fmt: skip
    add_slices(images)

    method = add_method(parser)
    method.add_argument("--initial-transform", metavar="FILE", help=(
        "transform from fixed to moving points that comes first: of ITK, 3D Slicer, ANTs, FSL or "
        "elastix"))  # fmt: skip
    add_guide(parser)

    method.add_argument("--register-by", action=_By, default="images", metavar="WHAT", help=(
        "images (default); labels: the structures of --fixed-labels and --moving-labels alone, by "
        "their distance maps and overlap, after an alignment of the same; both"))  # fmt: skip
    check = parser.add_argument_group("to measure the result")
    for role in ("fixed", "moving"):
        names = "; it does not guide the registration without --label-names" * (role == "fixed")
        check.add_argument(f"--{role}-labels", metavar="IMAGE", help=(
            f"label map on the lattice of the {role} image{names}"))  # fmt: skip
    for role in ("fixed", "moving"):
        check.add_argument(f"--{role}-landmarks", metavar="FILE", help=(
            f"points of the {role} image: .csv .fcsv .mrk.json .pts .txt"))  # fmt: skip
    check.add_argument("--landmark-use", default="measure", metavar="HOW", help=(
        "measure (default): the landmarks only measure the result; hold: the refinement brings "
        "each pair together; start: a thin-plate transform through all pairs comes first; "
        "start+hold: both"))  # fmt: skip
    check.add_argument("--landmark-mm", type=float, default=1.0, metavar="MM", help=(
        "how exact the landmarks are (default 1): closer pairs are left alone"))  # fmt: skip

    check.add_argument("--strict", action="store_true", help=(
        "exit with 5 when the verdict of the report is Check, with 6 when it is Bad, so that a "
        "script can tell; the results are written all the same"))  # fmt: skip

    output = parser.add_argument_group("on the screen")
    add_loudness(output)
    output.add_argument("--json", action="store_true", help=(
        "print what report.json holds instead of the summary"))  # fmt: skip


def _add_models(commands: Any) -> None:
    parser = commands.add_parser(
        "models",
        help="list, show, verify and download models",
        description="Models are shipped with LDMReg or lie in the user's folder of models.",
        epilog=_MODELS_EPILOG,
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, run: Any, text: str, description: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, description=description)
        action.set_defaults(run=run)
        return action

    listing = add("list", run_list, "one line per model", "List the models.")
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = add("show", run_show, "all about one model", "Tell what a model is for and how good.")
    show.add_argument("model", metavar="MODEL", help="id or path")
    show.add_argument("--json", action="store_true", help="print the model's metadata as JSON")
    description = "Compare every file of a model with its SHA-256."
    verify = add("verify", run_verify, "check the files of models", description)
    verify.add_argument("models", metavar="MODEL", nargs="*", help="id or path (default: all)")
    description = (
        "Download a model into the user's folder of models, check it, and use it from then on. A "
        "download that was broken off is continued."
    )
    download = add("download", run_download, "get a model from the catalogue", description)
    download.add_argument("model", metavar="MODEL", nargs="?", help="id (default: list them)")
    download.add_argument("--overwrite", action="store_true", help="replace the one that is there")
    description = "Write a model as one zip file, and print its entry for the catalogue."
    pack = add("pack", run_pack, "make a model that others can download", description)
    pack.add_argument("model", metavar="MODEL", help="id or path")
    pack.add_argument("--output", required=True, metavar="FILE", help="the zip file to write")
    pack.add_argument("--url", required=True, help="https address where it is going to be")


def _add_import(commands: Any) -> None:
    parser = commands.add_parser(
        "import-checkpoint",
        help="make a model folder from checkpoints of the method's authors",
        description=(
            "Read the checkpoint files that the authors of a method released, and write a model\n"
            "folder. Nothing in a checkpoint is executed."
        ),
        epilog=_IMPORT_EPILOG,
    )
    parser.set_defaults(run=run_import)
    parser.add_argument("method", metavar="METHOD", help="ldm-morph or textscf")
    parser.add_argument("--ldm", metavar="FILE", help="ldm-morph: the latent diffusion model")
    parser.add_argument(
        "--registration", metavar="FILE", help="ldm-morph: the registration network"
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="textscf: the network")
    parser.add_argument("--text-embeddings", metavar="FILE", help=(
        "textscf: .npz or .npy with the text vectors of the labels (text_embeddings), a row each; "
        "otherwise the text encoder computes them"))  # fmt: skip
    parser.add_argument("--text-encoder", metavar="ID", help=(
        "textscf: that of the training, e.g. open-clip:RN50x64:openai (default: the one of the "
        "released code with vectors of this length)"))  # fmt: skip
    parser.add_argument("--text-weights", metavar="DIR", help="textscf: folder with its weights")
    parser.add_argument("--label-names", metavar="NAMES", help=(
        "textscf: .json with the name of each label number, or the name of a label scheme "
        "(default: freesurfer35)"))  # fmt: skip
    parser.add_argument("--id", required=True, help="lower-case words joined by hyphens")
    parser.add_argument("--title", required=True, help="the name shown to people")
    parser.add_argument("--output", metavar="DIR", help=(
        "the model folder to write (default: ID in the user's folder of models)"))  # fmt: skip
    parser.add_argument("--use", metavar="TEXT", help="one line on which images it is for")
    parser.add_argument("--licence", metavar="FILE", help="text file with the weights' licence")
    parser.add_argument("--network", metavar="NAME=VALUE", action="append", default=[], help=(
        "option of the network that the tensors do not tell, e.g. noising=none, "
        "lgca_second=self or integration_steps=7; may be repeated"))  # fmt: skip
    parser.add_argument("--ema", action="store_true", help=(
        "ldm-morph: take the moving averages of the U-Net instead of the raw weights"))  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an existing folder")
