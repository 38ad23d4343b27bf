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

from typing import TYPE_CHECKING

from ._lazy import lazy_names
from ._version import __version__ as __version__

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
        Repetition,
        register,
        repeat,
    )
    from .resources import bundled_models_dir, sample_data_dir
    from .segmentation import Segmentation, load_segmentation

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
    "Repetition",
    "Segmentation",
    "build_segmenter",
    "bundled_models_dir",
    "find_model",
    "list_models",
    "load_network",
    "load_segmentation",
    "register",
    "repeat",
    "sample_data_dir",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AlignOptions": "pipeline",
        "CancelledError": "errors",
        "DisplacementField": "displacement",
        "ImageGeometry": "geometry",
        "InputError": "errors",
        "LDMRegError": "errors",
        "ModelCard": "model_store",
        "ModelError": "errors",
        "OutOfMemoryError": "errors",
        "Progress": "pipeline",
        "RefineOptions": "pipeline",
        "RegistrationRequest": "pipeline",
        "RegistrationResult": "pipeline",
        "Repetition": "pipeline",
        "Segmentation": "segmentation",
        "build_segmenter": "model_store",
        "bundled_models_dir": "resources",
        "find_model": "model_store",
        "list_models": "model_store",
        "load_network": "model_store",
        "load_segmentation": "segmentation",
        "register": "pipeline",
        "repeat": "pipeline",
        "sample_data_dir": "resources",
    },
)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
