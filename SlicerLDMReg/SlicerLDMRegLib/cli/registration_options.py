"""Options of a registration that several commands have, and their values as fields of a request."""

from __future__ import annotations

import argparse
import re
from typing import Any

from ..errors import InputError
from .console import add_device

__all__ = ["add_guide", "add_method", "add_slices", "over_preset", "prompts_by_label", "refinement"]


def add_slices(images: argparse._ActionsContainer) -> None:
    """Add the option of a registration slice by slice."""
    images.add_argument("--slices", metavar="[AXIS:]WHICH", help=(
        "register a volume slice by slice: AXIS i, j, k, axial, coronal or sagittal (default k), "
        "WHICH all, N or A-B, counted from 0"))  # fmt: skip


def add_method(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of how images are registered; return their group."""
    method = parser.add_argument_group("method")
    method.add_argument("--preset", metavar="NAME", help=(
        "settings to begin with; the options below come before them: standard, fast, careful, "
        "contrasts (different modalities), rigid, affine, one that was saved in 3D Slicer, or a "
        "JSON file of fields"))  # fmt: skip
    method.add_argument("--model", default="auto", metavar="MODEL", help=(
        "id of a model (ldmreg models list), path of a model folder, none: refinement alone, or "
        "auto (default): a model that knows the anatomy, else none"))  # fmt: skip
    method.add_argument("--align", default="auto", metavar="HOW", help=(
        "before the deformation: none, center, rigid, affine, or auto (default): for images on "
        "one lattice none, or a shift or turn that is needed, else what the model "
        "recommends"))  # fmt: skip
    switch = argparse.BooleanOptionalAction
    method.add_argument("--refine", action=switch, default=None, help=(
        "optimise the predicted deformation for these images; it cannot fold (default: what the "
        "model recommends)"))  # fmt: skip
    method.add_argument("--diffeomorphic", action=switch, default=None, help=(
        "make the deformation free of folds also where the refinement is off; with --no- the field "
        "of the network is kept as it is, which goes with --no-refine only: a refined field always "
        "is diffeomorphic (default: as model and refinement make it)"))  # fmt: skip
    method.add_argument("--refine-similarity", metavar="NAME", help=(
        "mse, lncc, mind (different contrasts), mind-lncc (mind on the coarse levels, then lncc) "
        "or auto"))  # fmt: skip
    method.add_argument("--refine-iterations", metavar="N,N,...", help=(
        "at most, per resolution level from coarse to fine, e.g. 40,40,30"))  # fmt: skip
    method.add_argument("--refine-smoothness", type=float, metavar="W", help=(
        "weight of the smoothness; more gives a calmer deformation"))  # fmt: skip
    method.add_argument("--max-seconds", type=float, metavar="S", help=(
        "stop the refinement after this time"))  # fmt: skip
    method.add_argument("--uncertainty", action="store_true", help=(
        "estimate the error of the deformation at each voxel, in mm, by registering in some eight "
        "other ways; it takes that much longer"))  # fmt: skip
    add_device(method)
    method.add_argument("--precision", default="auto", metavar="NAME", help=(
        "of the network: auto (default), float32 or bfloat16"))  # fmt: skip
    method.add_argument("--seed", type=int, default=0, metavar="N", help=(
        "of everything random (default 0)"))  # fmt: skip
    return method


def add_guide(parser: argparse.ArgumentParser) -> None:
    """Add the options of the regions that guide a model."""
    guide = parser.add_argument_group("regions of the fixed image, for models guided by them")
    guide.add_argument("--fixed-segmentation", metavar="LABELS", help=(
        "labels that guide the model: a label map, a .seg.nrrd of 3D Slicer, auto: the segmenter's "
        "(default), or none"))  # fmt: skip
    guide.add_argument("--label-names", metavar="NAMES", help=(
        "what the labels are called: a JSON file {number: name}, freesurfer35, btcv or another "
        "known scheme, or model. With names the --fixed-labels guide the model, too"))  # fmt: skip
    guide.add_argument("--prompt", metavar="N=WORDS", action="append", dest="prompts", help=(
        "what label N is, in words, known to the model or not, e.g. 17='left hippocampus'; may be "
        "repeated"))  # fmt: skip
    guide.add_argument("--segmenter", default="auto", metavar="MODEL", help=(
        "finds the regions where no labels are given: id or path of a segmentation model, auto "
        "(default): the one that belongs to the model, or none"))  # fmt: skip


def refinement(arguments: argparse.Namespace) -> bool | dict[str, Any] | None:
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


def over_preset(arguments: argparse.Namespace, values: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a request with those of the preset where no option was given for them."""
    if arguments.preset is None:
        return values
    from ..pipeline.presets import FIELDS, with_preset

    defaults: dict[str, Any] = dict.fromkeys(("model", "align", "precision", "segmenter"), "auto")
    defaults |= {"uncertainty": False, "seed": 0, "landmark_mm": 1.0}
    asked = {
        name: value
        for name, value in values.items()
        if name not in FIELDS or value != defaults.get(name)
    }
    return {**values, **with_preset(arguments.preset, asked)}


def prompts_by_label(texts: list[str] | None) -> dict[str, str] | None:
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
