"""The structures of a node with labels, and the regions of a model that they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...model_store import ModelCard
from ...text.matching import match_region
from ..scene.labels import names_and_colors, segment_numbers
from ..scene.volume_nodes import Node

__all__ = ["Match", "Structure", "guides", "label_numbers", "match_structure", "structures"]

# What cannot be the number of a label: such a volume holds no labels.
_LARGEST = 2**16


@dataclass(frozen=True)
class Structure:
    """A segment, or a label of a label map.

    Attributes:
        key: the ID of the segment, or the number of the label as text.
        name: as the user knows it; empty where the node does not tell.
    """

    key: str
    name: str


def structures(node: Node | None) -> list[Structure]:
    """Return the segments of a segmentation, or the labels of a label map, in their order."""
    if node is None:
        return []
    if node.IsA("vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        ids = [] if segmentation is None else segmentation.GetSegmentIDs()
        return [Structure(key, segmentation.GetSegment(key).GetName()) for key in ids]
    present = _present(node)
    names = names_and_colors(node, present)[0]
    return [Structure(str(number), names.get(number, "")) for number in present]


def label_numbers(node: Node, left_out: Collection[str] = ()) -> dict[str, int]:
    """Return the number of each structure in the label image, by its key.

    Args:
        node: segmentation or label map volume.
        left_out: keys of the structures that are not used.
    """
    keys = [found.key for found in structures(node) if found.key not in left_out]
    if not node.IsA("vtkMRMLSegmentationNode"):
        return {key: int(key) for key in keys}
    return dict(zip(keys, segment_numbers(node.GetSegmentation(), keys), strict=True))


class Match(NamedTuple):
    """The region of a model that a structure is.

    Attributes:
        text: in a word or two; empty for a model without regions.
        detail: in a sentence.
        region: number of the region; None: it is none that the model knows.
    """

    text: str
    detail: str
    region: int | None = None


def match_structure(words: str, card: ModelCard | None) -> Match:
    """Find the region of a model that a structure is.

    Args:
        words: what the structure is called, or its prompt.
        card: of the model.
    """
    if card is None or not card.label_scheme:
        return Match("", "")
    if not words.strip() or words.strip().lower() == "background":
        return Match(_("background"), _("Background: it guides nothing."))
    number = _region(words, card)
    if number is not None:
        name = card.label_names[number]
        return Match(name, _("The model knows this region: {name}.").format(name=name), number)
    if "encoder" in card.text:
        return Match(_("new words"), _("New to the model, which will go by the words."))
    return Match(_("background"), _("New to the model, which takes no new words: background."))


def guides(node: Node | None, card: ModelCard | None) -> bool:
    """Whether a model knows any structure of a node, by its name or else by its number."""
    if card is None or not card.label_scheme:
        return False
    found = structures(node)
    if any(structure.name for structure in found):
        return any(_region(structure.name, card) is not None for structure in found)
    return bool(found) and all(structure.key in card.label_scheme for structure in found)


# The panel asks for the same words with every change.
_regions: dict[tuple[str, str, str], int | None] = {}
_MOST_REGIONS = 4096


def _region(words: str, card: ModelCard) -> int | None:
    key = str(card.folder), card.id, words
    if key not in _regions:
        if len(_regions) > _MOST_REGIONS:
            _regions.clear()
        _regions[key] = match_region(words, card.label_scheme)
    return _regions[key]


def _present(volume: Node) -> list[int]:
    """Return the labels of a label map volume, ascending, without background."""
    image = volume.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        return []
    key = image.GetAddressAsString("vtkObject"), image.GetMTime()
    if _seen.get("key") != key:
        _seen.update(key=key, labels=_find_labels(volume))
    return list(_seen["labels"])


# Likewise for the labels of one volume.
_seen: dict[str, Any] = {}


def _find_labels(volume: Node) -> list[int]:
    array = slicer.util.arrayFromVolume(volume)
    if array.ndim != 3 or array.dtype.kind not in "iu" or array.size == 0:
        return []
    largest = int(array.max())
    if not 0 < largest < _LARGEST:
        return []
    # Much faster than numpy.unique, which sorts.
    found = np.zeros(largest + 1, bool)
    found[np.maximum(array, 0)] = True
    return [int(number) for number in np.flatnonzero(found) if number > 0]
