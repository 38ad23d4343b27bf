"""Displacement fields as transform nodes, and transform nodes as ITK transforms.

A field maps fixed points to moving points. Slicer calls that *from parent*: the fixed image is
where the moving one goes, so it is the parent. What is put under the transform (*to parent*) moves
the other way, from the moving anatomy onto the fixed one; Slicer inverts the grid by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...displacement import DisplacementField
from ...errors import InputError
from ...geometry import ImageGeometry
from ...pipeline.planes import Plane
from ..texts import tr as _
from .coordinates import FLIP, matrix_of
from .scene_change import SceneChange
from .steps import Steps, all_at_once
from .volume_nodes import Node

__all__ = [
    "add_transform",
    "check_transform_node",
    "field_from_transform",
    "field_of_node",
    "grid_from_vectors",
    "interpolate_linearly",
    "itk_transform",
    "ras_vectors",
    "set_grid",
]

# Slicer's classes that can hold a grid. A linear transform node takes one without complaint, and
# the modules that expect a matrix in it fail.
_GRID_NODES = ("vtkMRMLTransformNode", "vtkMRMLGridTransformNode")
# Points that VTK transforms in a fraction of the time for which a window may be blocked.
_STEP_POINTS = 100_000


def ras_vectors(field: DisplacementField) -> np.ndarray:
    """Return the displacements of a 3D field in RAS mm, ``(voxels, 3)``, as a grid holds them."""
    return np.ascontiguousarray(field.vectors * FLIP, np.float64).reshape(-1, 3)


def grid_from_vectors(vectors: np.ndarray, geometry: ImageGeometry) -> Any:
    """Return a 3D field (fixed to moving points, LPS mm) as a ``vtkOrientedGridTransform``.

    The grid has the lattice of the field in RAS: its directions are in the grid direction matrix,
    its displacements are double scalars with the components R, A, S in mm. Between the nodes it is
    interpolated linearly, as ITK does. Outside of the lattice VTK goes on with the displacement at
    the border, also to both sides of a field of one slice; ITK has none there.

    Args:
        vectors: from :func:`ras_vectors`; not copied, it must not change.
        geometry: of the field.
    """
    directions = np.eye(4)
    directions[:3, :3] = FLIP[:, None] * geometry.direction_matrix
    image = vtk.vtkImageData()
    image.SetDimensions(*geometry.size)
    image.SetSpacing(*geometry.spacing)
    image.SetOrigin(*(FLIP * geometry.origin).tolist())
    # Scalars, not vectors: VTK reads nothing else, and takes a grid without them for the identity.
    image.GetPointData().SetScalars(numpy_to_vtk(vectors, array_type=vtk.VTK_DOUBLE))
    grid = slicer.vtkOrientedGridTransform()
    grid.SetInterpolationModeToLinear()
    grid.SetGridDirectionMatrix(slicer.util.vtkMatrixFromArray(directions))
    grid.SetDisplacementGridData(image)
    return grid


def check_transform_node(node: Node) -> None:
    """Check that a transform node can hold a field.

    Raises:
        InputError: for a linear or a B-spline transform node.
    """
    if node.GetClassName() not in _GRID_NODES:
        raise InputError(
            _(
                "the transform {node!r} cannot hold a displacement field, it is a"
                " {kind}; select another one or create a new one"
            ).format(node=node.GetName(), kind=node.GetClassName())
        )


def set_grid(node: Node, grid: Any) -> None:
    """Give a transform node a grid, fixed (parent) to moving points; it loses its own parent.

    Raises:
        InputError: as :func:`check_transform_node`.
    """
    check_transform_node(node)
    with slicer.util.NodeModify(node):
        node.SetAndObserveTransformNodeID(None)
        node.SetAndObserveTransformFromParent(grid)


def add_transform(change: SceneChange, name: str, other: Node, inverse: bool = False) -> Node:
    """Add a transform node that moves as another one does now, with all that is above it.

    Args:
        change: gets the new node.
        name: of it.
        other: any transform node.
        inverse: move against it.
    """
    linear = other.IsTransformToWorldLinear()
    node = change.add("vtkMRMLLinearTransformNode" if linear else "vtkMRMLTransformNode", name)
    if linear:
        getter = other.GetMatrixTransformFromWorld if inverse else other.GetMatrixTransformToWorld
        slicer.util.updateTransformMatrixFromArray(node, matrix_of(getter))
    elif inverse and other.GetParentTransformNode() is None:
        node.SetAndObserveTransformToParent(other.GetTransformFromParent())
    else:
        whole = vtk.vtkGeneralTransform()
        (other.GetTransformFromWorld if inverse else other.GetTransformToWorld)(whole)
        node.SetAndObserveTransformToParent(whole)
    return node


def interpolate_linearly(node: Node) -> None:
    """Interpolate the grid of a transform node linearly between its nodes; others stay."""
    for transform in (node.GetTransformFromParent(), node.GetTransformToParent()):
        if transform is not None and transform.IsA("vtkOrientedGridTransform"):
            transform.SetInterpolationModeToLinear()


def field_from_transform(node: Node, geometry: ImageGeometry) -> DisplacementField:
    """Sample a transform node of any kind at the voxels of a lattice.

    Args:
        node: with all that is above it: world (fixed) points to points below it (moving).
        geometry: 3D lattice in the world, LPS mm.

    Returns:
        Fixed to moving points, LPS mm.
    """
    return all_at_once(_field_in_steps(node, geometry))


def field_of_node(node: Node, geometry: ImageGeometry) -> DisplacementField:
    """Return the field that a node of a result holds, on its own lattice.

    Args:
        node: from parent, fixed to moving points.
        geometry: lattice on which a transform that is no grid is sampled.
    """
    grid = node.GetTransformFromParent()
    plain = node.GetParentTransformNode() is None and grid.IsA("vtkOrientedGridTransform")
    data = grid.GetDisplacementGrid() if plain and not grid.GetInverseFlag() else None
    if data is None:
        return field_from_transform(node, geometry)
    size = data.GetDimensions()
    directions = np.eye(3)
    if grid.GetGridDirectionMatrix() is not None:
        directions = slicer.util.arrayFromVTKMatrix(grid.GetGridDirectionMatrix())[:3, :3]
    lattice = ImageGeometry(
        tuple(size),
        tuple(data.GetSpacing()),
        tuple((FLIP * data.GetOrigin()).tolist()),
        tuple((FLIP[:, None] * directions).ravel().tolist()),
    )
    vectors = vtk_to_numpy(data.GetPointData().GetScalars()) * grid.GetDisplacementScale()
    return DisplacementField((vectors * FLIP).reshape(*size[::-1], 3), lattice)


def itk_transform(
    node: Node, geometry: ImageGeometry, planes: tuple[Plane, Plane] | None = None
) -> Steps[sitk.Transform]:
    """Return a transform node as an ITK transform of fixed to moving points, LPS mm.

    Step by step: sampling a large lattice takes seconds.

    Args:
        node: a transform that would bring the moving image to the fixed one, if that were put
            under it: what ITK and Elastix call the initial transform. Transforms above it count.
        geometry: 3D lattice of the fixed image, on which a transform that is not linear is sampled.
        planes: of the fixed and the moving slice, for 2D images; the result is then 2D, and what
            leads out of the moving plane is dropped.
    """
    if planes is not None:
        fixed, moving = planes
        field = yield from _field_in_steps(node, fixed.geometry)
        start = fixed.flat_geometry.points()
        end = moving.to_2d(field.geometry.points() + field.vectors)
        vectors = np.squeeze(end, 2 - fixed.axis) - start
        if node.IsTransformToWorldLinear():
            return _affine(start.reshape(-1, 2), (start + vectors).reshape(-1, 2))
        return DisplacementField(vectors, fixed.flat_geometry).to_transform()
    if not node.IsTransformToWorldLinear():
        field = yield from _field_in_steps(node, geometry)
        yield False
        return field.to_transform()
    ras = matrix_of(node.GetMatrixTransformFromWorld)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((FLIP[:, None] * ras[:3, :3] * FLIP).ravel().tolist())
    transform.SetTranslation((FLIP * ras[:3, 3]).tolist())
    return transform


def _field_in_steps(node: Node, geometry: ImageGeometry) -> Steps[DisplacementField]:
    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    columns, rows, slices = geometry.size
    vectors = np.empty((*geometry.array_shape, 3))
    thickness = max(1, _STEP_POINTS // (columns * rows))
    for first in range(0, slices, thickness):
        size = columns, rows, min(thickness, slices - first)
        points = geometry.crop((0, 0, first), size).points()
        vectors[first : first + thickness] = _moved(transform, points) - points
        yield False
    return DisplacementField(vectors, geometry)


def _affine(start: np.ndarray, end: np.ndarray) -> sitk.AffineTransform:
    """Return the 2D affine transform that takes points ``(N, 2)`` to others, which it does."""
    known = np.column_stack([start, np.ones(len(start))])
    solution = np.linalg.lstsq(known, end, rcond=None)[0]
    transform = sitk.AffineTransform(2)
    transform.SetMatrix(solution[:2].T.ravel().tolist())
    transform.SetTranslation(solution[2].tolist())
    return transform


def _moved(transform: Any, points: np.ndarray) -> np.ndarray:
    """Move LPS points ``(..., 3)`` by a VTK transform of RAS points."""
    start, end = vtk.vtkPoints(), vtk.vtkPoints()
    start.SetDataTypeToDouble()
    end.SetDataTypeToDouble()
    start.SetData(numpy_to_vtk((points * FLIP).reshape(-1, 3), deep=True))
    transform.TransformPoints(start, end)
    moved: np.ndarray = vtk_to_numpy(end.GetData()).reshape(points.shape) * FLIP
    return moved
