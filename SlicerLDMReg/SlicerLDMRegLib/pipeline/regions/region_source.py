"""Source of the regions of a registration: the user's labels, a segmenter, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...errors import InputError, ModelError
from ...geometry import ImageGeometry
from ...images import as_labels
from ...model_store import ModelCard, find_model
from ...segmentation import Segmentation, load_segmentation, read_names
from ...segmentation.slicer_file import is_slicer_segmentation
from ..context import RunContext
from ..inputs import Inputs
from ..predict.loaded_model import LoadedModel
from ..provenance import voxel_digest
from ..request import RegistrationRequest
from .image_regions import GivenRegions, ImageRegions, RegionSummary
from .label_matching import known_rows, match_labels
from .segmentation_cache import segmenter_beside

__all__ = ["RegionSource"]

_ROLE = "fixed segmentation"
_KINDS = ("auto", "none")
_LISTED = 8  # labels in an error


@dataclass(frozen=True)
class RegionSource:
    """Regions that the user asked for, checked before any work begins.

    Attributes:
        segmentation: the given labels; None: there are none.
        segmenter: id or path of the model that finds labels; None: there is none.
        prompts: labels in words, which replace their names.
        source: see :class:`RegionSummary`.
        measured: whether the labels measure the overlap as well.
        note: why there are no regions.
        label_names: names of the labels that measure the overlap, where they are known.
        unnamed: labels that the scheme of names leaves out.
    """

    segmentation: Segmentation | None = None
    segmenter: str | None = None
    prompts: Mapping[int, str] = field(default_factory=dict)
    source: str = "none"
    measured: bool = False
    note: str = ""
    label_names: Mapping[int, str] = field(default_factory=dict)
    unnamed: tuple[int, ...] = ()

    @classmethod
    def choose(
        cls, inputs: Inputs, request: RegistrationRequest, context: RunContext
    ) -> RegionSource:
        """Check what a request says about regions, and read the labels.

        Raises:
            InputError: for labels without names, names without labels, labels that cover nothing or
                lie on another lattice, and for regions that the model does not take.
        """
        names, given = request.label_names, request.fixed_segmentation
        if names is not None and given is None and inputs.fixed_labels is None:
            raise InputError(
                "label names: there are no labels that they name; give fixed labels, too"
            )
        chosen = _choose(inputs, request, context)
        if chosen.measured and chosen.segmentation is not None:
            return replace(chosen, label_names=chosen.segmentation.names)
        known: Mapping[int, str] = inputs.label_names
        if inputs.fixed_labels is not None and names is not None:
            own = names == "model" and context.model is not None
            known = context.model.card.label_names if own else read_names(names)  # type: ignore[union-attr]
        return replace(chosen, label_names=known)

    def find(
        self, inputs: Inputs, request: RegistrationRequest, context: RunContext
    ) -> GivenRegions:
        """Return the regions of the images; the segmenter runs where it has to.

        With an overlap of regions in the refinement, the segmenter looks at both images.

        Raises:
            InputError: for a prompt of a label that there is not, or an image that the segmenter
                does not take.
            ModelError: when the segmenter is missing or damaged.
            CancelledError: when the caller cancels.
        """
        loaded, progress = context.model, context.progress
        assert loaded is not None
        options = request.refine_options(context.defaults)
        overlap = options.enabled and options.anatomy > 0
        segmenter = None if self.segmenter is None else segmenter_beside(loaded, self.segmenter)
        fixed = self.segmentation
        if fixed is None and segmenter is not None:
            fixed = segmenter.segment(inputs.fixed, progress.part(0.0, 0.5 if overlap else 1.0))
        if fixed is None:
            return GivenRegions(RegionSummary("none", note=self.note))
        present = _present(fixed.labels)
        names = {n: fixed.names[n] for n in present if n in fixed.names}
        for number, words in self.prompts.items():
            if number not in present and number not in fixed.names:
                raise InputError(
                    f"prompts: there is no label {number}; the labels are {_shown(present)}"
                )
            if number in present:
                names[number] = words
        card = loaded.card
        rows, filters, summary = match_labels(
            names, card, loaded.predictor.network, self.source, self.measured
        )
        without = {n: {"name": "", "reason": "without a name"} for n in self.unnamed}
        summary = replace(summary, background={**summary.background, **without})
        found = None
        if overlap and segmenter is not None:
            # The fixed image too, where its labels were given: like is compared with like.
            moving = segmenter.segment(inputs.moving, progress.part(0.5, 0.75))
            own = segmenter.segment(inputs.fixed, progress.part(0.75, 1.0))
            rows_of = partial(known_rows, card=card)
            found = (
                ImageRegions(moving, rows_of(moving.names)),
                ImageRegions(own, rows_of(own.names)),
            )
        return GivenRegions(summary, ImageRegions(fixed, rows), found, filters)

    def describe(self) -> dict[str, Any]:
        """Return where the regions come from as plain data, for the provenance."""
        given = self.segmentation
        return {
            "source": self.source,
            "segmenter": self.segmenter,
            "prompts": dict(self.prompts),
            "sha256": None if given is None else voxel_digest(given.labels),
        }


def _choose(inputs: Inputs, request: RegistrationRequest, context: RunContext) -> RegionSource:
    given, names, loaded = request.fixed_segmentation, request.label_names, context.model
    kind = given if isinstance(given, str) and given in _KINDS else None
    if loaded is None or not context.uses_regions:
        _refuse(loaded, given if kind is None else None, request.segmenter, request.prompts)
        return RegionSource()
    card, words = loaded.card, request.prompts
    wanted, note = _segmenter(card, request.segmenter)
    if given is None and names is not None:
        # The numbers of the labels may mean anything: only their names make them regions.
        labels, unnamed = _load(inputs.fixed_labels, names, inputs.fixed, card, "fixed labels")
        return RegionSource(labels, wanted, words, "given labels", True, unnamed=unnamed)
    if given is not None and kind is None:
        labels, unnamed = _load(given, names, inputs.fixed, card, _ROLE)
        measured = inputs.fixed_labels is not None and _same(labels.labels, inputs.fixed_labels)
        source = "given labels" if measured else "the given segmentation"
        return RegionSource(labels, wanted, words, source, measured, unnamed=unnamed)
    if kind == "none":
        wanted, note = None, "turned off"
    elif kind == "auto" and wanted is None:
        raise InputError(f"{_ROLE}: auto needs a segmenter, and {note}; name one")
    if words and wanted is None:
        raise InputError("prompts: there are no labels that they name; give a fixed segmentation")
    source = "none" if wanted is None else f"segmenter {wanted}"
    return RegionSource(None, wanted, words, source, note=note)


def _refuse(loaded: LoadedModel | None, segmentation: Any, segmenter: str, prompts: Any) -> None:
    """Refuse regions that nobody would look at."""
    asked = {
        "fixed segmentation": segmentation is not None,
        "segmenter": segmenter not in _KINDS,
        "prompts": bool(prompts),
    }
    for option, given in asked.items():
        if given:
            who = "there is no model" if loaded is None else f"model {loaded.card.id!r} takes none"
            raise InputError(f"{option}: it guides models with regions, and {who}; leave it out")


def _segmenter(card: ModelCard, segmenter: str) -> tuple[str | None, str]:
    """Return the segmenter to use, or None and why there is none."""
    if segmenter == "none":
        return None, "the segmenter is turned off"
    if segmenter != "auto":
        return segmenter, ""
    if card.segmenter is None:
        return None, f"model {card.id!r} names no segmenter"
    try:
        find_model(card.segmenter, "segmentation")
    except ModelError:
        return None, f"the model's segmenter {card.segmenter!r} is not installed"
    return card.segmenter, ""


def _load(
    source: Any, names: Any, image: sitk.Image, card: ModelCard, role: str
) -> tuple[Segmentation, tuple[int, ...]]:
    """Read labels, and find those that a scheme of names leaves out: they are no regions.

    Without names, numbers that all are the model's mean what they mean there. Names of one's own
    have to be complete, but a segmentation of a known scheme may well hold more than the scheme.
    """
    if isinstance(names, str) and (names == "model" or not _is_file(names)):
        names = card.label_names if names == "model" else read_names(names)
        source, unnamed = _without_unnamed(as_labels(source, image, role), names)
        return load_segmentation(source, names, image, role), unnamed
    carries = isinstance(source, Segmentation) or (
        isinstance(source, str | Path) and is_slicer_segmentation(Path(source))
    )
    if names is None and not carries:
        source = as_labels(source, image, role)
        present = _present(source)
        if present and set(present) <= set(card.label_names):
            names = card.label_names
    return load_segmentation(source, names, image, role), ()


def _is_file(names: str) -> bool:
    path = Path(names).expanduser()
    return path.suffix.lower() == ".json" or path.exists()


def _without_unnamed(
    labels: sitk.Image, names: Mapping[int, str]
) -> tuple[sitk.Image, tuple[int, ...]]:
    present = _present(labels)
    unnamed = tuple(n for n in present if n not in names)
    if not unnamed or len(unnamed) == len(present):
        return labels, ()
    array = sitk.GetArrayFromImage(labels)
    array[np.isin(array, unnamed)] = 0
    return ImageGeometry.from_image(labels).to_image(array), unnamed


def _present(labels: sitk.Image) -> list[int]:
    return [int(n) for n in np.unique(sitk.GetArrayViewFromImage(labels)) if n != 0]


def _same(guiding: sitk.Image, measured: sitk.Image) -> bool:
    """Whether the labels that guide are measured, too; some of the measured may not guide."""
    own, other = (sitk.GetArrayViewFromImage(image) for image in (guiding, measured))
    return bool((own[own != 0] == other[own != 0]).all())


def _shown(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
    return (", ".join(map(str, numbers[:_LISTED])) or "none") + more
