"""The place of a result in the scene, in three dimensions also where 2D images were registered."""

from __future__ import annotations

from dataclasses import replace

import SimpleITK as sitk

from ...displacement import DisplacementField
from ...geometry import ImageGeometry
from ...pipeline.result import RegistrationResult
from ..scene.scene_images import SceneImages

__all__ = ["place"]


def place(result: RegistrationResult, images: SceneImages) -> RegistrationResult:
    """Return a result whose images and fields, but for its inputs, are 3D, LPS mm in the world.

    Args:
        result: of the registration of ``images``.
        images: tell where 2D images lie.
    """
    if images.planes is None:
        return result
    fixed, moving = images.planes
    field = fixed.embed_field(result.field, moving)
    warped, labels = result.warped, result.warped_labels
    if images.resampled is None:
        warped = fixed.embed(warped)
        labels = None if labels is None else fixed.embed(labels)
    else:
        # What the transform makes of the volume itself, not of a slice interpolated from it.
        image, whole_labels = images.resampled
        outside = min(0.0, float(sitk.GetArrayViewFromImage(image).min()))
        warped = _warp(image, field, sitk.sitkLinear, outside)
        if labels is not None and whole_labels is not None:
            labels = _warp(whole_labels, field, sitk.sitkNearestNeighbor, 0.0)
    return replace(
        result,
        warped=warped,
        warped_labels=labels,
        field=field,
        inverse=moving.embed_field(result.inverse, fixed),
        jacobian=fixed.embed(result.jacobian),
        folds=fixed.embed(result.folds),
    )


def _warp(
    image: sitk.Image, field: DisplacementField, interpolator: int, outside: float
) -> sitk.Image:
    lattice: ImageGeometry = field.geometry
    return sitk.Resample(
        image,
        lattice.empty_image(),
        field.to_transform(),
        interpolator,
        outside,
        image.GetPixelID(),
    )
