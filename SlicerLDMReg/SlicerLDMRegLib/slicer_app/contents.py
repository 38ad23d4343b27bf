"""What nodes of a result hold, made before the scene is touched, then written into them.

Writing exchanges what a node refers to and changes nothing in place, so that whoever holds the
state of the node from before can bring it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import SimpleITK as sitk
import slicer

from ..displacement import DisplacementField
from .nodes import Node, Voxels, set_voxels, voxels_from_image
from .transforms import grid_from_field, set_grid

__all__ = [
    "Content",
    "GridContent",
    "SegmentationContent",
    "TableContent",
    "VolumeContent",
    "look_like",
    "show_around_one",
]


class Content(Protocol):
    """Something that a node can hold."""

    def write(self, node: Node, is_new: bool) -> None:
        """Write it into a node; a new one is also given what it needs to be displayed."""


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

    @classmethod
    def of(cls, image: sitk.Image, style: Callable[[Node], None] | None = None) -> VolumeContent:
        """Take a 3D image, LPS mm."""
        return cls(voxels_from_image(image), style)

    def write(self, node: Node, is_new: bool) -> None:
        set_voxels(node, self.voxels)
        if is_new:
            node.CreateDefaultDisplayNodes()
            if self.style is not None:
                self.style(node)


@dataclass(frozen=True, eq=False)
class GridContent:
    """A grid for a transform node, from parent; it gets no display."""

    grid: Any

    @classmethod
    def of(cls, field: DisplacementField) -> GridContent:
        """Take a 3D field, LPS mm."""
        return cls(grid_from_field(field))

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
