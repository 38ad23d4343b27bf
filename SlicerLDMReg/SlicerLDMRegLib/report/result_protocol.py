"""Protocol of the result that a report describes, as ``pipeline.RegistrationResult``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import SimpleITK as sitk

if TYPE_CHECKING:
    from ..displacement import DisplacementField

__all__ = ["ReportSource"]


class ReportSource(Protocol):
    """Attributes of a registration result that the report reads.

    A protocol, because the report is a lower layer than the pipeline and cannot import the result
    class. A result may also have ``alignment``, the transform of fixed to moving points before the
    deformation: then the moving image is shown aligned; and ``uncertainty``, an image in mm.

    Attributes:
        fixed: fixed image, scalar, 2D or 3D, physical LPS mm.
        moving: moving image on its own lattice.
        warped: moving image resampled by the result, on the lattice of the result (the fixed
            lattice, or the chosen slices of it).
        fixed_labels, moving_labels, warped_labels: integer label maps on the lattices of
            ``fixed``, ``moving`` and ``warped``, or None.
        field: final displacement, alignment included, fixed point to moving point, LPS mm.
        jacobian: Jacobian determinant of ``x + u(x)`` on the lattice of the result.
        folds: 1 where the determinant is not positive, else 0, same lattice.
        metrics: ``{"before": {...}, "after": {...}, "deformation": {...}}``; if known,
            ``label_names`` by label and ``regions``; ``masks``: the images with a mask, ``fixed``,
            ``moving``.
        timings: seconds per stage.
        provenance: inputs, model, options, versions, machine: plain nested data.
    """

    @property
    def fixed(self) -> sitk.Image: ...
    @property
    def moving(self) -> sitk.Image: ...
    @property
    def warped(self) -> sitk.Image: ...
    @property
    def fixed_labels(self) -> sitk.Image | None: ...
    @property
    def moving_labels(self) -> sitk.Image | None: ...
    @property
    def warped_labels(self) -> sitk.Image | None: ...
    @property
    def field(self) -> DisplacementField: ...
    @property
    def jacobian(self) -> sitk.Image: ...
    @property
    def folds(self) -> sitk.Image: ...
    @property
    def metrics(self) -> Mapping[str, Any]: ...
    @property
    def timings(self) -> Mapping[str, Any]: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
