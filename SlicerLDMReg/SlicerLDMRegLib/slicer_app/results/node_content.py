"""What nodes of a result hold, made before the scene is touched, then written into them.

It is made in two steps. The first one, which takes the time of large volumes, computes with arrays
and may run in any thread; the second one gives them to VTK, in the thread of the application, which
takes next to none. Writing exchanges what a node refers to and changes nothing in place, so that
whoever holds the state of the node from before can bring it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import SimpleITK as sitk
import slicer

from ...displacement import DisplacementField
from ...geometry import ImageGeometry
from ..scene.coordinates import ijk_to_ras, vtk_matrix
from ..scene.transform_nodes import grid_from_vectors, ras_vectors, set_grid
from ..scene.volume_nodes import Node, Voxels, set_voxels, vtk_image

__all__ = [
    "Content",
    "GridContent",
    "MakeContent",
    "SegmentationContent",
    "TableContent",
    "VolumeContent",
    "grid_content",
    "look_like",
    "show_around_one",
    "volume_content",
]


class Content(Protocol):
    """Something that a node can hold."""

    def write(self, node: Node, is_new: bool) -> None:
        """Write it into a node; a new one is also given what it needs to be displayed."""


#: The second step of making a content.
MakeContent = Callable[[], Content]


def look_like(node: Node, other: Node) -> None:
    """Give a volume the window, the level and the colours of another one."""
    own, display = node.GetDisplayNode(), other.GetDisplayNode()
    if own is None or display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return
    own.SetAndObserveColorNodeID(display.GetColorNodeID())
    own.SetAutoWindowLevel(False)
    own.SetWindowLevel(display.GetWindow(), display.GetLevel())


def show_around_one(node: Node) -> None:
    """Show a Jacobian determinant from 0 to 2, with 1, no change of size, in the middle."""
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(2.0, 1.0)


@dataclass(frozen=True, eq=False)
class VolumeContent:
    """Voxels for a volume node; ``style`` sets the display of a new one."""

    voxels: Voxels
    style: Callable[[Node], None] | None = None

    def write(self, node: Node, is_new: bool) -> None:
        if is_new:
            # Before there are voxels: else Slicer goes through them to choose a window.
            node.CreateDefaultDisplayNodes()
            if self.style is not None:
                self.style(node)
        set_voxels(node, self.voxels)


@dataclass(frozen=True, eq=False)
class GridContent:
    """A grid for a transform node, from parent; it gets no display."""

    grid: Any

    def write(self, node: Node, is_new: bool) -> None:
        set_grid(node, self.grid)


@dataclass(frozen=True, eq=False)
class SegmentationContent:
    """Segments for a segmentation node, drawn on the lattice of a volume node."""

    segmentation: Any
    reference: Node

    def write(self, node: Node, is_new: bool) -> None:
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        with slicer.util.NodeModify(node):
            node.SetAndObserveTransformNodeID(None)
            node.SetAndObserveSegmentation(self.segmentation)
            node.SetNodeReferenceID(role, self.reference.GetID())
        if is_new:
            node.CreateDefaultDisplayNodes()


@dataclass(frozen=True, eq=False)
class TableContent:
    """A ``vtkTable`` for a table node."""

    table: Any

    def write(self, node: Node, is_new: bool) -> None:
        node.SetAndObserveTable(self.table)


def volume_content(image: sitk.Image, style: Callable[[Node], None] | None = None) -> MakeContent:
    """Compute the content of a volume node: a 3D image, LPS mm, of one component."""
    array, geometry = sitk.GetArrayFromImage(image), ImageGeometry.from_image(image)

    def make() -> Content:
        voxels = Voxels(vtk_image(array, copy=False), vtk_matrix(ijk_to_ras(geometry)))
        return VolumeContent(voxels, style)

    return make


def grid_content(field: DisplacementField) -> MakeContent:
    """Compute the content of a transform node: a 3D field, LPS mm."""
    vectors, geometry = ras_vectors(field), field.geometry
    return lambda: GridContent(grid_from_vectors(vectors, geometry))
