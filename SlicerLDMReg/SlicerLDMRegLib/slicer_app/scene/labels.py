"""Labels, from label map and segmentation nodes, with names, and in segmentations.

A label image holds one number a voxel, 0 is background. A segmentation node can hold more: segments
that overlap, on lattices of their own, or as surfaces.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from ...errors import InputError
from ...geometry import ImageGeometry
from ...segmentation.slicer_file import TOUCHING
from ..texts import tr as _
from .coordinates import ijk_to_ras
from .segment_layers import GEOMETRY_PARAMETER, on_lattice, segment_layers
from .volume_nodes import Node, image_from_volume, vtk_image

__all__ = [
    "NodeLabels",
    "labels_from_node",
    "mask_from_node",
    "names_and_colors",
    "oriented_image",
    "segment_numbers",
    "segmentation_from_labels",
    "set_segmentation",
    "show_as_outlines",
]

# Colour tables with names of anatomy come from files or users; of those that Slicer ships, these
# are given to label maps of any anatomy.
_NAMED_TABLES = ("File", "UserDefined")
_ANONYMOUS_TABLES = ("Generic", "Chart")
Color = tuple[float, float, float]


@dataclass(frozen=True)
class NodeLabels:
    """The labels of a node on the lattice of an image.

    Attributes:
        image: 3D, LPS mm; 0 is background.
        names: by label number, ascending; empty where the node does not tell.
        colors: RGB from 0 to 1 of the named labels.
    """

    image: sitk.Image
    names: dict[int, str]
    colors: dict[int, Color] = field(default_factory=dict)

    def numbered_like(self, names: Mapping[int, str]) -> NodeLabels:
        """Return the same labels with the numbers that other labels have for the same names.

        The segments of two segmentations have numbers of their own; only their names tell which of
        them are the same. Names that the others do not have get numbers that they do not have.
        Nothing changes where one side has no names.
        """
        if not (names and self.names):
            return self
        numbers = {name.strip().casefold(): number for number, name in names.items()}
        free = itertools.count(max([*names, *self.names]) + 1)
        new = {
            number: numbers.get(name.strip().casefold()) or next(free)
            for number, name in self.names.items()
        }
        if len(set(new.values())) < len(new) or all(n == m for n, m in new.items()):
            return self  # two segments have one name
        image = sitk.ChangeLabel(
            sitk.Cast(self.image, sitk.sitkUInt16), {n: m for n, m in new.items() if n != m}
        )
        return NodeLabels(
            image,
            dict(sorted((new[n], name) for n, name in self.names.items())),
            {new[n]: color for n, color in self.colors.items()},
        )


def labels_from_node(
    node: Node, geometry: ImageGeometry, segments: Sequence[str] | None = None
) -> NodeLabels:
    """Return the labels of a label map volume or a segmentation on a lattice.

    Args:
        node: ``vtkMRMLLabelMapVolumeNode``, ``vtkMRMLSegmentationNode``, or a scalar volume with
            whole numbers; linear transforms above it are applied.
        geometry: 3D lattice of the image that the labels belong to, in the world, LPS mm. Labels
            on another one are resampled, nearest neighbour.
        segments: IDs of the segments to take; None: all.

    Returns:
        A label map keeps its numbers; segments have their label values if these differ, else 1, 2,
        3 in their order.

    Raises:
        InputError: for a node without labels, a parent that is not linear, or segments that
            overlap.
    """
    if node.IsA("vtkMRMLSegmentationNode"):
        return _from_segmentation(node, geometry, segments)
    image = _from_volume(node, geometry)
    present = [int(n) for n in np.unique(sitk.GetArrayViewFromImage(image)) if n > 0]
    return NodeLabels(image, *names_and_colors(node, present))


def mask_from_node(
    node: Node, geometry: ImageGeometry, segments: Sequence[str] | None = None
) -> sitk.Image:
    """Return where a volume is not 0, or where a segmentation has segments, as 1, uint8.

    Args:
        node: as of :func:`labels_from_node`.
        geometry: 3D lattice of the image that the mask belongs to, in the world, LPS mm.
        segments: IDs of the segments to take; None: all. They may overlap.

    Raises:
        InputError: for a node without labels, or a parent that is not linear.
    """
    if node.IsA("vtkMRMLSegmentationNode"):
        segmentation, ids = _segments(node, segments)
        layers = segment_layers(node, segmentation, ids, geometry)
        parts = [layer.numbered(dict.fromkeys(ids, 1)) for layer in layers]
        inside = np.maximum.reduce(parts) > 0
    else:
        inside = sitk.GetArrayFromImage(_from_volume(node, geometry)) != 0
    return geometry.to_image(inside.astype(np.uint8))


def oriented_image(image: sitk.Image) -> Any:
    """Return a 3D label image (LPS mm) as a ``vtkOrientedImageData``, RAS."""
    data = slicer.vtkOrientedImageData()
    data.ShallowCopy(vtk_image(sitk.GetArrayViewFromImage(image)))
    matrix = ijk_to_ras(ImageGeometry.from_image(image))
    data.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return data


def segmentation_from_labels(
    image: sitk.Image,
    names: Mapping[int, str],
    colors: Mapping[int, Color] | None = None,
) -> Any:
    """Return a label image (3D, LPS mm) as a ``vtkSegmentation``, one segment for each name.

    Args:
        image: whole numbers; those without a name are left out.
        names: by label number; a segment may be empty.
        colors: RGB from 0 to 1 by label number; others get Slicer's next colour.
    """
    shared = oriented_image(image)
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName("Binary labelmap")
    segmentation.SetConversionParameter(
        GEOMETRY_PARAMETER, slicer.vtkSegmentationConverter.SerializeImageGeometry(shared)
    )
    for number, name in sorted(names.items()):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.SetLabelValue(number)
        if colors and number in colors:
            segment.SetColor(*colors[number])
        segment.AddRepresentation("Binary labelmap", shared)
        segmentation.AddSegment(segment, f"Segment_{number}")
    return segmentation


def set_segmentation(node: Node, segmentation: Any, reference: Node) -> None:
    """Give a segmentation node a ``vtkSegmentation`` in the world; it loses its parent.

    Only what the node refers to is exchanged, see :func:`~.volume_nodes.set_voxels`.

    Args:
        node: segmentation node.
        segmentation: as :func:`segmentation_from_labels` makes it.
        reference: volume on whose lattice the segments are drawn.
    """
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    with slicer.util.NodeModify(node):
        node.SetAndObserveTransformNodeID(None)
        node.SetAndObserveSegmentation(segmentation)
        node.SetNodeReferenceID(role, reference.GetID())


def show_as_outlines(display: Node) -> None:
    """Show segments as outlines in the slice views: filled, they cover the image.

    Args:
        display: display node of a segmentation.
    """
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)


def segment_numbers(segmentation: Any, ids: Sequence[str]) -> list[int]:
    """Return the numbers that segments of a ``vtkSegmentation`` get in a label image.

    Their label values if these differ, else 1, 2, 3 in their order.
    """
    numbers = [int(segmentation.GetSegment(name).GetLabelValue()) for name in ids]
    if len(set(numbers)) < len(numbers) or min(numbers, default=1) < 1:
        return list(range(1, len(ids) + 1))
    return numbers


def _from_volume(node: Node, geometry: ImageGeometry) -> sitk.Image:
    image = image_from_volume(node)
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            _("the volume {node!r} holds colours, not labels").format(node=node.GetName())
        )
    return on_lattice(image, geometry)


def _segments(node: Node, wanted: Sequence[str] | None) -> tuple[Any, list[str]]:
    """Return the ``vtkSegmentation`` of a node and the IDs of the wanted segments."""
    segmentation = node.GetSegmentation()
    every = [] if segmentation is None else list(segmentation.GetSegmentIDs())
    ids = [name for name in every if wanted is None or name in wanted]
    if not ids:
        raise InputError(
            _("the segmentation {node!r} has no segments; select another one").format(
                node=node.GetName()
            )
        )
    return segmentation, ids


def _from_segmentation(
    node: Node, geometry: ImageGeometry, wanted: Sequence[str] | None
) -> NodeLabels:
    segmentation, ids = _segments(node, wanted)
    numbers = dict(zip(ids, segment_numbers(segmentation, ids), strict=True))
    names = {number: segmentation.GetSegment(name).GetName() for name, number in numbers.items()}
    colors = {number: segmentation.GetSegment(name).GetColor() for name, number in numbers.items()}
    layers = segment_layers(node, segmentation, ids, geometry)
    arrays = [layer.numbered(numbers) for layer in layers]
    labels = arrays[0].astype(np.min_scalar_type(max(names)))
    for array in arrays[1:]:
        np.copyto(labels, array, where=array > 0)
    for array in arrays[:-1]:
        _check_overlap(array, labels, names, node.GetName())
    return NodeLabels(geometry.to_image(labels), dict(sorted(names.items())), colors)


def _check_overlap(
    array: np.ndarray, labels: np.ndarray, names: Mapping[int, str], name: str
) -> None:
    """Refuse segments of which others have covered a part."""
    covered = (array > 0) & (array != labels)
    lost, whole = np.bincount(array[covered]), np.bincount(array.ravel())
    for number in np.flatnonzero(lost > TOUCHING * whole[: len(lost)]):
        over = int(np.bincount(labels[covered & (array == number)]).argmax())
        raise InputError(
            _(
                "the segments {first!r} and {second!r} of {name!r} overlap in {count}"
                " voxels; leave one of them out"
            ).format(
                first=names[int(number)], second=names[over], name=name, count=int(lost[number])
            )
        )


def names_and_colors(node: Node, labels: Sequence[int]) -> tuple[dict[int, str], dict[int, Color]]:
    """Return names and colours of labels of a label map volume, where its colour table has them."""
    display = node.GetDisplayNode()
    table = None if display is None else display.GetColorNode()
    if table is None or not node.IsA("vtkMRMLLabelMapVolumeNode"):
        return {}, {}
    names, colors = {}, {}
    known = table.GetTypeAsString() in _NAMED_TABLES
    anonymous = any(word in table.GetName() for word in _ANONYMOUS_TABLES)
    for number in labels:
        name = table.GetColorName(number) if number < table.GetNumberOfColors() else None
        if known and not anonymous and name and name != "(none)":
            names[number] = str(name)
            rgba = [0.0] * 4
            table.GetColor(number, rgba)
            colors[number] = (rgba[0], rgba[1], rgba[2])
    return names, colors
