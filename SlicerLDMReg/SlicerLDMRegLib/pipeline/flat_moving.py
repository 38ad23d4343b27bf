"""A 2D image and a volume of one slice: the moving image in the dimension of the fixed one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from ..errors import InputError
from ..geometry import ImageGeometry
from ..images.loaded import add_notes, notes_of
from ..resampling import resample
from .planes import Plane

__all__ = ["FlatMoving", "check_planes", "is_one_slice"]

FloatArray = npt.NDArray[np.float64]

_LETTERS = ("L", "P", "S")
# The planes as programs that show images have them: to the right, and down.
_SHOWN = {2: ((0, 1.0), (1, 1.0)), 1: ((0, 1.0), (2, -1.0)), 0: ((1, 1.0), (2, -1.0))}
# Planes that are tilted more than this against each other, in cosines, meet in a line only.
_TILTED = 0.5
# Share of the smaller image within the other one from which positions count as meant; between the
# images of one patient it is mostly above 0.8, between a picture, whose position is 0, and a scan
# mostly below. Not tuned.
_MEANT = 0.5
# The content decides against the geometry when the correlation rises by 0.15 or more, to 0.6 or
# more: the bounds from which a shift of the images is believed, too.
_LEAST_GAIN, _LEAST_NCC = 0.15, 0.6
_LONGEST_SIDE = 64  # of the lattice on which contents are compared


def is_one_slice(geometry: ImageGeometry) -> bool:
    """Whether a volume has one slice, which makes it a 2D image with a place in space."""
    return geometry.dimension == 3 and geometry.size.count(1) == 1


def check_planes(fixed: ImageGeometry, moving: ImageGeometry) -> None:
    """Check that two volumes of one slice each do not stand across each other.

    Raises:
        InputError: when their planes are more perpendicular than parallel.
    """
    if not (is_one_slice(fixed) and is_one_slice(moving)):
        return
    cosine = abs(float(Plane.of(fixed).normal @ Plane.of(moving).normal))
    if cosine < _TILTED:
        angle = np.degrees(np.arccos(cosine))
        raise InputError(
            f"the fixed and the moving slice lie in planes {angle:.0f} degrees apart, which meet "
            "in a line only; expected two slices of one plane: if their directions are wrong, "
            "give one of them as a 2D image, which is put into the plane of the other"
        )


@dataclass(frozen=True, eq=False)
class _Frame:
    """2D coordinates of the plane of a slice: ``point = base + axes @ (x, y)``, LPS mm."""

    base: FloatArray
    axes: FloatArray
    note: str
    at_its_place: bool = False


class FlatMoving:
    """The place of a moving image that is 2D where the fixed one has one slice, or the reverse.

    A 2D image lies in the plane of the slice. Its x and y are the two LPS axes that are nearest to
    this plane, as ITK leaves them when it cuts a slice out of a volume. Where that puts the images
    apart, their centres meet. Where the directions of the 2D image are those of a picture, its
    content decides whether it shows the slice so, as programs do, or as it is stored: at once where
    the positions do not fit, else only when it agrees much better.

    Args:
        fixed: fixed image.
        moving: moving image, of the other dimension.

    Attributes:
        note: how the 2D image was placed.

    Raises:
        InputError: when the volume has several slices.
    """

    def __init__(self, fixed: sitk.Image, moving: sitk.Image) -> None:
        self._to_3d = fixed.GetDimension() == 3
        volume, flat = (fixed, moving) if self._to_3d else (moving, fixed)
        geometry = ImageGeometry.from_image(volume)
        if not is_one_slice(geometry):
            role, other = ("fixed", "moving") if self._to_3d else ("moving", "fixed")
            raise InputError(
                f"the {role} image has {'x'.join(map(str, geometry.size))} voxels and the {other} "
                f"image is 2D; expected a volume of one slice, or two images of one dimension: cut "
                f"the slice that shows the same out of the {role} image"
            )
        self._slice = Plane.of(geometry)
        frame = _choose(self._slice, volume, flat)
        self._slice = Plane(geometry, self._slice.axis, frame.base, frame.axes)
        self.note = frame.note

    def image(self, image: sitk.Image) -> sitk.Image:
        """Return the moving image, or what lies on its lattice, in the dimension of the fixed."""
        if not self._to_3d:
            return add_notes(self._slice.flatten(image), notes_of(image))
        flat, plane = ImageGeometry.from_image(image), self._slice
        axes = plane.axes @ flat.direction_matrix
        direction = np.column_stack([axes, np.cross(axes[:, 0], axes[:, 1])])
        placed = ImageGeometry(
            (*flat.size, 1),
            (*flat.spacing, plane.geometry.spacing[plane.axis]),
            tuple(plane.to_3d(flat.origin).tolist()),
            tuple(direction.ravel().tolist()),
        )
        array = sitk.GetArrayViewFromImage(image)[None]
        return add_notes(placed.to_image(np.ascontiguousarray(array)), notes_of(image))

    def points(self, points: FloatArray) -> FloatArray:
        """Return points of the moving image ``(N, d)`` in the dimension of the fixed, mm."""
        return self._slice.to_3d(points) if self._to_3d else self._slice.to_2d(points)


def _choose(plane: Plane, volume: sitk.Image, flat: sitk.Image) -> _Frame:
    """Return the frame that the geometry gives, or one in which the contents agree much better."""
    geometry = ImageGeometry.from_image(flat)
    frames = list(_frames(plane, geometry))
    chosen = frames[0]
    if np.allclose(geometry.direction_matrix, np.eye(2)) and len(frames) > 1:
        score = _Score(flat)
        scores = [score.of(plane, volume, frame) for frame in frames]
        best = int(np.argmax(scores))
        # Positions that do not fit say nothing about the directions either.
        needed = max(_LEAST_NCC, scores[0] + _LEAST_GAIN) if chosen.at_its_place else scores[0]
        if scores[best] >= needed:
            chosen = frames[best]
    return chosen


def _frames(plane: Plane, flat: ImageGeometry) -> Iterator[_Frame]:
    """Yield the frames of the plane, that of the geometry first; each is another one."""
    normal = int(np.abs(plane.normal).argmax())
    first, second = (axis for axis in range(3) if axis != normal)
    center = np.asarray(plane.geometry.center())
    axes = _nearest(plane.axes, np.eye(3)[:, [first, second]])
    base = center - axes @ center[[first, second]]
    words = f"x along {_LETTERS[first]} and y along {_LETTERS[second]}"
    own = Plane(plane.geometry, plane.axis, base, axes).flat_geometry
    if _overlap(own, flat) >= _MEANT:
        text = f"it lies in the plane of the other slice, {words}, at its place"
        yield _Frame(base, axes, text, at_its_place=True)
    else:
        yield _centred(plane, flat, axes, words)
    known = [axes]
    shown = np.column_stack([sign * np.eye(3)[axis] for axis, sign in _SHOWN[normal]])
    stored = plane.geometry.direction_matrix[:, [n for n in range(3) if n != plane.axis]]
    others: tuple[tuple[FloatArray, str], ...] = (
        (_nearest(plane.axes, shown), "its rows and columns as programs show the slice"),
        (stored, "its rows and columns as those of the slice are stored"),
    )
    for other, text in others:
        if not any(np.allclose(other, axes, atol=0.1) for axes in known):
            known.append(other)
            yield _centred(plane, flat, other, f"by its content, {text}")


def _centred(plane: Plane, flat: ImageGeometry, axes: FloatArray, words: str) -> _Frame:
    base = np.asarray(plane.geometry.center()) - axes @ np.asarray(flat.center())
    return _Frame(
        base, axes, f"it was put into the plane of the other slice, {words}, centre on centre"
    )


def _nearest(span: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the unit vectors at right angles in the span of two that are nearest to others."""
    left, _, right = np.linalg.svd(span.T @ wanted)
    return np.asarray(span @ left @ right)


def _overlap(a: ImageGeometry, b: ImageGeometry) -> float:
    """Return the share of the smaller of two boxes, along x and y, that lies within the other."""
    ends = []
    for lattice in (a, b):
        size = np.asarray(lattice.size)
        corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in size]), -1).reshape(-1, 2)
        points = lattice.index_to_physical(corners)
        ends.append((points.min(axis=0), points.max(axis=0)))
    common = np.clip(
        np.minimum(ends[0][1], ends[1][1]) - np.maximum(ends[0][0], ends[1][0]), 0, None
    )
    return float(common.prod() / min((high - low).prod() for low, high in ends))


class _Score:
    """The highest correlation of a slice with a 2D image, over all shifts."""

    def __init__(self, flat: sitk.Image) -> None:
        geometry = ImageGeometry.from_image(flat)
        self._lattice = geometry.resampled(size=[min(n, _LONGEST_SIDE) for n in geometry.size])
        self._spectrum, self._norm = self._transformed(resample(flat, self._lattice))

    def of(self, plane: Plane, volume: sitk.Image, frame: _Frame) -> float:
        """Return it for the slice in the coordinates of a frame."""
        own = Plane(plane.geometry, plane.axis, frame.base, frame.axes).flatten(volume)
        spectrum, norm = self._transformed(resample(own, self._lattice, outside=None))
        correlation = np.fft.irfft2(self._spectrum * spectrum.conj())
        return float(correlation.max() / max(norm * self._norm, 1e-12))

    def _transformed(self, image: sitk.Image) -> tuple[np.ndarray, float]:
        array = sitk.GetArrayFromImage(image).astype(np.float64)
        array -= array.mean()
        # Twice the size: shifts must not come in again from the other side.
        return np.fft.rfft2(array, [2 * n for n in array.shape]), float(np.linalg.norm(array))
