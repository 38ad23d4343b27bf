"""Writing of model folders."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from .._outputs import check_place, recover, whole_folder
from ..errors import InputError, ModelError
from .card import METADATA_FILE, ModelCard
from .card_parts import WEIGHTS_FILE, Weights
from .readme import render_readme
from .verify import CHECKSUM_FILE, REQUIRED_FILES, checksum_lines, sha256_of, verify

__all__ = ["check_outside", "write_model_folder"]

_FILES = (*REQUIRED_FILES, CHECKSUM_FILE)
_DTYPES = {"float16": torch.float16, "float32": torch.float32}


def write_model_folder(
    folder: Path | str,
    card: ModelCard,
    state_dict: Mapping[str, Tensor],
    licence: str,
    *,
    dtype: str = "float16",
    overwrite: bool = False,
) -> ModelCard:
    """Write a model as a folder: metadata, weights, licence, model card and checksums.

    It is written beside its place and then renamed, completely or not at all.

    Args:
        folder: path of the new folder; its parents are created.
        card: the description; its ``weights`` and ``folder`` are filled in here.
        state_dict: state dict of the network described by ``card.method`` and ``card.network``.
        licence: text of the file ``LICENSE``.
        dtype: ``"float16"`` or ``"float32"``, for floating-point weights.
        overwrite: replace an existing model folder.

    Returns:
        The card as written.

    Raises:
        ModelError: when the folder exists, or a weight is not finite or too large for float16.
        InputError: when it cannot be written.

    Example:
        >>> import tempfile, torch
        >>> from SlicerLDMRegLib.model_store import Grid, ModelCard, verify, write_model_folder
        >>> card = ModelCard(id="tiny", title="Tiny", method="ldm-morph", spatial_dims=2,
        ...     network={}, grid=Grid((128, 128), divisor=32), use="Nothing: an example")
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     card = write_model_folder(f"{parent}/tiny", card, {"w": torch.ones(3)}, "CC0")
        ...     verify(f"{parent}/tiny").weights.parameters
        3
    """
    folder = check_place(Path(folder), "model folder", max(_FILES, key=len))
    recover(folder.parent)
    if folder.exists() and not overwrite:
        raise ModelError(f"{folder} exists already; remove it, choose another name or overwrite")
    if folder.exists() and not (folder / METADATA_FILE).is_file():
        # Replacing deletes: only a model folder may be replaced.
        raise ModelError(f"{folder} is no model folder and is not overwritten; choose another name")
    if not licence.strip():
        raise ModelError("the licence of a model must be a text, got nothing")
    tensors = _converted(state_dict, dtype)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(folder) as new:
            card = _write_files(new, card, tensors, licence, dtype)
    except OSError as error:
        raise InputError(f"model folder: {folder} cannot be written: {error}") from error
    return replace(card, folder=folder)


def check_outside(folder: Path, sources: Iterable[Path | str]) -> None:
    """Check that no source of a model lies in the folder that the model replaces.

    Raises:
        InputError: for one that does.
    """
    place = Path(os.path.realpath(folder.expanduser()))
    for source in sources:
        path = Path(os.path.realpath(source))
        if place == path or place in path.parents:
            raise InputError(
                f"{folder} holds {source}, which the model would replace; name another"
            )


def _write_files(
    new: Path, card: ModelCard, tensors: dict[str, Tensor], licence: str, dtype: str
) -> ModelCard:
    (new / "docs").mkdir()
    # Written plainly, the file gets the usual permissions; `save_file` would not set them.
    (new / WEIGHTS_FILE).write_bytes(save(tensors))
    weights = Weights(
        sha256=sha256_of(new / WEIGHTS_FILE),
        bytes=(new / WEIGHTS_FILE).stat().st_size,
        dtype=dtype,
        parameters=sum(t.numel() for t in tensors.values()),
    )
    card = replace(card, weights=weights, folder=None)
    metadata = json.dumps(_metadata(card), indent=2, ensure_ascii=False, allow_nan=False)
    _write(new / METADATA_FILE, metadata + "\n")
    _write(new / "LICENSE", licence)
    _write(new / "docs" / "README.md", render_readme(card))
    _write(new / CHECKSUM_FILE, checksum_lines(new))
    verify(new)
    return card


def _write(path: Path, text: str) -> None:
    # Identical bytes on every platform, for the checksums.
    path.write_bytes(text.encode("utf-8"))


def _converted(state_dict: Mapping[str, Tensor], dtype: str) -> dict[str, Tensor]:
    if dtype not in _DTYPES:
        raise ModelError(f"dtype must be one of {sorted(_DTYPES)}, got {dtype!r}")
    if not state_dict:
        raise ModelError("a model needs weights, got an empty state dict")
    tensors = {}
    for name, tensor in state_dict.items():
        # Cloned, because safetensors refuses tensors that share memory.
        tensor = tensor.detach().cpu().clone().contiguous()
        if tensor.is_floating_point():
            if not torch.isfinite(tensor).all():
                raise ModelError(f"weight {name} has values that are not finite; train again")
            tensor = tensor.to(_DTYPES[dtype])
            if not torch.isfinite(tensor).all():
                raise ModelError(f"weight {name} is too large for {dtype}; write float32")
        tensors[name] = tensor
    return tensors


def _metadata(card: ModelCard) -> dict[str, Any]:
    """Return the keys of a MONAI bundle and our own section ``ldmreg``."""
    return {
        "version": card.version,
        "changelog": dict(card.changelog),
        "monai_version": version("monai"),
        "pytorch_version": version("torch"),
        "numpy_version": version("numpy"),
        "required_packages_version": {"safetensors": version("safetensors")},
        "task": f"{card.spatial_dims}D image {card.kind}",
        "description": card.description,
        "authors": card.authors,
        "copyright": card.copyright,
        "intended_use": card.intended_use,
        "network_data_format": _data_format(card),
        "ldmreg": card.ldmreg_section(),
    }


def _data_format(card: ModelCard) -> dict[str, Any]:
    """Return the input and output format of the network, in MONAI's terms."""
    dims = card.spatial_dims
    image: dict[str, Any] = {
        "type": "image",
        "format": "magnitude",
        "num_channels": 1,
        "spatial_shape": list(reversed(card.grid.size)),
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {"0": "image"},
    }
    if card.kind == "segmentation":
        names = ["background", *card.label_names.values()]
        logits = {
            **image,
            "format": "segmentation",
            "num_channels": len(names),
            "value_range": [],
            "channel_def": {str(row): name for row, name in enumerate(names)},
        }
        return {"inputs": {"image": image}, "outputs": {"logits": logits}}
    field = {
        **image,
        "format": "displacement in voxels",
        "num_channels": dims,
        "value_range": [],
        "channel_def": {str(i): f"along array axis {i}" for i in range(dims)},
    }
    inputs = {"moving": image, "fixed": image}
    if card.text:
        regions = {**image, "format": "labels", "dtype": "int64"}
        regions["value_range"] = [0, len(card.label_scheme)]
        inputs["regions"] = {**regions, "channel_def": {"0": "row of the filter table"}}
    return {"inputs": inputs, "outputs": {"displacement": field}}
