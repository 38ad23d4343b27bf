"""Names of the labels of a segmentation: from a dictionary, a JSON file or a known scheme."""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._printable import shown
from .._small_files import DamagedFile, read_json
from ..errors import InputError
from ..text.schemes import scheme_names

__all__ = ["read_names"]

_MOST_BYTES = 10_000_000
_LONGEST = 1000  # characters of a name
_EXPECTED = 'an object of names by label number such as {"17": "left hippocampus"}'


def read_names(names: str | Path | Mapping[Any, Any], role: str = "names") -> dict[int, str]:
    """Return names by label number, ascending, without the background.

    Args:
        names: a dictionary or a JSON file ``{label number: name}``, where a name may also be an
            object with the entry ``"name"`` as in a model's label scheme; or the name of a known
            scheme such as ``"freesurfer35"`` or ``"btcv"``.
        role: what the names are, for the errors.

    Raises:
        InputError: when there is no such file or scheme, or an entry is not a number and a name.
    """
    if isinstance(names, str | Path):
        path = _path(names, role)
        if path.suffix.lower() != ".json" and not os.path.exists(path):  # noqa: PTH110
            return dict(sorted(scheme_names(str(names)).items()))
        names = _read(path, role)
    if not isinstance(names, Mapping) or not names:
        raise InputError(f"{role}: expected {_EXPECTED}, got {shown(names)}")
    result = {}
    for key, value in names.items():
        name = value.get("name") if isinstance(value, Mapping) else value
        if isinstance(key, bool) or not re.fullmatch(r"\s*[0-9]{1,18}\s*", str(key)):
            raise InputError(f"{role}: expected {_EXPECTED}, got the key {shown(key)}")
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{role}: label {key} must have a name, got {shown(value)}")
        if len(name) > _LONGEST:
            raise InputError(f"{role}: the name of label {key} has {len(name)} characters")
        number = int(key)
        if number in result:
            raise InputError(f"{role}: label {number} is named twice; name it once")
        result[number] = name.strip()
    result.pop(0, None)  # the background needs no name, and may have one
    return dict(sorted(result.items()))


def _path(names: str | Path, role: str) -> Path:
    try:
        return Path(names).expanduser()
    except RuntimeError as error:
        raise InputError(f"{role}: {names} is in a home that does not exist") from error


def _read(path: Path, role: str) -> Any:
    if not path.is_file():
        raise InputError(f"{role}: there is no file {path}")
    try:
        return read_json(path, _MOST_BYTES, _each_once)
    except DamagedFile as error:
        raise InputError(f"{role}: {path} cannot be read as JSON: {error}") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; a key that is there twice would silently lose its first value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = collections.Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{shown(twice)} is named twice")
    return found
