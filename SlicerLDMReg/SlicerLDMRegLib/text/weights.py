"""Folder of the weights of text encoders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError

__all__ = ["WEIGHTS_VARIABLE", "digest_of", "first_file", "user_file", "weights_folder"]

WEIGHTS_VARIABLE = "LDMREG_TEXT_WEIGHTS"


def weights_folder(folder: Path | str | None) -> Path | None:
    """Return the user's folder of weights, if any.

    It has a subfolder for each encoder with the published files, or is such a subfolder itself::

        FOLDER/minilm/                  model.safetensors, tokenizer.json
        FOLDER/ViT-L-14-336-openai/     open_clip_model.safetensors
        FOLDER/RN50x64-openai/          open_clip_model.safetensors
        FOLDER/glove.6B.300d.txt        for words:glove.6B.300d.txt
        FOLDER/ada-002.json             for table:ada-002.json

    Args:
        folder: path from an argument or option; None: the environment variable
            ``LDMREG_TEXT_WEIGHTS``.

    Raises:
        InputError: when the folder does not exist.
    """
    named = folder or os.environ.get(WEIGHTS_VARIABLE)
    if not named:
        return None
    path = Path(named).expanduser()
    if not path.is_dir():
        raise InputError(f"folder of text encoder weights: expected a folder, got {path}")
    return path


def first_file(folder: Path | None, names: Iterable[str]) -> Path | None:
    """Return the path of the first name that is a file in a folder, or None."""
    if folder is None:
        return None
    return next((folder / name for name in names if (folder / name).is_file()), None)


def user_file(name: str, folder: Path | str | None) -> Path:
    """Return the path of a user's file, as it is named or in the folder of weights.

    Raises:
        InputError: when there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    found = first_file(weights_folder(folder), (name,))
    if found is None:
        raise InputError(
            f"text encoder: expected a file, there is no {name}; name its path, or set "
            f"{WEIGHTS_VARIABLE} to the folder that it is in"
        )
    return found


def digest_of(*parts: str | Path) -> str:
    """Return the SHA-256 of texts and of the contents of files, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode("utf-8") + b"\0")
            continue
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
