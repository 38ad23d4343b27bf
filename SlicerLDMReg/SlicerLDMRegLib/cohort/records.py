"""Records: for each pair a small file that tells what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._outputs import whole_file
from .._printable import json_safe
from .._small_files import DamagedFile, read_json
from .._version import __version__
from .fingerprint import InputFiles, input_paths
from .folder import CohortFolder
from .plan import CohortPair

__all__ = ["is_current", "read_record", "read_records", "write_record"]

_MOST_BYTES = 10_000_000  # a record has 2 kB
_FORMAT = 1


def read_record(folder: CohortFolder, pair: str) -> dict[str, Any] | None:
    """Return the record of a pair; None where there is none that can be read."""
    try:
        values = read_json(folder.record(pair), _MOST_BYTES)
    except DamagedFile:
        return None
    good = isinstance(values, dict) and values.get("format") == _FORMAT
    return values if good and values.get("id") == pair else None


def read_records(
    folder: CohortFolder, pairs: Iterable[str]
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the records of pairs, in their order."""
    for pair in pairs:
        yield pair, read_record(folder, pair)


def write_record(folder: CohortFolder, pair: str, values: Mapping[str, Any]) -> None:
    """Write the record of a pair; an older one is replaced.

    Raises:
        OSError: when it cannot be written.
    """
    path = folder.record(pair)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": _FORMAT, "ldmreg_version": __version__, "id": pair, **values}
    with whole_file(path, private=True) as file:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        file.write_text(json_safe(text) + "\n", encoding="utf-8")


def is_current(
    folder: CohortFolder,
    pair: CohortPair,
    record: Mapping[str, Any] | None,
    files: InputFiles,
    pictures: bool,
) -> bool:
    """Whether the results of a pair are there, of this request and of these inputs.

    Args:
        folder: of the cohort.
        pair: as it is asked for now.
        record: of the pair; None: none.
        files: the inputs, looked at.
        pictures: whether its report must have pictures.
    """
    if record is None or record.get("status") != "done" or record.get("request") != pair.digest:
        return False
    if not files.are(record.get("inputs"), input_paths(pair.request)):
        return False
    names = record.get("files")
    if not isinstance(names, list) or "report.json" not in names:
        return False
    if pictures and "report.html" not in names:
        return False
    try:
        there = {path.name for path in folder.results(pair.id).iterdir()}
    except OSError:
        return False
    return set(names) <= there
