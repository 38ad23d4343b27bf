"""The place of a result in the scene, in three dimensions also where 2D images were registered."""

from __future__ import annotations

from dataclasses import replace

from ...pipeline.result import RegistrationResult
from ...resampling import warp_image
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
        transform = field.to_transform()
        warped = warp_image(image, field.geometry, transform)
        if labels is not None and whole_labels is not None:
            labels = warp_image(whole_labels, field.geometry, transform, labels=True)
    return replace(
        result,
        warped=warped,
        warped_labels=labels,
        field=field,
        inverse=moving.embed_field(result.inverse, fixed),
        jacobian=fixed.embed(result.jacobian),
        folds=fixed.embed(result.folds),
    )
