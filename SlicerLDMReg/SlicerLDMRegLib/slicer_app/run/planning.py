"""The plan of the choices on the panel: one mapping of parameters to fields of a request."""

from __future__ import annotations

from typing import Any

from ...errors import InputError, LDMRegError
from ...model_store import ModelCard, automatic_models, choose_model
from ...pipeline.slices import SliceSelection
from ..scene.volume_nodes import Node, volume_geometry
from .anatomy import guides, label_numbers
from .choices import Anatomy, Extent, RegisterBy
from .parameters import (
    NODE_FIELDS,
    OUTPUT_PARAMETERS,
    REQUEST_FIELDS,
    RegistrationParameters,
    refinement,
)
from .plan import RegistrationPlan

__all__ = [
    "automatic_cards",
    "chosen_card",
    "image_dimension",
    "labels_without_images",
    "plan_of",
    "too_small",
    "volume_sizes",
]

_OF_VOLUME = {"fixedVolume": "fixedLabels", "movingVolume": "movingLabels"}


def labels_without_images(parameters: RegistrationParameters) -> dict[str, Node]:
    """Return labels that are registered alone, by the parameter of the volume that is not chosen.

    Empty where both volumes are chosen, or where they are needed.
    """
    labels = {volume: getattr(parameters, name) for volume, name in _OF_VOLUME.items()}
    alone = parameters.registerBy is RegisterBy.LABELS and parameters.extent is Extent.WHOLE
    fixed, moving = labels.values()
    if not alone or None in (fixed, moving) or fixed is moving:
        return {}
    return {volume: node for volume, node in labels.items() if not getattr(parameters, volume)}


def volume_sizes(parameters: RegistrationParameters) -> list[tuple[int, ...] | None]:
    """Return the sizes in voxels of the fixed and the moving volume; None: not known yet."""
    return [
        None
        if node is None or node.GetImageData() is None
        else tuple(node.GetImageData().GetDimensions())
        for node in (parameters.fixedVolume, parameters.movingVolume)
    ]


def image_dimension(parameters: RegistrationParameters) -> int | None:
    """Return 2 or 3, the dimension of the images that are registered; None: not known yet."""
    sizes = [size for size in volume_sizes(parameters) if size is not None]
    if not sizes:
        return None
    flat = any(1 in size for size in sizes)
    return 2 if flat or parameters.extent in (Extent.VIEW, Extent.RANGE) else 3


def chosen_card(parameters: RegistrationParameters) -> ModelCard | None:
    """Return the card of the model that will register; None: no model, or none is there."""
    if parameters.registerBy is RegisterBy.LABELS:
        return None  # the structures alone
    dimension = image_dimension(parameters) or 2
    if parameters.model != "auto":
        dimension = 3  # that a chosen model does not suit is told elsewhere
    try:
        return choose_model(parameters.model, dimension)
    except LDMRegError:
        return None


def automatic_cards(parameters: RegistrationParameters) -> list[ModelCard]:
    """Return the cards of the models among which the images choose; empty: none is there."""
    slicewise = parameters.extent in (Extent.VIEW, Extent.RANGE)
    try:
        return automatic_models(image_dimension(parameters) or 2, slicewise)
    except LDMRegError:
        return []


def too_small(parameters: RegistrationParameters, card: ModelCard | None) -> str:
    """Return how small whole volumes are, which a model cannot know; empty: it may know them.

    What the run will find in the images can only be smaller than the images.

    Args:
        parameters: the choices.
        card: of the model that would register.
    """
    usual = None if card is None else card.anatomy.extent_mm
    if usual is None or image_dimension(parameters) != 3:
        return ""
    for node in (parameters.fixedVolume, parameters.movingVolume):
        try:
            extent = None if node is None else volume_geometry(node).extent_mm
        except InputError:
            continue
        if extent is not None and min(extent) < usual[0]:
            return " x ".join(f"{n:.3g}" for n in extent)
    return ""


def plan_of(parameters: RegistrationParameters, card: ModelCard | None) -> RegistrationPlan:
    """Return the plan that the choices mean.

    Args:
        parameters: the choices.
        card: of the model that will register, see :func:`chosen_card`.

    Raises:
        InputError: for options that cannot be.
    """
    options = {field: getattr(parameters, name) for name, field in REQUEST_FIELDS.items()}
    options = {field: getattr(value, "value", value) for field, value in options.items()}
    options["refine"] = refinement(parameters)
    if parameters.fixedLandmarks is None and parameters.movingLandmarks is None:
        del options["landmark_use"]
    if parameters.extent is Extent.RANGE:
        options["slices"] = SliceSelection(
            parameters.axis.value, parameters.firstSlice, parameters.lastSlice
        )
    regions, segments, guided = _guidance(parameters, card)
    outputs = {
        output: getattr(parameters, node)
        for output, (wanted, node) in OUTPUT_PARAMETERS.items()
        if getattr(parameters, wanted)
    }
    return RegistrationPlan(
        {field: getattr(parameters, name) for name, field in NODE_FIELDS.items()},
        {**options, **regions},
        extent=parameters.extent,
        view=parameters.view,
        reference_frame=parameters.referenceFrame,
        segments=segments,
        guided=guided,
        outputs=outputs,
    )


def _guidance(
    parameters: RegistrationParameters, card: ModelCard | None
) -> tuple[dict[str, Any], tuple[str, ...] | None, bool]:
    """Return fields of the request about regions, the segments used, and whether they guide."""
    node, left_out = parameters.fixedLabels, set(parameters.leftOut)
    is_segmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
    numbers = {} if node is None else label_numbers(node, left_out if is_segmentation else ())
    segments = tuple(numbers) if is_segmentation and left_out else None
    if card is None or not card.label_scheme:
        return {}, segments, False
    if parameters.anatomy is Anatomy.MODEL:
        return {"fixed_segmentation": "auto"}, segments, False
    if parameters.anatomy is Anatomy.NONE:
        return {"fixed_segmentation": "none"}, segments, False
    words = dict(parameters.prompts)
    prompts = {number: words[key] for key, number in numbers.items() if key in words}
    if not is_segmentation:
        # Labels of a label map are all read; to the model these are background.
        prompts |= {number: "background" for key, number in numbers.items() if key in left_out}
    if parameters.anatomy is Anatomy.LABELS or prompts or guides(node, card):
        return {"prompts": prompts}, segments, True
    return {}, segments, False
