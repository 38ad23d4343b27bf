"""What a model folder says of its model: the typed view of ``metadata.json``.

The file holds the metadata keys of a MONAI bundle and one section of our own, ``ldmreg``. Nothing
in it is trusted: every field is checked, and no path is ever taken from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ModelError
from .fields import Fields

__all__ = [
    "FORMAT_VERSION",
    "METADATA_FILE",
    "WEIGHTS_FILE",
    "Grid",
    "Intensity",
    "ModelCard",
    "TrainingData",
    "Weights",
]

FORMAT_VERSION = 1
METADATA_FILE = "metadata.json"
WEIGHTS_FILE = "model.safetensors"

KINDS = ("registration", "segmentation")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOT_CLINICAL = "Research only. Not for clinical use."


@dataclass(frozen=True)
class Grid:
    """The lattice that a network works on.

    Attributes:
        size: voxels along x, y (, z), the order of ITK; arrays are the other way round.
        divisor: each size must be a multiple of it.
    """

    size: tuple[int, ...]
    divisor: int = 1


@dataclass(frozen=True)
class Intensity:
    """How image intensities become the [0, 1] that a network expects.

    Attributes:
        mode: ``"minmax"``: linear between two percentiles of the image, clipped.
        lower_percentile: percentile that becomes 0.
        upper_percentile: percentile that becomes 1.
    """

    mode: str = "minmax"
    lower_percentile: float = 0.0
    upper_percentile: float = 100.0


@dataclass(frozen=True)
class TrainingData:
    """One data set that a model was trained on, its licence and the words its owners ask for."""

    name: str
    licence: str
    acknowledgement: str = ""


@dataclass(frozen=True)
class Weights:
    """The weights file: digest, length in bytes, number format and number of parameters."""

    sha256: str
    bytes: int
    dtype: str
    parameters: int


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
        label_scheme: by label number (as text): ``{"name": ..., "prompt": ...}``.
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
    label_scheme: Mapping[str, Any] = field(default_factory=dict)
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
        _check(self)

    @property
    def weights_path(self) -> Path:
        """Path of the weights file; its name is fixed, whatever the metadata says."""
        if self.folder is None:
            raise ModelError(f"model {self.id!r} has no folder; write it with write_model_folder")
        return self.folder / WEIGHTS_FILE

    def ldmreg_section(self) -> dict[str, Any]:
        """Return the section ``ldmreg`` of ``metadata.json``."""
        section: dict[str, Any] = {"format": FORMAT_VERSION}
        for name in ("kind", "id", "title", "method", "spatial_dims", "use"):
            section[name] = getattr(self, name)
        for name in ("network", "label_scheme", "defaults", "training", "results"):
            section[name] = dict(getattr(self, name))
        section["grid"] = {"size": list(self.grid.size), "divisor": self.grid.divisor}
        section["intensity"] = asdict(self.intensity)
        section["training_data"] = [asdict(data) for data in self.training_data]
        section["limits"] = list(self.limits)
        if self.weights is not None:
            section["weights"] = {"file": WEIGHTS_FILE, **asdict(self.weights)}
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
        grid, intensity, weights = (own.section(k) for k in ("grid", "intensity", "weights"))
        weights.text("file", choices=(WEIGHTS_FILE,))
        limits = own.values.get("limits", [])
        return cls(
            id=own.text("id"),
            title=own.text("title"),
            method=own.text("method"),
            spatial_dims=dims,
            network=own.mapping("network"),
            grid=Grid(grid.integers("size", dims, minimum=1), grid.integer("divisor", 1)),
            use=own.text("use"),
            kind=own.text("kind"),
            intensity=Intensity(
                intensity.text("mode"),
                intensity.number("lower_percentile", 0, 100),
                intensity.number("upper_percentile", 0, 100),
            ),
            label_scheme=own.mapping("label_scheme", {}),
            defaults=own.mapping("defaults", {}),
            training=own.mapping("training", {}),
            training_data=tuple(
                TrainingData(
                    data.text("name"), data.text("licence"), data.values.get("acknowledgement", "")
                )
                for data in own.sections("training_data")
            ),
            results=own.mapping("results", {}),
            limits=tuple(limits) if isinstance(limits, list) else limits,
            version=bundle.text("version"),
            changelog=bundle.mapping("changelog"),
            description=bundle.text("description"),
            authors=bundle.text("authors"),
            copyright=bundle.text("copyright"),
            intended_use=bundle.text("intended_use"),
            weights=Weights(
                weights.text("sha256"),
                weights.integer("bytes", 1),
                weights.text("dtype"),
                weights.integer("parameters", 0),
            ),
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
        if not path.is_file():
            raise ModelError(f"{folder} is no model folder: it has no {METADATA_FILE}")
        try:
            metadata = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{path} cannot be read as JSON: {error}") from error
        try:
            return cls.from_metadata(metadata, folder)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check(card: ModelCard) -> None:
    """Check what a card made in Python and one read from a file have in common."""

    def require(good: object, name: str, expected: str) -> None:
        if not good:
            value: Any = card
            for part in name.split("."):
                value = getattr(value, part)
            raise ModelError(f"{name} must be {expected}, got {value!r}")

    require(
        isinstance(card.id, str) and _ID.fullmatch(card.id),
        "id",
        "lower-case words and numbers joined by hyphens",
    )
    require(card.kind in KINDS, "kind", f"one of {KINDS}")
    require(card.spatial_dims in (2, 3), "spatial_dims", "2 or 3")
    require(len(card.grid.size) == card.spatial_dims, "grid.size", f"{card.spatial_dims} integers")
    require(card.grid.divisor >= 1, "grid.divisor", "at least 1")
    require(
        all(n > 0 and n % card.grid.divisor == 0 for n in card.grid.size),
        "grid.size",
        f"multiples of the divisor {card.grid.divisor}",
    )
    require(card.intensity.mode == "minmax", "intensity.mode", "'minmax'")
    low, high = card.intensity.lower_percentile, card.intensity.upper_percentile
    require(0 <= low < high <= 100, "intensity.upper_percentile", f"above {low:g}, at most 100")
    require(
        all(
            str(key).isdecimal() and isinstance(value, Mapping) and "name" in value
            for key, value in card.label_scheme.items()
        ),
        "label_scheme",
        "an object {label number: {'name': ...}}",
    )
    require(
        all(
            isinstance(row, str if key == "description" else Mapping)
            for key, row in card.results.items()
        ),
        "results",
        "an object {row: {column: value}} with an optional text 'description'",
    )
    require(
        isinstance(card.limits, tuple) and all(isinstance(text, str) for text in card.limits),
        "limits",
        "a list of texts",
    )
    require(
        all(isinstance(data.acknowledgement, str) for data in card.training_data),
        "training_data",
        "a list of objects whose acknowledgement is a text",
    )
    if card.weights is not None:
        require(_SHA256.fullmatch(card.weights.sha256), "weights.sha256", "64 hexadecimal digits")
