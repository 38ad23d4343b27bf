"""Images made of two others to compare them: a checkerboard, and their difference.

The two steps that take time, :func:`checkerboard` and :func:`difference`, work on images alone and
may run in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...geometry import ImageGeometry
from ...intensity import percentile
from ...resampling import resample

__all__ = ["Mix", "Window", "alike", "checkerboard", "difference", "percentile_window"]

#: Intensities that are shown black and white.
Window = tuple[float, float]

# Part of the window from which on a difference is worth a full colour: noise stays pale. Not tuned.
_LEAST_DIFFERENCE = 0.05


@dataclass(frozen=True, eq=False)
class Mix:
    """A comparison of two images.

    Attributes:
        image: on the lattice of the warped image, LPS mm, float32.
        window: in which to show it.
    """

    image: sitk.Image
    window: Window


def percentile_window(voxels: np.ndarray) -> Window:
    """Return the 0.5 and 99.5 percentile of voxels, or their range where these coincide."""
    low, high = (float(value) for value in percentile(voxels, [0.5, 99.5]))
    if high <= low:
        low, high = float(voxels.min()), float(voxels.max())
    return low, high if high > low else low + 1.0


def alike(first: Window, second: Window) -> bool:
    """Whether two windows overlap so far that equal intensities mean the same."""
    whole = max(first[1], second[1]) - min(first[0], second[0])
    return min(first[1], second[1]) - max(first[0], second[0]) > 0.5 * whole


def checkerboard(
    fixed: sitk.Image, warped: sitk.Image, windows: tuple[Window, Window], squares: int
) -> Mix:
    """Return an image whose fields come from two images in turn.

    The fields are cubes, so that every slice shows squares; the one in the corner of the first
    voxel is fixed.

    Args:
        fixed, warped: 3D, LPS mm; where their lattices differ the fixed one is resampled.
        windows: of both; the intensities of the warped image are mapped to those of the fixed one.
        squares: along the longest side.
    """
    fixed = _onto(fixed, warped, windows[0][0])
    geometry = ImageGeometry.from_image(warped)
    extent = max(n * step for n, step in zip(geometry.size, geometry.spacing, strict=True))
    side = extent / max(1, squares)
    parity = np.zeros((1, 1, 1), dtype=np.int64)
    for axis, (count, step) in enumerate(zip(geometry.size, geometry.spacing, strict=True)):
        shape = [1, 1, 1]
        shape[2 - axis] = count
        fields = np.floor((np.arange(count) + 0.5) * step / side).astype(np.int64)
        parity = parity + fields.reshape(shape)
    mixed = sitk.GetArrayFromImage(fixed).astype(np.float32)
    np.copyto(mixed, _mapped(warped, windows), where=parity % 2 == 1)
    return Mix(geometry.to_image(mixed), windows[0])


def difference(
    fixed: sitk.Image, moving: sitk.Image, warped: sitk.Image, windows: tuple[Window, Window]
) -> Mix:
    """Return warped minus fixed, in intensities of the fixed image.

    The window is symmetric. Its limit is what the difference of moving and fixed reaches in all but
    some voxels, so that what is left after the registration can be compared with what was there.

    Args:
        fixed, moving, warped: 3D, LPS mm.
        windows: of the fixed and the moving image.
    """
    low, high = windows[0]
    fixed = _onto(fixed, warped, low)
    geometry = ImageGeometry.from_image(warped)
    reference = sitk.GetArrayViewFromImage(fixed).astype(np.float32)
    after = _mapped(warped, windows) - reference
    before = np.clip(_mapped(_onto(moving, warped, windows[1][0]), windows), low, high)
    apart = np.abs(before - np.clip(reference, low, high))
    limit = max(float(percentile(apart, 99.5)), _LEAST_DIFFERENCE * (high - low))
    return Mix(geometry.to_image(after), (-limit, limit))


def _onto(image: sitk.Image, lattice: sitk.Image, outside: float) -> sitk.Image:
    """Return an image on the lattice of another one, black outside."""
    geometry = ImageGeometry.from_image(lattice)
    if geometry.matches(ImageGeometry.from_image(image)):
        return image
    return resample(image, geometry, outside=outside)


def _mapped(warped: sitk.Image, windows: tuple[Window, Window]) -> np.ndarray:
    """Return intensities of the moving image as those of the fixed one, float32."""
    array = sitk.GetArrayViewFromImage(warped).astype(np.float32)
    (low, high), (own_low, own_high) = windows
    if windows[0] != windows[1]:
        array = (array - own_low) * ((high - low) / (own_high - own_low)) + low
    return np.asarray(array, dtype=np.float32)
