"""Displacement field with its geometry: units, composition, inverse, SimpleITK, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from ._field_files import read_field, write_field
from ._slabs import affine, lattice_coordinates, parts, slabs
from .errors import InputError
from .geometry import ImageGeometry

# Processes that only pass fields on need no torch: it is imported in the methods that compute.
if TYPE_CHECKING:
    import torch

__all__ = ["DisplacementField"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """A map of fixed points to moving points, ``x -> x + u(x)``, sampled on a lattice.

    This is the direction of ITK's resampling transforms and of Slicer's *from parent* transforms:
    ``warped(x) = moving(x + u(x))``. Between voxels u is interpolated linearly; each method states
    the extrapolation outside of the lattice.

    Args:
        vectors: u, ``(*geometry.array_shape, d)``, components x, y(, z) in LPS mm; float64.
        geometry: the lattice, usually of the fixed image.

    Raises:
        InputError: for incompatible shapes or numbers that are not finite.
    """

    vectors: FloatArray
    geometry: ImageGeometry

    def __post_init__(self) -> None:
        vectors = np.asarray(self.vectors, dtype=np.float64)
        object.__setattr__(self, "vectors", vectors)
        expected = (*self.geometry.array_shape, self.geometry.dimension)
        if vectors.shape != expected:
            raise InputError(f"vectors: expected shape {expected}, got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise InputError("vectors: expected finite numbers, got NaN or infinity")

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.geometry.dimension

    @classmethod
    def identity(cls, geometry: ImageGeometry) -> DisplacementField:
        """Return the field of zeros."""
        return cls(np.zeros((*geometry.array_shape, geometry.dimension)), geometry)

    @classmethod
    def from_voxels(
        cls, displacement: torch.Tensor | npt.NDArray[np.floating], geometry: ImageGeometry
    ) -> DisplacementField:
        """Convert a displacement in voxels, the unit of networks and ``functional``.

        Args:
            displacement: ``(d, *array_shape)``; channel i along array axis i (k first in 3D).
            geometry: the lattice.

        Raises:
            InputError: for incompatible shapes or numbers that are not finite.
        """
        if not isinstance(displacement, np.ndarray):
            displacement = displacement.detach().cpu().double().numpy()
        expected = (geometry.dimension, *geometry.array_shape)
        if displacement.shape != expected:
            raise InputError(f"displacement: expected shape {expected}, got {displacement.shape}")
        indices = np.moveaxis(displacement[::-1], 0, -1).astype(np.float64)
        return cls(indices @ geometry.matrix.T, geometry)

    def to_voxels(self) -> FloatArray:
        """Return u in voxels, ``(d, *array_shape)``; channel i along array axis i."""
        indices = self.vectors @ np.linalg.inv(self.geometry.matrix).T
        return np.ascontiguousarray(np.moveaxis(indices, -1, 0)[::-1])

    @classmethod
    def from_image(cls, image: sitk.Image) -> DisplacementField:
        """Convert a vector image of LPS displacements in mm.

        Raises:
            InputError: unless the image has one component for each axis.
        """
        dimension, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
        if components != dimension:
            raise InputError(
                f"expected a vector image with {dimension} components a voxel, got {components}"
            )
        return cls(sitk.GetArrayFromImage(image), ImageGeometry.from_image(image))

    def to_image(self) -> sitk.Image:
        """Return a SimpleITK vector image (float64) of LPS displacements in mm."""
        return self.geometry.to_image(self.vectors, is_vector=True)

    @classmethod
    def from_transform(
        cls, transform: sitk.Transform, geometry: ImageGeometry
    ) -> DisplacementField:
        """Sample any SimpleITK transform (fixed to moving) at the voxels of a lattice.

        Raises:
            InputError: when the dimensions differ.
        """
        if transform.GetDimension() != geometry.dimension:
            raise InputError(
                f"transform: expected a {geometry.dimension}D one like the image, "
                f"got {transform.GetDimension()}D"
            )
        image = sitk.TransformToDisplacementField(
            transform,
            sitk.sitkVectorFloat64,
            geometry.size,
            geometry.origin,
            geometry.spacing,
            geometry.direction,
        )
        return cls(sitk.GetArrayFromImage(image), geometry)

    def to_transform(self) -> sitk.DisplacementFieldTransform:
        """Return the SimpleITK transform; outside of the lattice ITK makes it the identity."""
        return sitk.DisplacementFieldTransform(self.to_image())

    def warp_points(self, points: npt.ArrayLike) -> FloatArray:
        """Map fixed points to moving points.

        Args:
            points: ``(..., d)`` LPS mm; outside of the lattice, u keeps its border value.

        Returns:
            ``(..., d)`` LPS mm.

        Raises:
            InputError: unless the points have d coordinates.
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            raise InputError(f"points: expected {self.dimension} coordinates, got {points.shape}")
        flat = points.reshape(-1, self.dimension)
        moved = np.empty_like(flat)
        sample = self._sampler()
        for part in parts(len(flat), 1):
            moved[part] = flat[part] + sample(flat[part])
        return moved.reshape(points.shape)

    def resample(
        self, geometry: ImageGeometry, padding: Literal["border", "identity"] = "border"
    ) -> DisplacementField:
        """Return the same map on another lattice.

        Args:
            geometry: the new lattice.
            padding: outside of this field's lattice, "border" keeps the displacement of the border
                (a jump to zero would tear the image), "identity" has no displacement, as in ITK.
        """
        if padding == "identity":
            return self.from_transform(self.to_transform(), geometry)
        import torch

        from . import functional as F

        self._check_dimension(geometry)
        vectors = np.empty((*geometry.array_shape, self.dimension))
        field = self._channels()
        for part in parts(geometry.array_shape[0], vectors[0].size // self.dimension):
            coordinates = torch.from_numpy(lattice_coordinates(self.geometry, geometry, part))
            found = F.sample(field, coordinates[None])[0]
            vectors[part] = np.moveaxis(found.numpy(), 0, -1)
        return DisplacementField(vectors, geometry)

    def compose(self, pre: sitk.Transform | DisplacementField) -> DisplacementField:
        """Return ``x -> pre(x + u(x))``, the whole map after an alignment of the moving image.

        When the moving image was first resampled with ``pre`` and then registered with this field,
        the result maps fixed points to points of the original moving image.

        Args:
            pre: the alignment, from fixed to moving points; a field keeps its border value outside
                of its lattice.

        Raises:
            InputError: when the dimensions differ.
        """
        if isinstance(pre, DisplacementField):
            pre._check_dimension(self.geometry)
            vectors = np.empty_like(self.vectors)
            sample = pre._sampler()
            for part, points in slabs(self.geometry):
                moved = (points + self.vectors[part]).reshape(-1, self.dimension)
                vectors[part] = self.vectors[part] + sample(moved).reshape(points.shape)
            return DisplacementField(vectors, self.geometry)
        if pre.GetDimension() != self.dimension:
            raise InputError(f"pre: expected {self.dimension}D, got {pre.GetDimension()}D")
        if pre.IsLinear():
            matrix, offset = affine(pre)
            vectors = np.empty_like(self.vectors)
            for part, points in slabs(self.geometry):
                vectors[part] = (points + self.vectors[part]) @ matrix.T + offset - points
            return DisplacementField(vectors, self.geometry)
        # ITK applies the last transform of a composite first.
        whole = sitk.CompositeTransform([pre, self.to_transform()])
        return self.from_transform(whole, self.geometry)

    def inverse(
        self,
        geometry: ImageGeometry | None = None,
        iterations: int = 100,
        tolerance: float = 1e-3,
    ) -> DisplacementField:
        """Return the inverse field, from moving to fixed points.

        Outside of this field's lattice the map is extrapolated by its best affine fit; in folds the
        result is finite but not an inverse, see ``functional.invert_points``.

        Args:
            geometry: lattice of the result, usually of the moving image; None: of this field.
            iterations: maximum number of steps.
            tolerance: largest accepted residual in voxels of this field.
        """
        import torch

        from . import functional as F

        geometry = geometry or self.geometry
        self._check_dimension(geometry)
        shape = (1, self.dimension, *geometry.array_shape)
        points = geometry.points()
        targets = self._coordinates(points.reshape(-1, self.dimension)).reshape(shape)
        displacement = torch.from_numpy(self.to_voxels())[None]
        with torch.no_grad():
            found = F.invert_points(displacement.float(), targets.float(), iterations, tolerance)
        indices = np.moveaxis(found[0].double().numpy()[::-1], 0, -1)
        return DisplacementField(self.geometry.index_to_physical(indices) - points, geometry)

    def round_trip(self, inverse: DisplacementField) -> FloatArray:
        """Return how far each voxel is from itself after this field and an inverse, mm.

        Args:
            inverse: moving to fixed points; between its voxels it is interpolated.

        Returns:
            ``array_shape``; NaN where this field leads out of the lattice of the inverse.

        Raises:
            InputError: when the dimensions differ.
        """
        inverse._check_dimension(self.geometry)
        distances = np.empty(self.geometry.array_shape)
        sample = inverse._sampler()
        last = np.asarray(inverse.geometry.size) - 0.5
        for part, points in slabs(self.geometry):
            moved = (points + self.vectors[part]).reshape(-1, self.dimension)
            miss = np.linalg.norm(moved + sample(moved) - points.reshape(moved.shape), axis=1)
            index = inverse.geometry.physical_to_index(moved)
            miss[((index < -0.5) | (index > last)).any(axis=1)] = np.nan
            distances[part] = miss.reshape(points.shape[:-1])
        return distances

    def jacobian_determinant(self) -> FloatArray:
        """Return the Jacobian determinant of ``x + u(x)`` at each voxel, ``array_shape``.

        Correct for any spacing and direction: u is differentiated in index space, which has the
        same determinant as physical space. (SimpleITK's filter ignores the direction.) Above 1 the
        moving tissue was larger; 0 or below is a fold.
        """
        import torch

        from . import functional as F

        count = self.geometry.array_shape[0]
        determinant = np.empty(self.geometry.array_shape)
        to_index = np.linalg.inv(self.geometry.matrix).T
        for part in parts(count, self.vectors[0].size // self.dimension):
            # One more plane on each side for the central differences, except at the border.
            start, stop = part.start, part.stop
            first, last = max(0, start - 1), min(count, stop + 1)
            indices = np.moveaxis(self.vectors[first:last] @ to_index, -1, 0)[::-1]
            slab = F.jacobian_determinant(torch.from_numpy(np.ascontiguousarray(indices))[None])
            determinant[part] = slab[0, start - first : stop - first].numpy()
        return determinant

    @classmethod
    def from_slices(
        cls, fields: Sequence[DisplacementField], geometry: ImageGeometry, axis: int = 2
    ) -> DisplacementField:
        """Stack the 2D fields of parallel slices, with no displacement through the plane.

        The position of the 2D lattices is ignored: pixel for pixel they are the slices of
        ``geometry``.

        Args:
            fields: 2D fields, one for each slice.
            geometry: 3D lattice of these slices, e.g. ``volume.crop(start, size)``.
            axis: the index axis (0: i, 1: j, 2: k) perpendicular to the slices.

        Raises:
            InputError: when the fields are not the slices of the geometry.
        """
        if geometry.dimension != 3 or axis not in (0, 1, 2):
            raise InputError(f"expected a 3D geometry and axis 0, 1 or 2, got {geometry}, {axis}")
        plane = tuple(n for i, n in enumerate(geometry.size) if i != axis)
        if len(fields) != geometry.size[axis] or any(f.geometry.size != plane for f in fields):
            raise InputError(
                f"expected {geometry.size[axis]} fields of size {plane}, "
                f"got sizes {[f.geometry.size for f in fields]}"
            )
        array_axis = 2 - axis
        in_plane = np.stack([field.to_voxels() for field in fields], axis=1 + array_axis)
        return cls.from_voxels(np.insert(in_plane, array_axis, 0.0, axis=0), geometry)

    def to_3d(self, geometry: ImageGeometry | None = None, axis: int = 2) -> DisplacementField:
        """Return a 2D field as a 3D field of one slice.

        Args:
            geometry: 3D lattice with one voxel along ``axis``; by default the plane z = 0, with a
                thickness of 1 mm, in which Slicer shows 2D images.
            axis: the index axis perpendicular to the slice.

        Raises:
            InputError: when the field is not 2D or not of the size of the slice.
        """
        if self.dimension != 2:
            raise InputError("to_3d: expected a 2D field, got a 3D one")
        if geometry is None:
            plane = self.geometry
            direction = np.eye(3)
            direction[:2, :2] = plane.direction_matrix
            geometry = ImageGeometry(
                (*plane.size, 1),
                (*plane.spacing, 1.0),
                (*plane.origin, 0.0),
                tuple(direction.ravel().tolist()),
            )
        return self.from_slices([self], geometry, axis)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file that ITK and Slicer read as a transform from fixed to moving points.

        ``.h5`` and ``.tfm`` hold an ITK displacement field transform (float64, 2D or 3D).
        ``.nii.gz``, ``.nii``, ``.mha`` and ``.nrrd`` hold a vector image (float32), which Slicer
        reads as a transform if it is 3D; write ``to_3d()`` of a 2D field. In NIfTI one slice
        becomes two of half the thickness, because the position of a single slice would be lost.
        The file is written completely or not at all.

        Raises:
            InputError: for another suffix, or when the file cannot be written.
        """
        write_field(self.to_image(), path)

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], geometry: ImageGeometry | None = None
    ) -> DisplacementField:
        """Read a transform file or a displacement image.

        Args:
            path: see :meth:`write`; a transform file may also hold any other ITK transform.
            geometry: lattice to sample on; required for a transform that is not a field.

        Raises:
            InputError: when the file is missing, unreadable, not a displacement field or of another
                dimension than the geometry, or is another transform and no geometry is given.
        """
        found = read_field(path)
        if isinstance(found, sitk.Image):
            field = cls.from_image(found)
            if geometry is None or geometry.matches(field.geometry):
                return field
            return field.resample(geometry)
        if geometry is None:
            raise InputError(
                f"{path}: holds a {found.GetName()}, not a displacement field; give the geometry "
                "(the fixed image) on which to sample it"
            )
        return cls.from_transform(found, geometry)

    def _channels(self) -> torch.Tensor:
        """Return the vectors as a tensor ``(1, d, *array_shape)``."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(self.vectors, -1, 0)))[None]

    def _sampler(self) -> Callable[[FloatArray], FloatArray]:
        """Return a function that samples u at points ``(N, d)`` LPS mm, with border padding."""
        from . import functional as F

        field = self._channels()

        def sample(points: FloatArray) -> FloatArray:
            found = F.sample(field, self._coordinates(points))
            return found.reshape(self.dimension, -1).T.numpy()

        return sample

    def _coordinates(self, points: FloatArray) -> torch.Tensor:
        """Return points ``(N, d)`` as voxel coordinates ``(1, d, N, 1[, 1])``, in array order."""
        import torch

        indices = self.geometry.physical_to_index(points)[:, ::-1].T
        shape = (1, self.dimension, len(points), *[1] * (self.dimension - 1))
        return torch.from_numpy(np.ascontiguousarray(indices)).reshape(shape)

    def _check_dimension(self, geometry: ImageGeometry) -> None:
        if geometry.dimension != self.dimension:
            raise InputError(
                f"geometry: expected {self.dimension}D like the field, got {geometry.dimension}D"
            )
