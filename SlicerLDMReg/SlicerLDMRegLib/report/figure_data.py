"""Arrays and scales of all figures, cut out of a result once, plane by plane."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from ..geometry import ImageGeometry
from .outlined_labels import choose_outlines
from .planes import Plane, choose_planes
from .result_protocol import ReportSource
from .slice_position import find_focus, image_window
from .unmatched import unmatched

if TYPE_CHECKING:
    from ..displacement import DisplacementField

__all__ = ["FigureData", "PlaneView", "build_figure_data", "round_number"]

Window = tuple[float, float]

# Samples of the field for the affine fit; more change the fit little and take longer. Not tuned.
_MAX_SAMPLES = 500_000
_GRID_LINES = 24  # approximate number of grid lines along the longest side. Not tuned.


@dataclass(frozen=True)
class PlaneView:
    """Arrays of one plane, shape (v, h), row 0 at the top of the screen.

    ``fixed``, ``moving`` and ``warped`` are scaled to [0, 1]; ``before`` and ``after`` are moving
    minus fixed and warped minus fixed. ``motion`` (v, h, 2) is the in-plane displacement in mm
    towards the right and the bottom of the screen. ``local`` (v, h, 2) is the displacement to
    colour and ``distance`` (v, h) its length including the through-plane part, in mm; after an
    alignment both lack the affine part. ``unmatched`` (v, h) marks where the images do not match.
    ``outlined`` are the labels to outline; ``uncertainty`` (v, h) is in mm.
    """

    plane: Plane
    fixed: np.ndarray
    moving: np.ndarray
    warped: np.ndarray
    motion: np.ndarray
    local: np.ndarray
    distance: np.ndarray
    jacobian: np.ndarray
    folds: np.ndarray
    unmatched: np.ndarray | None = None
    fixed_labels: np.ndarray | None = None
    moving_labels: np.ndarray | None = None
    warped_labels: np.ndarray | None = None
    outlined: tuple[int, ...] = ()
    uncertainty: np.ndarray | None = None

    @property
    def before(self) -> np.ndarray:
        return self.moving - self.fixed

    @property
    def after(self) -> np.ndarray:
        return self.warped - self.fixed


@dataclass(frozen=True)
class FigureData:
    """Planes of a result and their common scales.

    Attributes:
        views: one for a 2D image, up to three for a volume.
        unit_spacing: whether all spacings are 1, as in pictures without physical size.
        difference_limit: range of the difference images, before and after: plus and minus this.
        displacement_limit: length in mm at full colour.
        jacobian_limit: range of the Jacobian map: from 1/this to this.
        grid_spacing: distance of the grid lines in mm.
        fold_count: folded samples of the whole result, not only of the planes.
        aligned: whether there was an alignment, so that ``local`` has no affine part.
        moving_aligned: whether ``moving`` is shown after that alignment.
    """

    views: tuple[PlaneView, ...]
    dimension: int
    unit_spacing: bool
    difference_limit: float
    displacement_limit: float
    jacobian_limit: float
    grid_spacing: float
    fold_count: int = 0
    aligned: bool = False
    moving_aligned: bool = False

    @property
    def has_labels(self) -> bool:
        view = self.views[0]
        return view.fixed_labels is not None and view.warped_labels is not None

    @property
    def has_uncertainty(self) -> bool:
        return self.views[0].uncertainty is not None

    @property
    def outlined(self) -> tuple[int, ...]:
        """Labels outlined in any of the planes."""
        return tuple(sorted({label for view in self.views for label in view.outlined}))

    @property
    def omitted(self) -> bool:
        """True if a plane holds labels that are not outlined in it."""
        return any(
            not set(np.unique(labels)) - {0} <= set(view.outlined)
            for view in self.views
            for labels in (view.fixed_labels, view.warped_labels)
            if labels is not None
        )


def _windows(fixed: sitk.Image, moving: sitk.Image) -> tuple[Window, Window]:
    """Return the intensity window of each image; a common one if their ranges overlap enough."""
    windows = image_window(fixed), image_window(moving)
    union = min(w[0] for w in windows), max(w[1] for w in windows)
    common = min(w[1] for w in windows) - max(w[0] for w in windows)
    return (union, union) if common > 0.5 * (union[1] - union[0]) else windows


def _scaled(array: np.ndarray, window: Window) -> np.ndarray:
    low, high = window
    return np.clip((array.astype(np.float32) - low) / (high - low), 0.0, 1.0)


def round_number(value: float) -> float:
    """Round a positive number to the nearest of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return min((1, 2, 5, 10), key=lambda step: abs(math.log(step * power / value))) * power


def _displacement(field: DisplacementField, plane: Plane, lattice: ImageGeometry) -> np.ndarray:
    if field.geometry.matches(lattice):
        vectors = field.vectors[plane.array_slice(lattice.dimension)]
    else:
        vectors = field.resample(plane.slab(lattice)).vectors
    return plane.orient(np.asarray(vectors, dtype=np.float64))


def _affine_part(field: DisplacementField) -> np.ndarray:
    """Return A ``(d + 1, d)`` of the fit ``u(x) = (x, 1) @ A`` to the whole field."""
    step = max(1, round((field.vectors.size / _MAX_SAMPLES) ** (1 / field.dimension)))
    thin = (slice(None, None, step),) * field.dimension
    vectors = field.vectors[thin].reshape(-1, field.dimension)
    places = [np.arange(0, n, step) for n in field.geometry.array_shape]
    index = np.stack(np.meshgrid(*places, indexing="ij")[::-1], axis=-1)
    points = field.geometry.index_to_physical(index.reshape(-1, field.dimension))
    fit, *_ = np.linalg.lstsq(_homogeneous(points), vectors, rcond=None)
    return np.asarray(fit)


def _homogeneous(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)


def _motion(displacement: np.ndarray, plane: Plane, lattice: ImageGeometry) -> np.ndarray:
    """Project displacements in mm onto the screen's axes, right and down."""
    index_displacement = displacement @ np.linalg.inv(lattice.matrix).T
    signs = [-1.0 if flip else 1.0 for flip in plane.flips]
    parts = [
        index_displacement[..., axis] * step * sign
        for axis, step, sign in zip(plane.axes, plane.spacing, signs, strict=True)
    ]
    return np.stack(parts, axis=-1)


def _cut(
    result: ReportSource,
    plane: Plane,
    lattice: ImageGeometry,
    windows: tuple[Window, Window],
    affine: np.ndarray | None,
    alignment: sitk.Transform | None,
    marks: sitk.Image,
) -> PlaneView:
    fixed_window, moving_window = windows

    def image(
        source: sitk.Image, window: Window, transform: sitk.Transform | None = None
    ) -> np.ndarray:
        sampled = plane.sample(source, lattice, outside=window[0], transform=transform)
        return _scaled(sampled, window)

    def labels(
        source: sitk.Image | None, transform: sitk.Transform | None = None
    ) -> np.ndarray | None:
        if source is None:
            return None
        return plane.sample(source, lattice, nearest=True, transform=transform)

    displacement = _displacement(result.field, plane, lattice)
    local = displacement
    if affine is not None:
        points = plane.orient(plane.slab(lattice).points())
        local = displacement - _homogeneous(points) @ affine
    fixed_labels, warped_labels = labels(result.fixed_labels), labels(result.warped_labels)
    error = getattr(result, "uncertainty", None)
    return PlaneView(
        plane=plane,
        fixed=image(result.fixed, fixed_window),
        moving=image(result.moving, moving_window, alignment),
        warped=image(result.warped, moving_window),
        motion=_motion(displacement, plane, lattice),
        local=_motion(local, plane, lattice),
        distance=np.linalg.norm(local, axis=-1),
        jacobian=plane.sample(result.jacobian, lattice),
        folds=plane.sample(result.folds, lattice, nearest=True) > 0,
        unmatched=plane.sample(marks, lattice, nearest=True),
        fixed_labels=fixed_labels,
        moving_labels=labels(result.moving_labels, alignment),
        warped_labels=warped_labels,
        outlined=choose_outlines([fixed_labels, warped_labels]),
        uncertainty=None if error is None else plane.sample(error, lattice),
    )


def build_figure_data(result: ReportSource, slice_axis: int | None = None) -> FigureData:
    """Cut the displayed planes out of a result and compute their common scales.

    Args:
        result: the registration result.
        slice_axis: index axis perpendicular to the slices of a slice-by-slice registration.
    """
    lattice = ImageGeometry.from_image(result.warped)
    fold_mask = sitk.GetArrayViewFromImage(result.folds) > 0
    focus = find_focus(result.fixed, result.fixed_labels, lattice)
    # A result on chosen slices may start inside of the fixed image, whose slices the titles count.
    start = ImageGeometry.from_image(result.fixed).physical_to_index(lattice.origin)
    first = [round(float(index)) for index in start]
    planes = choose_planes(lattice, focus, fold_mask, slice_axis, first)
    windows = _windows(result.fixed, result.moving)
    aligned = bool(result.metrics.get("aligned"))
    affine = _affine_part(result.field) if aligned else None
    alignment = getattr(result, "alignment", None) if aligned else None
    marks = unmatched(result, slice_axis)
    views = tuple(
        _cut(result, plane, lattice, windows, affine, alignment, marks) for plane in planes
    )
    data = _with_scales(views, lattice)
    return replace(
        data,
        fold_count=int(fold_mask.sum()),
        aligned=aligned,
        moving_aligned=alignment is not None,
    )


def _with_scales(views: tuple[PlaneView, ...], lattice: ImageGeometry) -> FigureData:
    differences = np.concatenate([np.abs(v.before).ravel() for v in views])
    motion = np.concatenate([v.distance.ravel() for v in views])
    positive = np.concatenate([v.jacobian[v.jacobian > 0].ravel() for v in views])
    spread = np.abs(np.log(positive)) if positive.size else np.zeros(1)
    extent = max(n * s for n, s in zip(lattice.size, lattice.spacing, strict=True))
    return FigureData(
        views=views,
        dimension=lattice.dimension,
        unit_spacing=all(abs(step - 1.0) < 1e-9 for step in lattice.spacing),
        difference_limit=max(float(np.percentile(differences, 99.5)), 0.05),
        displacement_limit=max(float(np.percentile(motion, 99.5)), 1e-3),
        # From 1.25, so that a calm map looks calm, to 16, in between what one voxel in a hundred
        # passes, so that few extreme ones hide nothing.
        jacobian_limit=float(np.clip(np.exp(np.percentile(spread, 99.0)), 1.25, 16.0)),
        grid_spacing=round_number(extent / _GRID_LINES),
    )
