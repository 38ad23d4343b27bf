"""Labels of an image: given by the user, or found by a segmentation network.

What needs a network imports torch when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .loading import load_segmentation
from .names import read_names
from .segmentation import ReportsProgress, Segmentation, Segmenter
from .writing import write_segmentation

if TYPE_CHECKING:
    from .swin_unetr import SwinUNETRSegmenter

__all__ = [
    "ReportsProgress",
    "Segmentation",
    "Segmenter",
    "SwinUNETRSegmenter",
    "load_segmentation",
    "read_names",
    "write_segmentation",
]

__getattr__ = lazy_names(__name__, {"SwinUNETRSegmenter": "swin_unetr"})
