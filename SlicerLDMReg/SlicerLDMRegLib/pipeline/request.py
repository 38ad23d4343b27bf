"""The one description of a registration: what to register, how, and where the results go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .._small_files import DamagedFile, parse_json
from ..errors import InputError
from ..segmentation.names import read_names
from .options import (
    AlignOptions,
    RefineOptions,
    check_landmark_use,
    check_register_by,
    chosen_refinement,
    require,
    require_compute,
)
from .slices import SliceSelection

__all__ = ["SOURCES", "RegistrationRequest"]

_LARGEST_SEED = 2**32 - 2  # of ITK, which adds one
_DIGITS = 18  # of a label number: it is an integer of 64 bits
#: Fields that hold a path or an object in memory.
SOURCES = (
    "fixed",
    "moving",
    "fixed_labels",
    "moving_labels",
    "fixed_landmarks",
    "moving_landmarks",
    "fixed_segmentation",
    "fixed_mask",
    "moving_mask",
    "initial_transform",
    "model",
)


@dataclass(frozen=True)
class RegistrationRequest:
    """One registration; :class:`.Runner` runs it, :func:`SlicerLDMRegLib.register` makes it.

    Images, labels and masks are paths, ``sitk.Image`` or arrays ``(y, x)`` or ``(z, y, x)`` with
    voxels of 1 mm. Every value is coerced to its type and checked here, once.

    Args:
        fixed: 2D or 3D scalar image.
        moving: image of the same dimension; it may lie on another lattice. A 2D image also meets a
            volume of one slice, in whose plane it is put.
        model: ``auto`` (the installed model for the dimension if it knows the anatomy, else none; a
            2D one goes slice by slice through a volume), id or folder of a model, ``none`` or None:
            refinement alone; or one from :func:`~SlicerLDMRegLib.pipeline.load_model`, which stays
            in memory.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: of the network: ``auto``, ``float32`` or ``bfloat16``.
        align: ``none``, ``center``, ``rigid``, ``affine``, or ``auto``: none with an initial
            transform; on one lattice none, or a shift, turn or size where it brings much; else
            what the model recommends, mostly rigid. Or :class:`AlignOptions`.
        initial_transform: ITK transform (path or object), fixed to moving points, that comes first.
        refine: fit the field to these images: True, False, some fields of :class:`RefineOptions`,
            which leave the others to the model, or None: what the model recommends. A refined field
            has no folds, unless the initial transform has. Kept as the fields that were chosen.
        fixed_labels, moving_labels: integer maps on the lattices of the images, to measure the
            overlap. They are not used to register, but for ``fixed_labels`` with ``label_names``.
        register_by: ``images``; ``labels``: the structures of both label maps alone, those of one
            number or name: they are aligned, and their distance maps and overlap drive the
            refinement, without a model; ``both``: the refinement of the images by these, too.
        fixed_landmarks, moving_landmarks: corresponding points (path, ``(N, d)`` in LPS mm, or
            ``Landmarks``), to measure the error, and for what ``landmark_use`` says.
        landmark_use: ``measure``: nothing else; ``hold``: the refinement, which is then on, brings
            each pair to within ``landmark_mm``; ``start``: a thin-plate transform through all
            pairs comes first, as an initial transform; ``start+hold``: both.
        landmark_mm: how exact the landmarks are, mm; pairs that are closer are left alone.
        fixed_segmentation: labels of the fixed image that guide a model with regions (textSCF),
            also as a ``Segmentation``; without names their numbers must be those of the model's
            scheme. ``auto``: found by the segmenter; ``none``: no regions; None: the fixed labels
            if they have ``label_names``, else the segmenter's.
        label_names: names of the labels, ``{number: name}``, a JSON file, the name of a known
            scheme such as ``freesurfer35`` or ``btcv``, or ``model``: the model's. With them the
            fixed labels guide a model with regions, besides measuring the overlap.
        segmenter: finds the regions where no labels are given: ``auto``, that of the model;
            ``none``; the id of a segmentation model, or the path of one.
        prompts: structures in words by label number; they replace the names of these labels. A
            structure that the model has not seen gets its filter from the model's text encoder.
        fixed_mask, moving_mask: integers on the lattices of the images: where one is 0, such as in
            a tumour, at an implant or outside of an organ, the images are not compared: not by the
            alignment, not by the refinement, and not by the NCC and MSE that are measured. A
            network sees the images as they are.
        diffeomorphic: True: the field has no folds and an exact inverse also where the refinement
            is off: the field of the network becomes the exponential of a velocity. False: the
            network's field is kept as it is where the refinement is off; where it is on, the field
            always is diffeomorphic. None: as the model and the refinement make it.
        slices: ``[AXIS:]WHICH``: register these slices of a volume one by one, in their plane.
        uncertainty: whether to estimate the error of the refined field at each voxel, by
            registering in some eight other ways; it takes that much longer, and the refinement is
            on.
        seed: of everything random.
        output: folder of the results; None: nothing is written.
        share: whether others may read the results as the umask says; else the owner alone.

    Raises:
        InputError: with the name of the field, for a value that cannot be.
    """

    fixed: Any
    moving: Any
    model: Any = "auto"
    device: str = "auto"
    precision: str = "auto"
    align: AlignOptions = field(default_factory=AlignOptions)
    initial_transform: Any = None
    refine: dict[str, Any] = field(default_factory=dict)
    fixed_labels: Any = None
    moving_labels: Any = None
    register_by: str = "images"
    fixed_landmarks: Any = None
    moving_landmarks: Any = None
    landmark_use: str = "measure"
    landmark_mm: float = 1.0
    fixed_segmentation: Any = None
    label_names: str | dict[int, str] | None = None
    segmenter: str = "auto"
    prompts: dict[int, str] = field(default_factory=dict)
    fixed_mask: Any = None
    moving_mask: Any = None
    diffeomorphic: bool | None = None
    slices: SliceSelection | None = None
    uncertainty: bool = False
    seed: int = 0
    output: str | None = None
    share: bool = False

    def __post_init__(self) -> None:
        for name in (*SOURCES, "label_names", "segmenter", "output"):
            if isinstance(getattr(self, name), Path):
                self._set(name, str(getattr(self, name)))
        for name in SOURCES:
            value = getattr(self, name)
            missing = value is None and name in ("fixed", "moving")
            wrong = missing or isinstance(value, bool | int | float)
            require(not wrong, name, "a path or an object in memory", value)
        self._set("model", "none" if self.model is None else self.model)
        require_compute(self.device, self.precision)
        require(isinstance(self.segmenter, str), "segmenter", "a text", self.segmenter)
        good = self.output is None or isinstance(self.output, str)
        require(good, "output", "a path", self.output)
        self._set("align", AlignOptions.from_value(self.align))
        self._set("refine", chosen_refinement(self.refine))
        self._set("prompts", _texts(self.prompts or {}, "prompts"))
        if self.label_names is not None and not isinstance(self.label_names, str):
            self._set("label_names", read_names(self.label_names, "label names"))
        slices: Any = self.slices
        if isinstance(slices, str):
            slices = SliceSelection.parse(slices)
        good = slices is None or isinstance(slices, SliceSelection)
        require(good, "slices", "a text such as axial:10-20", slices)
        self._set("slices", slices)
        good = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        good = good and 0 <= self.seed <= _LARGEST_SEED
        require(good, "seed", "an integer from 0", self.seed)
        require(isinstance(self.share, bool), "share", "true or false", self.share)
        good = isinstance(self.uncertainty, bool)
        require(good, "uncertainty", "true or false", self.uncertainty)
        check_landmark_use(self.landmark_use, self.landmark_mm)
        self._check_landmarks()
        check_register_by(self.register_by)
        self._check_structures()
        if self.uncertainty and self.refine.get("enabled") is False:
            raise InputError(
                "the uncertainty is that of the refinement, which is off; turn it on, or leave "
                "this option out",
                option="uncertainty",
            )
        good = self.diffeomorphic is None or isinstance(self.diffeomorphic, bool)
        require(good, "diffeomorphic", "true, false or None", self.diffeomorphic)
        refined = self.refine.get("enabled") or self.holds_landmarks or self.uses_structures
        refined = refined or self.uncertainty
        if self.diffeomorphic is False and refined:
            raise InputError(
                "diffeomorphic: false keeps the field of the network, but a refined field always "
                "is diffeomorphic; use {advice}, or leave this option out",
                option="refine",
                value=False,
            )

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_structures(self) -> None:
        """Check that what the registration goes by is there, and goes with the other options."""
        if self.register_by == "images":
            return
        if self.fixed_labels is None or self.moving_labels is None:
            raise InputError(
                "a registration by structures needs the labels of both images; give them, or use "
                "{advice}",
                option="register_by",
                value="images",
            )
        if self.refine.get("enabled") is False:
            raise InputError(
                "structures drive the refinement, which is off; turn it on, or use {advice}",
                option="register_by",
                value="images",
            )
        if self.register_by == "labels":
            if self.model not in ("auto", "none"):
                raise InputError(
                    "a registration by structures alone takes no model; use {advice}",
                    option="model",
                    value="none",
                )
            self._set("model", "none")

    @property
    def uses_structures(self) -> bool:
        """Whether the structures of both label maps drive the refinement."""
        return self.register_by != "images"

    def _check_landmarks(self) -> None:
        """Check that what landmarks are for goes with the other options."""
        if self.landmark_use == "measure":
            return
        if self.fixed_landmarks is None and self.moving_landmarks is None:
            raise InputError(
                f"landmark use {self.landmark_use}: expected landmarks of both images, got none; "
                "give them, or use {advice}",
                option="landmark_use",
                value="measure",
            )
        if self.starts_at_landmarks and self.initial_transform is not None:
            raise InputError(
                "landmarks that make the initial transform cannot go with another initial "
                "transform; leave that out, or use {advice}",
                option="landmark_use",
                value=("measure", "hold"),
            )
        if self.holds_landmarks and self.refine.get("enabled") is False:
            raise InputError(
                "landmarks are held by the refinement, which is off; turn it on, or use {advice}",
                option="landmark_use",
                value=("measure", "start"),
            )

    @property
    def holds_landmarks(self) -> bool:
        """Whether the refinement holds the landmarks together."""
        return self.landmark_use in ("hold", "start+hold")

    @property
    def starts_at_landmarks(self) -> bool:
        """Whether a thin-plate transform through the landmarks comes first."""
        return self.landmark_use in ("start", "start+hold")

    @property
    def objects(self) -> dict[str, Any]:
        """Fields that hold an object in memory instead of a path."""
        values = {name: getattr(self, name) for name in SOURCES}
        return {name: value for name, value in values.items() if not isinstance(value, str | None)}

    def refine_options(self, defaults: Mapping[str, Any]) -> RefineOptions:
        """Return the options of the refinement, over the defaults of a model card."""
        chosen = self.refine
        if self.holds_landmarks or self.uses_structures or self.uncertainty:
            chosen = {**chosen, "enabled": True}
        return RefineOptions.recommended(chosen, defaults.get("refine", {}))

    def to_dict(self) -> dict[str, Any]:
        """Return the request as a nested dict that JSON can hold, without :attr:`objects`."""
        held = self.objects
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in held}
        plain["align"] = asdict(self.align)
        plain["slices"] = None if self.slices is None else str(self.slices)
        for name in ("label_names", "prompts"):
            if isinstance(plain[name], dict):
                plain[name] = {str(number): text for number, text in plain[name].items()}
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegistrationRequest:
        """Build a request from a nested dict.

        Raises:
            InputError: for an unknown field, a missing image, or a value out of range.
        """
        require(isinstance(values, Mapping), "request", "an object", values)
        known = {f.name for f in fields(cls)}
        for name in values:
            require(
                isinstance(name, str) and name in known,
                "request",
                f"fields among {', '.join(sorted(known))}",
                name,
            )
        for name in ("fixed", "moving"):
            require(name in values, "request", f"a path for {name!r}", list(values))
        return cls(**values)

    def to_json(self) -> str:
        """Return the request as JSON text.

        Raises:
            InputError: when it holds objects in memory, which JSON cannot.
        """
        for name, value in self.objects.items():
            require(False, name, "a path, for JSON holds no objects", type(value).__name__)
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RegistrationRequest:
        """Read a request from JSON text.

        Raises:
            InputError: when the text is not JSON or not a request.
        """
        try:
            values = parse_json(text)
        except DamagedFile as error:
            raise InputError(f"request: expected JSON, got an error: {error}") from error
        return cls.from_dict(values)


def _texts(value: Any, name: str) -> dict[int, str]:
    """Return texts by label number; JSON has the numbers as text."""
    require(isinstance(value, Mapping), name, "an object {label number: text}", value)
    for number, text in value.items():
        digits = str(number) if isinstance(number, int | str) else ""
        good = len(digits) <= _DIGITS and digits.isdecimal() and isinstance(text, str)
        require(good, name, "a text for each label number", {number: text})
    return {int(number): text for number, text in value.items()}
