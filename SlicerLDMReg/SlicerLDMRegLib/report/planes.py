"""Display planes: displayed slices of a result, their orientation and edge letters.

A plane follows index axes, so that drawing does not interpolate. 3D planes follow the
radiological convention (axial and coronal: patient right on the left of the picture; axial:
anterior at the top; sagittal: anterior on the left; superior at the top). A 2D image is shown as
stored: x to the right, y downwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from ..resampling import resample, warp_image

__all__ = ["Plane", "anatomical_axes", "choose_planes"]

# Letters at the negative and the positive end of the LPS axes x, y and z.
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_NAMES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Plane:
    """Slice of a lattice as displayed on the screen (row 0 at the top).

    Attributes:
        title: e.g. ``"axial k=12"``; empty for a 2D image.
        normal: index axis (0 = i) perpendicular to the slice, None for a 2D image.
        index: position along ``normal``.
        axes: index axes along the screen's horizontal and vertical.
        flips: whether each of the two is reversed on the screen.
        spacing: pixel size on the screen in mm (horizontal, vertical).
        edges: letters of the left, right, top and bottom edge, e.g. ``("R", "L", "A", "P")``.
    """

    title: str
    normal: int | None
    index: int
    axes: tuple[int, int]
    flips: tuple[bool, bool]
    spacing: tuple[float, float]
    edges: tuple[str, str, str, str]

    def orient(self, array: np.ndarray) -> np.ndarray:
        """Turn an array (z, y, x) of the plane, ``normal`` of length 1, into screen order (v, h).

        A trailing component axis is kept.
        """
        if self.normal is not None:
            array = np.take(array, 0, axis=2 - self.normal)
        # The remaining array axes are in descending order of the index axes.
        if self.axes[0] > self.axes[1]:
            array = np.swapaxes(array, 0, 1)
        if self.flips[1]:
            array = array[::-1]
        if self.flips[0]:
            array = array[:, ::-1]
        return array

    def slab(self, geometry: ImageGeometry) -> ImageGeometry:
        """Return the lattice of this plane: ``geometry`` with one sample along ``normal``."""
        if self.normal is None:
            return geometry
        start, size = [0] * geometry.dimension, list(geometry.size)
        start[self.normal], size[self.normal] = self.index, 1
        return geometry.crop(tuple(start), tuple(size))

    def array_slice(self, dimension: int) -> tuple[slice, ...]:
        """Return the slices of the plane in an array of the whole lattice."""
        cut = [slice(None)] * dimension
        if self.normal is not None:
            cut[dimension - 1 - self.normal] = slice(self.index, self.index + 1)
        return tuple(cut)

    def sample(
        self,
        image: sitk.Image,
        geometry: ImageGeometry,
        *,
        nearest: bool = False,
        outside: float = 0.0,
        transform: sitk.Transform | None = None,
    ) -> np.ndarray:
        """Return a scalar image sampled on this plane of ``geometry``, ``(v, h)``.

        Args:
            image: on any lattice.
            geometry: lattice of the result.
            nearest: nearest-neighbour interpolation, for labels.
            outside: value outside of the image.
            transform: points of ``geometry`` to points of the image; None: identity.
        """
        slab = self.slab(geometry)
        transform = transform or sitk.Transform(slab.dimension, sitk.sitkIdentity)
        if nearest:
            resampled = warp_image(image, slab, transform, labels=True)
        else:
            resampled = resample(image, slab, transform, outside)
        return self.orient(sitk.GetArrayFromImage(resampled))


def anatomical_axes(geometry: ImageGeometry) -> tuple[int, int, int]:
    """Return the closest LPS axis (0, 1, 2) of each index axis of a 3D lattice."""
    cosines = np.abs(np.reshape(geometry.direction, (3, 3)))
    best = max(
        itertools.permutations(range(3)), key=lambda p: sum(cosines[p[j], j] for j in range(3))
    )
    return best[0], best[1], best[2]


def _plane_2d(geometry: ImageGeometry) -> Plane:
    spacing = (geometry.spacing[0], geometry.spacing[1])
    return Plane("", None, 0, (0, 1), (False, False), spacing, ("", "x", "", "y"))


def _plane_3d(geometry: ImageGeometry, normal: int, index: int, first: Sequence[int]) -> Plane:
    anatomy = anatomical_axes(geometry)
    direction = np.reshape(geometry.direction, (3, 3))
    in_plane = [axis for axis in range(3) if axis != normal]
    # Horizontal is left-right, or else anterior-posterior; the other axis is vertical.
    horizontal, vertical = sorted(in_plane, key=lambda axis: anatomy[axis])
    edges: list[str] = []
    flips: list[bool] = []
    for axis in (horizontal, vertical):
        lps = anatomy[axis]
        # Right and down point towards L and P, but superior is at the top.
        wants_positive = lps != 2
        flips.append(bool((direction[lps, axis] > 0) != wants_positive))
        negative, positive = _LETTERS[lps]
        edges += [negative, positive] if wants_positive else [positive, negative]
    return Plane(
        title=f"{_NAMES[anatomy[normal]]} {'ijk'[normal]}={first[normal] + index}",
        normal=normal,
        index=index,
        axes=(horizontal, vertical),
        flips=(flips[0], flips[1]),
        spacing=(geometry.spacing[horizontal], geometry.spacing[vertical]),
        edges=(edges[0], edges[1], edges[2], edges[3]),
    )


def _spread(count: int, number: int) -> list[int]:
    """Return ``number`` positions spread evenly over ``range(count)``, away from its ends."""
    return sorted({round((n + 1) * (count - 1) / (number + 1)) for n in range(number)})


def choose_planes(
    geometry: ImageGeometry,
    focus: Sequence[int],
    fold_mask: np.ndarray | None = None,
    slice_axis: int | None = None,
    first: Sequence[int] = (0, 0, 0),
) -> list[Plane]:
    """Choose the planes to show of a lattice.

    Args:
        geometry: lattice of the result.
        focus: index (i, j, k) of the point of interest.
        fold_mask: array (z, y, x); if there are folds, the planes go through most of them.
        slice_axis: index axis perpendicular to the slices of a slice-by-slice registration; then up
            to three of these slices are shown.
        first: index of the lattice's first voxel in the fixed image, whose slices the titles count.

    Returns:
        One plane for a 2D image or a single slice; the axial, coronal and sagittal plane through
        the focus for a volume.
    """
    if geometry.dimension == 2:
        return [_plane_2d(geometry)]
    single = [axis for axis in range(3) if geometry.size[axis] == 1]
    if single and slice_axis is None:
        slice_axis = single[0]
    position = list(focus)
    if fold_mask is not None and fold_mask.any():
        for axis in range(3):
            others = tuple(2 - other for other in range(3) if other != axis)
            position[axis] = int(np.argmax(fold_mask.sum(axis=others)))
    if slice_axis is not None:
        chosen = _spread(geometry.size[slice_axis], 3)
        if fold_mask is not None and fold_mask.any():
            chosen[len(chosen) // 2] = position[slice_axis]
        return [_plane_3d(geometry, slice_axis, index, first) for index in sorted(set(chosen))]
    order = sorted(range(3), key=lambda axis: -anatomical_axes(geometry)[axis])
    return [_plane_3d(geometry, axis, position[axis], first) for axis in order]
