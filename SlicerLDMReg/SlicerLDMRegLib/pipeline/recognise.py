"""Does a model know the anatomy of two images? Asked before it is taken automatically."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..errors import ModelError
from ..lattice import foreground_box
from ..model_store import ModelCard, find_model
from ..segmentation import read_names
from ..segmentation.plausibility import plausible_share
from ..text.matching import match_region
from .context import RunContext
from .inputs import Inputs
from .predict.loaded_model import LoadedModel
from .prepare import coverage, image_batch, model_lattice
from .regions.segmentation_cache import segmenter_beside
from .request import RegistrationRequest
from .slices import to_batch

__all__ = ["Recognition", "is_named", "recognise", "unusual_size"]

# Share of the structures that a segmenter finds in a usual size, from which it knows the image. Of
# generated brains (T1, T2 and random contrasts, with and without the skull) these were 86 to 100 %,
# upside down 82 %; with swapped axes 32 %, of an abdomen 23 %.
_PLAUSIBLE = 0.6
_FARTHEST = 1.0  # distance to the training images, see networks.ldm_morph.familiarity


@dataclass(frozen=True)
class Recognition:
    """Distance of two images to what a model was trained on, and whether it knows them.

    Attributes:
        distance: to the images that it was trained on, up to 1 it knows them; 1 where it knows them
            and cannot tell how well.
        reason: a clause that says why it does not know them; None: it does.
    """

    distance: float
    reason: str | None = None


def is_named(request: RegistrationRequest, card: ModelCard) -> bool:
    """Whether a request wants its model, by name or by regions that only a model takes.

    Names of labels are such a wish only where the model knows one of them: the overlap of labels of
    any other anatomy is measured without it.

    Args:
        request: the registration.
        card: of the model that fits the dimension of the images.
    """
    given = request.fixed_segmentation  # an array is not compared with a text
    has_regions = given is not None and not (isinstance(given, str) and given in ("auto", "none"))
    asked = request.prompts, has_regions, _names_a_region(request, card)
    return request.model != "auto" or any(asked) or request.segmenter not in ("auto", "none")


def _names_a_region(request: RegistrationRequest, card: ModelCard) -> bool:
    names = request.label_names
    if names is None or names == "model":
        return names == "model"
    scheme = card.label_scheme
    return any(match_region(text, scheme) is not None for text in read_names(names).values())


def recognise(inputs: Inputs, request: RegistrationRequest, context: RunContext) -> Recognition:
    """Tell how well the model of a run knows the images.

    A 2D model measures the distance of each image to its training images. A 3D model tells by the
    volumes of the structures that its segmenter finds in the fixed image; they are kept for the
    registration.

    Args:
        inputs: checked inputs.
        request: the registration.
        context: its model, and the progress of this part.

    Raises:
        ModelError: when the segmenter is damaged.
        CancelledError: when the caller cancels.
    """
    model = context.model
    assert model is not None
    if model.card.spatial_dims == 2:
        return _by_distance(model, inputs, context.seed)
    card, unsure = model.card, Recognition(_FARTHEST)
    if card.segmenter is None or request.segmenter == "none":
        return unsure
    try:
        segmenter = find_model(card.segmenter, "segmentation")
    except ModelError:
        return unsure  # it is told elsewhere that there are no regions
    usual = {int(key): ends for key, ends in segmenter.anatomy.volumes_ml.items()}
    if not usual:
        return unsure
    found = segmenter_beside(model, card.segmenter).segment(inputs.fixed, context.progress)
    share = plausible_share(found.labels, usual)
    distance = _FARTHEST * (1 - share) / (1 - _PLAUSIBLE)
    if share >= _PLAUSIBLE:
        return Recognition(distance)
    return Recognition(
        distance,
        f"of the {len(usual)} structures that it knows, {share * len(usual):.0f} were found in "
        "their usual size",
    )


def _by_distance(model: LoadedModel, inputs: Inputs, seed: int) -> Recognition:
    images = [inputs.fixed] if inputs.slices is not None else [inputs.fixed, inputs.moving]
    batches = []
    for image in images:
        lattice = model_lattice(image, model.card.grid, inputs.slices)
        values = model.card.intensity.of(image)
        inside = coverage(image, lattice)
        batch = image_batch(image, lattice, None, inputs.slices, values)
        shown = inside[None] if inputs.slices is None else to_batch(inside, inputs.slices.axis)
        batches.append(batch * batch.new_tensor(shown)[:, None])
    if len({batch.shape for batch in batches}) == 1:
        # Two images at once take two thirds of the time.
        batches = [torch.cat(batches)]
    farthest = 0.0
    for batch in batches:
        distances = model.predictor.distance(batch, seed)
        if distances is None:
            return Recognition(_FARTHEST)
        # The ends of a stack may show little of what the slices between them show.
        distance = distances.max() if inputs.slices is None else distances.median()
        farthest = max(farthest, float(distance))
    if farthest <= _FARTHEST:
        return Recognition(farthest)
    return Recognition(
        farthest,
        f"the images are unlike those that it was trained on (distance {farthest:.1f}, up to 1 is "
        "like them)",
    )


def unusual_size(card: ModelCard, inputs: Inputs) -> str | None:
    """Return why the size of the images is not one that a model knows; None: it is, or any is."""
    usual = card.anatomy.extent_mm
    if usual is None or inputs.dimension != 3:
        return None
    for name, image in (("fixed", inputs.fixed), ("moving", inputs.moving)):
        low, high = foreground_box(image)
        extent = high - low
        if extent.min() < usual[0] or extent.max() > usual[1]:
            shown = " x ".join(f"{n:.3g}" for n in extent)
            return (
                f"the {name} image shows something of {shown} mm, expected {usual[0]:g} to "
                f"{usual[1]:g} mm along each axis"
            )
    return None
