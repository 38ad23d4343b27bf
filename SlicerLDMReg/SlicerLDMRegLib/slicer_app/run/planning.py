"""From the choices on the panel to a plan."""

from __future__ import annotations

from typing import Any

from ...errors import ModelError
from ...model_store import ModelCard, default_model, find_model
from .anatomy import guides, label_numbers
from .choices import Anatomy, Extent
from .parameters import OUTPUT_PARAMETERS, RegistrationParameters, refinement
from .plan import RegistrationPlan

__all__ = ["chosen_card", "image_dimension", "plan_of"]


def image_dimension(parameters: RegistrationParameters) -> int | None:
    """Return 2 or 3, the dimension of the images that are registered; None: not known yet."""
    sizes = [
        node.GetImageData().GetDimensions()
        for node in (parameters.fixedVolume, parameters.movingVolume)
        if node is not None and node.GetImageData() is not None
    ]
    if not sizes:
        return None
    flat = any(1 in size for size in sizes)
    return 2 if flat or parameters.extent in (Extent.VIEW, Extent.RANGE) else 3


def chosen_card(parameters: RegistrationParameters) -> ModelCard | None:
    """Return the card of the model that will register; None: no model, or none is there."""
    if parameters.model == "none":
        return None
    try:
        if parameters.model != "auto":
            return find_model(parameters.model, "registration")
        if image_dimension(parameters) == 3:
            try:
                return default_model(3)
            except ModelError:
                return default_model(2)  # slice by slice, as the library does
        return default_model(2)
    except ModelError:
        return None


def plan_of(parameters: RegistrationParameters, card: ModelCard | None) -> RegistrationPlan:
    """Return the plan that the choices mean.

    Args:
        parameters: the choices.
        card: of the model that will register, see :func:`chosen_card`.

    Raises:
        InputError: for options that cannot be.
    """
    return RegistrationPlan(
        parameters.fixedVolume,
        parameters.movingVolume,
        extent=parameters.extent,
        view=parameters.view,
        axis=parameters.axis.value,
        first=parameters.firstSlice,
        last=parameters.lastSlice,
        reference_frame=parameters.referenceFrame,
        model=parameters.model,
        segmentation=parameters.fixedLabels,
        moving_labels=parameters.movingLabels,
        align=parameters.alignment.value,
        initial_transform=parameters.initialTransform,
        device=parameters.device.value,
        precision=parameters.precision.value,
        refine=refinement(parameters),
        diffeomorphic=parameters.diffeomorphic.value,
        fixed_mask=parameters.fixedMask,
        moving_mask=parameters.movingMask,
        seed=parameters.seed,
        outputs=_outputs(parameters),
        **_guidance(parameters, card),
    )


def _outputs(parameters: RegistrationParameters) -> dict[str, Any]:
    return {
        output: getattr(parameters, node)
        for output, (wanted, node) in OUTPUT_PARAMETERS.items()
        if getattr(parameters, wanted)
    }


def _guidance(parameters: RegistrationParameters, card: ModelCard | None) -> dict[str, Any]:
    """Return what the plan says of segments, and of regions where the model has such."""
    node, left_out = parameters.fixedLabels, set(parameters.leftOut)
    found: dict[str, Any] = {}
    is_segmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
    numbers = {} if node is None else label_numbers(node, left_out if is_segmentation else ())
    if is_segmentation and left_out:
        found["segments"] = tuple(numbers)
    if card is None or not card.label_scheme:
        return found
    if parameters.anatomy is Anatomy.MODEL:
        return found | {"automatic_regions": True}
    if parameters.anatomy is Anatomy.NONE:
        return found | {"guided": False}
    words = dict(parameters.prompts)
    prompts = {number: words[key] for key, number in numbers.items() if key in words}
    if not is_segmentation:
        # Labels of a label map are all read; to the model these are background.
        prompts |= {number: "background" for key, number in numbers.items() if key in left_out}
    if parameters.anatomy is Anatomy.LABELS or prompts or guides(node, card):
        found |= {"guided": True, "prompts": prompts}
    return found
