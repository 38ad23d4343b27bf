"""Description of a model: the typed view of the ``metadata.json`` of its folder.

The file holds the metadata keys of a MONAI bundle and one section of our own, ``ldmreg``. Nothing
in it is trusted: every field is checked, and no path is ever taken from it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .._small_files import DamagedFile, read_json
from ..errors import ModelError
from .card_parts import WEIGHTS_FILE, Anatomy, Grid, Intensity, TrainingData, Weights, require
from .json_fields import Fields

__all__ = [
    "FORMAT_VERSION",
    "METADATA_FILE",
    "ModelCard",
]

FORMAT_VERSION = 1
METADATA_FILE = "metadata.json"
_MOST_BYTES = 10_000_000  # of metadata; that of 133 structures has 0.03 MB
_LONGEST_ID = 100  # characters: it is the name of a folder
_MOST_LABELS = 10_000
_DIGITS = 19  # of a label number, at most one less: it is an integer of 64 bits
_NOT_CLINICAL = "Research only. Not for clinical use."
_KINDS = ("registration", "segmentation")
_TEXT_KEYS = ("encoder", "template", "background")
_OBJECTS = ("label_scheme", "defaults", "training", "results")
_BUNDLE_TEXTS = ("version", "description", "authors", "copyright", "intended_use")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class ModelCard:
    """A model, described. It is read from a model folder, or made to write one.

    Args:
        id: lower-case words joined by hyphens, e.g. ``"ldm-morph-cardiac-mr"``.
        title: the name shown to people.
        method: the network, as :func:`SlicerLDMRegLib.networks.build_network` knows it.
        spatial_dims: 2 or 3.
        network: arguments of the network.
        grid: the lattice it works on.
        use: one line: for which images the model is.
        kind: ``"registration"`` or ``"segmentation"``.
        intensity: how intensities are mapped.
        anatomy: sizes by which the images that a 3D model knows are told from others.
        label_scheme: by label number (as text): ``{"name": ..., "prompt": ...}``. Row 0 of a
            network's classes or regions is the background; its rows 1, 2, ... are these labels in
            ascending order of their numbers.
        text: how names become vectors, of a model that takes names: ``"encoder"`` (its id),
            ``"template"`` and ``"background"``; empty otherwise.
        segmenter: id of the segmentation model that finds the labels of ``label_scheme`` where the
            user gives none, of a registration model.
        defaults: options that a registration with this model starts from.
        training: the configuration that made the weights.
        training_data: what it was trained on.
        results: measured results, by row of a table: ``{"identity": {"Dice": 0.7}, ...}``; the
            entry ``"description"`` says what was measured on what.
        limits: what the model cannot do, one sentence each.
        version: version of the model.
        changelog: by version, what changed.
        description: a paragraph on what the model does.
        authors: who made it.
        copyright: whose it is.
        intended_use: what it may be used for.
        weights: the weights file; None in a card from which a folder is yet to be written.
        folder: where it was read from.

    Raises:
        ModelError: naming the field, when a field is not what it must be.
    """

    id: str
    title: str
    method: str
    spatial_dims: int
    network: Mapping[str, Any]
    grid: Grid
    use: str
    kind: str = "registration"
    intensity: Intensity = field(default_factory=Intensity)
    anatomy: Anatomy = field(default_factory=Anatomy)
    label_scheme: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    segmenter: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    training_data: tuple[TrainingData, ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    version: str = "1.0.0"
    changelog: Mapping[str, str] = field(default_factory=lambda: {"1.0.0": "first version"})
    description: str = "Deformable registration with a trained deep network."
    authors: str = "LDMReg developers"
    copyright: str = "LDMReg developers; see LICENSE"
    intended_use: str = _NOT_CLINICAL
    weights: Weights | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        require(
            isinstance(self.id, str) and _ID.fullmatch(self.id),
            "id",
            "lower-case words and numbers joined by hyphens",
            self.id,
        )
        require(len(self.id) <= _LONGEST_ID, "id", f"at most {_LONGEST_ID} characters", self.id)
        require(self.kind in _KINDS, "kind", f"one of {_KINDS}", self.kind)
        require(self.spatial_dims in (2, 3), "spatial_dims", "2 or 3", self.spatial_dims)
        self.grid.check(self.spatial_dims)
        self.intensity.check()
        self._check_labels()
        self._check_text()
        require(
            all(
                isinstance(row, str if key == "description" else Mapping)
                for key, row in self.results.items()
            ),
            "results",
            "an object {row: {column: value}} with an optional text 'description'",
            self.results,
        )
        require(
            isinstance(self.limits, tuple) and all(isinstance(text, str) for text in self.limits),
            "limits",
            "a list of texts",
            self.limits,
        )
        require(
            all(isinstance(data.acknowledgement, str) for data in self.training_data),
            "training_data",
            "a list of objects whose acknowledgement is a text",
            self.training_data,
        )
        if self.weights is not None:
            self.weights.check()

    @property
    def weights_path(self) -> Path:
        """Path of the weights file; its name is fixed, not taken from the metadata."""
        if self.folder is None:
            raise ModelError(f"model {self.id!r} has no folder; write it with write_model_folder")
        return self.folder / WEIGHTS_FILE

    @property
    def label_numbers(self) -> tuple[int, ...]:
        """Label number of each row of the network's classes or regions; 0, background, first."""
        return (0, *sorted(int(number) for number in self.label_scheme))

    @property
    def label_names(self) -> dict[int, str]:
        """Name of each label of ``label_scheme`` by its number, ascending."""
        return {number: self.label_scheme[str(number)]["name"] for number in self.label_numbers[1:]}

    def ldmreg_section(self) -> dict[str, Any]:
        """Return the section ``ldmreg`` of ``metadata.json``."""
        section: dict[str, Any] = {"format": FORMAT_VERSION}
        for name in ("kind", "id", "title", "method", "spatial_dims", "use"):
            section[name] = getattr(self, name)
        for name in ("network", *_OBJECTS):
            section[name] = dict(getattr(self, name))
        if self.text:
            section["text"] = dict(self.text)
        if self.segmenter is not None:
            section["segmenter"] = self.segmenter
        section["grid"] = self.grid.to_json()
        section["intensity"] = self.intensity.to_json()
        if self.anatomy != Anatomy():
            section["anatomy"] = self.anatomy.to_json()
        section["training_data"] = [asdict(data) for data in self.training_data]
        section["limits"] = list(self.limits)
        if self.weights is not None:
            section["weights"] = self.weights.to_json()
        return section

    @classmethod
    def from_metadata(cls, metadata: Any, folder: Path | None = None) -> ModelCard:
        """Build a card from the parsed ``metadata.json``.

        Raises:
            ModelError: naming the field that is missing or wrong.
        """
        bundle = Fields(metadata)
        if "ldmreg" not in bundle.values:
            raise ModelError("metadata.json has no section 'ldmreg': this is not a model of LDMReg")
        own = bundle.section("ldmreg")
        version = own.integer("format", 1)
        if version != FORMAT_VERSION:
            raise ModelError(
                f"ldmreg.format must be {FORMAT_VERSION}, got {version}: "
                "this model was made for another version of LDMReg; update LDMReg or the model"
            )
        dims = own.integer("spatial_dims", 2, 3)
        limits = own.values.get("limits", [])
        texts = {name: own.text(name) for name in ("id", "title", "method", "use", "kind")}
        texts |= {name: bundle.text(name) for name in _BUNDLE_TEXTS}
        objects = {name: own.mapping(name, {}) for name in (*_OBJECTS, "text")}
        values: dict[str, Any] = {**texts, **objects}
        return cls(
            **values,
            spatial_dims=dims,
            network=own.mapping("network"),
            grid=Grid.from_fields(own.section("grid"), dims),
            intensity=Intensity.from_fields(own.section("intensity")),
            anatomy=Anatomy.from_fields(Fields(own.mapping("anatomy", {}), "ldmreg.anatomy")),
            segmenter=own.values.get("segmenter"),
            training_data=tuple(map(TrainingData.from_fields, own.sections("training_data"))),
            limits=tuple(limits) if isinstance(limits, list) else limits,
            changelog=bundle.mapping("changelog"),
            weights=Weights.from_fields(own.section("weights")),
            folder=folder,
        )

    @classmethod
    def from_folder(cls, folder: Path | str) -> ModelCard:
        """Read the card of a model folder, without looking at its other files.

        Raises:
            ModelError: when there is no such folder or its metadata cannot be used.
        """
        folder = Path(folder)
        path = folder / METADATA_FILE
        if not os.path.lexists(path):
            raise ModelError(f"{folder} is no model folder: it has no {METADATA_FILE}")
        try:
            metadata = read_json(path, _MOST_BYTES)
        except DamagedFile as error:
            raise ModelError(
                f"{path} cannot be read as JSON: {error}; get the model again"
            ) from error
        try:
            return cls.from_metadata(metadata, folder)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
        except Exception as error:  # no field of it may be the end of all models
            reason = f"{type(error).__name__}: {error}"
            raise ModelError(f"{path} cannot be used ({reason}); get the model again") from error

    def _check_labels(self) -> None:
        require(
            len(self.label_scheme) <= _MOST_LABELS
            and all(
                isinstance(key, str)
                and len(key) < _DIGITS
                and key.isdecimal()
                and key == str(int(key))  # "07" and "7" would be two names of one label
                and isinstance(value, Mapping)
                and isinstance(value.get("name"), str)
                for key, value in self.label_scheme.items()
            ),
            "label_scheme",
            "an object {label number: {'name': ...}}",
            self.label_scheme,
        )
        known = set(self.label_scheme) if self.kind == "segmentation" else set()
        require(
            set(self.anatomy.volumes_ml) <= known,
            "anatomy.volumes_ml",
            "volumes of labels of label_scheme, of a segmentation model",
            self.anatomy.volumes_ml,
        )
        if self.kind != "segmentation":
            return
        require(
            (self.grid.spacing is not None and self.grid.orientation is not None)
            or (self.spatial_dims == 2 and self.grid.spacing is None),
            "grid",
            "that of a 3D segmentation model, with spacing (mm) and orientation (such as 'LPS'), "
            "or that of a 2D one without a spacing",
            self.grid,
        )
        require(
            self.label_scheme and all(int(key) > 0 for key in self.label_scheme),
            "label_scheme",
            "the structures of the segmentation, with numbers from 1 on",
            self.label_scheme,
        )
        count = len(self.label_scheme) + 1
        require(
            self.network.get("classes") in (None, count),
            "network",
            f"a network of {count} classes: the background and those of label_scheme",
            self.network,
        )

    def _check_text(self) -> None:
        require(
            not self.text
            or (
                "encoder" in self.text
                and set(self.text) <= set(_TEXT_KEYS)
                and all(isinstance(value, str) for value in self.text.values())
            ),
            "text",
            f"an object of texts {_TEXT_KEYS}, or empty",
            self.text,
        )
        require(
            self.segmenter is None
            or (
                self.kind == "registration"
                and isinstance(self.segmenter, str)
                and _ID.fullmatch(self.segmenter)
            ),
            "segmenter",
            "the id of a segmentation model, of a registration model only, or nothing",
            self.segmenter,
        )
