"""Volume nodes and images, voxels with their exact place in the patient.

In the scene a volume has an ``IJKToRAS`` matrix and perhaps a parent transform. An image has all
of that in its LPS geometry, so it lies where Slicer shows the volume; what is made from an image
has no parent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, numpy_to_vtk, vtk_to_numpy

from ...errors import InputError
from ...geometry import ImageGeometry
from ..texts import tr as _
from .coordinates import (
    geometry_from_ijk_to_ras,
    ijk_to_ras,
    matrix_of,
    stored_voxels_to_ras,
)

__all__ = [
    "Node",
    "image_from_volume",
    "look_like",
    "set_image",
    "set_voxels",
    "volume_geometry",
    "vtk_image",
    "world_matrix",
]

#: A node of the scene. Slicer's classes have no type information.
Node = Any


def world_matrix(node: Node) -> np.ndarray:
    """Return the 4x4 matrix from the coordinates of a transformable node to the world, RAS mm.

    Raises:
        InputError: when a transform above the node is not linear.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise InputError(
            _(
                "{node!r} is under the transform {parent!r}, which is not linear; set"
                " its transform to None, or harden it, in the module Transforms"
            ).format(node=node.GetName(), parent=parent.GetName())
        )
    return matrix_of(parent.GetMatrixTransformToWorld)


def volume_geometry(node: Node, place: Node | None = None) -> ImageGeometry:
    """Return where the voxels of a volume node lie in the world, as a 3D lattice in LPS mm.

    Linear transforms above the node are applied. A 2D image is one slice.

    Args:
        node: any volume node.
        place: the node whose parent transforms apply instead, for the frames of a sequence, which
            are not in the scene: the volume that shows them there.

    Raises:
        InputError: for a volume without voxels, sheared axes, or a parent that is not linear.
    """
    image = None if node is None else node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        name = (
            _("the volume")
            if node is None
            else _("the volume {node!r}").format(node=node.GetName())
        )
        raise InputError(
            _("{name} has no voxels; select another one or load it again").format(name=name)
        )
    whole = world_matrix(place or node) @ stored_voxels_to_ras(node.GetIJKToRASMatrix, image)
    return geometry_from_ijk_to_ras(
        whole, image.GetDimensions(), _("volume {node!r}").format(node=node.GetName())
    )


def image_from_volume(node: Node, place: Node | None = None) -> sitk.Image:
    """Return a volume node as a 3D image in LPS mm that lies where the scene shows it.

    The voxels are copied. Volumes with several components, such as colour photographs, become
    vector images.

    Args:
        node, place: see :func:`volume_geometry`.

    Raises:
        InputError: as :func:`volume_geometry`.
    """
    geometry = volume_geometry(node, place)
    scalars = node.GetImageData().GetPointData().GetScalars()
    if scalars is None:
        raise InputError(
            _("the volume {node!r} has no scalar voxels; select another one").format(
                node=node.GetName()
            )
        )
    array = vtk_to_numpy(scalars)
    if scalars.GetNumberOfComponents() == 1:
        return geometry.to_image(array.reshape(geometry.array_shape))
    shape = (*geometry.array_shape, scalars.GetNumberOfComponents())
    return geometry.to_image(array.reshape(shape), is_vector=True)


def vtk_image(array: np.ndarray, copy: bool = True) -> Any:
    """Return voxels as a ``vtkImageData`` with origin 0 and spacing 1.

    Args:
        array: ``(k, j, i)``, or ``(k, j, i, components)``.
        copy: the array; else it must not change, and lives as long as the image does.
    """
    flat = np.ascontiguousarray(array).reshape(-1, *array.shape[3:])
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[2::-1])
    image.GetPointData().SetScalars(
        numpy_to_vtk(flat, deep=copy, array_type=get_vtk_array_type(array.dtype))
    )
    return image


def set_image(node: Node, image: sitk.Image) -> None:
    """Give a volume node the voxels of a 3D image, LPS mm, see :func:`set_voxels`."""
    set_voxels(node, sitk.GetArrayFromImage(image), ImageGeometry.from_image(image))


def set_voxels(node: Node, array: np.ndarray, geometry: ImageGeometry) -> None:
    """Give a volume node new voxels and a new place in the world; it loses its parent.

    Only what the node refers to is exchanged: a copy of the node from before still has its image.

    Args:
        node: any volume node.
        array: ``(k, j, i)``, or ``(k, j, i, components)``; not copied, it must not change.
        geometry: 3D lattice of the voxels, LPS mm.
    """
    with slicer.util.NodeModify(node):
        node.SetAndObserveTransformNodeID(None)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras(geometry)))
        node.SetAndObserveImageData(vtk_image(array, copy=False))


def look_like(node: Node, other: Node) -> None:
    """Give a volume the window, the level and the colours of another one."""
    own, display = node.GetDisplayNode(), other.GetDisplayNode()
    if own is None or display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return
    own.SetAndObserveColorNodeID(display.GetColorNodeID())
    own.SetAutoWindowLevel(False)
    own.SetWindowLevel(display.GetWindow(), display.GetLevel())
