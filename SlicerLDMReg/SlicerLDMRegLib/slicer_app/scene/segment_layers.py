"""The segments of a segmentation node as label arrays on the lattice of an image.

Slicer keeps segments that do not overlap in one array, a layer, with a value for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ...errors import InputError
from ...geometry import ImageGeometry
from ...resampling import warp_image
from ..texts import tr as _
from .coordinates import geometry_from_ijk_to_ras, ijk_to_ras, stored_voxels_to_ras
from .volume_nodes import Node, world_matrix

__all__ = ["GEOMETRY_PARAMETER", "SegmentLayer", "on_lattice", "segment_layers"]

#: The parameter of a conversion that says on which lattice surfaces become voxels.
GEOMETRY_PARAMETER = "Reference image geometry"


@dataclass(frozen=True, eq=False)
class SegmentLayer:
    """Segments that do not overlap.

    Attributes:
        values: whole numbers on the lattice.
        segments: ID of the segment with a value.
    """

    values: np.ndarray
    segments: Mapping[int, str]

    def numbered(self, numbers: Mapping[str, int]) -> np.ndarray:
        """Return the array with other numbers, by the ID of the segment; 0 is background."""
        wanted = {value: numbers[name] for value, name in self.segments.items()}
        top = max(wanted)
        table = np.zeros(top + 1, np.min_scalar_type(max(wanted.values())))
        table[list(wanted)] = list(wanted.values())
        values = self.values
        if values.dtype.kind != "u":
            values = np.maximum(values, 0)
        if values.dtype.kind == "f":
            values = values.astype(np.int64)
        if values.dtype != np.uint8 or top < np.iinfo(np.uint8).max:
            values = np.where(values > top, values.dtype.type(0), values)
        return np.asarray(table.take(values))


def segment_layers(
    node: Node, segmentation: Any, ids: Sequence[str], geometry: ImageGeometry
) -> list[SegmentLayer]:
    """Return segments on a lattice; those of one layer are resampled together.

    Args:
        node: segmentation node; linear transforms above it are applied.
        segmentation: of the node.
        ids: of the segments.
        geometry: 3D lattice in the world, LPS mm.

    Raises:
        InputError: for a segment that cannot be made into voxels, or a parent that is not linear.
    """
    world = world_matrix(node)
    arrays: dict[str, np.ndarray] = {}
    found: list[tuple[str, dict[int, str]]] = []
    for name in ids:
        segment = segmentation.GetSegment(name)
        value = int(segment.GetLabelValue())
        data = segment.GetRepresentation("Binary labelmap") or _voxelised(
            segmentation, name, np.linalg.inv(world) @ ijk_to_ras(geometry), geometry.size
        )
        if data is None:
            raise InputError(
                _(
                    "the segment {segment!r} of {node!r} cannot be made into a label map;"
                    " convert it in the module Segmentations"
                ).format(segment=segment.GetName(), node=node.GetName())
            )
        key = data.GetAddressAsString("vtkObject")
        if key not in arrays:
            arrays[key] = _layer(data, world, geometry, node.GetName())
        same = (segments for other, segments in found if other == key and value not in segments)
        own = next(same, None)
        if own is None:
            own = {}
            found.append((key, own))
        own[value] = name
    return [SegmentLayer(arrays[key], segments) for key, segments in found]


def on_lattice(labels: sitk.Image, geometry: ImageGeometry) -> sitk.Image:
    """Return labels on a lattice, nearest neighbour."""
    if geometry.matches(ImageGeometry.from_image(labels)):
        return labels
    return warp_image(labels, geometry, labels=True)


def _voxelised(segmentation: Any, name: str, matrix: np.ndarray, size: tuple[int, ...]) -> Any:
    """Return a segment that is a surface as a ``vtkOrientedImageData``; None: it cannot be.

    Args:
        segmentation: what the segment is in; it stays as it is.
        name: ID of the segment.
        matrix: 4x4, from the voxels of the lattice to the coordinates of the segmentation, RAS mm.
        size: of the lattice.
    """
    lattice = slicer.vtkOrientedImageData()
    lattice.SetDimensions(*size)
    lattice.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
    copy.CopySegmentFromSegmentation(segmentation, name)
    copy.SetConversionParameter(
        GEOMETRY_PARAMETER, slicer.vtkSegmentationConverter.SerializeImageGeometry(lattice)
    )
    if not copy.CreateRepresentation("Binary labelmap"):
        return None
    return copy.GetSegment(name).GetRepresentation("Binary labelmap")


def _layer(data: Any, world: np.ndarray, geometry: ImageGeometry, name: str) -> np.ndarray:
    """Return the label values of a ``vtkOrientedImageData`` at the voxels of a lattice."""
    if data.GetNumberOfPoints() == 0 or data.GetPointData().GetScalars() is None:
        return np.zeros(geometry.array_shape, np.uint8)
    matrix = world @ stored_voxels_to_ras(data.GetImageToWorldMatrix, data)
    own = geometry_from_ijk_to_ras(
        matrix, data.GetDimensions(), _("segmentation {name!r}").format(name=name)
    )
    array = vtk_to_numpy(data.GetPointData().GetScalars()).reshape(own.array_shape)
    return np.asarray(sitk.GetArrayFromImage(on_lattice(own.to_image(array), geometry)))
