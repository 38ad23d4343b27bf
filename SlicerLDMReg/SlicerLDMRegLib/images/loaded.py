"""An image together with what had to be guessed or changed to read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import SimpleITK as sitk

__all__ = ["NOTES_KEY", "LoadedImage", "add_notes", "notes_of"]

NOTES_KEY = "LDMReg.notes"
"""Metadata of an image that was read: its notes, one a line."""


@dataclass(frozen=True)
class LoadedImage:
    """A scalar image, and what its reader wants to be told.

    Attributes:
        image: 2D or 3D, LPS mm; its metadata holds the notes as well, see :func:`notes_of`.
        notes: one sentence each, without a full stop; what was guessed, left out or changed.
        source: the path as the user gave it.
    """

    image: sitk.Image
    notes: tuple[str, ...]
    source: str


def add_notes(image: sitk.Image, notes: Iterable[str]) -> sitk.Image:
    """Put notes behind those that an image has; returns the image."""
    every = dict.fromkeys((*notes_of(image), *(" ".join(note.split()) for note in notes)))
    if every:
        image.SetMetaData(NOTES_KEY, "\n".join(every))
    return image


def notes_of(image: sitk.Image) -> tuple[str, ...]:
    """Return what was guessed, left out or changed when an image was read; filters lose it."""
    if not image.HasMetaDataKey(NOTES_KEY):
        return ()
    return tuple(image.GetMetaData(NOTES_KEY).split("\n"))
