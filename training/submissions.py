"""Submissions to Learn2Reg: displacement files in its layouts, and its evaluation of them.

The forms:

``2021``: ``disp_FFFF_MMMM.npz``, array ``arr_0`` of half precision ``(3, X/2, Y/2, Z/2)``: the
displacement in voxels of the whole lattice, at half its resolution. The evaluation enlarges it by
splines of order 2; its values are not doubled.

``2022``: ``disp_FFFF_MMMM.nii.gz``, ``(X, Y, Z, 3)`` in float32: the displacement in voxels at the
whole resolution.

F is the fixed image, M the moving one, the axes are those of the files (x first), and so are the
components; ``warped(x) = moving(x + u(x))``.
"""

from __future__ import annotations

import argparse
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from scipy import ndimage

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib._outputs import whole_file
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import jacobian_determinant
from SlicerLDMRegLib.metrics.surface import surface_distances

from .datasets.evaluation import EvaluationPair
from .datasets.layouts import DataSet, open_data_set
from .datasets.layouts.data_set import Pairing

__all__ = ["Form", "evaluate", "file_name", "main", "official_scores", "read_field", "write_field"]

Form = Literal["2021", "2022"]
FloatArray = npt.NDArray[np.float64]

_ORDER = 2  # of the splines of the form 2021
_MOST_BYTES = 2_000_000_000  # of an array in a submission; the largest task has 250 MB
_WORST = 30.0  # percent of the cases that "30" is the mean of
_NUMBER = re.compile(r"\d{4}")
_SCORES = ("dice", "hd95", "sdlogj", "folds_percent", "tre")
_EPILOG = """\
examples:
  the validation pairs of OASIS, by a model of this computer or a folder of one:
    ldmreg-train submission write --data oasis --root ~/data/OASIS --model textscf-brain-mr \\
        --form 2021 --output submission/task_03
    ldmreg-train submission evaluate submission/task_03 --data oasis --root ~/data/OASIS --form 2021
"""


def file_name(pairing: Pairing, form: Form) -> str:
    """Return the name of a pair's file, by the four digits of its images' names.

    Raises:
        InputError: for images without such a number.
    """
    numbers = []
    for scan in (pairing.fixed, pairing.moving):
        digits = _NUMBER.findall(scan)
        if scan.endswith((":fixed", ":moving")) and len(digits) == 2:  # both are in one pickle
            numbers = digits
            break
        if not digits:
            raise InputError(
                f"pair {pairing.name}: expected images with a number of four digits, got {scan!r}"
            )
        numbers.append(digits[0])
    return f"disp_{numbers[0]}_{numbers[1]}{'.npz' if form == '2021' else '.nii.gz'}"


def write_field(path: Path, displacement: npt.ArrayLike, form: Form) -> None:
    """Write a displacement, completely or not at all.

    Args:
        path: of the file; its folder exists.
        displacement: ``(3, z, y, x)`` in voxels, the channels in the order of the axes.
        form: of the submission.

    Raises:
        InputError: for another shape, or numbers that are not finite or too large for the form.
    """
    field = np.asarray(displacement, np.float64)
    if field.ndim != 4 or field.shape[0] != 3 or not np.isfinite(field).all():
        raise InputError(f"{path}: expected finite numbers (3, z, y, x), got {field.shape}")
    official = field[::-1].transpose(0, 3, 2, 1)  # components and axes x, y, z
    if form == "2021":
        # Splines that continue the field at its border; zeros there would reach inwards.
        coarse = np.stack([ndimage.zoom(c, 0.5, order=_ORDER, mode="nearest") for c in official])
        half = coarse.astype(np.float16)
        if not np.isfinite(half).all():
            raise InputError(f"{path}: expected displacements below 65504 voxels, got more")
        with whole_file(path) as new:
            np.savez_compressed(new, half)
        return
    # A NIfTI of four axes, the last for the components, as its evaluation reads it.
    images = [sitk.GetImageFromArray(c.transpose(2, 1, 0).astype(np.float32)) for c in official]
    with whole_file(path) as new:
        sitk.WriteImage(sitk.JoinSeries(images), str(new), True)


def read_field(path: Path, shape: Sequence[int], form: Form) -> FloatArray:
    """Read a displacement as the evaluation of Learn2Reg does.

    Args:
        path: of the file.
        shape: ``(z, y, x)`` of the fixed image.
        form: of the submission.

    Returns:
        ``(3, z, y, x)`` in voxels, the channels in the order of the axes.

    Raises:
        InputError: when it is missing, damaged or of another shape.
    """
    size = tuple(shape)[::-1]
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; each pair needs its displacement")
    if form == "2021":
        expected: tuple[int, ...] = (3, *(round(n * 0.5) for n in size))
        coarse = _read_npz(path)
        _check_shape(path, coarse, expected)
        official = np.stack([ndimage.zoom(c.astype(np.float64), 2, order=_ORDER) for c in coarse])
        # Of an odd size, half and double are not the whole.
        if official.shape[1:] != size:
            raise InputError(
                f"{path}: expected even sizes for the form 2021, got an image of {size}; take 2022"
            )
    else:
        array = _read_nifti(path)
        _check_shape(path, array.transpose(*range(array.ndim)[::-1]), (*size, 3))
        official = array.transpose(0, 3, 2, 1).astype(np.float64)
    if not np.isfinite(official).all():
        raise InputError(f"{path}: expected finite numbers, got others")
    return np.ascontiguousarray(official.transpose(0, 3, 2, 1)[::-1])


def official_scores(pair: EvaluationPair, displacement: npt.ArrayLike) -> dict[str, float]:
    """Return the scores of a pair by the definitions of Learn2Reg.

    The labels of the moving image are taken from the nearest voxel, 0 outside of it. Dice and HD95
    are means over the labels that both images hold before the registration; a structure that the
    warp loses has Dice 0 and an infinite HD95. HD95 is in voxels, not in mm. SDlogJ is
    without two voxels at each border and with 3 added to the determinant. Folds, which its
    evaluation does not count, are those of the determinant itself.

    Args:
        pair: with labels, landmarks or both.
        displacement: ``(3, z, y, x)`` in voxels.

    Returns:
        ``dice`` and ``hd95``, also of each label ``dice_<label>``; ``sdlogj``; ``folds_percent``;
        ``tre`` in mm, of landmarks.
    """
    field = np.asarray(displacement, np.float64)
    determinant = jacobian_determinant(torch.from_numpy(field.copy())[None])[0]
    scores = {
        "sdlogj": metrics.sdlogj_learn2reg(determinant),
        "folds_percent": metrics.fold_percentage(determinant),
    }
    points = np.indices(field.shape[1:]) + field
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        warped = ndimage.map_coordinates(pair.moving_labels, points, order=0, mode="constant")
        known = (set(np.unique(pair.fixed_labels)) & set(np.unique(pair.moving_labels))) - {0}
        overlap = metrics.dice(pair.fixed_labels, warped, known)
        surfaces = [
            surface_distances(pair.fixed_labels == n, warped == n, (1.0,) * 3).robust_hausdorff()
            for n in sorted(known)
        ]
        scores |= {f"dice_{n}": value for n, value in overlap.items()}
        scores["dice"] = float(np.mean(list(overlap.values()))) if known else math.nan
        scores["hd95"] = float(np.mean(surfaces)) if known else math.nan
    if pair.fixed_landmarks is not None and pair.moving_landmarks is not None:
        scores["tre"] = _landmark_error(pair, field)
    return scores


def evaluate(
    folder: Path, data: DataSet, split: str = "validation", form: Form = "2021"
) -> dict[str, Any]:
    """Evaluate a folder of displacements.

    Args:
        folder: of the files of :func:`file_name`.
        data: images and labels, at their whole resolution.
        split: of the pairs.
        form: of the submission.

    Returns:
        ``cases``: scores by pair; ``mean`` and ``std`` over the pairs; ``worst_30``: the mean of
        the worst 30 %, of each score by itself.

    Raises:
        InputError: for a file that is missing or cannot be used.
    """
    cases = {}
    for pairing in _pairings(data, split):
        pair = data.pair(pairing)
        field = read_field(folder / file_name(pairing, form), pair.fixed.shape, form)
        cases[pairing.name] = official_scores(pair, field)
    names = [n for n in _SCORES if any(n in case for case in cases.values())]
    values = {n: np.array([case.get(n, math.nan) for case in cases.values()], float) for n in names}
    return {
        "cases": cases,
        "mean": {n: float(np.nanmean(v)) for n, v in values.items()},
        "std": {n: float(np.nanstd(v)) for n, v in values.items()},
        "worst_30": {n: _worst(v, highest=n != "dice") for n, v in values.items()},
    }


def write(
    folder: Path, data: DataSet, model: str, split: str, form: Form, device: str = "auto"
) -> list[Path]:
    """Register the pairs of a split with a model and its refinement; return the files written.

    Args:
        folder: created if missing.
        data: images, at their whole resolution.
        model: id or folder of a model, or ``none``: the refinement alone.
        split: of the pairs.
        form: of the submission.
        device: see :func:`SlicerLDMRegLib.register`.
    """
    from .baselines import ldmreg_method

    pairings = _pairings(data, split)
    method = ldmreg_method(None if model == "none" else model, True, device)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for pairing in pairings:
        path = folder / file_name(pairing, form)
        write_field(path, method(data.pair(pairing)).field.to_voxels(), form)
        print(path, flush=True)
        paths.append(path)
    return paths


def _pairings(data: DataSet, split: str) -> Sequence[Pairing]:
    if split not in data.pairings:
        raise InputError(f"--split: expected one of {', '.join(data.pairings)}, got {split!r}")
    if not data.pairings[split]:
        raise InputError(
            f"{data.root}: expected pairs of the split {split!r}, found none; ldmreg-train data "
            f"check {data.root} tells the splits"
        )
    return data.pairings[split]


def _read_npz(path: Path) -> npt.NDArray[np.floating]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise InputError(f"{path}: expected one array of a displacement, got gigabytes")
        with np.load(path, allow_pickle=False) as content:
            array = content["arr_0"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: expected the array arr_0 of a displacement: {error}; write it anew"
        ) from error
    if array.dtype.kind != "f":
        raise InputError(f"{path}: expected floating-point numbers, got {array.dtype}")
    return array


def _read_nifti(path: Path) -> npt.NDArray[np.floating]:
    try:
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[-200:]
        raise InputError(f"{path}: cannot be read as NIfTI: {reason}; write it anew") from error
    array: npt.NDArray[np.floating] = sitk.GetArrayFromImage(image)
    return array


def _check_shape(path: Path, array: npt.NDArray[Any], expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise InputError(f"{path}: expected an array of {expected}, got {array.shape}")


def _landmark_error(pair: EvaluationPair, field: FloatArray) -> float:
    """Return the mean distance in mm; the displacement is interpolated linearly."""
    geometry = pair.lattice
    fixed = geometry.physical_to_index(pair.fixed_landmarks)
    own = [ndimage.map_coordinates(c, fixed.T[::-1], order=1, mode="nearest") for c in field]
    mapped = geometry.index_to_physical(fixed + np.stack(own[::-1], axis=-1))
    return float(np.linalg.norm(mapped - np.asarray(pair.moving_landmarks), axis=-1).mean())


def _worst(values: FloatArray, highest: bool) -> float:
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return math.nan
    count = max(1, round(len(known) * _WORST / 100))
    return float((known[-count:] if highest else known[:count]).mean())


def _table(result: Mapping[str, Any]) -> str:
    titles = {
        "dice": "Dice",
        "hd95": "HD95 (voxels)",
        "sdlogj": "SDlogJ",
        "folds_percent": "folds (%)",
    }
    titles["tre"] = "TRE (mm)"
    lines = ["| | mean | std | worst 30 % |", "|---|---:|---:|---:|"]
    for name in result["mean"]:
        numbers = (f"{result[part][name]:.4f}" for part in ("mean", "std", "worst_30"))
        lines.append(f"| {titles[name]} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None, prog: str = "python -m training.submissions") -> None:
    """Write or evaluate a submission from the command line; ``prog``: the program in its help."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Write submissions to Learn2Reg, and evaluate them as it does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    writing = commands.add_parser("write", help="register the pairs and write the displacements")
    reading = commands.add_parser("evaluate", help="score a folder of displacements")
    reading.add_argument("folder", type=Path, metavar="DIR", help="folder of the displacements")
    reading.add_argument("--json", type=Path, metavar="FILE", help="all scores, as JSON")
    writing.add_argument("--output", type=Path, required=True, metavar="DIR")
    writing.add_argument("--model", required=True, help="id or folder of a model, or none")
    writing.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    for own in (writing, reading):
        own.add_argument("--data", required=True, metavar="SET", help="oasis, abdomen-ct, lung-ct")
        own.add_argument("--root", required=True, help="its folder")
        own.add_argument("--split", default="validation", help="validation (default) or test")
        own.add_argument("--form", choices=get_args(Form), default="2022")
    arguments = parser.parse_args(argv)
    data = open_data_set(arguments.data, arguments.root)
    if data.dimension != 3:
        raise InputError(f"--data: expected a data set of volumes, got {data.title}")
    if arguments.command == "write":
        options = arguments.model, arguments.split, arguments.form, arguments.device
        write(arguments.output, data, *options)
        return
    result = evaluate(arguments.folder, data, arguments.split, arguments.form)
    print(_table(result))
    if arguments.json is not None:
        from .result_files import write_json

        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
