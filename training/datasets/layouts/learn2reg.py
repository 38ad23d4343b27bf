"""Folders of Learn2Reg: ``<name>_dataset.json``, ``imagesTr``, ``labelsTr``, ``keypointsTr``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from SlicerLDMRegLib._small_files import DamagedFile, read_json
from SlicerLDMRegLib.errors import InputError

__all__ = ["Learn2RegFolder", "find_learn2reg"]

_MOST_BYTES = 50_000_000  # that of OASIS has some 100 kB
_NUMBER = re.compile(r"_(\d{4})_(\d{4})\.nii\.gz$")


@dataclass(frozen=True)
class Learn2RegFolder:
    """Images of a folder and its pairs.

    Attributes:
        root: the folder that holds ``imagesTr``.
        images: by key, ``"0001_0000"`` for ``OASIS_0001_0000.nii.gz``, sorted.
        validation: keys of fixed and moving image of ``registration_val``, in its order; None
            where there is no JSON file.
        labels: names of the labels in the JSON file, by number; empty without.
    """

    root: Path
    images: Mapping[str, Path]
    validation: Sequence[tuple[str, str]] | None = None
    labels: Mapping[int, str] = field(default_factory=dict)

    def beside(self, key: str, kind: str, suffix: str = ".nii.gz") -> Path:
        """Return the path of an image's "labels", "masks" or "keypoints"."""
        image = self.images[key]
        folder = image.parent.with_name(image.parent.name.replace("images", kind, 1))
        return folder / f"{image.name.removesuffix('.nii.gz')}{suffix}"


def find_learn2reg(root: Path, name: str) -> Learn2RegFolder | None:
    """Return a folder of a task with its images, also one level below; None without any.

    Raises:
        InputError: for a JSON file that is damaged or names a pair in another way.
    """
    for base in (root, root / name):
        images = {
            _key(file, file): file
            for part in ("imagesTr", "imagesTs")
            for file in sorted((base / part).glob(f"{name}_*.nii.gz"))
        }
        if images:
            return _described(base, name, images)
    return None


def _described(base: Path, name: str, images: Mapping[str, Path]) -> Learn2RegFolder:
    path = base / f"{name}_dataset.json"
    if not path.is_file():
        return Learn2RegFolder(base, images)
    try:
        content = read_json(path, _MOST_BYTES)
    except DamagedFile as error:
        raise InputError(f"{path}: {error}; get the file again") from error
    pairs = content.get("registration_val") if isinstance(content, Mapping) else None
    if not isinstance(pairs, list):
        raise InputError(f"{path}: expected a list registration_val, got {type(pairs).__name__}")
    validation = [(_named(path, pair, "fixed"), _named(path, pair, "moving")) for pair in pairs]
    return Learn2RegFolder(base, images, validation, _label_names(content.get("labels")))


def _named(path: Path, pair: Any, role: str) -> str:
    value = pair.get(role) if isinstance(pair, Mapping) else None
    if not isinstance(value, str):
        raise InputError(
            f"{path}: expected pairs {{'fixed': FILE, 'moving': FILE}} in registration_val, got "
            f"{pair!r}"
        )
    return _key(Path(value), path)


def _key(file: Path, source: Path) -> str:
    match = _NUMBER.search(file.name)
    if match is None:
        raise InputError(
            f"{source}: expected names such as OASIS_0001_0000.nii.gz, got {file.name!r}"
        )
    return f"{match[1]}_{match[2]}"


def _label_names(labels: Any) -> dict[int, str]:
    """Read names by number, also of ``{"0": {"1": "liver"}}``; none where they are not told."""
    if isinstance(labels, Mapping) and isinstance(labels.get("0"), Mapping):
        labels = labels["0"]
    if not isinstance(labels, Mapping):
        return {}
    return {
        int(number): str(name)
        for number, name in labels.items()
        if str(number).isdecimal() and int(number) and isinstance(name, str)
    }
