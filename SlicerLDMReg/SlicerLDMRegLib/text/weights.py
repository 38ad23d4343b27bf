"""Folder of the weights of text encoders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError

__all__ = ["WEIGHTS_VARIABLE", "first_file", "weights_folder"]

WEIGHTS_VARIABLE = "LDMREG_TEXT_WEIGHTS"


def weights_folder(folder: Path | str | None) -> Path | None:
    """Return the user's folder of weights, if any.

    It has a subfolder for each encoder with the published files, or is such a subfolder itself::

        FOLDER/minilm/                  model.safetensors, tokenizer.json
        FOLDER/ViT-L-14-336-openai/     open_clip_model.safetensors
        FOLDER/RN50x64-openai/          open_clip_model.safetensors

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
