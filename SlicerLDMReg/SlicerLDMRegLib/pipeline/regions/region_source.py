"""Where the regions of a registration come from: the user's labels, a segmenter, or nowhere."""

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
from ...model_store import ModelCard
from ...segmentation import Segmentation, load_segmentation, read_names
from ...segmentation.slicer_file import is_slicer_segmentation
from ..inputs import Inputs
from ..predict.loaded_model import LoadedModel
from ..progress import Progress
from .image_regions import GivenRegions, ImageRegions, RegionSummary
from .label_matching import known_rows, match_labels

__all__ = ["Guidance", "choose_guidance"]

_ROLE = "fixed segmentation"
_LISTED = 8


@dataclass(frozen=True)
class Guidance:
    """What the user said about regions, checked before any work begins.

    Attributes:
        segmentation: the given labels; None: there are none.
        segmenter: what finds labels: the id of a model or a path; None: nothing does.
        prompts: what labels are, in words, whatever else they are called.
        source: see :class:`RegionSummary`.
        measured: whether the labels measure the overlap as well.
        note: why there are no regions.
        label_names: names of the labels that measure the overlap, where they are known.
        unnamed: labels that the scheme of names leaves out.
    """

    segmentation: Segmentation | None = None
    segmenter: str | None = None
    prompts: Mapping[int, str] | None = None
    source: str = "none"
    measured: bool = False
    note: str = ""
    label_names: Mapping[int, str] = field(default_factory=dict)
    unnamed: tuple[int, ...] = ()

    def find(
        self, inputs: Inputs, loaded: LoadedModel, overlap: bool, progress: Progress
    ) -> GivenRegions:
        """Return the regions of the images; the segmenter runs where it has to.

        Args:
            inputs: the images.
            loaded: the model.
            overlap: whether the regions that the segmenter finds in both images are needed, too.
            progress: of this part of the job.

        Raises:
            InputError: for a prompt of a label that there is not, or an image that the segmenter
                does not take.
            ModelError: when the segmenter is missing or damaged.
            CancelledError: when the caller cancels.
        """
        card = loaded.card
        segmenter = None if self.segmenter is None else loaded.segmenter(self.segmenter)
        fixed = self.segmentation
        if fixed is None and segmenter is not None:
            fixed = segmenter.segment(inputs.fixed, progress.part(0.0, 0.5 if overlap else 1.0))
        if fixed is None:
            return GivenRegions(RegionSummary("none", note=self.note))
        present = _present(fixed.labels)
        names = {n: fixed.names[n] for n in present if n in fixed.names}
        for number, words in (self.prompts or {}).items():
            if number not in present and number not in fixed.names:
                raise InputError(
                    f"prompts: there is no label {number}; the labels are {_shown(present)}"
                )
            if number in present:
                names[number] = words
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


def choose_guidance(
    inputs: Inputs,
    loaded: LoadedModel | None,
    segmentation: Any = None,
    names: str | Path | Mapping[Any, str] | None = None,
    segmenter: str | Path = "auto",
    prompts: Mapping[Any, str] | None = None,
) -> Guidance:
    """Check what the user said about regions, and read the labels.

    Args:
        inputs: the checked inputs.
        loaded: the model; None: refinement alone.
        segmentation: labels of the fixed image; ``"auto"``: the segmenter's; ``"none"``; None: the
            fixed labels where ``names`` are given, else the segmenter's.
        names: of these labels; ``"model"``: those of the model's scheme.
        segmenter: ``"auto"``: that of the model; ``"none"``; an id or a path.
        prompts: words by label number.

    Raises:
        InputError: for labels without names, names without labels, labels that cover nothing or lie
            on another lattice, and for regions that the model does not take.
    """
    kind = segmentation if isinstance(segmentation, str) and segmentation in _KINDS else None
    if names is not None and kind is None and segmentation is None and inputs.fixed_labels is None:
        raise InputError("label names: there are no labels that they name; give fixed labels, too")
    chosen = _choose(inputs, loaded, segmentation, kind, names, segmenter, prompts)
    if chosen.measured and chosen.segmentation is not None:
        return replace(chosen, label_names=chosen.segmentation.names)
    known: Mapping[int, str] = inputs.label_names
    if inputs.fixed_labels is not None and names is not None:
        own = isinstance(names, str) and names == "model" and loaded is not None
        known = loaded.card.label_names if own and loaded is not None else read_names(names)
    return replace(chosen, label_names=known)


def _choose(
    inputs: Inputs,
    loaded: LoadedModel | None,
    segmentation: Any,
    kind: str | None,
    names: str | Path | Mapping[Any, str] | None,
    segmenter: str | Path,
    prompts: Mapping[Any, str] | None,
) -> Guidance:
    if loaded is None or not loaded.predictor.uses_regions:
        _refuse(loaded, segmentation if kind is None else None, segmenter, prompts)
        return Guidance()
    words = {_number(n): str(text) for n, text in (prompts or {}).items()}
    wanted, note = _segmenter(loaded.card, segmenter)
    if segmentation is None and names is not None:
        # The numbers of the labels may mean anything: only their names make them regions.
        given, unnamed = _load(
            inputs.fixed_labels, names, inputs.fixed, loaded.card, "fixed labels"
        )
        return Guidance(given, wanted, words, "given labels", True, unnamed=unnamed)
    if segmentation is not None and kind is None:
        given, unnamed = _load(segmentation, names, inputs.fixed, loaded.card, _ROLE)
        measured = inputs.fixed_labels is not None and _same(given.labels, inputs.fixed_labels)
        source = "given labels" if measured else "the given segmentation"
        return Guidance(given, wanted, words, source, measured, unnamed=unnamed)
    if kind == "none":
        wanted, note = None, "turned off"
    elif kind == "auto" and wanted is None:
        raise InputError(f"{_ROLE}: auto needs a segmenter, and {note}; name one")
    if words and wanted is None:
        raise InputError("prompts: there are no labels that they name; give a fixed segmentation")
    source = "none" if wanted is None else f"segmenter {wanted}"
    return Guidance(None, wanted, words, source, note=note)


_KINDS = ("auto", "none")


def _refuse(
    loaded: LoadedModel | None, segmentation: Any, segmenter: str | Path, prompts: Any
) -> None:
    """Refuse regions that nobody would look at."""
    asked = {
        "fixed segmentation": segmentation is not None,
        "segmenter": str(segmenter) not in _KINDS,
        "prompts": bool(prompts),
    }
    for option, given in asked.items():
        if given:
            who = "there is no model" if loaded is None else f"model {loaded.card.id!r} takes none"
            raise InputError(f"{option}: it guides models with regions, and {who}; leave it out")


def _segmenter(card: ModelCard, segmenter: str | Path) -> tuple[str | None, str]:
    """Return the segmenter to use, or None and why there is none."""
    if str(segmenter) == "none":
        return None, "the segmenter is turned off"
    if str(segmenter) != "auto":
        return str(segmenter), ""
    if card.segmenter is None:
        return None, f"model {card.id!r} names no segmenter"
    from ...model_store import find_model

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


def _number(label: Any) -> int:
    if not str(label).isdecimal():
        raise InputError(f"prompts: expected label numbers, got {label!r}")
    return int(label)


def _shown(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
    return (", ".join(map(str, numbers[:_LISTED])) or "none") + more
