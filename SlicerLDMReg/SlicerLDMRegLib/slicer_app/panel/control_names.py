"""Errors of the library with the options named by the controls of the panel."""

from __future__ import annotations

import enum

from slicer.i18n import tr as _

from ...errors import LDMRegError
from ..run.choices import (
    Alignment,
    Device,
    Diffeomorphic,
    Extent,
    LandmarkUse,
    Precision,
    Refinement,
    RegisterBy,
    Similarity,
)
from .safe_texts import one_line

__all__ = ["told_on_panel"]


def told_on_panel(error: Exception) -> str:
    """Return the text of an error, where it is about an option with the name of its control.

    Values are named as the panel offers them; those that it does not offer are left out.
    """
    return one_line(error.told(_control) if isinstance(error, LDMRegError) else error)


def _control(option: str, values: tuple[object, ...]) -> str:
    controls: dict[str, tuple[str, type[enum.Enum] | None]] = {
        "preset": (_("Preset"), None),
        "model": (_("Model"), None),
        "slices": (_("Register"), None),
        "align": (_("Align first"), Alignment),
        "initial_transform": (_("Initial transform"), None),
        "register_by": (_("Register by"), RegisterBy),
        "landmark_use": (_("Use of the landmarks"), LandmarkUse),
        "landmark_mm": (_("Exact to"), None),
        "device": (_("Device"), Device),
        "precision": (_("Precision"), Precision),
        "refine": (_("Refinement"), Refinement),
        "refine.similarity": (_("Similarity"), Similarity),
        "refine.iterations": (_("Iterations"), None),
        "refine.smoothness": (_("Smoothness"), None),
        "diffeomorphic": (_("Free of folds"), Diffeomorphic),
        "seed": (_("Seed"), None),
        "uncertainty": (_("Uncertainty"), None),
    }
    name, choices = controls.get(option, (option, None))
    offered = [choice for choice in choices or () if choice.value in values]
    shown = [choice.label() for choice in offered]  # type: ignore[attr-defined]
    if option == "slices":
        shown = [Extent.RANGE.label()]
    return f"\u201c{name}\u201d" + (f": {_(' or ').join(shown)}" if shown else "")
