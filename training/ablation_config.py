"""Configuration of an ablation study: training variants and tables of their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.text import build_encoder
from SlicerLDMRegLib.text.weights import user_file

from .baselines import MASKS
from .config import StageConfig

__all__ = ["Ablation", "TableRow", "TableSpec"]


@dataclass(frozen=True)
class TableRow:
    """Row of a table: a trained network and the conditions of its evaluation.

    Args:
        title: title in the table.
        variant: name of the training; None: no registration.
        masks: origin of the regions, of :data:`~training.baselines.MASKS`.
        background: numbers of structures that are background in the masks.
    """

    title: str
    variant: str | None = None
    masks: str = "reference"
    background: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "background", tuple(self.background))
        if self.masks not in MASKS:
            raise ValueError(f"masks must be one of {', '.join(MASKS)}, got {self.masks!r}")


@dataclass(frozen=True)
class TableSpec:
    """Table of an ablation.

    Args:
        title: heading.
        rows: rows; the first is the reference for the others.
        structures: numbers of structures with their own column.
        note: text below the table.
    """

    title: str
    rows: tuple[TableRow, ...]
    structures: tuple[int, ...] = ()
    note: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableSpec:
        """Read plain values."""
        rows = tuple(TableRow(**row) for row in values["rows"])
        others = {k: v for k, v in values.items() if k != "rows"}
        others["structures"] = tuple(others.get("structures", ()))
        return cls(rows=rows, **others)


@dataclass(frozen=True)
class Ablation:
    """Ablation study: training variants, tables and segmenter.

    Attributes:
        variants: configuration of each registration training, by name.
        tables: tables of the results.
        segmenter: id or folder of the model that predicts masks, or None.
    """

    variants: Mapping[str, StageConfig]
    tables: Sequence[TableSpec]
    segmenter: str | None = None

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Ablation:
        """Read a YAML file.

        ``base`` is the common configuration of all variants, ``set`` the changes to it for all of
        them, ``variants`` the changes of each by name, ``segmenter`` a segmentation model. Files
        are relative to this one; changes are written ``key=value`` as for ``training.train --set``.

        Args:
            path: the file.
            overrides: further changes for all variants.

        Raises:
            ValueError: for unknown options, masks or variants.
        """
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        unknown = sorted(set(values) - {"base", "set", "variants", "tables", "segmenter"})
        if unknown:
            raise ValueError(f"{path}: unknown entries {unknown}")

        def config(base: str, changes: Sequence[str]) -> StageConfig:
            return StageConfig.load(path.parent / base, [*changes, *overrides])

        shared = values.get("set", [])
        variants = {
            name: config(values["base"], [*shared, *(own or [])])
            for name, own in values["variants"].items()
        }
        tables = [TableSpec.from_dict(table) for table in values["tables"]]
        ablation = cls(variants, tables, values.get("segmenter"))
        ablation._check(path)
        return ablation

    def absent(self) -> dict[str, str]:
        """Return the variants whose text encoder needs a file that is not there, with the reason.

        A file that is there and damaged is not absent: its variant fails.
        """
        found = {name: _absent(config.text) for name, config in self.variants.items()}
        return {name: reason for name, reason in found.items() if reason}

    def _check(self, path: Path) -> None:
        for row in (row for table in self.tables for row in table.rows):
            if row.variant is not None and row.variant not in self.variants:
                known = ", ".join(self.variants)
                raise ValueError(f"{path}: variants are {known}; a row names {row.variant!r}")
            if row.masks == "predicted" and self.segmenter is None:
                raise ValueError(f"{path}: row {row.title!r} needs a segmenter, and there is none")
        grids = {str(_grid(config)) for config in self.variants.values()}
        if len(grids) > 1:
            raise ValueError(f"{path}: all variants must have one grid, got {', '.join(grids)}")


def _grid(config: StageConfig) -> dict[str, Any]:
    images = config.data.get("images", {})
    return {key: images[key] for key in ("size", "spacing") if key in images}


def _absent(text: Mapping[str, Any]) -> str:
    encoder = str(text.get("encoder", "")).partition("@")[0]
    kind, _, file = encoder.partition(":")
    try:
        if kind in ("table", "words") and file:
            user_file(file, text.get("weights"))
        elif kind == "open-clip":
            build_encoder(encoder, text.get("weights"))
    except (InputError, ModelError) as error:
        return str(error)
    return ""
