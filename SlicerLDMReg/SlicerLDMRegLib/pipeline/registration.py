"""One registration, stage by stage: align, find regions, deform, warp, measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..displacement import DisplacementField
from ..errors import InputError
from ..geometry import ImageGeometry
from ..metrics.local_similarity import LocalSimilarity
from ..resampling import warp_image
from .align.alignment import Alignment, align, usual_method
from .context import RunContext
from .deform import Deformation, Deformer
from .evaluation import deformation_metrics, linear_part, match_metrics
from .field_batch import inverse_field, whole_field
from .inputs import Inputs
from .memory_estimate import check_memory
from .needed_alignment import needed_alignment
from .other_orientation import better_orientation
from .prepare import IntensityMap
from .provenance import (
    array_digest,
    describe_inputs,
    describe_machine,
    describe_model,
    describe_request,
    now,
    plain_options,
    versions,
    voxel_digest,
)
from .regions.image_regions import GivenRegions
from .regions.region_source import RegionSource
from .request import RegistrationRequest
from .residual_motion import residual_motion
from .result import RegistrationResult
from .side_agreement import side_agreement
from .structure_maps import common_labels, with_coded_images
from .uncertainty import uncertainty_image, uncertainty_numbers

__all__ = ["Registration"]

# Share that is unlike without bending, below which no other place is looked for: the search takes a
# second in 3D. A mirrored trunk differs from itself in the organs alone and leaves 0.05, a spine
# that is one vertebra off likewise; hearts and brains that lie the wrong way round leave 0.3.
_ALIKE = 0.03
_FEW = 30  # iterations of the refinement: with fewer it may not be at its end


class Registration:
    """One registration of checked inputs.

    Args:
        inputs: checked inputs.
        request: the registration.
        context: the model that it asks for, device, meter, progress and seed.
    """

    def __init__(self, inputs: Inputs, request: RegistrationRequest, context: RunContext) -> None:
        self.inputs, self.request, self.context = inputs, request, context
        self.refine = request.refine_options(context.defaults)

    def run(self) -> RegistrationResult:
        """Align, find the regions, deform, warp and measure.

        Raises:
            InputError: when the images cannot be aligned, regions do not suit the model, or there
                is nothing to do.
            OutOfMemoryError: when the field does not fit into memory.
            CancelledError: when the caller cancels.
        """
        inputs, request, context = self.inputs, self.request, self.context
        meter, progress = context.meter, context.progress
        check_memory(inputs, self.refine, context.model)
        with meter.stage("read"):
            source = RegionSource.choose(inputs, request, context)
        with meter.stage("align"):
            by_labels = request.register_by == "labels"
            alignment = self._aligned(with_coded_images(inputs) if by_labels else inputs)
        idle = alignment.is_identity and alignment.note is None
        if context.model is None and not self.refine.enabled and idle:
            raise InputError(
                "nothing to do: there is no model, no refinement and no alignment; turn one on"
            )
        regions = None
        if context.uses_regions:
            with meter.stage("segment"):
                progress.report("segment", 0.15)
                regions = source.find(inputs, request, context.part(0.15, 0.3))
        part = context.part(0.15 if regions is None else 0.3, 0.85)
        deformer = Deformer(inputs, request, part, alignment, regions)
        deformation = deformer.run()
        with meter.stage("output"):
            progress.report("output", 0.85)
            field = whole_field(deformation.displacement, alignment, inputs.output)
            progress.check()
            lattice = inputs.output
            if inputs.slices is None:
                lattice = ImageGeometry.from_image(inputs.moving)
            inverse = inverse_field(deformation.inverse, alignment, lattice, field)
            determinant = field.jacobian_determinant()
            transform = field.to_transform()
            warped = warp_image(inputs.moving, inputs.output, transform)
            uncertainty = None
            if deformation.spread is not None:
                uncertainty = uncertainty_image(deformation.spread, inputs.output)
            warped_labels = None
            if inputs.moving_labels is not None:
                warped_labels = warp_image(
                    inputs.moving_labels, inputs.output, transform, labels=True
                )
        with meter.stage("measure"):
            progress.report("measure", 0.92)
            metrics = self._match_metrics(alignment, deformer.compared, field, transform)
            metrics["deformation"] = deformation_metrics(field, determinant, inverse)
            iterations = 0
            if self.refine.enabled:
                iterations = sum(self.refine.iterations_in(field.dimension))
            if iterations < _FEW and not by_labels:
                metrics["deformation"]["iterations"] = iterations
                metrics["deformation"]["residual_motion_mm"] = residual_motion(
                    inputs, transform, deformer.compared, progress
                )
            if uncertainty is not None:
                metrics["deformation"] |= uncertainty_numbers(uncertainty, inputs.fixed)
            if deformation.distance is not None:
                metrics["model"] = {"distance_to_training_images": deformation.distance}
            if context.unused is not None:
                unused = context.unused
                metrics["model"] = {"unused": unused.id, "reason": unused.reason}
            if regions is not None:
                metrics["regions"] = regions.summary.to_dict()
            if inputs.masks.roles:
                metrics["masks"] = list(inputs.masks.roles)
                metrics["left_out"] = inputs.masks.left_out
            if request.uses_structures:
                labels = common_labels(inputs)
                metrics["structures"] = {"by": request.register_by, "labels": labels}
            if inputs.landmark_names:
                metrics["landmarks"] = {
                    "names": list(inputs.landmark_names),
                    "use": request.landmark_use,
                    "tolerance_mm": request.landmark_mm if request.holds_landmarks else None,
                }
            if inputs.notes:
                metrics["reading"] = list(inputs.notes)
            if source.label_names:
                metrics["label_names"] = dict(source.label_names)
        provenance = self._provenance(alignment, deformation, regions)
        provenance["regions"] = source.describe() if context.uses_regions else None
        provenance["results"] = {
            "field": array_digest(field.vectors),
            "inverse": array_digest(inverse.vectors),
            "warped": voxel_digest(warped),
        }
        progress.report("done", 1.0)
        return RegistrationResult(
            fixed=inputs.fixed,
            moving=inputs.moving,
            warped=warped,
            field=field,
            inverse=inverse,
            jacobian=inputs.output.to_image(determinant.astype(np.float32)),
            folds=inputs.output.to_image((~(determinant > 0)).astype(np.uint8)),
            metrics=metrics,
            timings={**meter.seconds, "total": meter.total},
            provenance=provenance,
            fixed_labels=inputs.fixed_labels,
            moving_labels=inputs.moving_labels,
            warped_labels=warped_labels,
            slices=inputs.slices,
            moving_placed=inputs.moving_placed,
            uncertainty=uncertainty,
        )

    def _aligned(self, inputs: Inputs) -> Alignment:
        """Align the images, also where they need it and nobody asked."""
        request, part = self.request, self.context.part(0.0, 0.15)
        usual = usual_method(inputs, request, part)
        needed = needed_alignment(inputs) if usual in ("shift", "rigid") else None
        if needed is None or needed.method == usual:
            return align(inputs, request, part)
        options = replace(request.align, method=needed.method)
        alignment = align(inputs, replace(request, align=options), part)
        note = None
        if not alignment.is_identity:
            note = f"the moving image matches better {needed.reason}; aligned, {alignment.method}"
        return replace(alignment, note=note)

    def _match_metrics(
        self,
        alignment: Alignment,
        intensities: tuple[IntensityMap, IntensityMap],
        field: DisplacementField,
        transform: sitk.Transform,
    ) -> dict[str, Any]:
        """Measure how alike the images are before, after the alignment, and after all."""
        stages = {"before": sitk.Transform(self.inputs.dimension, sitk.sitkIdentity)}
        if not alignment.is_identity:
            stages["aligned"] = alignment.transform
        inputs = self.inputs
        axis = None if inputs.slices is None else inputs.slices.axis
        local = LocalSimilarity(inputs.fixed, inputs.output, axis)
        metrics: dict[str, Any] = {}
        for number, (name, stage) in enumerate(stages.items()):
            self._tell_measuring(number, len(stages))
            metrics[name] = match_metrics(inputs, stage, intensities, local=local)
        self._tell_measuring(len(stages), len(stages))
        metrics["after"] = match_metrics(inputs, transform, intensities, field.warp_points, local)
        masked = None
        if inputs.masks.roles:
            masked = inputs.masks.inside(local.lattice, transform)
        linear = linear_part(field)
        unlike = local.of(inputs.moving, linear, masked).unlike
        metrics["after"]["unlike_linear"] = unlike
        self._tell_measuring(len(stages) + 1, len(stages))
        other = None if unlike < _ALIKE else better_orientation(inputs, linear)
        if other is not None:
            metrics["other_orientation"] = other.to_dict()
        sides = side_agreement(inputs, linear)
        if sides is not None:
            metrics["sides"] = sides.to_dict()
        if alignment.note is not None:
            metrics["alignment_note"] = alignment.note
        return metrics

    def _tell_measuring(self, done: int, before: int) -> None:
        """Tell how far the measuring is: before, after, and whether another place fits better."""
        share = done / (before + 2)
        self.context.progress.report("measure", 0.92 + 0.07 * share, f"{share:.0%}")

    def _provenance(
        self, alignment: Alignment, deformation: Deformation, regions: GivenRegions | None
    ) -> dict[str, Any]:
        inputs, request, model = self.inputs, self.request, self.context.model
        found: dict[str, Any] = {
            "alignment": alignment.method,
            "alignment_metric": alignment.value,
            "alignment_note": alignment.note,
            "lattice_size": list(deformation.displacement.lattice.size),
            "lattice_spacing_mm": list(deformation.displacement.lattice.spacing),
        }
        if deformation.made_diffeomorphic:
            found["made_diffeomorphic"] = True
        refined = deformation.refined
        if refined is not None:
            found |= {
                "refinement_similarity": refined.similarity,
                "refinement_iterations": refined.iterations,
                "refinement_stopped_by": refined.stopped_by,
                "refinement_loss_before": refined.initial_loss,
                "refinement_loss_after": refined.final_loss,
            }
            if self.refine.anatomy > 0:
                both = regions is not None and regions.found is not None
                found["refinement_overlap_of_regions"] = both or deformation.structures is not None
                if deformation.structures is not None:
                    found["refinement_structures_by"] = deformation.structures
        return {
            "date": now(),
            "seed": self.context.seed,
            "request": describe_request(request),
            "inputs": describe_inputs(inputs),
            "model": describe_model(None if model is None else model.card),
            "options": {
                "align": plain_options(request.align),
                "refine": plain_options(self.refine),
                "diffeomorphic": request.diffeomorphic,
                "slices": None if inputs.slices is None else str(inputs.slices),
                "seed": self.context.seed,
                "device": str(self.context.device),
                "precision": "float32" if model is None else model.precision,
            },
            "method": found,
            "versions": versions(),
            "machine": describe_machine(self.context.device),
            "memory": self.context.meter.peak_memory(),
        }
