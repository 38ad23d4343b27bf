"""Pairs of images of an analytic object whose linear alignment is known, in random geometries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from SlicerLDMRegLib.geometry import ImageGeometry

__all__ = ["KINDS", "Case", "Phantom", "linear_part", "make_case", "mean_error"]

KINDS = ("shift", "rigid", "turned", "similarity", "affine")
_PARTS = 14


@dataclass(frozen=True)
class Phantom:
    """A body with smooth parts, defined at every point of space.

    Attributes:
        radii: half axes of the body, ``(d,)`` mm.
        places, widths, heights: of the parts, ``(n, d)`` mm, ``(n, d)`` mm, ``(n,)``.
        edge: width of the body's border as a share of its radius.
    """

    radii: np.ndarray
    places: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    edge: float = 0.06

    @classmethod
    def random(cls, radii: np.ndarray, generator: np.random.Generator) -> Phantom:
        """Return a body with parts of random places, widths and heights."""
        d = len(radii)
        direction = generator.normal(size=(_PARTS, d))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        places = direction * generator.uniform(0.15, 0.8, (_PARTS, 1)) * radii
        widths = generator.uniform(0.1, 0.3, (_PARTS, d)) * radii
        heights = generator.uniform(0.3, 1.0, _PARTS) * generator.choice([-0.7, 1.0], _PARTS)
        return cls(radii, places, widths, heights)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the value at points ``(..., d)`` mm around the body's middle; 0 to about 1.5."""
        radius = np.sqrt(((points / self.radii) ** 2).sum(axis=-1))
        body = 1.0 / (1.0 + np.exp(np.clip((radius - 1.0) / self.edge * 2, -60, 60)))
        inside = np.full(points.shape[:-1], 0.5)
        for place, width, height in zip(self.places, self.widths, self.heights, strict=True):
            inside += height * np.exp(-0.5 * (((points - place) / width) ** 2).sum(axis=-1))
        return np.asarray(body * np.clip(inside, 0.05, 1.5))


@dataclass(frozen=True)
class Case:
    """A pair with its truth.

    Attributes:
        fixed, moving: float32 images.
        truth: fixed to moving points.
        points: points of the object that both images show, ``(n, d)`` mm in the fixed image.
        kind: of the transform, one of :data:`KINDS`.
        metric: the metric of an alignment that suits the contrasts.
        description: of the geometry, for tables.
    """

    fixed: sitk.Image
    moving: sitk.Image
    truth: sitk.AffineTransform
    points: np.ndarray
    kind: str
    metric: str
    description: dict[str, object]


def make_case(seed: int, dimension: int | None = None, most_voxels: int = 80_000) -> Case:
    """Return a random pair.

    The spacing is between 0.3 and 8 mm, anisotropic by up to 1 : 6; directions are oblique, one in
    four left-handed; origins lie up to 2 m away; one in four pairs overlaps in part; images have
    noise, every other one a bias field; contrasts are equal, inverted or otherwise remapped.

    Args:
        seed: of everything.
        dimension: 2 or 3; None: one in four is 2D.
        most_voxels: of an image.
    """
    generator = np.random.default_rng(seed)
    if dimension is None:
        dimension = 2 if generator.random() < 0.25 else 3
    d = dimension
    kind = str(generator.choice(KINDS))
    # The object, and lattices that show all of it or a part.
    size = np.exp(generator.uniform(np.log(12.0), np.log(150.0)))
    radii = size * generator.uniform(0.55, 1.0, d)
    phantom = Phantom.random(radii, generator)
    partial = bool(generator.random() < 0.25)
    turn = _rotation(generator, d, 180.0)
    frame_fixed = _direction(generator, d)
    frame_moving = frame_fixed if generator.random() < 0.4 else _direction(generator, d)
    center = (
        generator.uniform(-2000, 2000, d)
        if generator.random() < 0.3
        else (generator.uniform(-200, 200, d))
    )
    fixed_lattice = _lattice(generator, radii, turn, center, frame_fixed, partial, most_voxels)
    truth_matrix, shift = _transform(generator, kind, radii, d)
    moving_lattice = _lattice(
        generator, radii, truth_matrix @ turn, center, frame_moving, partial, most_voxels
    )
    truth = sitk.AffineTransform(truth_matrix.ravel().tolist(), shift.tolist(), center.tolist())
    # Images: body coordinates of the points of either lattice.
    back = np.linalg.inv(truth_matrix)
    points_fixed = fixed_lattice.points()
    points_moving = moving_lattice.points()
    body_fixed = (points_fixed - center) @ turn
    body_moving = (points_moving - center - shift) @ back.T @ turn
    fixed, moving = phantom(body_fixed), phantom(body_moving)
    contrast = str(generator.choice(["equal", "equal", "inverted", "remapped"]))
    if contrast == "inverted":
        moving = np.where(moving > 0.03, 1.6 - moving, 0.02 * moving)
    elif contrast == "remapped":
        moving = np.abs(np.sin(1.6 * moving)) + 0.3 * np.sqrt(np.maximum(moving, 0))
    metric = "correlation" if contrast == "equal" and generator.random() < 0.4 else "mattes"
    noise = float(generator.uniform(0.0, 0.06))
    bias = bool(generator.random() < 0.5)
    images = []
    for array, lattice in ((fixed, fixed_lattice), (moving, moving_lattice)):
        if bias:
            array = array * _bias(generator, lattice)
        array = array + noise * generator.normal(size=array.shape)
        scale = float(np.exp(generator.uniform(-1, 7)))
        images.append(lattice.to_image((scale * array + scale * 0.2).astype(np.float32)))
    points = _common(points_fixed, fixed_lattice, moving_lattice, truth, body_fixed, radii)
    description = {
        "seed": seed,
        "dimension": d,
        "kind": kind,
        "contrast": contrast,
        "metric": metric,
        "partial": partial,
        "noise": round(noise, 3),
        "bias": bias,
        "size": fixed_lattice.size,
        "spacing": tuple(round(s, 2) for s in fixed_lattice.spacing),
        "angle": round(_angle(truth_matrix), 1),
    }
    return Case(images[0], images[1], truth, points, kind, metric, description)


def linear_part(transform: sitk.Transform) -> np.ndarray:
    """Return the d x d linear part of a linear transform of any type."""
    d = transform.GetDimension()
    zero = np.asarray(transform.TransformPoint([0.0] * d))
    columns = [np.subtract(transform.TransformPoint(e), zero) for e in np.eye(d).tolist()]
    return np.stack(columns, axis=1)


def mean_error(transform: sitk.Transform, case: Case) -> float:
    """Return the mean distance in mm of where the object's points go and should go."""
    found, truth = (
        np.array([t.TransformPoint(p) for p in case.points.tolist()])
        for t in (transform, case.truth)
    )
    return float(np.linalg.norm(found - truth, axis=1).mean())


def _rotation(generator: np.random.Generator, d: int, most: float) -> np.ndarray:
    angle = np.deg2rad(generator.uniform(-most, most))
    if d == 2:
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[c, -s], [s, c]])
    axis = generator.normal(size=3)
    rotation: np.ndarray = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    return rotation


def _angle(matrix: np.ndarray) -> float:
    u, _, v = np.linalg.svd(matrix)
    rotation = u @ v
    if len(matrix) == 2:
        return float(np.rad2deg(abs(np.arctan2(rotation[1, 0], rotation[0, 0]))))
    return float(np.rad2deg(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def _direction(generator: np.random.Generator, d: int) -> np.ndarray:
    kind = generator.random()
    direction = np.eye(d)
    if kind > 0.3:
        direction = direction[:, generator.permutation(d)]
    if kind > 0.5:
        direction = _rotation(generator, d, 45.0) @ direction
    handed = -1.0 if generator.random() < 0.25 else 1.0
    if np.linalg.det(direction) * handed < 0:
        direction = direction * np.array([-1.0] + [1.0] * (d - 1))
    return direction


def _lattice(
    generator: np.random.Generator,
    radii: np.ndarray,
    turn: np.ndarray,
    center: np.ndarray,
    direction: np.ndarray,
    partial: bool,
    most_voxels: int,
) -> ImageGeometry:
    """Return a lattice that covers the turned body, or a part of it."""
    d = len(radii)
    # Half extent of the turned ellipsoid along each axis of the lattice.
    reach = np.sqrt((((direction.T @ turn) * radii) ** 2).sum(axis=1))
    half = reach * generator.uniform(1.05, 1.5, d)
    middle = direction @ (generator.uniform(-0.2, 0.2, d) * (half - reach))
    if partial:
        axis = generator.integers(d)
        cut = generator.uniform(0.1, 0.3) * 2 * half[axis]
        half[axis] -= cut / 2
        middle = middle + direction[:, axis] * (cut / 2) * generator.choice([-1, 1])
    ratio = np.exp(generator.uniform(0, np.log(6.0), d) * (generator.random() < 0.5))
    ratio /= ratio.min()
    # As fine as the number of voxels allows, within the range of spacings.
    base = (np.prod(2 * half / ratio) / most_voxels) ** (1 / d)
    base *= np.exp(generator.uniform(0, 0.6))
    spacing = np.clip(base * ratio, 0.3, 8.0)
    size = np.maximum(np.round(2 * half / spacing), 6).astype(int)
    start = middle - direction @ ((size - 1) / 2 * spacing)
    origin = center + start
    return ImageGeometry(
        tuple(size.tolist()), tuple(spacing.tolist()), tuple(origin.tolist()),
        tuple(direction.ravel().tolist()),
    )  # fmt: skip


def _transform(
    generator: np.random.Generator, kind: str, radii: np.ndarray, d: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a linear part and a shift in mm, around the middle of the body."""
    most = {"shift": 0.0, "turned": 180.0}.get(kind, 25.0)
    matrix = _rotation(generator, d, most)
    if kind == "similarity":
        matrix = matrix * np.exp(generator.uniform(-0.25, 0.25))
    if kind == "affine":
        basis = _rotation(generator, d, 180.0)
        matrix = matrix @ basis @ np.diag(np.exp(generator.uniform(-0.2, 0.2, d))) @ basis.T
    shift = generator.uniform(-0.3, 0.3, d) * radii.min()
    return matrix, shift


def _bias(generator: np.random.Generator, lattice: ImageGeometry) -> np.ndarray:
    """Return a smooth factor between about 0.75 and 1.33."""
    offset = (lattice.points() - np.asarray(lattice.center())) / max(lattice.extent_mm)
    slope = generator.normal(size=lattice.dimension)
    slope *= 0.28 / np.linalg.norm(slope)
    return np.asarray(np.exp(2 * offset @ slope))


def _common(
    points: np.ndarray,
    fixed: ImageGeometry,
    moving: ImageGeometry,
    truth: sitk.AffineTransform,
    body: np.ndarray,
    radii: np.ndarray,
) -> np.ndarray:
    """Return up to 200 points of the body that lie in both images."""
    inside = ((body / radii) ** 2).sum(axis=-1) < 1.0
    chosen = points[inside]
    matrix = np.reshape(truth.GetMatrix(), (fixed.dimension, -1))
    center = np.asarray(truth.GetCenter())
    moved = (chosen - center) @ matrix.T + center + np.asarray(truth.GetTranslation())
    index = moving.physical_to_index(moved)
    chosen = chosen[((index > -0.5) & (index < np.asarray(moving.size) - 0.5)).all(axis=-1)]
    return np.asarray(chosen[:: max(1, len(chosen) // 200)])
