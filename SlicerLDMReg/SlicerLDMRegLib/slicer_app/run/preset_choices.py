"""Presets as choices on the panel: which fields of a request these mean, and the reverse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer

from ...errors import InputError
from ...pipeline.options import AlignOptions, chosen_refinement
from ..texts import tr as _
from .choices import Alignment, Choice, Diffeomorphic, Precision, Refinement, Similarity
from .parameters import RegistrationParameters, refinement, restore

__all__ = ["choose_preset", "preset_fields", "same_settings"]

# Parameters that a preset decides; what it does not name gets its default.
_DECIDED = (
    "model",
    "alignment",
    "refinement",
    "similarity",
    "iterations",
    "smoothness",
    "diffeomorphic",
    "makeUncertainty",
)
# Fields that are set where a preset has them, and stay as they are where not.
_KEPT = {"precision": "precision", "landmark_mm": "landmarkMm", "seed": "seed"}
_REFINEMENT = {"enabled", "similarity", "iterations", "smoothness"}


def preset_fields(parameters: RegistrationParameters) -> dict[str, Any]:
    """Return the choices as fields of a preset, those alone that are not the defaults.

    Raises:
        InputError: for iterations that are none.
    """
    fields: dict[str, Any] = {}
    if parameters.model != "auto":
        fields["model"] = parameters.model
    if parameters.alignment is not Alignment.AUTO:
        fields["align"] = parameters.alignment.value
    refine = chosen_refinement(refinement(parameters))
    if refine:
        fields["refine"] = refine
    if parameters.diffeomorphic is not Diffeomorphic.MODEL:
        fields["diffeomorphic"] = parameters.diffeomorphic.value
    if parameters.makeUncertainty:
        fields["uncertainty"] = True
    return fields


def same_settings(parameters: RegistrationParameters, fields: Mapping[str, Any]) -> bool:
    """Whether the choices are those of a preset."""
    try:
        own = preset_fields(parameters)
    except InputError:
        return False
    other = {name: value for name, value in fields.items() if name not in _KEPT}
    for name, parameter in _KEPT.items():
        value = getattr(parameters, parameter)
        if name in fields and getattr(value, "value", value) != fields[name]:
            return False
    if "refine" in other:
        other["refine"] = chosen_refinement(other["refine"])
    plain: dict[str, Any] = {"model": "auto", "align": "auto", "refine": {}}
    plain |= {"diffeomorphic": None, "uncertainty": False}
    return {**plain, **own} == {**plain, **other}


def choose_preset(parameters: RegistrationParameters, fields: Mapping[str, Any]) -> None:
    """Set the choices to those of a preset; images, labels and masks stay.

    Args:
        parameters: of the panel.
        fields: of the preset.

    Raises:
        InputError: for fields that the panel has no control for; nothing is changed.
    """
    refine = chosen_refinement(fields.get("refine"))
    align = AlignOptions.from_value(fields.get("align"))
    strange = [f"refine.{name}" for name in refine.keys() - _REFINEMENT]
    strange += ["segmenter"] if fields.get("segmenter", "auto") != "auto" else []
    strange += ["align"] if align != AlignOptions(align.method) else []
    if strange:
        raise InputError(
            _(
                "the preset has settings that the panel has no control for: {names}; use it in the "
                "shell, or take them out"
            ).format(names=", ".join(sorted(strange)))
        )
    chosen: dict[str, Any] = {
        "model": str(fields.get("model", "auto")),
        "alignment": _choice(Alignment, align.method),
        "refinement": _choice(Refinement, refine.get("enabled")),
        "similarity": _choice(Similarity, refine.get("similarity", "auto")),
        "iterations": ",".join(map(str, refine.get("iterations") or ())),
        "smoothness": float(refine.get("smoothness", 0.0)),
        "diffeomorphic": _choice(Diffeomorphic, fields.get("diffeomorphic")),
        "makeUncertainty": bool(fields.get("uncertainty", False)),
    }
    if len(refine) > 1 and chosen["refinement"] is Refinement.ON:
        chosen["refinement"] = Refinement.MODEL  # a chosen option of it switches it on
    if "precision" in fields:
        chosen["precision"] = _choice(Precision, fields["precision"])
    for name in ("landmark_mm", "seed"):
        if name in fields:
            chosen[_KEPT[name]] = fields[name]
    node: Any = parameters.parameterNode  # type: ignore[attr-defined]
    with slicer.util.NodeModify(node):
        restore(parameters, _DECIDED)
        for name, value in chosen.items():
            setattr(parameters, name, value)


def _choice(kind: type[Choice], value: Any) -> Choice:
    """Return the choice of a value."""
    return next(choice for choice in kind if choice.value == value)
