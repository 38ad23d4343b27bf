"""Parameter files of elastix: fixed to moving points, LPS mm."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry

__all__ = ["elastix_text", "read_elastix"]

_FIELD = re.compile(r"\(\s*(\w+)\s+([^()]*)\)")
_ADVICE = "; write its field with transformix -def all -out FOLDER -tp FILE, and give that"
_NONE = "NoInitialTransform"
_LONGEST = 16  # transforms one after the other


def elastix_text(transform: sitk.BSplineTransform, fixed: ImageGeometry) -> str:
    """Return a B-spline transform as a parameter file, which transformix and elastix read.

    Args:
        transform: cubic, fixed to moving points.
        fixed: lattice of the fixed image, on which transformix makes its results.
    """
    d = fixed.dimension
    # ITK keeps size, origin, spacing and direction of the control points, one after the other.
    held = np.asarray(transform.GetFixedParameters())
    size, origin, spacing = held[:d], held[d : 2 * d], held[2 * d : 3 * d]
    direction = held[3 * d :].reshape(d, d)
    parameters = transform.GetParameters()
    lines = {
        "Transform": '"BSplineTransform"',
        "NumberOfParameters": str(len(parameters)),
        "TransformParameters": _numbers(parameters),
        "InitialTransformParametersFileName": f'"{_NONE}"',
        "UseBinaryFormatForTransformationParameters": '"false"',
        "HowToCombineTransforms": '"Compose"',
        "FixedImageDimension": str(d),
        "MovingImageDimension": str(d),
        "FixedInternalImagePixelType": '"float"',
        "MovingInternalImagePixelType": '"float"',
        "Size": _numbers(fixed.size),
        "Index": _numbers([0] * d),
        "Spacing": _numbers(fixed.spacing),
        "Origin": _numbers(fixed.origin),
        # Column after column.
        "Direction": _numbers(fixed.direction_matrix.T.ravel()),
        "UseDirectionCosines": '"true"',
        "GridSize": _numbers(size.astype(int)),
        "GridIndex": _numbers([0] * d),
        "GridSpacing": _numbers(spacing),
        "GridOrigin": _numbers(origin),
        "GridDirection": _numbers(direction.T.ravel()),
        "BSplineTransformSplineOrder": "3",
        "UseCyclicTransform": '"false"',
        "ResampleInterpolator": '"FinalBSplineInterpolator"',
        "FinalBSplineInterpolationOrder": "1",
        "Resampler": '"DefaultResampler"',
        "DefaultPixelValue": "0",
        "ResultImageFormat": '"nii"',
        "ResultImagePixelType": '"float"',
        "CompressResultImage": '"false"',
    }
    return "".join(f"({name} {value})\n" for name, value in lines.items())


def read_elastix(text: str, folder: Path, before: tuple[str, ...] = ()) -> sitk.Transform:
    """Return the transform of a parameter file, with those that it says come first.

    Args:
        text: of the file.
        folder: of the file, for the others that it names.
        before: names of the files that led here.

    Raises:
        InputError: for a kind of transform, or a way to combine several, that is not known.
    """
    fields = {match[1]: match[2].replace('"', "").split() for match in _FIELD.finditer(text)}
    if fields.get("UseDirectionCosines", ["true"]) == ["false"]:
        raise InputError(f"it is a transform of elastix that ignores directions{_ADVICE}")
    own = _transform(fields)
    first = fields.get(
        "InitialTransformParametersFileName",
        fields.get("InitialTransformParameterFileName", [_NONE]),
    )
    name = " ".join(first) or _NONE
    if name == _NONE:
        return own
    if fields.get("HowToCombineTransforms", ["Compose"]) != ["Compose"]:
        raise InputError(f"it adds up several transforms of elastix{_ADVICE}")
    # elastix writes where the file was; it mostly has moved along with this one.
    places = [Path(name), folder / Path(name.replace("\\", "/")).name]
    found = next((place for place in places[::-1] if place.is_file()), None)
    if found is None or name in before or len(before) >= _LONGEST:
        raise InputError(
            f"the transform of elastix that comes first, {name}, is not beside it; put it there"
        )
    start = read_elastix(found.read_text("utf-8", "replace"), folder, (*before, name))
    # The transform that was added last acts first.
    return sitk.CompositeTransform([own, start])


def _transform(fields: dict[str, list[str]]) -> sitk.Transform:
    kind = (fields.get("Transform") or ["?"])[0]
    try:
        numbers = [float(word) for word in fields["TransformParameters"]]
        dimension = {"2": 2, "3": 3}[fields["FixedImageDimension"][0]]
        center = [float(word) for word in fields.get("CenterOfRotationPoint", ["0"] * dimension)]
        transform: Any
        if kind == "TranslationTransform":
            transform = sitk.TranslationTransform(dimension)
        elif kind == "EulerTransform" and dimension == 2:
            transform = sitk.Euler2DTransform()
        elif kind == "EulerTransform" and dimension == 3:
            transform = sitk.Euler3DTransform()
            transform.SetComputeZYX(fields.get("ComputeZYX", ["false"]) == ["true"])
        elif kind == "AffineTransform":
            transform = sitk.AffineTransform(dimension)
        elif kind in ("BSplineTransform", "RecursiveBSplineTransform"):
            transform = _bspline(fields, dimension)
        else:
            raise InputError(f"it is a transform of elastix of the kind {kind[:40]}{_ADVICE}")
        if kind not in ("TranslationTransform", "BSplineTransform", "RecursiveBSplineTransform"):
            transform.SetCenter(center)
        if len(numbers) != transform.GetNumberOfParameters():
            raise InputError(
                f"it has {len(numbers)} parameters; expected {transform.GetNumberOfParameters()}"
            )
        transform.SetParameters(numbers)
    except InputError:
        raise
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
        raise InputError("it is a damaged parameter file of elastix; write it again") from error
    return transform


def _bspline(fields: dict[str, list[str]], d: int) -> sitk.BSplineTransform:
    """Return the B-spline transform of a grid, without its parameters."""
    if fields.get("UseCyclicTransform", ["false"]) == ["true"]:
        raise InputError(f"it is a cyclic B-spline of elastix{_ADVICE}")
    order = int(fields.get("BSplineTransformSplineOrder", ["3"])[0])
    size, spacing, origin = (
        [float(word) for word in fields[f"Grid{name}"]] for name in ("Size", "Spacing", "Origin")
    )
    direction = np.array([float(word) for word in fields["GridDirection"]]).reshape(d, d).T
    if any(float(word) for word in fields.get("GridIndex", ["0"] * d)):
        raise InputError(f"its grid does not begin at index 0{_ADVICE}")
    if not all(order < n <= 10_000 for n in size):
        raise InputError("its grid has no size that can be; write it again")
    transform = sitk.BSplineTransform(d, order)
    transform.SetFixedParameters([*size, *origin, *spacing, *direction.ravel().tolist()])
    return transform


def _numbers(values: Iterable[Any]) -> str:
    return " ".join(f"{float(value):.10g}" for value in values)
