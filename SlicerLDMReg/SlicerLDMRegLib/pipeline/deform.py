"""The deformation between two aligned images: predicted by a network, refined, without folds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..functional import integrate, invert
from ..geometry import ImageGeometry
from ..networks import FieldPrediction
from .align.alignment import Alignment
from .device import Meter
from .field_batch import FieldBatch
from .inputs import Inputs
from .masks import Masks
from .options import RefineOptions
from .predict.extrapolate_field import extend_prediction
from .predict.loaded_model import LoadedModel
from .prepare import (
    IntensityMap,
    PreparedPair,
    model_lattice,
    prepare_pair,
    refinement_lattice,
)
from .progress import Progress
from .refine.diffeomorphic import DETERMINANT_FLOOR, squarings_for, unfold
from .refine.fold_check import Folds
from .refine.initial_velocity import stationary_velocity
from .refine.instance_optimisation import RefineResult, refine_field
from .refine.objective import product
from .regions.image_regions import GivenRegions
from .slices import SliceRange

__all__ = ["Deformation", "Deformer"]

# Pairs in one call of the network.
_BATCH = {"cpu": 4, "cuda": 64, "mps": 16}


@dataclass(frozen=True)
class Deformation:
    """The deformation found on the working lattice.

    Attributes:
        displacement: fixed to aligned moving.
        inverse: the other way.
        refined: what the refinement says; None without it.
        made_diffeomorphic: whether a prediction was made free of folds.
        distance: of the least familiar pair to the training images of the model, up to 1 it is like
            them; None where the model cannot tell.
    """

    displacement: FieldBatch
    inverse: FieldBatch
    refined: RefineResult | None
    made_diffeomorphic: bool = False
    distance: float | None = None


@dataclass(frozen=True)
class Deformer:
    """Finds a deformation: prepares the images, predicts, refines.

    Attributes:
        inputs: checked inputs.
        output: lattice of the result, on which a refined field shall not fold.
        loaded: the model, None for refinement alone.
        slices: the slices to register one by one, None for whole images.
        refine: options.
        seed: of the network.
        device: of the refinement; the network has its own.
        meter: measures the stages.
        progress: of this part of the job.
        regions: that guide the network and, where that is asked for, the refinement.
        diffeomorphic: whether a field that is not refined is made free of folds.
    """

    inputs: Inputs
    output: ImageGeometry
    loaded: LoadedModel | None
    slices: SliceRange | None
    refine: RefineOptions
    seed: int
    device: torch.device
    meter: Meter
    progress: Progress
    regions: GivenRegions | None = None
    diffeomorphic: bool = False

    def run(
        self,
        alignment: Alignment,
        intensities: tuple[IntensityMap, IntensityMap],
        compared: tuple[IntensityMap, IntensityMap] | None = None,
    ) -> Deformation:
        """Return the deformation of the moving image, aligned, onto the fixed one.

        Args:
            alignment: fixed to moving points.
            intensities: maps of the fixed and the moving image to [0, 1], for the network.
            compared: likewise for the refinement, where masks make it another one; None: the same.

        Raises:
            InputError: when the moving image does not reach the slices.
            CancelledError: when the caller cancels.
        """
        pair: PreparedPair | None = None
        prediction: FieldPrediction | None = None
        lattice: ImageGeometry | None = None
        if self.loaded is not None:
            grid = self.loaded.card.grid
            lattice = model_lattice(self.inputs.fixed, grid, self.slices)
            pair = self._prepare(lattice, alignment, intensities)
            with self.meter.stage("predict"):
                prediction = self._predict(self.loaded, pair)
                if grid.spacing is not None and self.slices is None:
                    prediction, lattice = extend_prediction(
                        prediction, lattice, self.inputs.geometry
                    )
        if self.refine.enabled:
            if self.inputs.masks.roles:
                pair = None  # the network sees the whole images, the refinement what is compared
            return self._refined(pair, prediction, lattice, alignment, compared or intensities)
        if pair is None or prediction is None:
            lattice = refinement_lattice(self.inputs.geometry, self.slices)
            pair = self._prepare(lattice, alignment, intensities)
            size = len(pair.fixed), pair.fixed.ndim - 2, *pair.fixed.shape[2:]
            prediction = FieldPrediction(torch.zeros(size), torch.zeros(size))
        assert lattice is not None
        if self.diffeomorphic:
            with self.meter.stage("unfold"):
                displacement, inverse = self._unfolded(_velocity(prediction), lattice)
        else:
            displacement, inverse = prediction.displacement, _inverse(prediction)
        return Deformation(
            FieldBatch(displacement, lattice, self.slices),
            FieldBatch(inverse, lattice, self.slices),
            refined=None,
            made_diffeomorphic=self.diffeomorphic,
            distance=_largest(prediction),
        )

    def _unfolded(self, velocity: Tensor, lattice: ImageGeometry) -> tuple[Tensor, Tensor]:
        """Return field and inverse of a velocity, without folds there and on the output."""
        check = self.progress.check
        folds = None
        if not lattice.matches(self.output):
            folds = Folds(lattice, self.slices, self.output, DETERMINANT_FLOOR, check)
        velocity, displacement = unfold(velocity, accept=folds, check=check)
        return displacement, integrate(-velocity, squarings_for(velocity))

    def _prepare(
        self,
        lattice: ImageGeometry,
        alignment: Alignment,
        intensities: tuple[IntensityMap, IntensityMap],
        masks: Masks | None = None,
    ) -> PreparedPair:
        with self.meter.stage("prepare"):
            images = self.inputs.fixed, self.inputs.moving
            pair = prepare_pair(
                *(images if masks is None else masks.fill(*images)),
                alignment.transform,
                lattice,
                intensities,
                self.slices,
            )
        if not pair.mask.any() and self.slices is None:
            raise InputError(
                "the moving image does not reach the part of the fixed image that the model sees; "
                "use another alignment"
            )
        if not pair.mask.any():
            raise InputError(
                f"slices: the moving image does not reach the slices {self.slices}; "
                "choose others, or another alignment"
            )
        return pair

    def _masks(
        self, pair: PreparedPair, alignment: Alignment
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the weights of the fixed and of the moving image in their comparison."""
        masks = self.inputs.masks.weights(pair.lattice, alignment.transform, self.slices)
        compared = product(pair.mask, *masks)
        assert compared is not None
        if not compared.any():
            raise InputError(
                "masks: they leave nothing to compare, for they do not meet after the alignment; "
                "choose other masks, or another alignment"
            )
        return masks

    def _anatomy(
        self, lattice: ImageGeometry, alignment: Alignment
    ) -> tuple[Tensor, Tensor] | None:
        if self.regions is None or self.refine.anatomy == 0:
            return None
        return self.regions.anatomy_on(lattice, alignment.transform)

    def _predict(self, loaded: LoadedModel, pair: PreparedPair) -> FieldPrediction:
        moving, fixed = pair.black_outside()
        size = _BATCH.get(loaded.device.type, 4)
        part = self.progress.part(0.05, 0.35)
        regions = None if self.regions is None else self.regions.on(pair.lattice)
        found = []
        for start in range(0, len(moving), size):
            part.report("predict", start / len(moving))
            chunk = slice(start, start + size)
            found.append(loaded.predictor.predict(moving[chunk], fixed[chunk], self.seed, regions))
        velocities = [p.velocity for p in found if p.velocity is not None]
        distances = [p.distance for p in found if p.distance is not None]
        inverses = [p.inverse for p in found if p.inverse is not None]
        return FieldPrediction(
            torch.cat([p.displacement for p in found]),
            torch.cat(velocities) if velocities else None,
            torch.cat(distances) if distances else None,
            torch.cat(inverses) if inverses else None,
        )

    def _refined(
        self,
        pair: PreparedPair | None,
        prediction: FieldPrediction | None,
        predicted: ImageGeometry | None,
        alignment: Alignment,
        intensities: tuple[IntensityMap, IntensityMap],
    ) -> Deformation:
        """Refine a prediction on the lattice ``predicted``, or start from nothing."""
        lattice = refinement_lattice(self.inputs.geometry, self.slices)
        initial = None
        if predicted is not None and prediction is not None:
            with self.meter.stage("refine"), torch.no_grad():
                own = FieldBatch(_velocity(prediction), predicted, self.slices)
                velocity = own.on(lattice).values.to(self.device)
                initial = FieldPrediction(velocity, velocity, prediction.distance)
        if pair is None or not pair.lattice.matches(lattice):
            pair = self._prepare(lattice, alignment, intensities, self.inputs.masks)
        with self.meter.stage("refine"):
            refined = refine_field(
                pair.moving.to(self.device),
                pair.fixed.to(self.device),
                initial,
                self.refine,
                self.progress.part(0.35, 1.0),
                pair.mask.to(self.device),
                self._anatomy(lattice, alignment),
                self._masks(pair, alignment),
            )
            displacement, inverse = refined.displacement, refined.inverse
            if not lattice.matches(self.output):
                displacement, inverse = self._unfolded(refined.velocity, lattice)
        return Deformation(
            FieldBatch(displacement, lattice, self.slices),
            FieldBatch(inverse, lattice, self.slices),
            refined,
            distance=_largest(prediction),
        )


def _velocity(prediction: FieldPrediction) -> Tensor:
    """Return the velocity of a prediction, or one whose exponential is close to its field."""
    if prediction.velocity is not None:
        return prediction.velocity
    return stationary_velocity(prediction.displacement)


@torch.no_grad()
def _inverse(prediction: FieldPrediction) -> Tensor:
    """Return the inverse of a prediction: the network's own where it has one."""
    if prediction.inverse is not None:
        return prediction.inverse
    if prediction.velocity is not None:
        return integrate(-prediction.velocity, squarings_for(prediction.velocity))
    return invert(prediction.displacement)


def _largest(prediction: FieldPrediction | None) -> float | None:
    if prediction is None or prediction.distance is None:
        return None
    return float(prediction.distance.max())
