"""Transforms that users bring: those that say what they mean, and how to convert the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .._field_files import read_field
from ..errors import InputError
from ..exchange.elastix import read_elastix
from ..exchange.fsl import is_absolute, read_fsl_warp
from ..geometry import ImageGeometry
from ..images import notes_of
from ..images.fields import read_fsl_vectors
from ..images.isolated import transform_crashes
from ..images.selection import Selection, split_path

__all__ = ["InitialTransform", "load_transform", "read_transform"]

_FIELDS = (".nii", ".nii.gz", ".nrrd", ".mha")
_MOST_BYTES = 1 << 20  # a matrix as text has less than a kilobyte
_SINGULAR = 1e-9
_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])  # between RAS and LPS
_ADVICE = {
    ".lta": "FreeSurfer: convert it with lta_convert --inlta IN --outitk OUT.txt",
    ".xfm": "MINC or AFNI: convert it to ITK's form with the program that wrote it",
    ".1d": "AFNI: convert it with cat_matvec and c3d_affine_tool -oitk OUT.txt",
    ".dof": "MIRTK: convert it with mirtk convert-dof IN OUT.txt -output-format itk",
    ".x5": "convert it with the program that wrote it to ITK's .h5",
    ".json": "write it as ITK's .h5 or .tfm",
}


@dataclass(frozen=True)
class InitialTransform:
    """A transform from a file.

    Attributes:
        transform: fixed points to moving points, LPS mm.
        notes: what was guessed.
        source: the path as the user gave it.
    """

    transform: sitk.Transform
    notes: tuple[str, ...]
    source: str


def read_transform(path: str | Path, dimension: int) -> sitk.Transform:
    """Return the transform of :func:`load_transform`."""
    return load_transform(path, dimension).transform


def load_transform(
    path: str | Path, dimension: int, moving: ImageGeometry | None = None
) -> InitialTransform:
    """Read a transform, fixed points to moving points.

    Formats: of ITK, 3D Slicer and ANTs ``.h5``, ``.tfm``, ``.txt``, ``.mat``; displacement fields
    ``.nii.gz``, ``.nii``, ``.nrrd``, ``.mha`` as ``images.fields`` knows them; warps of FSL, which
    ``FILE#fsl`` names where the file does not; translations, rotations, affine and B-spline
    transforms of elastix, with those that come first; a matrix as text, of which ``FILE#lps`` or
    ``FILE#ras`` says the coordinates, and ``FILE#ras,inverse`` that it maps moving to fixed.

    Args:
        path: the file.
        dimension: of the images.
        moving: lattice of the moving image as in its file, which warps of FSL need.

    Raises:
        InputError: when the file is missing, is not a transform, has another dimension, or does
            not say what it means.
    """
    place, wanted = split_path(path)
    if not place.is_file():
        raise InputError(f"initial transform: there is no file {path}")
    try:
        transform, notes = _read(place, wanted, dimension, moving)
        if wanted.asked("inverse"):
            transform = _inverse(transform)
        wanted.check_all_taken()
        if transform.GetDimension() != dimension:
            raise InputError(
                f"expected a {dimension}D transform as the images are, "
                f"got {transform.GetDimension()}D"
            )
        _check_finite(transform)
    except InputError as error:
        raise InputError(f"initial transform: {path}: {error}") from error
    if "inversewarp" in place.name.lower() and not wanted.asked("inverse"):
        notes = [*notes, f"the name of the transform {place.name} says that it is an inverse: "
                 "expected the one from fixed to moving"]  # fmt: skip
    return InitialTransform(transform, tuple(notes), str(path))


def _read(
    path: Path, wanted: Selection, dimension: int, moving: ImageGeometry | None
) -> tuple[sitk.Transform, list[str]]:
    name = path.name.lower()
    for end, advice in _ADVICE.items():
        if name.endswith(end):
            raise InputError(f"is not a transform of ITK, but of {advice}")
    if name.endswith(_FIELDS):
        return _fsl(path, wanted, moving) or _field(path)
    text = _text(path)
    if text is not None and "#insight transform file" not in text[:100].lower():
        if "(Transform " in text:
            return read_elastix(text, path.parent), []
        numbers = _matrix(text)
        if numbers is not None:
            return _from_matrix(numbers, wanted, dimension), []
        if "mni transform file" in text[:100].lower():
            raise InputError(f"is not a transform of ITK, but of {_ADVICE['.xfm']}")
        raise InputError("it is not an ITK transform (.h5, .tfm or .txt), and no matrix")
    if text is not None:
        _check_complete(text)
    if text is None and path.read_bytes()[:6] == b"MATLAB":
        raise InputError(
            "it is not an ITK transform, but of MATLAB or SPM; write the matrix as text and name "
            "its coordinates with #ras or #lps"
        )
    if text is None and transform_crashes(path):
        raise InputError("it is damaged: its reader crashes; copy or write it again")
    try:
        return sitk.ReadTransform(str(path)), []
    except RuntimeError as error:
        raise InputError("it is not an ITK transform (.h5, .tfm or .txt)") from error


def _check_complete(text: str) -> None:
    """Refuse a file of ITK that is cut off: what is missing, ITK takes for nothing."""
    counts = {
        name: len(re.findall(rf"^{name}:[ \t]*\S*", text, re.MULTILINE))
        for name in ("Transform", "Parameters", "FixedParameters")
    }
    counts["Transform"] -= len(re.findall(r"^Transform: Composite", text, re.MULTILINE))
    if len(set(counts.values())) > 1:
        raise InputError("it is cut off: parameters are missing; copy or write it again")


def _fsl(
    path: Path, wanted: Selection, moving: ImageGeometry | None
) -> tuple[sitk.Transform, list[str]] | None:
    """Return a warp of FSL; None for other fields, and where the moving image is not known."""
    named = wanted.asked("fsl")
    if moving is None or moving.dimension != 3 or not path.name.lower().endswith(_FIELDS[:2]):
        return None
    found = read_fsl_vectors(path, named)
    if found is None:
        return None
    warp, lattice = found
    kind = "absolute" if is_absolute(warp, lattice) else "relative"
    note = f"it was taken as a warp of FSL, {kind}, between the images as they lie in their files"
    return read_fsl_warp(warp, lattice, moving).to_transform(), [note]


def _field(path: Path) -> tuple[sitk.Transform, list[str]]:
    try:
        field = read_field(path)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{path}: ")) from error
    if not isinstance(field, sitk.Image):
        return field, []
    return sitk.DisplacementFieldTransform(sitk.Image(field)), list(notes_of(field))


def _text(path: Path) -> str | None:
    """Return the text of a small file of text; None for others."""
    if path.stat().st_size > _MOST_BYTES:
        return None
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _matrix(text: str) -> np.ndarray | None:
    """Return the rows of numbers of a text; None for another text."""
    lines = [line.split("#")[0].replace(",", " ").split() for line in text.splitlines()]
    rows = [line for line in lines if line]
    try:
        values = [[float(word) for word in row] for row in rows]
    except ValueError:
        return None
    if len({len(row) for row in values}) != 1:
        return None
    array = np.array(values)
    return array if array.shape in ((4, 4), (3, 4), (3, 3), (2, 3)) else None


def _from_matrix(numbers: np.ndarray, wanted: Selection, dimension: int) -> sitk.Transform:
    d = numbers.shape[1] - 1
    lps, ras = wanted.asked("lps"), wanted.asked("ras")
    if lps == ras:
        raise InputError(
            f"it is a matrix of {len(numbers)} x {d + 1} numbers, which does not say its "
            "coordinates; say them with #lps or #ras behind its name, and with #ras,inverse that "
            "it maps moving to fixed; one of FSL's flirt depends on both images: convert it with "
            "c3d_affine_tool -ref FIXED -src MOVING IN.mat -fsl2ras -oitk OUT.txt"
        )
    matrix = np.eye(d + 1)
    matrix[: len(numbers)] = numbers
    if not np.allclose(matrix[d], np.eye(d + 1)[d]):
        raise InputError(f"its last row is {matrix[d].tolist()}; expected 0 and a 1 at the end")
    if ras:
        turn = _TURN if d == 3 else np.diag([-1.0, -1.0, 1.0])
        matrix = turn @ matrix @ turn
    transform = sitk.AffineTransform(d)
    transform.SetMatrix(matrix[:d, :d].ravel().tolist())
    transform.SetTranslation(matrix[:d, d].tolist())
    return transform


def _inverse(transform: sitk.Transform) -> sitk.Transform:
    try:
        return transform.GetInverse()
    except RuntimeError as error:
        raise InputError(
            "#inverse: it has no inverse that can be computed; write the inverse with the program "
            "that made it"
        ) from error


def _check_finite(transform: sitk.Transform) -> None:
    parameters = np.asarray(transform.GetParameters())
    fixed = np.asarray(transform.GetFixedParameters())
    if not (np.isfinite(parameters).all() and np.isfinite(fixed).all()):
        raise InputError("some of its parameters are NaN or infinite; write it again")
    d = transform.GetDimension()
    if not transform.IsLinear():
        return
    start = np.array(transform.TransformPoint([0.0] * d))
    columns = [np.array(transform.TransformPoint(row.tolist())) - start for row in np.eye(d)]
    if abs(np.linalg.det(np.stack(columns))) < _SINGULAR:
        raise InputError("its matrix is singular: it maps space onto a plane; write it again")
