"""The place of 2D images in 3D.

Slicer shows a 2D image as a volume with one slice, the library registers it in two dimensions. A
plane says which 3D point belongs to each 2D point, so that what was found in two dimensions comes
back to its place, also where the fixed and the moving image lie in different planes. All points are
in LPS mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from ..displacement import DisplacementField
from ..geometry import ImageGeometry

__all__ = ["Plane", "plane_pair"]

FloatArray = npt.NDArray[np.float64]

# Cosine of 60 degrees: planes that are tilted more against each other have no common axes. Axial,
# coronal and sagittal ones stay apart, those of oblique scans go together. Not tuned.
_TILTED = 0.5


@dataclass(frozen=True, eq=False)
class Plane:
    """A slice in 3D with coordinates of its own: ``point = base + axes @ (x, y)``.

    Args:
        geometry: 3D lattice (LPS mm) with one voxel along ``axis``.
        axis: the index axis (0: i, 1: j, 2: k) perpendicular to the plane.
        base: 3D point of (0, 0).
        axes: ``(3, 2)``, the unit vectors of x and y as columns.
    """

    geometry: ImageGeometry
    axis: int
    base: FloatArray
    axes: FloatArray

    @classmethod
    def of(cls, geometry: ImageGeometry) -> Plane:
        """Return the plane of a lattice with one slice, with the axes and the origin of that."""
        axis = geometry.size.index(1)
        columns = _in_plane(axis)
        return cls(
            geometry, axis, np.asarray(geometry.origin), geometry.direction_matrix[:, columns]
        )

    @property
    def normal(self) -> FloatArray:
        """Unit vector perpendicular to the plane."""
        return np.asarray(np.cross(self.axes[:, 0], self.axes[:, 1]))

    @property
    def flat_geometry(self) -> ImageGeometry:
        """The 2D lattice of the slice, in coordinates of the plane (mm)."""
        columns = _in_plane(self.axis)
        direction = self.axes.T @ self.geometry.direction_matrix[:, columns]
        origin = self.axes.T @ (np.asarray(self.geometry.origin) - self.base)
        return ImageGeometry(
            tuple(self.geometry.size[n] for n in columns),
            tuple(self.geometry.spacing[n] for n in columns),
            tuple(origin.tolist()),
            tuple(direction.ravel().tolist()),
        )

    def to_3d(self, points: npt.ArrayLike) -> FloatArray:
        """Map points of the plane ``(..., 2)`` in mm to 3D points ``(..., 3)`` in LPS mm."""
        return self.base + np.asarray(points, dtype=np.float64) @ self.axes.T

    def to_2d(self, points: npt.ArrayLike) -> FloatArray:
        """Map 3D points ``(..., 3)`` in LPS mm to the nearest points of the plane ``(..., 2)``."""
        return (np.asarray(points, dtype=np.float64) - self.base) @ self.axes

    def flatten(self, image: sitk.Image) -> sitk.Image:
        """Return a 3D image with this one slice as a 2D image in coordinates of the plane."""
        is_vector = image.GetNumberOfComponentsPerPixel() > 1
        array = np.squeeze(sitk.GetArrayViewFromImage(image), 2 - self.axis)
        return self.flat_geometry.to_image(np.ascontiguousarray(array), is_vector)

    def embed(self, image: sitk.Image) -> sitk.Image:
        """Return a 2D image on the lattice of the slice as a 3D image in its place."""
        array = sitk.GetArrayViewFromImage(image)
        return self.geometry.to_image(np.expand_dims(array, 2 - self.axis))

    def embed_field(self, field: DisplacementField, target: Plane) -> DisplacementField:
        """Return a 2D field on the lattice of the slice as a 3D field.

        Args:
            field: points of this plane to points of the target plane, both in their 2D mm.
            target: the plane of the other image.

        Returns:
            3D points of this plane to 3D points of the target, LPS mm.
        """
        points = field.geometry.points()
        vectors = target.to_3d(points + field.vectors) - self.to_3d(points)
        return DisplacementField(np.expand_dims(vectors, 2 - self.axis), self.geometry)


def plane_pair(fixed: ImageGeometry, moving: ImageGeometry) -> tuple[Plane, Plane]:
    """Return the planes of two slices, with 2D coordinates that belong together.

    In parallel planes, points above one another have equal coordinates, so the images keep their
    place relative to each other. Of tilted planes the axes are as close as they can be. Planes that
    are more perpendicular than parallel have nothing in common but their centres.

    Args:
        fixed, moving: 3D lattices (LPS mm) with one slice each.
    """
    first, own = Plane.of(fixed), Plane.of(moving)
    center = np.asarray(moving.center())
    if abs(float(first.normal @ own.normal)) < _TILTED:
        # The centre of the moving slice gets the 2D coordinates of the centre of the fixed one.
        base = center - own.axes @ first.to_2d(fixed.center())
        return first, Plane(moving, own.axis, base, own.axes)
    left, _, right = np.linalg.svd(own.axes.T @ first.axes)
    axes = own.axes @ (left @ right)
    base = first.base - own.normal * float(own.normal @ (first.base - center))
    return first, Plane(moving, own.axis, base, axes)


def _in_plane(axis: int) -> list[int]:
    return [n for n in range(3) if n != axis]
