"""Weight files of text encoders: their folder and safe reading."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WEIGHTS_VARIABLE", "first_file", "read_tensors", "weights_folder"]

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


def read_tensors(path: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Read tensors from a safetensors file, or from a ``torch.save`` file without running code.

    Args:
        path: a ``.safetensors`` file, or a ``.pt`` or ``.bin`` file of tensors by name.
        wanted: called with the name of a tensor; only tensors for which it is true are read.

    Raises:
        ModelError: when the file is damaged or holds other objects than tensors.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    if path.suffix == ".safetensors":
        try:
            with safe_open(path, "pt") as file:
                return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{path} is not a safetensors file: {error}; fetch it again"
            ) from error
    if _is_torchscript(path):
        raise ModelError(
            f"{path} is a program with weights (TorchScript, as OpenAI publishes CLIP) and is not "
            "run; take the same weights as open_clip_model.safetensors, or convert them as "
            "README.md tells"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise almost any exception
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(
            f"{path} is not a file of tensors alone: {reason}; take a .safetensors file"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict):
        raise ModelError(f"{path}: expected tensors by name, got {type(state).__name__}")
    named = {str(name).removeprefix("module."): value for name, value in state.items()}
    return {k: v for k, v in named.items() if isinstance(v, torch.Tensor) and wanted(k)}


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
