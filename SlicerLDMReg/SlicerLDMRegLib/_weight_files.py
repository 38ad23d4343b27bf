"""Safe reading of weight files, and the comparison of their tensors with a network."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from ._printable import one_line
from .errors import ModelError

__all__ = ["misfit", "read_checkpoint", "read_safetensors", "some"]

_UNPACKED = 2  # times the size of the file, at most
# Packages of objects that training frameworks add to weights: callbacks, configurations, scores.
_BYSTANDERS = {"_codecs", "lightning", "numpy", "omegaconf", "pytorch_lightning"}


class _Bystander:
    """Stand-in for an unneeded object of a checkpoint, none of whose code is run."""

    def __new__(cls, *args: Any, **options: Any) -> _Bystander:
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_safetensors(
    path: Path, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, on the CPU.

    Args:
        path: of the file.
        wanted: called with the name of a tensor; only tensors for which it is true are read.

    Raises:
        ModelError: when the file is damaged or no safetensors file.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is not a safetensors file: {error}; get it again") from error


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Return the state dict of a checkpoint written by ``torch.save``.

    The file is opened with ``weights_only=True``: none of its code is run. Objects of Lightning,
    OmegaConf and NumPy are replaced by empty stand-ins.

    Args:
        path: file with a state dict, or with a dictionary that has one under ``"state_dict"``. A
            prefix ``module.`` of all names, from data-parallel training, is removed.

    Returns:
        Tensors on the CPU by name.

    Raises:
        ModelError: when the file is missing or damaged, or holds other objects or no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"checkpoint {path} does not exist")
    try:
        _check_size(path)
        with safe_globals(_stand_ins(path)):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # damaged files raise almost any exception
        raise ModelError(
            f"checkpoint {path} cannot be read: {_reason(error)}; "
            "it must be a file of tensors written by torch.save"
        ) from None  # PyTorch's own words advise to run the code of the file
    state = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    ):
        raise ModelError(
            f"checkpoint {path} must hold tensors by name, alone or under 'state_dict'"
        )
    prefix = "module."
    if all(name.startswith(prefix) for name in state):
        return {name[len(prefix) :]: tensor for name, tensor in state.items()}
    return dict(state)


def _reason(error: Exception) -> str:
    """Return why a checkpoint cannot be read, without advice to read it without protection."""
    text = one_line(error)
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in text or "pickle" in text:
        return "it holds something else than tensors, which could run code, or is damaged"
    return text[:200] or type(error).__name__


def _check_size(path: Path) -> None:
    """Refuse a file that becomes much larger when it is unpacked; torch compresses nothing."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > _UNPACKED * path.stat().st_size:
        raise ModelError(
            f"checkpoint {path} unpacks to {unpacked:,} bytes, which torch.save does not do; "
            "get it again from a source that you trust"
        )


def _stand_ins(path: Path) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    # The format of torch before 1.6 cannot be listed; weights_only alone protects.
    if not zipfile.is_zipfile(path):
        return []
    names = sorted(get_unsafe_globals_in_checkpoint(path))
    for name in names:
        if name.split(".")[0] not in _BYSTANDERS:
            raise ModelError(
                f"checkpoint {path} holds an object of type {name}, which is no tensor and could "
                "run code; save its state dict alone"
            )
    # One class each, because torch identifies classes by identity.
    return [(type("_Bystander", (_Bystander,), {}), name) for name in names]


def misfit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Return why tensors do not fit a network, empty if they do.

    Args:
        tensors: tensors by name.
        expected: state dict of the network.
    """
    problems = [
        f"{problem}: {some(sorted(names))}"
        for problem, names in (
            ("missing", expected.keys() - tensors.keys()),
            ("unexpected", tensors.keys() - expected.keys()),
        )
        if names
    ]
    for name in sorted(expected.keys() & tensors.keys()):
        want, got = tuple(expected[name].shape), tuple(tensors[name].shape)
        if want != got:
            problems.append(f"{name} must be {want}, got {got}")
            break
    return "; ".join(problems)


def some(names: Sequence[str]) -> str:
    """Return the first three of some names for an error, and the number of all if they are more."""
    more = f", ... ({len(names)} in all)" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
