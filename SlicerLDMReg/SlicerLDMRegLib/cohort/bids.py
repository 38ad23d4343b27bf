"""Images of a BIDS data set, with the labels and masks of its derivatives.

Read is what names of files, ``participants.tsv`` and the tables of labels tell, as BIDS 1.10 has
it. Sidecars in JSON are not needed: spacing and orientation stand in the NIfTI files.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .._small_files import DamagedFile, read_text
from ..errors import InputError
from ..manifest import ImageEntry, ImagesManifest

__all__ = ["is_bids", "parse_name", "read_bids"]

_DESCRIPTION = "dataset_description.json"
_NAME = re.compile(r"((?:[a-zA-Z]+-[a-zA-Z0-9+]+_)+)([a-zA-Z0-9]+)\.nii(?:\.gz)?")
_MOST_BYTES = 50_000_000  # of a table
# What is an image of anatomy or of motion, not a map that was made of one.
_NO_IMAGES = ("dseg", "probseg", "mask", "defacemask")
# Entities that tell of what was made of an image, not which image it is.
_MADE = ("space", "desc", "label", "atlas", "seg", "res", "den", "hemi")


@dataclass(frozen=True)
class _File:
    path: Path
    entities: Mapping[str, str]
    suffix: str

    @property
    def image(self) -> frozenset[tuple[str, str]]:
        """The entities that tell which image it is, or was made of."""
        return frozenset((k, v) for k, v in self.entities.items() if k not in _MADE)


def is_bids(path: Path) -> bool:
    """Whether a path is the folder of a BIDS data set."""
    return path.is_dir() and (path / _DESCRIPTION).is_file()


def read_bids(folder: Path, suffix: str | None = None) -> ImagesManifest:
    """Find the images of a BIDS data set.

    Labels are the ``_dseg`` files, masks the ``_mask`` files with ``desc-brain``, that lie in its
    ``derivatives`` on the lattice of the image, so without ``space`` or with ``space-orig``.

    Args:
        folder: with ``dataset_description.json``.
        suffix: of the images, such as ``T1w``; None: the one that there is.

    Returns:
        Images named as their files, by subject, session and name; ``phase`` is the session, or the
        run; the columns of ``participants.tsv`` are further ones, ``group`` among them its own.

    Raises:
        InputError: when there are none, several kinds without a ``suffix``, or several labels for
            one image.
    """
    images = [file for file in _files(folder) if file.suffix not in _NO_IMAGES]
    kinds = sorted({file.suffix for file in images})
    if not images:
        raise InputError(f"BIDS: {folder} has no images sub-*/**/*.nii(.gz)")
    if suffix is None and len(kinds) > 1:
        raise InputError(
            f"BIDS: {folder} has images of {len(kinds)} kinds ({', '.join(kinds[:10])}); choose "
            f"one with --bids-suffix, such as --bids-suffix {kinds[0]}"
        )
    chosen = suffix or kinds[0]
    images = [file for file in images if file.suffix == chosen]
    if not images:
        raise InputError(
            f"BIDS: {folder} has no images with the suffix {chosen}, it has {', '.join(kinds[:10])}"
        )
    made = [file for place in _derivatives(folder) for file in _files(place)]
    labels = _by_image(made, chosen, "dseg", None)
    masks = _by_image(made, chosen, "mask", "brain")
    people = _table(folder / "participants.tsv", "participant_id")
    entries = []
    for file in images:
        further = dict(people.get(f"sub-{file.entities['sub']}", {}))
        further |= {k: v for k, v in file.entities.items() if k not in ("sub", "ses", "run")}
        map_of_labels = _only(labels, file, "label maps")
        entries.append(
            ImageEntry(
                file.path,
                labels=map_of_labels,
                label_names=None if map_of_labels is None else _names(map_of_labels),
                mask=_only(masks, file, "brain masks"),
                id=file.path.name.partition(".nii")[0],
                subject=file.entities["sub"],
                phase=file.entities.get("ses") or file.entities.get("run"),
                group=further.pop("group", None),
                further=further,
            )
        )
    return ImagesManifest(tuple(entries), folder / _DESCRIPTION)


def parse_name(name: str) -> tuple[dict[str, str], str] | None:
    """Return the entities, in their order, and the suffix of the name of a NIfTI file of a subject.

    None where it is not one of BIDS.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    pairs = (part.split("-", 1) for part in match[1].rstrip("_").split("_"))
    entities = {key: value for key, value in pairs}
    return (entities, match[2]) if "sub" in entities else None


def _files(folder: Path) -> Iterator[_File]:
    """Yield the NIfTI files with names of BIDS below the subjects of a folder, in order."""
    for subject in sorted(folder.glob("sub-*")):
        for path in sorted(subject.rglob("*.nii*")):
            parsed = parse_name(path.name)
            if parsed is not None:
                yield _File(path, *parsed)


def _derivatives(folder: Path) -> list[Path]:
    """Return the folders of the pipelines whose results lie with a data set."""
    return sorted(path for path in (folder / "derivatives").glob("*") if path.is_dir())


def _by_image(
    made: list[_File], chosen: str, suffix: str, description: str | None
) -> dict[frozenset[tuple[str, str]], list[Path]]:
    found: dict[frozenset[tuple[str, str]], list[Path]] = {}
    for file in made:
        on_lattice = file.entities.get("space", "orig") == "orig"
        fits = description is None or file.entities.get("desc") == description
        if file.suffix == suffix and on_lattice and fits:
            found.setdefault(file.image, []).append(file.path)
    return found


def _only(
    found: dict[frozenset[tuple[str, str]], list[Path]], file: _File, what: str
) -> Path | None:
    paths = found.get(file.image, [])
    if len(paths) > 1:
        raise InputError(
            f"BIDS: {file.path.name} has {len(paths)} {what}: "
            f"{', '.join(str(path) for path in paths[:4])}; name the right ones in a manifest"
        )
    return paths[0] if paths else None


def _names(labels: Path) -> dict[int, str] | None:
    """Return the names of labels from the table beside them, or from that of their pipeline."""
    stem = labels.name.partition(".nii")[0]
    description = re.search(r"_(?:desc|atlas|seg)-([a-zA-Z0-9]+)", stem)
    pipeline = next(p for p in labels.parents if p.parent.name == "derivatives")
    places = [labels.with_name(f"{stem}.tsv"), pipeline / "dseg.tsv"]
    if description is not None:
        places.insert(1, pipeline / f"{description[0][1:]}_dseg.tsv")
    for place in places:
        rows = _table(place, "index")
        names = {
            int(n): row["name"] for n, row in rows.items() if n.isdecimal() and row.get("name")
        }
        names.pop(0, None)
        if names:
            return names
    return None


def _table(path: Path, key: str) -> dict[str, dict[str, str]]:
    """Return the rows of a table of BIDS by one of its columns; none where there is no table."""
    if not path.is_file():
        return {}
    try:
        text = read_text(path, _MOST_BYTES)
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))
    except (DamagedFile, csv.Error) as error:
        raise InputError(f"BIDS: {path} cannot be read: {error}") from error
    found = {}
    for row in rows:
        cells = {n: v for n, v in row.items() if isinstance(n, str) and isinstance(v, str)}
        name = cells.pop(key, None)
        if name is not None:
            found[name] = {n: v for n, v in cells.items() if v not in ("", "n/a")}
    return found
