"""The stages of one registration, one after the other."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from ..displacement import DisplacementField
from ..errors import InputError, OutOfMemoryError
from ..geometry import ImageGeometry
from ..resampling import warp_image
from .align.alignment import Alignment, align_images
from .deform import Deformation, Deformer
from .device import Meter, available_memory, describe_device
from .evaluation import deformation_metrics, match_metrics
from .field_batch import inverse_field, whole_field
from .inputs import Inputs
from .masks import Masks
from .options import AlignOptions, RefineOptions
from .predict.loaded_model import LoadedModel
from .prepare import IntensityMap, refinement_lattice
from .progress import Progress
from .provenance import (
    describe_inputs,
    describe_model,
    now,
    plain_options,
    versions,
    voxel_digest,
)
from .regions.image_regions import GivenRegions
from .regions.region_source import Guidance
from .result import RegistrationResult
from .slices import SliceRange

__all__ = ["Registration"]

# Percentiles that become 0 and 1 without a model: outliers shall not set the contrast.
_PERCENTILES = (0.1, 99.9)
# Bytes at the peak per voxel and component of a field, measured: of the fixed lattice (field,
# transform, determinant, measurements), of the moving lattice; of the refinement's, before these.
_OUTPUT_BYTES, _INVERSE_BYTES, _REFINEMENT_BYTES = 42, 10, 400


@dataclass(frozen=True)
class Registration:
    """One registration; every stage takes what the one before it found.

    Attributes:
        inputs: checked inputs.
        loaded: the model, None for refinement alone.
        slices: the slices to register one by one, None for whole images.
        align, refine: options.
        seed: of everything random.
        device: of the refinement; the network has its own.
        meter: measures the stages.
        progress: of the whole job.
        guidance: where the regions come from.
        usual_align: of images on two lattices, where the user leaves it open.
        diffeomorphic: True: without folds also where the refinement is off.
    """

    inputs: Inputs
    loaded: LoadedModel | None
    slices: SliceRange | None
    align: AlignOptions
    refine: RefineOptions
    seed: int
    device: torch.device
    meter: Meter
    progress: Progress
    guidance: Guidance = field(default_factory=Guidance)
    usual_align: str = "rigid"
    diffeomorphic: bool | None = None

    def run(self) -> RegistrationResult:
        """Do it all.

        Raises:
            InputError: when the images cannot be aligned, or nothing is to be done.
            OutOfMemoryError: when the field does not fit into memory.
            CancelledError: when the caller cancels.
        """
        self._check_memory()
        with self.meter.stage("align"):
            alignment = align_images(
                self.inputs.fixed,
                self.inputs.moving,
                self.align,
                self.inputs.initial_transform,
                self.seed,
                self.progress.part(0.0, 0.15),
                self.inputs.masks,
                self.usual_align,
            )
        if self.loaded is None and not self.refine.enabled and alignment.is_identity:
            raise InputError(
                "nothing to do: there is no model, no refinement and no alignment; turn one on"
            )
        regions = self._regions()
        intensities = self._intensities(Masks(), alignment)
        compared = intensities
        if self.inputs.masks.roles:
            compared = self._intensities(self.inputs.masks, alignment)
        deformation = Deformer(
            self.inputs,
            self._output,
            self.loaded,
            self.slices,
            self.refine,
            self.seed,
            self.device,
            self.meter,
            self.progress.part(0.15 if regions is None else 0.3, 0.85),
            regions,
            self.diffeomorphic is True,
        ).run(alignment, intensities, compared)
        with self.meter.stage("output"):
            self.progress.report("output", 0.85)
            field = whole_field(deformation.displacement, alignment, self._output)
            self.progress.check()
            lattice = self._output
            if self.slices is None:
                lattice = ImageGeometry.from_image(self.inputs.moving)
            inverse = inverse_field(deformation.inverse, alignment, lattice, field)
            determinant = field.jacobian_determinant()
            transform = field.to_transform()
            warped = warp_image(self.inputs.moving, self._output, transform)
            warped_labels = None
            if self.inputs.moving_labels is not None:
                warped_labels = warp_image(
                    self.inputs.moving_labels, self._output, transform, labels=True
                )
        with self.meter.stage("measure"):
            self.progress.report("measure", 0.92)
            metrics = self._measure(alignment, compared, field, transform, inverse, determinant)
            if deformation.distance is not None:
                metrics["model"] = {"distance_to_training_images": deformation.distance}
            if regions is not None:
                metrics["regions"] = regions.summary.to_dict()
            if self.inputs.masks.roles:
                metrics["masks"] = list(self.inputs.masks.roles)
            if self.guidance.label_names:
                metrics["label_names"] = dict(self.guidance.label_names)
        provenance = self._provenance(alignment, deformation, regions)
        self.progress.report("done", 1.0)
        return RegistrationResult(
            fixed=self.inputs.fixed,
            moving=self.inputs.moving,
            warped=warped,
            field=field,
            inverse=inverse,
            jacobian=self._output.to_image(determinant.astype(np.float32)),
            folds=self._output.to_image((~(determinant > 0)).astype(np.uint8)),
            metrics=metrics,
            timings={**self.meter.seconds, "total": self.meter.total},
            provenance=provenance,
            fixed_labels=self.inputs.fixed_labels,
            moving_labels=self.inputs.moving_labels,
            warped_labels=warped_labels,
            slices=self.slices,
        )

    def _describe_regions(self) -> dict[str, Any] | None:
        """Return what guided the network; None where the model has no use for regions."""
        if self.loaded is None or not self.loaded.predictor.uses_regions:
            return None
        given = self.guidance.segmentation
        return {
            "source": self.guidance.source,
            "segmenter": self.guidance.segmenter,
            "prompts": dict(self.guidance.prompts or {}),
            "sha256": None if given is None else voxel_digest(given.labels),
        }

    def _regions(self) -> GivenRegions | None:
        """Find the regions; None where the model has no use for them."""
        if self.loaded is None or not self.loaded.predictor.uses_regions:
            return None
        with self.meter.stage("segment"):
            self.progress.report("segment", 0.15)
            overlap = self.refine.enabled and self.refine.anatomy > 0
            part = self.progress.part(0.15, 0.3)
            return self.guidance.find(self.inputs, self.loaded, overlap, part)

    @property
    def _output(self) -> ImageGeometry:
        """Lattice of the result."""
        geometry = self.inputs.geometry
        return geometry if self.slices is None else self.slices.crop(geometry)

    def _check_memory(self) -> None:
        free = available_memory()
        output = float(np.prod(self._output.size))
        moving = float(np.prod(self.inputs.moving.GetSize()))
        if self.slices is not None:
            moving = output  # the inverse lies on the slices, too
        dimension = self.inputs.dimension
        need = (_OUTPUT_BYTES * output + _INVERSE_BYTES * moving) * dimension
        if self.refine.enabled and self.slices is None:
            lattice = refinement_lattice(self.inputs.geometry)
            # Before the rest, and given back by then.
            need = max(need, _REFINEMENT_BYTES * float(np.prod(lattice.size)) * dimension)
        voxels = int(max(output, moving))
        if free is not None and need > free:
            raise OutOfMemoryError(
                f"a field of {voxels} voxels needs about {need / 2**30:.1f} GiB of memory"
                f" and {free / 2**30:.1f} GiB are free; "
                "use --slices for a part of the volume, or crop or downsample the images"
            )

    def _intensities(self, masks: Masks, alignment: Alignment) -> tuple[IntensityMap, IntensityMap]:
        low, high = _PERCENTILES
        if self.loaded is not None:
            own = self.loaded.card.intensity
            low, high = own.lower_percentile, own.upper_percentile
        fixed, moving = self.inputs.fixed, self.inputs.moving
        return masks.intensities(fixed, moving, alignment.transform, low, high)

    def _measure(
        self,
        alignment: Alignment,
        intensities: tuple[IntensityMap, IntensityMap],
        field: DisplacementField,
        transform: sitk.Transform,
        inverse: DisplacementField,
        determinant: np.ndarray,
    ) -> dict[str, Any]:
        output = self._output
        identity = sitk.Transform(self.inputs.dimension, sitk.sitkIdentity)
        metrics = {"before": match_metrics(self.inputs, output, identity, intensities)}
        if not alignment.is_identity:
            metrics["aligned"] = match_metrics(
                self.inputs, output, alignment.transform, intensities
            )
        metrics["after"] = match_metrics(
            self.inputs, output, transform, intensities, field.warp_points
        )
        metrics["deformation"] = deformation_metrics(field, determinant, inverse)
        return metrics

    def _provenance(
        self, alignment: Alignment, deformation: Deformation, regions: GivenRegions | None
    ) -> dict[str, Any]:
        loaded, refined = self.loaded, deformation.refined
        options: dict[str, Any] = {
            "align": plain_options(self.align),
            "refine": plain_options(self.refine),
            "diffeomorphic": self.diffeomorphic,
            "slices": None if self.slices is None else str(self.slices),
            "seed": self.seed,
            "device": str(self.device),
            "precision": "float32" if loaded is None else loaded.precision,
        }
        found: dict[str, Any] = {
            "alignment": alignment.method,
            "alignment_metric": alignment.value,
            "lattice_size": list(deformation.displacement.lattice.size),
            "lattice_spacing_mm": list(deformation.displacement.lattice.spacing),
        }
        if deformation.made_diffeomorphic:
            found["made_diffeomorphic"] = True
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
                found["refinement_overlap_of_regions"] = both
        return {
            "date": now(),
            "seed": self.seed,
            "inputs": describe_inputs(self.inputs),
            "model": describe_model(None if loaded is None else loaded.card),
            "options": options,
            "method": found,
            "versions": versions(),
            "regions": self._describe_regions(),
            "machine": {
                "device": describe_device(self.device),
                "system": platform.platform(),
            },
            "memory": self.meter.peak_memory(),
        }
