"""Model folders: description, writing, verification, search, download and loading.

Only writing and loading need torch; they import it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .archive import pack_model, unpack_model
from .card import ModelCard
from .card_parts import Anatomy, Grid, Intensity, TrainingData, Weights
from .catalogue import CatalogueEntry, find_entry, read_catalogue
from .download import download_model
from .downloaded import downloaded_models, remove_downloads, unfinished_downloads
from .readme import render_readme
from .store import automatic_models, choose_model, find_model, list_models, user_models_dir
from .verify import verify

if TYPE_CHECKING:
    from .folder import write_model_folder
    from .load import load_network
    from .model_segmenter import ModelSegmenter, build_segmenter

__all__ = [
    "Anatomy",
    "CatalogueEntry",
    "Grid",
    "Intensity",
    "ModelCard",
    "ModelSegmenter",
    "TrainingData",
    "Weights",
    "automatic_models",
    "build_segmenter",
    "choose_model",
    "download_model",
    "downloaded_models",
    "find_entry",
    "find_model",
    "list_models",
    "load_network",
    "pack_model",
    "read_catalogue",
    "remove_downloads",
    "render_readme",
    "unfinished_downloads",
    "unpack_model",
    "user_models_dir",
    "verify",
    "write_model_folder",
]

__getattr__ = lazy_names(
    __name__,
    {
        "ModelSegmenter": "model_segmenter",
        "build_segmenter": "model_segmenter",
        "load_network": "load",
        "write_model_folder": "folder",
    },
)
