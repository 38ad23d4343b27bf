"""Images of users, as their formats define them, or a refusal that names the way out.

:func:`load_image` returns a :class:`LoadedImage`, the image with the notes of its reader;
:func:`read_image` and :func:`as_image` return the image alone, whose metadata holds the notes for
:func:`notes_of`.
"""

from __future__ import annotations

from .content import SUPPORTED_FORMATS
from .loaded import LoadedImage, notes_of
from .reading import (
    as_image,
    as_labels,
    load_image,
    load_labels,
    read_image,
    read_labels,
)

__all__ = [
    "SUPPORTED_FORMATS",
    "LoadedImage",
    "as_image",
    "as_labels",
    "load_image",
    "load_labels",
    "notes_of",
    "read_image",
    "read_labels",
]
