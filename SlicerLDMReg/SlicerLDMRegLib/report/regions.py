"""Regions that guided a registration: matched to the model, new by prompt, or background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["GUIDED", "Region", "RegionGroup", "Regions", "by_label", "region_names", "regions_of"]

_GIVEN, _SEGMENTER = "given labels", "segmenter "
GUIDED = (
    "The labels that measure the overlap also guided the registration: their Dice is not "
    "independent evidence."
)


@dataclass(frozen=True)
class Region:
    """Label with its name, and its region in the model, its prompt, or the reason for neither."""

    label: int
    name: str
    detail: str = ""


@dataclass(frozen=True)
class RegionGroup:
    """Regions of one kind: ``matched``, ``new`` or ``background``."""

    key: str
    title: str
    explanation: str
    regions: list[Region]


@dataclass(frozen=True)
class Regions:
    """Section of the report on the regions.

    Attributes:
        source: their origin, a sentence.
        groups: groups that are not empty.
        guided: whether the labels that measure the overlap also guided the registration.
        given: whether the regions are the labels given for the fixed image.
    """

    source: str
    groups: list[RegionGroup] = field(default_factory=list)
    guided: bool = False
    given: bool = False

    @property
    def tags(self) -> dict[int, str]:
        """``new`` or ``background`` by label."""
        return {r.label: g.key for g in self.groups if g.key != "matched" for r in g.regions}


_GROUPS = (
    ("matched", "Matched", "The model was trained on these regions.", "region"),
    ("new", "New, by prompt", "Unknown to the model; the text gave them their filters.", "prompt"),
    ("background", "Background", "Registered as everything around them.", "reason"),
)


def by_label(section: Any) -> dict[int, Any]:
    """Return a mapping by label number; its keys may be text, as in JSON."""
    if not isinstance(section, Mapping):
        return {}
    return {int(key): value for key, value in section.items()}


def _entry(label: int, value: Any, key: str) -> Region:
    if not isinstance(value, Mapping):
        return Region(label, str(value or f"Label {label}"))
    detail = value.get(key)
    return Region(label, str(value.get("name") or f"Label {label}"), str(detail or ""))


def region_names(metrics: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of the regions by label, if they are the measured labels."""
    section = metrics.get("regions")
    if not isinstance(section, Mapping) or section.get("source") != _GIVEN:
        return {}
    return {
        label: str(value["name"])
        for group in _GROUPS
        for label, value in by_label(section.get(group[0])).items()
        if isinstance(value, Mapping) and value.get("name")
    }


def _source(section: Mapping[str, Any]) -> str:
    source = str(section.get("source") or "none")
    if source == "none":
        note = str(section.get("note") or "there were no labels and no segmenter").rstrip(".")
        return f"No region guided the network: {note}."
    if source == _GIVEN:
        return "The regions are the labels that were given for the fixed image."
    if source.startswith(_SEGMENTER):
        name = source.removeprefix(_SEGMENTER)
        return f"The regions of the fixed image were found by the segmenter {name}."
    return f"The regions come from {source}."


def regions_of(metrics: Mapping[str, Any]) -> Regions | None:
    """Return the regions of ``metrics["regions"]``; None for a method without regions."""
    section = metrics.get("regions")
    if not isinstance(section, Mapping):
        return None
    groups = []
    for key, title, explanation, detail in _GROUPS:
        found = [_entry(n, value, detail) for n, value in by_label(section.get(key)).items()]
        if found:
            found.sort(key=lambda region: region.label)
            groups.append(RegionGroup(key, title, explanation, found))
    guided = bool(section.get("guided_by_measured_labels"))
    return Regions(_source(section), groups, guided, section.get("source") == _GIVEN)
