"""Plan of a cohort: every pair with its name, its request, and what decides about its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..manifest import ImagesManifest, Manifest, PairEntry, PairsManifest, read_manifest
from ..pipeline.request import SOURCES, RegistrationRequest
from .bids import is_bids, read_bids
from .fingerprint import describe_choices, request_digest
from .folder import CohortFolder
from .naming import pair_name, path_name, safe_name
from .pairing import PAIRINGS, pairs_of_images

__all__ = ["CohortPair", "CohortPlan", "make_plan", "read_images_of"]

_LONGEST = 170  # characters of the name of a pair


@dataclass(frozen=True)
class CohortPair:
    """A pair of a cohort.

    Attributes:
        id: its name, that of its folder.
        request: of its registration; the output is its folder.
        entry: as it stands in the table.
        digest: of the request's options, see :func:`.request_digest`.
    """

    id: str
    request: RegistrationRequest
    entry: PairEntry
    digest: str


@dataclass(frozen=True)
class CohortPlan:
    """All pairs of a cohort.

    Attributes:
        pairs: in the order in which they are registered.
        source: the manifest, or the folder of the BIDS data set.
        pairing: how pairs were made of images; None for a table of pairs.
    """

    pairs: tuple[CohortPair, ...]
    source: Path
    pairing: str | None

    @property
    def template(self) -> Path | None:
        """The one fixed image of all pairs; None where there are several."""
        fixed = {pair.entry.fixed for pair in self.pairs}
        return next(iter(fixed)) if len(fixed) == 1 and len(self.pairs) > 1 else None


def make_plan(
    source: str | Path,
    folder: CohortFolder,
    options: Mapping[str, Any],
    *,
    pairing: str | None = None,
    bids_suffix: str | None = None,
    split: str | None = None,
    check_columns: bool = True,
) -> CohortPlan:
    """Make the plan of a cohort.

    Args:
        source: a manifest of pairs or of images, or the folder of a BIDS data set.
        folder: of the cohort.
        options: fields of the requests that all pairs have in common, such as ``model``.
        pairing: how images make pairs, see :func:`.pairs_of_images`.
        bids_suffix: kind of the images of a BIDS data set, such as ``T1w``.
        split: only entries of this split.
        check_columns: whether further columns that look like a misspelt known one are faults.

    Raises:
        InputError: for a table, a pairing or an option that cannot be.
        ModelError: when the model is not there.
    """
    path = Path(source).expanduser()
    manifest = _read(path, bids_suffix, check_columns)
    manifest = _of_split(manifest, split)
    root = path.absolute() if path.is_dir() else path.absolute().parent
    entries: Sequence[PairEntry]
    if isinstance(manifest, ImagesManifest):
        if pairing is None:
            raise InputError(
                f"{path} lists images; say with --pairs how they make pairs: {', '.join(PAIRINGS)}"
            )
        entries = pairs_of_images(manifest, pairing, root)
    elif pairing is not None:
        raise InputError(f"{path} lists pairs already; leave --pairs out")
    else:
        entries = manifest.entries
    models = describe_choices(str(options.get("model", "auto")))
    pairs = _pairs(entries, root, folder, options, models)
    return CohortPlan(tuple(pairs), path.absolute(), pairing)


def read_images_of(
    source: str | Path, bids_suffix: str | None = None, split: str | None = None
) -> ImagesManifest:
    """Read the images of a table, or of a BIDS data set.

    Raises:
        InputError: for a table that cannot be, or one of pairs.
    """
    path = Path(source).expanduser()
    manifest = _of_split(_read(path, bids_suffix, True), split)
    if not isinstance(manifest, ImagesManifest):
        raise InputError(f"{path} lists pairs; a template is made of images, in a column image")
    return manifest


def _read(path: Path, bids_suffix: str | None, check_columns: bool) -> Manifest:
    if is_bids(path):
        return read_bids(path, bids_suffix)
    if path.is_dir():
        raise InputError(
            f"{path} is a folder without dataset_description.json, so not of BIDS; name a manifest"
        )
    if bids_suffix is not None:
        raise InputError(f"--bids-suffix goes with the folder of a BIDS data set, got {path}")
    return read_manifest(path, check_columns=check_columns)


def _of_split(manifest: Manifest, split: str | None) -> Manifest:
    if split is None:
        return manifest
    chosen: Manifest
    if isinstance(manifest, ImagesManifest):
        entries = tuple(entry for entry in manifest if entry.split == split)
        chosen = ImagesManifest(entries, manifest.path)
    else:
        chosen = PairsManifest(
            tuple(entry for entry in manifest if entry.split == split), manifest.path
        )
    if not len(chosen):
        known = sorted({entry.split for entry in manifest.entries if entry.split is not None})
        raise InputError(f"--split {split}: the table has {', '.join(known) or 'no splits'}")
    return chosen


def _pairs(
    entries: Sequence[PairEntry],
    root: Path,
    folder: CohortFolder,
    options: Mapping[str, Any],
    models: list[list[str | None]],
) -> list[CohortPair]:
    of_rows = [f.name for f in fields(PairEntry) if f.name in (*SOURCES, "label_names")]
    pairs: dict[str, CohortPair] = {}
    for entry in entries:
        name = _name(entry, root)
        other = pairs.get(name.casefold())
        if other is not None:
            raise InputError(
                f"two pairs are named {name}, {_told(other.entry)} and {_told(entry)}; give each "
                "an id of its own"
            )
        values = {**options, "output": str(folder.results(name))}
        for field_name in of_rows:
            if (value := getattr(entry, field_name)) is not None:
                values[field_name] = str(value) if isinstance(value, Path) else value
        request = RegistrationRequest(**values)
        digest = request_digest(request, models)
        pairs[name.casefold()] = CohortPair(name, request, entry, digest)
    return list(pairs.values())


def _name(entry: PairEntry, root: Path) -> str:
    if entry.id is not None:
        return safe_name(entry.id, _LONGEST)
    return pair_name(path_name(entry.fixed, root), path_name(entry.moving, root))


def _told(entry: PairEntry) -> str:
    row = "" if entry.row is None else f"row {entry.row}: "
    return f"{row}{entry.moving.name} to {entry.fixed.name}"
