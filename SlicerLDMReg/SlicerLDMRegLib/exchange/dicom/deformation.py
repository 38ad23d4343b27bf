"""A displacement field as a DICOM Deformable Spatial Registration object, and back.

In the words of the standard (PS3.3, C.20.3): the frame of reference of the object is the registered
one, that of the fixed image; a vector of its grid leads from a registered point to the point of the
source, the moving image. That is the direction of a displacement field here, so that vectors are
stored as they are, in LPS mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...displacement import DisplacementField
from ...errors import InputError
from ...geometry import ImageGeometry
from .context import DicomContext, Reference, begin_object, new_uid, save

__all__ = ["read_deformation", "write_deformation"]

_CLASS = "1.2.840.10008.5.1.4.1.1.66.3"  # Deformable Spatial Registration Storage
_MOST_BYTES = 2**32 - 2  # of the value of an element


def write_deformation(
    field: DisplacementField,
    path: Path,
    fixed: DicomContext,
    moving: DicomContext,
    description: str,
    details: str = "",
) -> Path:
    """Write a field as one file.

    Args:
        field: 3D, fixed to moving points, LPS mm.
        path: of the file.
        fixed, moving: contexts of the images.
        description: of the series, at most 64 characters.
        details: how it was found.

    Raises:
        InputError: for a 2D field, axes that are not at right angles, or too many voxels.
    """
    if field.dimension != 3:
        raise InputError("DICOM has deformations of 3D coordinates only; this field is 2D")
    vectors, geometry = _right_handed(field)
    if vectors.size * 4 > _MOST_BYTES:
        raise InputError("the field is larger than 4 GB, the most that DICOM can hold")
    dataset = begin_object(fixed, _CLASS)
    dataset.Modality = "REG"
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.InstanceNumber = new_uid(), 9002, 1
    dataset.SeriesDescription = description[:64]
    dataset.ContentLabel, dataset.ContentDescription = "DEFORMATION", description[:64]
    dataset.ContentCreatorName = "LDMReg"
    dataset.DeformableRegistrationSequence = [_item(vectors, geometry, moving, details)]
    _refer(dataset, (*fixed.references, *moving.references))
    save(dataset, path)
    return path


def _item(vectors: np.ndarray, geometry: ImageGeometry, moving: DicomContext, details: str) -> Any:
    from pydicom.dataset import Dataset

    axes = geometry.direction_matrix
    grid = Dataset()
    grid.ImageOrientationPatient = [f"{float(n):.9g}" for n in (*axes[:, 0], *axes[:, 1])]
    grid.ImagePositionPatient = [f"{float(n) + 0.0:.9g}" for n in geometry.origin]  # no "-0"
    grid.GridDimensions = list(geometry.size)
    grid.GridResolution = list(geometry.spacing)
    grid.VectorGridData = np.ascontiguousarray(vectors, "<f4").tobytes()
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "125024", "DCM"
    code.CodeMeaning = "Image Content-based Alignment"
    item = Dataset()
    item.SourceFrameOfReferenceUID = moving.frame_of_reference
    item.FrameOfReferenceTransformationComment = details[:64]
    item.RegistrationTypeCodeSequence = [code]
    item.DeformableRegistrationGridSequence = [grid]
    if moving.references:
        item.ReferencedImageSequence = [_instance(r) for r in moving.references]
    return item


def _right_handed(field: DisplacementField) -> tuple[np.ndarray, ImageGeometry]:
    """Return vectors ``(k, j, i, 3)`` and their lattice with its third axis as DICOM has it.

    The third axis of a grid is the cross product of the others; where that of the field is the
    other way round, its slices are counted from the other end.
    """
    geometry, vectors = field.geometry, field.vectors
    axes = geometry.direction_matrix
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        raise InputError("a deformation in DICOM needs axes at right angles; resample the field")
    if np.linalg.det(axes) > 0:
        return vectors, geometry
    last = np.array([0.0, 0.0, geometry.size[2] - 1.0])
    origin = np.asarray(geometry.index_to_physical(last))
    turned = axes * np.array([1.0, 1.0, -1.0])
    lattice = ImageGeometry(
        geometry.size, geometry.spacing, tuple(origin.tolist()), tuple(turned.ravel().tolist())
    )
    return vectors[::-1], lattice


def _instance(reference: Reference) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class
    item.ReferencedSOPInstanceUID = reference.instance
    return item


def _refer(dataset: Any, references: Sequence[Reference]) -> None:
    """Name all instances that are referred to, by series, and by study where it is another one."""
    from pydicom.dataset import Dataset

    studies: dict[str, dict[str, list[Any]]] = {}
    for reference in references:
        series = studies.setdefault(reference.study, {})
        series.setdefault(reference.series, []).append(_instance(reference))
    for study, by_series in studies.items():
        items = []
        for uid, instances in by_series.items():
            item = Dataset()
            item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, instances
            items.append(item)
        if study == dataset.StudyInstanceUID:
            dataset.ReferencedSeriesSequence = items
        else:
            other = Dataset()
            other.StudyInstanceUID, other.ReferencedSeriesSequence = study, items
            others = list(dataset.get("StudiesContainingOtherReferencedInstancesSequence") or [])
            dataset.StudiesContainingOtherReferencedInstancesSequence = [*others, other]


def read_deformation(path: str | Path) -> DisplacementField:
    """Return the field of a Deformable Spatial Registration object.

    Raises:
        InputError: for a file that is none, has several deformations, or matrices beside its grid.
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
        (item,) = dataset.DeformableRegistrationSequence
        (grid,) = item.DeformableRegistrationGridSequence
        size = tuple(int(n) for n in grid.GridDimensions)
        row, column = np.array(grid.ImageOrientationPatient, float).reshape(2, 3)
        axes = np.stack([row, column, np.cross(row, column)], axis=1)
        vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(*size[::-1], 3)
        geometry = ImageGeometry(
            size,
            tuple(float(n) for n in grid.GridResolution),
            tuple(float(n) for n in grid.ImagePositionPatient),
            tuple(axes.ravel().tolist()),
        )
    except (
        OSError,
        AttributeError,
        ValueError,
        TypeError,
        pydicom.errors.InvalidDicomError,
    ) as error:
        raise InputError(f"{path}: expected a DICOM deformation with one grid ({error})") from error
    for name in ("PreDeformationMatrixRegistrationSequence",
                 "PostDeformationMatrixRegistrationSequence"):  # fmt: skip
        for matrix in item.get(name) or ():
            values = np.array(matrix.FrameOfReferenceTransformationMatrix, float)
            if not np.allclose(values, np.eye(4).ravel()):
                raise InputError(f"{path}: its matrices beside the grid are not supported")
    return DisplacementField(vectors.astype(float), geometry)
