"""Checkpoint of the released textSCF, which lacks the text embeddings."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..._printable import shown
from ..._weight_files import read_checkpoint
from ...errors import InputError
from ...networks.backbones.lku_net import LKUNet
from ...networks.textscf import TextSCF, TextSCFConfig
from ...text import build_encoder, build_prompt, scheme_names, structure_words
from ..card_parts import Grid
from ..outline import Outline
from .mapping import Source, convert, shape_of

__all__ = ["read_textscf", "released_background_vector", "textscf_sources"]

_WHAT = "the textSCF checkpoint"
_MOST_BYTES = 100_000_000  # of text vectors; 35 labels with 768 numbers have 0.1 MB
_ARRAY = "text_embeddings"
# Patterns of unneeded names.
_IGNORED = (
    r"up4\..*",  # the way to full resolution, which the released code does not go
    r"(.*\.)?grid",  # identity grid of a warp
)
_LARGE_KERNEL = {"large": "large", "regular": "regular", "pointwise": "one", "activation": "prelu"}
# The two encoders of the released code, by the length of a vector.
_ENCODERS = {768: "open-clip:ViT-L-14-336:openai", 1024: "open-clip:RN50x64:openai"}


def read_textscf(
    checkpoint: Path | str,
    *,
    text_embeddings: Path | str | None = None,
    text_encoder: str | None = None,
    text_weights: Path | str | None = None,
    template: str = "brain-mr",
    label_names: Mapping[Any, str] | str = "freesurfer35",
    network: Mapping[str, Any] | None = None,
    grid_size: tuple[int, int, int] = (224, 192, 160),
    spacing: float = 1.0,
    orientation: str = "AIL",
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the checkpoint of the authors' training.

    The sizes of the network are inferred from the tensors. The embeddings of the regions are not in
    the checkpoint: they are read from a file, or computed with the encoder of the training. The
    background vector is the released code's, not the paper's, see
    :func:`released_background_vector`.

    Args:
        checkpoint: checkpoint of the registration network.
        text_embeddings: .npy, or .npz with an array ``text_embeddings``: ``(N - 1, C1)``, a row for
            each label in ascending order, or ``(N, C1)`` with the background first.
        text_encoder: id of the encoder, see :func:`~SlicerLDMRegLib.text.build_encoder`; None: the
            released code's encoder with vectors of this length.
        text_weights: folder with the weights of the encoder.
        template: template of the prompts.
        label_names: names by label number, or the name of a label scheme.
        network: options of :class:`TextSCFConfig` that the tensors do not determine:
            ``integration_steps`` (0; 7 for a network trained as diffeomorphic), ``padding``,
            ``keep_function``.
        grid_size: voxels along x, y, z of the training images.
        spacing: their spacing in mm.
        orientation: directions of x, y, z. The default is for Learn2Reg's OASIS (TransMorph's
            copy), whose first to third array axes point to the left, inferior and anterior.

    Returns:
        Fields of the model card, and the state dict of :class:`TextSCF`.

    Raises:
        ModelError: for an unreadable checkpoint, a missing or an unknown tensor, or an unavailable
            text encoder.
        InputError: when embeddings or label names are unreadable or do not match.
    """
    tensors = read_checkpoint(checkpoint)
    sizes = _sizes(tensors)
    scheme = _scheme(label_names)
    channels = sizes["text_channels"]
    encoder = text_encoder or _ENCODERS.get(channels)
    if text_embeddings is not None:
        vectors = _read_array(Path(text_embeddings))
        what = str(text_embeddings)
    elif encoder is not None:
        prompts = [build_prompt(template, region["prompt"]) for region in scheme.values()]
        vectors = build_encoder(encoder, text_weights, regions=len(scheme) + 1).encode(prompts)
        what = f"text encoder {encoder!r}"
    else:
        raise InputError(
            f"{_WHAT} was trained with text vectors of {channels} channels, which no encoder of "
            "the released code gives; name a file with the vectors, or their encoder"
        )
    table = _table(vectors, len(scheme), channels, what)
    config = TextSCFConfig.from_dict({**sizes, "regions": len(table), **(network or {})})
    described = {
        "network": config.to_dict(),
        "grid": Grid(grid_size, LKUNet.divisor, spacing, orientation),
        "use": "T1-weighted brain MR without the skull, affinely aligned, 1 mm",
        "label_scheme": scheme,
        "description": "textSCF with weights imported from a checkpoint of its authors' code.",
        "training": {"imported_from": {"checkpoint": Path(checkpoint).name}},
    }
    if encoder is not None:
        described["text"] = {"encoder": encoder, "template": template, "background": "released"}
    return described, _state(tensors, config, table)


def released_background_vector(embeddings: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the background vector of the authors' released code.

    That code takes the last column of the right-singular vectors instead of the last row: also a
    unit vector, but not orthogonal to the embeddings. Their checkpoints were trained with it.

    Args:
        embeddings: ``(n, C1)``, one row per structure, finite.
    """
    matrix = np.asarray(embeddings, np.float64)
    return np.linalg.svd(matrix, full_matrices=True)[2][:, -1].astype(np.float32)


def textscf_sources() -> dict[str, Source]:
    """Return the source of each tensor of ``TextSCF`` on LKU-Net, by our name."""
    return {ours: Source(theirs) for ours, theirs in _names()}


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Infer the arguments of the network from tensor shapes and the released code."""
    hidden, text_channels = shape_of(tensors, "flow.generate_flow_x.mlp.0.weight", _WHAT)
    return {
        "backbone": "lku-net",
        "backbone_arguments": {
            "start_channels": shape_of(tensors, "eninput.layer.0.weight", _WHAT)[0],
            "kernel_size": shape_of(tensors, "ec3.large.weight", _WHAT)[-1],
        },
        "filters": "residual",
        "text_channels": text_channels,
        "hidden_channels": hidden,
        "functions": 3,
        "padding": "zeros",
    }


def _state(
    tensors: Mapping[str, Tensor], config: TextSCFConfig, table: npt.NDArray[np.float32]
) -> dict[str, Tensor]:
    """Return the state dict of a network with these weights and its filter table."""
    with Outline():
        network = TextSCF(TextSCFConfig.from_dict({**config.to_dict(), "keep_function": True}))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    state = convert(tensors, textscf_sources(), shapes, _IGNORED, _WHAT)
    state = {name: tensor.float() for name, tensor in state.items()}
    state["embeddings"] = torch.from_numpy(table)
    state["filters"] = torch.zeros(shapes["filters"])
    network.load_state_dict(state, assign=True)
    if config.keep_function:
        network.fold()
    else:
        network.drop_function()
    return network.state_dict()


def _scheme(label_names: Mapping[Any, str] | str) -> dict[str, dict[str, str]]:
    """Return the labels in ascending order, the row order of the table."""
    given = scheme_names(label_names) if isinstance(label_names, str) else label_names
    try:
        names = {int(number): name for number, name in given.items()}
    except (TypeError, ValueError) as error:
        raise InputError(
            f"label names: expected label numbers as keys, got {shown(given)}"
        ) from error
    if not names or min(names) < 1 or not all(isinstance(name, str) for name in names.values()):
        raise InputError("label names: expected a name for each label number from 1 on")
    # Words as in the released code, which does not spell out abbreviations.
    return {
        str(number): {"name": name, "prompt": structure_words(name)}
        for number, name in sorted(names.items())
    }


def _read_array(path: Path) -> npt.NDArray[Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: expected text vectors of at most {_MOST_BYTES:,} bytes")
        if not zipfile.is_zipfile(path):
            return np.load(path, mmap_mode="r", allow_pickle=False)
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(f"{_ARRAY}.npy").file_size
        if size > _MOST_BYTES:
            raise InputError(f"{path}: expected text vectors of at most {_MOST_BYTES:,} bytes")
        with np.load(path, allow_pickle=False) as content:
            return content[_ARRAY]
    except KeyError as error:
        raise InputError(f"{path} has no array {_ARRAY!r}") from error
    except InputError:
        raise
    except Exception as error:  # damaged files raise almost any exception
        # NumPy's own words may advise to run the code of the file.
        reason = "it holds objects" if "pickle" in str(error) else str(error)
        raise InputError(f"{path} cannot be read as .npy or .npz of numbers: {reason}") from None


def _table(
    vectors: npt.NDArray[Any], labels: int, channels: int, what: str
) -> npt.NDArray[np.float32]:
    """Return the embedding table; a missing background is computed as in the released code."""
    if vectors.shape not in ((labels, channels), (labels + 1, channels)):
        raise InputError(
            f"{what}: expected a vector of {channels} channels for each of {labels} labels, with "
            f"or without the background, got {vectors.shape}"
        )
    if not np.issubdtype(vectors.dtype, np.floating) or not np.isfinite(vectors).all():
        raise InputError(f"{what}: expected finite floating-point numbers, got {vectors.dtype}")
    if len(vectors) == labels:
        matrix = vectors.astype(np.float32)
        return np.concatenate([released_background_vector(matrix)[None], matrix])
    return vectors.astype(np.float32)


def _names() -> Iterator[tuple[str, str]]:
    backbone = "backbone"
    # On both sides, layers 0 and 1 of a sequence are a convolution and its activation.
    sequences = {"stem.0": "eninput", "stem.1": "ec1"}
    for level in range(4):
        sequences[f"downs.{level}.0"] = f"ec{2 * level + 2}"
        for ours, theirs in _LARGE_KERNEL.items():
            name = f"ec{2 * level + 3}.{theirs}"
            yield from _both(f"{backbone}.downs.{level}.1.{ours}", name, ours != "activation")
    for level in range(3):
        sequences[f"ups.{level}"] = f"up{level + 1}"
        for layer in range(2):
            sequences[f"merges.{level}.{layer}"] = f"dc{2 * level + layer + 1}"
    for ours, theirs in sequences.items():
        yield from _both(f"{backbone}.{ours}.0", f"{theirs}.layer.0")
        yield from _both(f"{backbone}.{ours}.1", f"{theirs}.layer.1", bias=False)
    yield from _both("head.common", "flow.flow")
    # Their x, y, z are the first, second and third array axis.
    for function, axis in enumerate("xyz"):
        for layer in (0, 2, 4):
            yield from _both(
                f"function.functions.{function}.{layer}", f"flow.generate_flow_{axis}.mlp.{layer}"
            )


def _both(ours: str, theirs: str, bias: bool = True) -> Iterator[tuple[str, str]]:
    for kind in ("weight", "bias") if bias else ("weight",):
        yield f"{ours}.{kind}", f"{theirs}.{kind}"
