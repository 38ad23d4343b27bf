"""Labels of an image: given by the user, or found by a segmentation network.

What needs a network imports torch when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .loading import load_segmentation
from .names import read_names
from .segmentation import ReportsProgress, Segmentation, Segmenter
from .writing import write_segmentation

if TYPE_CHECKING:
    from .model import ModelSegmenter
    from .swin_unetr import SwinUNETRSegmenter

__all__ = [
    "ModelSegmenter",
    "ReportsProgress",
    "Segmentation",
    "Segmenter",
    "SwinUNETRSegmenter",
    "load_segmentation",
    "read_names",
    "write_segmentation",
]


def __getattr__(name: str) -> Any:
    if name == "ModelSegmenter":
        from .model import ModelSegmenter

        return ModelSegmenter
    if name == "SwinUNETRSegmenter":
        from .swin_unetr import SwinUNETRSegmenter

        return SwinUNETRSegmenter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
