"""LDMReg: registration of medical images with trained deep networks.

A registration takes a fixed and a moving image (files, SimpleITK images or arrays) and finds the
displacement ``u`` that maps a fixed point to the moving point that matches it, so that
``warped(x) = moving(x + u(x))``:

    >>> import SlicerLDMRegLib as ldmreg
    >>> sample = ldmreg.sample_data_dir()
    >>> result = ldmreg.register(
    ...     sample / "cardiac_fixed.nrrd",
    ...     sample / "cardiac_moving.nrrd",
    ...     fixed_labels=sample / "cardiac_fixed_labels.nrrd",
    ...     moving_labels=sample / "cardiac_moving_labels.nrrd",
    ...     model="none",  # refinement alone; leave it out to use the shipped model
    ... )
    >>> result.metrics["before"]["dice_mean"] < result.metrics["after"]["dice_mean"]
    True
    >>> result.metrics["deformation"]["fold_count"]
    0
    >>> result.warped.GetSize() == result.fixed.GetSize()
    True

``result.save("results")`` writes the images, the transforms and the report. Physical coordinates
are LPS mm, as in ITK and in files. Nothing heavy is imported before a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .displacement import DisplacementField
    from .errors import CancelledError, InputError, LDMRegError, ModelError, OutOfMemoryError
    from .geometry import ImageGeometry
    from .model_store import (
        ModelCard,
        build_segmenter,
        find_model,
        list_models,
        load_network,
    )
    from .pipeline import (
        AlignOptions,
        Progress,
        RefineOptions,
        RegistrationRequest,
        RegistrationResult,
    )
    from .pipeline.register import register
    from .resources import bundled_models_dir, sample_data_dir
    from .segmentation import Segmentation, load_segmentation

__version__ = "0.1.0"

_HOMES = {
    "displacement": ("DisplacementField",),
    "errors": ("CancelledError", "InputError", "LDMRegError", "ModelError", "OutOfMemoryError"),
    "geometry": ("ImageGeometry",),
    "model_store": ("ModelCard", "build_segmenter", "find_model", "list_models", "load_network"),
    "pipeline": (
        "AlignOptions",
        "Progress",
        "RefineOptions",
        "RegistrationRequest",
        "RegistrationResult",
        "register",
    ),
    "resources": ("bundled_models_dir", "sample_data_dir"),
    "segmentation": ("Segmentation", "load_segmentation"),
}

__all__ = [
    "AlignOptions",
    "CancelledError",
    "DisplacementField",
    "ImageGeometry",
    "InputError",
    "LDMRegError",
    "ModelCard",
    "ModelError",
    "OutOfMemoryError",
    "Progress",
    "RefineOptions",
    "RegistrationRequest",
    "RegistrationResult",
    "Segmentation",
    "build_segmenter",
    "bundled_models_dir",
    "find_model",
    "list_models",
    "load_network",
    "load_segmentation",
    "register",
    "sample_data_dir",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
