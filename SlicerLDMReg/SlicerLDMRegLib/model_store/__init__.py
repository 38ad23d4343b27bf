"""Model folders: describing, writing, verifying, finding and loading them.

Describing, verifying and finding need no torch and are there at once; writing and loading import it
when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .card import ModelCard
from .readme import render_readme
from .records import Grid, Intensity, TrainingData, Weights
from .store import default_model, find_model, list_models, user_models_dir
from .verify import verify

if TYPE_CHECKING:
    from .folder import write_model_folder
    from .load import load_network
    from .segmenters import build_segmenter

__all__ = [
    "Grid",
    "Intensity",
    "ModelCard",
    "TrainingData",
    "Weights",
    "build_segmenter",
    "default_model",
    "find_model",
    "list_models",
    "load_network",
    "render_readme",
    "user_models_dir",
    "verify",
    "write_model_folder",
]


def __getattr__(name: str) -> Any:
    if name == "build_segmenter":
        from .segmenters import build_segmenter

        return build_segmenter
    if name == "load_network":
        from .load import load_network

        return load_network
    if name == "write_model_folder":
        from .folder import write_model_folder

        return write_model_folder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
