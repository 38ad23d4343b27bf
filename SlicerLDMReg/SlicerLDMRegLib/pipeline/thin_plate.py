"""Thin-plate transform through pairs of points."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..displacement import DisplacementField
from ..geometry import ImageGeometry

__all__ = ["thin_plate_transform"]

_MOST = 48  # samples along an axis: what is not affine is smooth between the points
_MARGIN = 0.5  # of the extent of the fixed image, on every side: the moving one may reach farther
_FLAT = 1e-3  # of the largest spread of the points: those below lie in a plane or on a line


def thin_plate_transform(
    fixed: np.ndarray, moving: np.ndarray, geometry: ImageGeometry
) -> sitk.Transform:
    """Return the map that takes points exactly to their partners and bends as little as it can.

    A single pair gives a shift. Points that lie on a line or in a plane say nothing about the
    directions across it: there the map only moves along with them.

    Args:
        fixed: points ``(N, d)``, LPS mm, no two of them in one place.
        moving: their partners.
        geometry: of the fixed image. What is not affine is sampled on a coarse lattice around it,
            and ends half its extent beyond it.

    Returns:
        Fixed to moving points.
    """
    fixed, moving = (np.asarray(points, np.float64) for points in (fixed, moving))
    d, center = fixed.shape[1], fixed.mean(axis=0)
    design = np.column_stack([fixed - center, np.ones(len(fixed))])
    # Of all solutions the one that changes least: across a plane of points nothing.
    fit = np.linalg.lstsq(design, moving - fixed, rcond=_FLAT)[0]
    affine = sitk.AffineTransform(d)
    affine.SetMatrix((np.eye(d) + fit[:-1].T).ravel().tolist())
    affine.SetCenter(center.tolist())
    affine.SetTranslation(fit[-1].tolist())
    rest = moving - fixed - design @ fit
    if np.abs(rest).max() < 1e-9 or abs(np.linalg.det(np.eye(d) + fit[:-1].T)) < _FLAT:
        return affine if np.abs(rest).max() < 1e-9 else _bent(fixed, moving - fixed, geometry)
    # affine(x + v(x)) shall be affine(x) + rest(x), for ITK applies the last transform first.
    turned = rest @ np.linalg.inv(np.eye(d) + fit[:-1].T).T
    return sitk.CompositeTransform([affine, _bent(fixed, turned, geometry)])


def _bent(points: np.ndarray, vectors: np.ndarray, geometry: ImageGeometry) -> sitk.Transform:
    """Return the spline that displaces points by vectors, without an affine part of its own."""
    from scipy.interpolate import RBFInterpolator

    d = points.shape[1]
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    # In the plane the thin plate needs three points that are not on a line.
    plane = d == 2 and len(points) > 2 and spread[-1] > _FLAT * spread[0]
    kernel, degree = ("thin_plate_spline", 1) if plane else ("linear", 0)
    spline = RBFInterpolator(points, vectors, kernel=kernel, degree=degree)
    size = np.asarray(geometry.size)
    margin = np.ceil(_MARGIN * size).astype(int)
    whole = geometry.crop((-margin).tolist(), (size + 2 * margin).tolist())
    coarse = whole.resampled(size=[min(n, _MOST) for n in whole.size])
    places = coarse.points()
    found = spline(places.reshape(-1, d)).reshape(places.shape)
    field = DisplacementField(found, coarse)
    # Between the samples it is linear: bring the points themselves to where they belong.
    for _ in range(_ROUNDS):
        miss = vectors - (field.warp_points(points) - points)
        if np.abs(miss).max() < _EXACT_MM:
            break
        more = RBFInterpolator(points, miss, kernel=kernel, degree=degree)
        field = DisplacementField(
            field.vectors + more(places.reshape(-1, d)).reshape(places.shape), coarse
        )
    return field.to_transform()


_ROUNDS, _EXACT_MM = 10, 0.01
