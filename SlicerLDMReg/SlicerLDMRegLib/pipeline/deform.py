"""The deformation between two aligned images: predicted by a network, refined, without folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..displacement import DisplacementField
from ..errors import ADVICE, InputError
from ..functional import integrate, invert
from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..networks import FieldPrediction
from .align.alignment import Alignment
from .context import RunContext
from .field_batch import FieldBatch
from .inputs import Inputs
from .masks import Masks
from .predict.extrapolate_field import extend_prediction
from .predict.loaded_model import LoadedModel
from .predict.structure_predictor import structures_beside
from .prepare import PreparedPair, model_lattice, prepare_pair, refinement_lattice
from .refine.diffeomorphic import squarings_for, unfold
from .refine.field_spread import field_spread, members_of
from .refine.fold_check import whole_without_folds, without_folds
from .refine.instance_optimisation import RefineResult, refine_field, stationary_velocity
from .refine.objective import product
from .refine.point_pairs import PointPairs, point_pairs
from .regions.image_regions import GivenRegions
from .regions.structure_features import batch_on_lattice, structure_features
from .request import RegistrationRequest
from .slices import SliceRange
from .structure_maps import distance_maps, label_classes

__all__ = ["Deformation", "Deformer"]

# Pairs in one call of the network: as many as fit beside the network at the paper's size.
_BATCH = {"cpu": 4, "cuda": 64, "mps": 16}
# Percentiles that become 0 and 1 without a model: outliers do not set the contrast.
_PERCENTILES = (0.1, 99.9)
_NO_MASKS = Masks()
_OVERLAP = 0.2  # weight of the overlap of structures that drive the refinement. Not tuned


@dataclass(frozen=True)
class Deformation:
    """The deformation found on the working lattice.

    Attributes:
        displacement: fixed to aligned moving.
        inverse: the other way.
        refined: outcome of the refinement; None without it.
        made_diffeomorphic: whether a prediction was made free of folds.
        distance: of the least familiar pair to the training images of the model, up to 1 it is like
            them; None where the model cannot tell.
        structures: id of the 2D segmenter whose structures the refinement brought together; None:
            none.
        spread: standard deviation over other ways to the displacement, ``(B, 1, *S)`` in voxels;
            None: not asked for.
    """

    displacement: FieldBatch
    inverse: FieldBatch
    refined: RefineResult | None
    made_diffeomorphic: bool = False
    distance: float | None = None
    structures: str | None = None
    spread: FieldBatch | None = None


@dataclass(frozen=True)
class _Structures:
    """Scaled probabilities of structures, ``(B, C, *S)``, and the lattice on which they are."""

    moving: Tensor
    fixed: Tensor
    lattice: ImageGeometry

    def on(self, lattice: ImageGeometry, slices: SliceRange | None) -> tuple[Tensor, Tensor]:
        moving, fixed = (
            batch_on_lattice(t, self.lattice, lattice, slices) for t in (self.moving, self.fixed)
        )
        return moving, fixed


class Deformer:
    """Finds the deformation of the aligned moving image: prepares, predicts, refines.

    Args:
        inputs: checked inputs.
        request: the registration.
        context: model, device, progress of this part of the job.
        alignment: fixed to moving points.
        regions: that guide the network and, where that is asked for, the refinement.

    Attributes:
        compared: maps of the fixed and the moving image to [0, 1] where they are compared.
    """

    def __init__(
        self,
        inputs: Inputs,
        request: RegistrationRequest,
        context: RunContext,
        alignment: Alignment,
        regions: GivenRegions | None = None,
    ) -> None:
        self.inputs, self.context = inputs, context
        self.alignment, self.regions = alignment, regions
        self.options = request.refine_options(context.defaults)
        self.diffeomorphic = request.diffeomorphic is True
        self.register_by, self.segmenter = request.register_by, request.segmenter
        self.uncertainty = request.uncertainty
        self.tolerance = request.landmark_mm if request.holds_landmarks else None
        self.compared = self._intensities(inputs.masks)

    def run(self) -> Deformation:
        """Return the deformation of the aligned moving image onto the fixed one.

        Raises:
            InputError: when the moving image does not reach the lattice of the model, or the
                slices.
            CancelledError: when the caller cancels.
        """
        inputs, model = self.inputs, self.context.model
        pair: PreparedPair | None = None
        prediction: FieldPrediction | None = None
        lattice: ImageGeometry | None = None
        structures: _Structures | None = None
        if model is not None:
            grid = model.card.grid
            lattice = model_lattice(inputs.fixed, grid, inputs.slices)
            # The network sees the whole images, masked parts included.
            whole = self._intensities(_NO_MASKS) if inputs.masks.roles else self.compared
            pair = self._prepare(lattice, whole)
            with self.context.meter.stage("predict"):
                prediction = self._predict(model, pair)
                structures = self._structures(model, pair, prediction)
                if grid.spacing is not None and inputs.slices is None:
                    prediction, lattice = extend_prediction(prediction, lattice, inputs.geometry)
        if self.options.enabled:
            if inputs.masks.roles:
                pair = None  # the refinement sees what is compared
            return self._refined(pair, prediction, lattice, structures)
        if pair is None or prediction is None:
            lattice = refinement_lattice(inputs.geometry, inputs.slices)
            pair = self._prepare(lattice, self.compared)
            size = len(pair.fixed), pair.fixed.ndim - 2, *pair.fixed.shape[2:]
            prediction = FieldPrediction(torch.zeros(size), torch.zeros(size))
        assert lattice is not None
        if self.diffeomorphic:
            with self.context.meter.stage("unfold"):
                displacement, inverse = self._unfolded(_velocity(prediction), lattice)
        else:
            displacement, inverse = prediction.displacement, _inverse(prediction)
        return Deformation(
            FieldBatch(displacement, lattice, inputs.slices),
            FieldBatch(inverse, lattice, inputs.slices),
            refined=None,
            made_diffeomorphic=self.diffeomorphic,
            distance=_largest(prediction),
        )

    def _intensities(self, masks: Masks) -> tuple[IntensityMap, IntensityMap]:
        """Return the maps of the fixed and the moving image to [0, 1]."""
        low, high = _PERCENTILES
        if self.context.model is not None:
            own = self.context.model.card.intensity
            if own.window is not None:
                return IntensityMap(*own.window), IntensityMap(*own.window)
            low, high = own.lower_percentile, own.upper_percentile
        images = self.inputs.fixed, self.inputs.moving
        return masks.intensities(*images, self.alignment.transform, low, high)

    def _unfolded(self, velocity: Tensor, lattice: ImageGeometry) -> tuple[Tensor, Tensor]:
        """Return field and inverse of a velocity, without folds there and on the output.

        Nor has the whole map, unless the alignment alone has folds.
        """
        check, slices, output = self.context.progress.check, self.inputs.slices, self.inputs.output
        bends = self._bends_without_folds

        def accept(displacement: Tensor, _inverse: Tensor) -> Tensor:
            accepted = torch.ones(len(displacement), *displacement.shape[2:], dtype=torch.bool)
            if not lattice.matches(output):
                accepted &= _each(
                    without_folds(displacement, lattice, slices, output, check), accepted
                )
            if bends:
                alignment = self.alignment
                whole = whole_without_folds(displacement, lattice, slices, output, alignment)
                accepted &= _each(whole, accepted)
            return accepted

        test = accept if bends or not lattice.matches(output) else None
        _, displacement, inverse = unfold(velocity, accept=test, check=check)
        return displacement, inverse

    @cached_property
    def _bends_without_folds(self) -> bool:
        """Whether the alignment is not linear, and has no folds of its own."""
        transform = self.alignment.transform
        if transform.IsLinear():
            return False
        alone = DisplacementField.from_transform(transform, self.inputs.output)
        return bool((alone.jacobian_determinant() > 0).all())

    def _prepare(
        self,
        lattice: ImageGeometry,
        intensities: tuple[IntensityMap, IntensityMap],
        masks: Masks = _NO_MASKS,
    ) -> PreparedPair:
        slices = self.inputs.slices
        with self.context.meter.stage("prepare"):
            images = masks.fill(self.inputs.fixed, self.inputs.moving)
            transform = self.alignment.transform
            pair = prepare_pair(*images, transform, lattice, intensities, slices)
        if not pair.mask.any() and slices is None:
            raise InputError(
                "the moving image does not reach the part of the fixed image that the model sees; "
                f"use another value for {ADVICE}",
                option="align",
            )
        if not pair.mask.any():
            raise InputError(
                f"the moving image does not reach the slices {slices}; "
                "choose others, or another alignment",
                option="slices",
            )
        return pair

    def _masks(self, pair: PreparedPair) -> tuple[Tensor | None, Tensor | None]:
        """Return the weights of the fixed and of the moving image in their comparison."""
        inputs = self.inputs
        masks = inputs.masks.weights(pair.lattice, self.alignment.transform, inputs.slices)
        compared = product(pair.mask, *masks)
        assert compared is not None
        if not compared.any():
            raise InputError(
                "masks: they leave nothing to compare, for they do not meet after the alignment; "
                "choose other masks, or another alignment"
            )
        return masks

    def _held_points(self, lattice: ImageGeometry) -> PointPairs | None:
        """Return the landmarks that the refinement holds together, on its lattice."""
        inputs = self.inputs
        fixed, moving = inputs.fixed_landmarks, inputs.moving_landmarks
        if self.tolerance is None or fixed is None or moving is None:
            return None
        transform = self.alignment.transform
        pairs = point_pairs(fixed, moving, transform, lattice, inputs.slices, self.tolerance)
        return None if pairs is None else pairs.to(self.context.device)

    def _predict(self, model: LoadedModel, pair: PreparedPair) -> FieldPrediction:
        moving, fixed = pair.black_outside()
        size = _BATCH.get(model.device.type, 4)
        part = self.context.progress.part(0.05, 0.35)
        regions = None if self.regions is None else self.regions.on(pair.lattice)
        found = []
        for start in range(0, len(moving), size):
            part.report("predict", start / len(moving))
            chunk = slice(start, start + size)
            found.append(
                model.predictor.predict(moving[chunk], fixed[chunk], self.context.seed, regions)
            )
        return _joined(found)

    @property
    def _guide(self) -> str | None:
        """The segmenter that belongs to the model."""
        return None if self.context.model is None else self.context.model.card.segmenter

    def _structures(
        self, model: LoadedModel, pair: PreparedPair, prediction: FieldPrediction
    ) -> _Structures | None:
        """Return what the refinement is told about the structures of 2D images; None: nothing."""
        weight = self.options.anatomy if self.options.enabled else 0.0
        finder = structures_beside(model) if weight > 0 and self.segmenter != "none" else None
        if finder is None:
            return None
        moving, fixed = (finder.predict(images) for images in pair.black_outside())
        distance = prediction.distance
        # Of images unlike those that the model knows its segmenter knows nothing, either.
        known = None if distance is None else distance <= 1
        features = structure_features(moving, fixed, weight, known)
        if not features[0].any():
            return None  # no pair is known, or shows one of them
        return _Structures(*features, pair.lattice)

    def _refined(
        self,
        pair: PreparedPair | None,
        prediction: FieldPrediction | None,
        predicted: ImageGeometry | None,
        structures: _Structures | None = None,
    ) -> Deformation:
        """Refine a prediction on the lattice ``predicted``, or start from nothing."""
        slices, device, meter = self.inputs.slices, self.context.device, self.context.meter
        lattice = refinement_lattice(self.inputs.geometry, slices)
        initial = None
        if predicted is not None and prediction is not None:
            with meter.stage("refine"), torch.no_grad():
                own = FieldBatch(_velocity(prediction), predicted, slices)
                velocity = own.on(lattice).values.to(device)
                initial = FieldPrediction(velocity, velocity, prediction.distance)
        if pair is None or not pair.lattice.matches(lattice):
            pair = self._prepare(lattice, self.compared, self.inputs.masks)
        with meter.stage("refine"):
            anatomy = None
            options, images = self.options, (pair.moving, pair.fixed)
            features = None if structures is None else structures.on(lattice, slices)
            if self.regions is not None and options.anatomy > 0:
                features = self.regions.features_on(
                    lattice, self.alignment.transform, options.anatomy
                )
            if self.register_by != "images":
                transform = self.alignment.transform
                moving, fixed = distance_maps(self.inputs, lattice, transform)
                features = _beside(features, (moving, fixed))
                anatomy = label_classes(self.inputs, lattice, transform)
                options = replace(options, anatomy=max(options.anatomy, _OVERLAP))
            if self.register_by == "labels":
                # Images of nothing are as alike as they can be, whatever the field.
                images = torch.zeros_like(pair.moving), torch.zeros_like(pair.fixed)
                options = replace(options, similarity="mse")
            part = self.context.progress.part(0.35, 0.45 if self.uncertainty else 1.0)
            arguments: dict[str, Any] = {
                "moving": images[0].to(device),
                "fixed": images[1].to(device),
                "initial": initial,
                "options": options,
                "mask": pair.mask.to(device),
                "anatomy": anatomy,
                "masks": self._masks(pair),
                "view": pair.view.to(device),
                "pairs": self._held_points(lattice),
                "features": None if features is None else tuple(t.to(device) for t in features),
            }
            refined = refine_field(**arguments, progress=part)
            displacement, inverse = refined.displacement, refined.inverse
            if self._bends_without_folds or not lattice.matches(self.inputs.output):
                displacement, inverse = self._unfolded(refined.velocity, lattice)
        spread = None
        if self.uncertainty:
            with meter.stage("uncertainty"):
                spread = FieldBatch(self._spread(refined, arguments), lattice, slices)
        return Deformation(
            FieldBatch(displacement, lattice, slices),
            FieldBatch(inverse, lattice, slices),
            refined,
            distance=_largest(prediction),
            structures=self._guide if structures is not None else None,
            spread=spread,
        )

    def _spread(self, refined: RefineResult, arguments: dict[str, Any]) -> Tensor:
        """Return the standard deviation over other ways to the refined field."""
        options = replace(arguments["options"], similarity=refined.similarity)
        members = members_of(
            options,
            refined.displacement.ndim - 2,
            predicted=arguments["initial"] is not None,
            points=arguments["pairs"] is not None,
        )
        arguments = {**arguments, "options": options}
        part = self.context.progress.part(0.45, 1.0)
        return field_spread(refined.displacement, arguments, members, part)


def _each(found: Tensor, like: Tensor) -> Tensor:
    """Return booleans of voxels ``(B, *S)``, or of elements ``(B,)``, as those of voxels."""
    return found if found.ndim > 1 else found.reshape(-1, *[1] * (like.ndim - 1)).expand_as(like)


def _beside(
    first: tuple[Tensor, Tensor] | None, second: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the channels of two pairs of features, one after the other."""
    if first is None:
        return second
    moving, fixed = (torch.cat([a.to(b), b], 1) for a, b in zip(first, second, strict=True))
    return moving, fixed


def _joined(parts: list[FieldPrediction]) -> FieldPrediction:
    """Return the predictions of the parts of a batch as one."""

    def joined(name: str) -> Tensor | None:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else torch.cat(values)

    displacement = joined("displacement")
    assert displacement is not None
    return FieldPrediction(displacement, joined("velocity"), joined("distance"), joined("inverse"))


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
