"""Fingerprints of pairs: the request and the contents of the inputs, which decide about a result.

With it a later run knows which pairs are as they were. Where size and time of a file are as
before, its content counts as unchanged; where only the time is another, the content decides.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..images.selection import is_there, split_path
from ..pipeline.request import SOURCES, RegistrationRequest
from ..segmentation.names import read_names

__all__ = ["InputFiles", "describe_choices", "input_paths", "request_digest"]

_HEADERS = (".nhdr", ".mhd", ".hdr", ".img")  # whose voxels lie in files beside them
_CHOICES = ("auto", "none")
# Where the results go, who reads them and what computes them do not change them on purpose.
_APART = ("output", "share", "device")
_BLOCK = 2**20


def input_paths(request: RegistrationRequest) -> dict[str, str]:
    """Return the files and folders that a request reads, by its fields, but no models."""
    found = {}
    for name in SOURCES:
        value = getattr(request, name)
        if name != "model" and isinstance(value, str) and value not in _CHOICES:
            found[name] = value
    return found


def describe_choices(model: str) -> list[list[str | None]]:
    """Return the models that a choice can lead to: their ids and the SHA-256 of their weights.

    Raises:
        ModelError: when a model that is named is not there.
    """
    from ..model_store import automatic_models, find_model
    from ..model_store.card import ModelCard

    def plain(card: ModelCard) -> list[str | None]:
        return [card.id, None if card.weights is None else card.weights.sha256]

    if model == "none":
        return []
    if model == "auto":
        return [plain(card) for dimension in (2, 3) for card in automatic_models(dimension)]
    return [plain(find_model(model, "registration"))]


def request_digest(request: RegistrationRequest, models: list[list[str | None]]) -> str:
    """Return the SHA-256 of all options of a request, without the places of its files.

    Args:
        request: of one pair.
        models: see :func:`describe_choices`.
    """
    plain = request.to_dict()
    for name in (*_APART, *input_paths(request)):
        plain.pop(name, None)
    plain["given"] = sorted(input_paths(request))
    if isinstance(request.label_names, str) and request.label_names != "model":
        plain["label_names"] = _names(request.label_names)
    if request.model != "none":
        plain["model"] = models
    # The part of a file that is chosen behind a # is an option.
    plain["parts"] = {
        role: split_path(path)[1].choices for role, path in input_paths(request).items()
    }
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.lru_cache(maxsize=1024)
def _names(source: str) -> dict[str, str]:
    return {str(n): text for n, text in read_names(source, "label names").items()}


class InputFiles:
    """Sizes, times and contents of input files, each looked at once."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[int, int]] = {}
        self._digests: dict[tuple[str, int, int], str] = {}

    def forget_times(self) -> None:
        """Look at sizes and times anew from now on; contents are read only where these changed."""
        self._states.clear()

    def describe(self, paths: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return size in bytes, time in ns and SHA-256 of each input.

        Raises:
            InputError: for one that is not there or cannot be read.
        """
        found = {}
        for role, path in paths.items():
            size, modified = self._state(role, path)
            digest = self._digest(role, path, size, modified)
            found[role] = {"path": path, "size": size, "modified": modified, "sha256": digest}
        return found

    def are(self, described: Any, paths: Mapping[str, str]) -> bool:
        """Whether inputs are as they were described; False also where one cannot be read."""
        if not isinstance(described, Mapping) or set(described) != set(paths):
            return False
        try:
            return all(self._is(described[role], role, path) for role, path in paths.items())
        except InputError:
            return False

    def _is(self, before: Any, role: str, path: str) -> bool:
        if not isinstance(before, Mapping):
            return False
        size, modified = self._state(role, path)
        if before.get("size") != size:
            return False
        if before.get("path") == path and before.get("modified") == modified:
            return True
        return bool(before.get("sha256") == self._digest(role, path, size, modified))

    def _state(self, role: str, path: str) -> tuple[int, int]:
        if path not in self._states:
            try:
                states = [file.stat() for file in _files(role, path)]
            except OSError as error:
                raise _unreadable(role, path, error) from error
            self._states[path] = (
                sum(state.st_size for state in states),
                max((state.st_mtime_ns for state in states), default=0),
            )
        return self._states[path]

    def _digest(self, role: str, path: str, size: int, modified: int) -> str:
        key = (path, size, modified)
        if key not in self._digests:
            whole = hashlib.sha256()
            try:
                for file in _files(role, path):
                    whole.update(file.name.encode("utf-8", "surrogatepass") + b"\0")
                    whole.update(_content(file))
            except OSError as error:
                raise _unreadable(role, path, error) from error
            self._digests[key] = whole.hexdigest()
        return self._digests[key]


def _content(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _files(role: str, path: str) -> list[Path]:
    """Return the files that belong to a path, in order."""
    place = split_path(Path(path).expanduser())[0]
    if not is_there(place) and place.parent.is_dir():
        place = place.parent  # a series of a DICOM folder
    if place.is_dir():
        return sorted(Path(parent, name) for parent, _, names in os.walk(place) for name in names)
    if not place.exists():
        raise InputError(f"{role.replace('_', ' ')}: there is no file {path}")
    if place.suffix.lower() in _HEADERS:
        stem = place.name.partition(".")[0]
        return sorted(file for file in place.parent.glob("*") if file.name.startswith(f"{stem}."))
    return [place]


def _unreadable(role: str, path: str, error: OSError) -> InputError:
    name = role.replace("_", " ")
    return InputError(f"{name}: {path} cannot be read ({error.strerror or error})")
