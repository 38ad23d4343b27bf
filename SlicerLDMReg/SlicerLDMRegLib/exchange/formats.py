"""The forms in which a displacement field is written for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .._c_numbers import c_numbers
from .._outputs import whole_file
from ..displacement import DisplacementField
from ..errors import InputError
from ..geometry import ImageGeometry
from ..images.nifti_intent import write_with_intent
from ..images.written import write_image
from .bspline import fit_bspline
from .elastix import elastix_text
from .fsl import fsl_warp

__all__ = ["FORMATS", "TransformFormat", "WrittenTransform", "write_transform"]

_NIFTI = (".nii.gz", ".nii")
_ITK = (".h5", ".tfm")
_FNIRT_FIELD = 2006  # FSL_FNIRT_DISPLACEMENT_FIELD


@dataclass(frozen=True)
class TransformFormat:
    """A form of a transform.

    Attributes:
        key: its name, as options have it.
        title: its name for people.
        suffixes: that its files can have; the first one is the usual one.
        for_whom: the programs that read it.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    for_whom: str


#: By key.
FORMATS = {
    found.key: found
    for found in (
        TransformFormat("itk", "ITK displacement field", _ITK, "ITK, SimpleITK, 3D Slicer"),
        TransformFormat("composite", "ITK composite", _ITK, "ITK, ANTs, 3D Slicer"),
        TransformFormat("compact", "ITK B-spline, compact", _ITK, "ITK, ANTs, 3D Slicer"),
        TransformFormat("ants", "ANTs warp", _NIFTI, "ANTs, Greedy, c3d"),
        TransformFormat("fsl", "FSL warp, relative", _NIFTI, "applywarp, convertwarp of FSL"),
        TransformFormat("elastix", "elastix B-spline", (".txt",), "transformix, elastix"),
        TransformFormat(
            "slicer", "3D Slicer field", (".nii.gz", ".nii", ".nrrd", ".mha"), "3D Slicer, ITK 5"
        ),
    )
}


@dataclass(frozen=True)
class WrittenTransform:
    """A file that was written.

    Attributes:
        path: of the file.
        format: key of :data:`FORMATS`.
        size: of the file in bytes.
        mean_error_mm, max_error_mm: distance from the field at its voxels that the form costs.
        detail: what there is to say of it; empty: nothing.
    """

    path: Path
    format: str
    size: int
    mean_error_mm: float
    max_error_mm: float
    detail: str = ""

    @property
    def summary(self) -> str:
        """File, size and error in one line."""
        size = f"{self.size / 1e6:.2f} MB" if self.size >= 1e5 else f"{self.size / 1e3:.1f} kB"
        error = f"off by {self.mean_error_mm:.2g} mm on average, {self.max_error_mm:.2g} mm at most"
        parts = [f"{self.path}: {FORMATS[self.format].title}", self.detail, size, error]
        return ", ".join(part for part in parts if part)


@c_numbers()
def write_transform(
    field: DisplacementField,
    path: str | Path,
    format: str = "itk",
    moving: ImageGeometry | None = None,
    tolerance_mm: float | None = 0.25,
) -> WrittenTransform:
    """Write a displacement field in the form of another program, whole or not at all.

    Args:
        field: fixed to moving points, LPS mm.
        path: ends in a suffix of the form.
        format: key of :data:`FORMATS`.
        moving: lattice of the moving image, for ``fsl``, whose warps mean something with it only.
        tolerance_mm: largest distance from the field that a B-spline may have at a voxel, for
            ``compact`` and ``elastix``; None: half a voxel, or what half of the field's numbers
            reach.

    Raises:
        InputError: for a form or a suffix that is not known, a field that the form cannot hold, or
            a file that cannot be written.
    """
    path = Path(path)
    if format not in FORMATS:
        raise InputError(f"transform format: expected {', '.join(FORMATS)}, got {format!r}")
    suffixes = FORMATS[format].suffixes
    if not path.name.lower().endswith(suffixes):
        raise InputError(
            f"{path}: expected a name that ends in {' or '.join(suffixes)} for the form {format}"
        )
    if tolerance_mm is not None and not tolerance_mm > 0:
        raise InputError(f"tolerance: expected a positive number of mm, got {tolerance_mm!r}")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder does not exist; create it first")
    error = mean = 0.0
    detail = ""
    write: Callable[[Path], object]
    if format == "fsl":
        if field.dimension != 3 or moving is None:
            raise InputError(
                "a warp of FSL is 3D, and needs the moving image as well: its coordinates are "
                "those of both images"
            )
        warp = fsl_warp(field, moving).astype(np.float32)
        write = lambda new: _write_volumes(warp, field.geometry, new)  # noqa: E731
    elif format in ("compact", "elastix"):
        found = fit_bspline(field, tolerance_mm)
        mean, error = found.mean_error_mm, found.max_error_mm
        cells = " x ".join(map(str, found.cells))
        detail = f"{cells} cells of {max(found.spacing_mm):.3g} mm"
        write = lambda new: sitk.WriteTransform(found.transform, str(new))  # noqa: E731
        if format == "elastix":
            text = elastix_text(found.transform, field.geometry)
            write = lambda new: new.write_text(text, encoding="utf-8")  # noqa: E731
    elif format == "composite":
        whole = sitk.CompositeTransform([field.to_transform()])
        write = lambda new: sitk.WriteTransform(whole, str(new))  # noqa: E731
    elif format == "ants":
        image = sitk.Cast(_of_two_slices(field).to_image(), sitk.sitkVectorFloat32)
        write = lambda new: write_image(image, new, compressed=path.name.endswith("z"))  # noqa: E731
    else:
        field.write(path)
        size = path.stat().st_size
        return WrittenTransform(path, format, size, 0.0, _rounding(field, path.name))
    try:
        with whole_file(path) as new:
            write(new)
            size = new.stat().st_size
    except (RuntimeError, OSError) as failure:
        reason = str(failure).strip().splitlines() or [type(failure).__name__]
        raise InputError(f"cannot write {path}: {reason[-1]}") from failure
    return WrittenTransform(
        path, format, size, mean, max(error, _rounding(field, path.name)), detail
    )


def _rounding(field: DisplacementField, name: str) -> float:
    """Return how much numbers of 32 bits cost at most, mm; transforms of ITK have 64."""
    if name.lower().endswith(_ITK) or field.vectors.size == 0:
        return 0.0
    return float(np.abs(field.vectors).max() * np.finfo(np.float32).eps)


def _of_two_slices(field: DisplacementField) -> DisplacementField:
    """Return a field of one slice as two slices of half the thickness, the same map.

    ITK reads one slice in NIfTI as a 2D image without its place in space.
    """
    geometry = field.geometry
    if geometry.dimension == 2 or geometry.size[2] != 1:
        return field
    thinner = geometry.resampled(size=(*geometry.size[:2], 2))
    return DisplacementField(field.vectors.repeat(2, axis=0), thinner)


def _write_volumes(warp: np.ndarray, geometry: ImageGeometry, path: Path) -> None:
    """Write vectors ``(k, j, i, 3)`` as a NIfTI file of three volumes, with FSL's intent."""
    volumes = [geometry.to_image(np.ascontiguousarray(warp[..., n])) for n in range(3)]
    write_with_intent(sitk.JoinSeries(volumes), path, _FNIRT_FIELD)
