"""A result in three dimensions, in its place in the scene, whatever was registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import SimpleITK as sitk

from ...displacement import DisplacementField
from ...resampling import warp_image
from ..scene.scene_images import SceneImages

__all__ = ["FoundResult", "PlacedResult", "place"]


class FoundResult(Protocol):
    """What is needed of a :class:`~SlicerLDMRegLib.pipeline.RegistrationResult`."""

    @property
    def warped(self) -> sitk.Image: ...
    @property
    def warped_labels(self) -> sitk.Image | None: ...
    @property
    def field(self) -> DisplacementField: ...
    @property
    def inverse(self) -> DisplacementField: ...
    @property
    def jacobian(self) -> sitk.Image: ...
    @property
    def folds(self) -> sitk.Image: ...
    @property
    def metrics(self) -> dict[str, Any]: ...
    @property
    def provenance(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class PlacedResult:
    """The images and fields of a result in 3D, LPS mm in the world.

    Attributes:
        warped, warped_labels, jacobian, folds: on the fixed lattice, or the chosen slices of it.
        field: fixed to moving points, on that lattice.
        inverse: moving to fixed points, on the moving lattice.
    """

    warped: sitk.Image
    warped_labels: sitk.Image | None
    field: DisplacementField
    inverse: DisplacementField
    jacobian: sitk.Image
    folds: sitk.Image


def place(result: FoundResult, images: SceneImages) -> PlacedResult:
    """Return a result in 3D.

    Args:
        result: of the registration of ``images``.
        images: tell where 2D images lie.
    """
    if images.planes is None:
        return PlacedResult(
            result.warped,
            result.warped_labels,
            result.field,
            result.inverse,
            result.jacobian,
            result.folds,
        )
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
    return PlacedResult(
        warped=warped,
        warped_labels=labels,
        field=field,
        inverse=moving.embed_field(result.inverse, fixed),
        jacobian=fixed.embed(result.jacobian),
        folds=fixed.embed(result.folds),
    )
