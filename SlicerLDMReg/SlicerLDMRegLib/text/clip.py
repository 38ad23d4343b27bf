"""Text encoders of CLIP and related models, built by open_clip."""

from __future__ import annotations

import difflib
import importlib
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .._weight_files import read_checkpoint, read_safetensors
from ..errors import InputError, ModelError
from .prompts import checked_prompts
from .weights import WEIGHTS_VARIABLE, digest_of, first_file, weights_folder

__all__ = ["OpenCLIPEncoder", "import_open_clip"]

_BATCH = 64  # prompts encoded at once; bounds the memory, does not change the result
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# The image encoder, the larger part of a model, is not used: replaced by a minimal one.
_SMALLEST_VISION = {"image_size": 16, "patch_size": 16, "width": 64, "layers": 1}
# Kept alive: operators vanish with the library object that defines them.
_torchvision_operators: Any = None


class OpenCLIPEncoder:
    """Text encoder of an open_clip model; float32 vectors, not normalised (textSCF, 3.3.1).

    Only the text encoder is built and read: 0.5 GB of memory for ViT-L-14-336.

    Args:
        model: open_clip's name of the model, e.g. ``"ViT-L-14-336"``.
        weights: open_clip's name of the weights, e.g. ``"openai"``; or any name for own weights in
            ``folder``.
        folder: folder that holds a subfolder ``MODEL-WEIGHTS`` or ``open_clip_model.safetensors``.
        download: let open_clip download missing weights.

    Raises:
        InputError: for a model unknown to open_clip.
        ModelError: when weights are missing or damaged, or open_clip is not installed.
    """

    def __init__(
        self, model: str, weights: str, folder: Path | str | None = None, download: bool = False
    ) -> None:
        self.id = f"open-clip:{model}:{weights}"
        for name in (model, weights):
            if not _NAME.fullmatch(name):
                raise InputError(f"text encoder {self.id!r}: {name!r} is no name of open_clip")
        open_clip = import_open_clip()
        config = open_clip.get_model_config(model)
        if config is None:
            near = difflib.get_close_matches(model, open_clip.list_models(), n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "see open_clip.list_models()"
            raise InputError(f"open_clip knows no model {model!r}; {hint}")
        self.channels: int = config["embed_dim"]
        published = open_clip.get_pretrained_cfg(model, weights)
        # The activation depends on the weights, not on the model.
        if weights == "openai" or published.get("quick_gelu"):
            config["quick_gelu"] = True
        path = self._find(weights_folder(folder), published, download)
        self.digest = digest_of(self.id, path)
        tensors = _read(path)
        self._tokenize = self._tokenizer(open_clip, model, config["text_cfg"], download)
        self._network = _build(open_clip, config)
        _load(self._network, tensors, f"{path} holds no weights of {self.id!r}")

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return ``(n, channels)`` float32, not normalised; prompts are truncated to 77 tokens."""
        listed = checked_prompts(prompts)
        rows = [torch.zeros(0, self.channels)]
        for start in range(0, len(listed), _BATCH):
            tokens = self._tokenize(listed[start : start + _BATCH])
            rows.append(self._network.encode_text(tokens, normalize=False).float())
        return torch.cat(rows).numpy()

    def _find(self, folder: Path | None, published: dict[str, Any], download: bool) -> Path:
        name = "-".join(self.id.split(":")[1:])
        path = first_file(
            folder,
            (
                f"{name}/open_clip_model.safetensors",
                f"{name}.safetensors",
                "open_clip_model.safetensors",
                f"{name}/open_clip_pytorch_model.bin",
                f"{name}.bin",
                f"{name}.pt",
                "open_clip_pytorch_model.bin",
            ),
        )
        if path is not None:
            return path
        if download and published:
            return _download(published, self.id)
        source = "its weights (.safetensors)"
        if published.get("hf_hub"):
            page = published["hf_hub"].rpartition("/")[0]
            source = f"open_clip_model.safetensors from https://huggingface.co/{page}"
        raise ModelError(
            f"text encoder {self.id!r} has no weights here; put {source} into "
            + (f"{folder / name}" if folder else f"FOLDER/{name} and set {WEIGHTS_VARIABLE}=FOLDER")
            + (", or allow open_clip's own download" if published and not download else "")
        )

    def _tokenizer(
        self, open_clip: ModuleType, model: str, config: dict[str, Any], download: bool
    ) -> Callable[[list[str]], Tensor]:
        on_hub = bool(config.get("hf_tokenizer_name") or config.get("hf_model_name"))
        if on_hub or "siglip" in model.lower():
            if not download:
                raise ModelError(
                    f"text encoder {self.id!r} has a tokenizer that open_clip takes from the "
                    "network; allow open_clip's own download, or take a CLIP model such as ViT-B-32"
                )
            try:
                tokenizer: Callable[[list[str]], Tensor] = open_clip.get_tokenizer(model)
            except Exception as error:  # the libraries document no exceptions
                raise _not_downloaded(self.id, error) from error
            return tokenizer
        return open_clip.SimpleTokenizer(
            context_length=config.get("context_length", 77), **config.get("tokenizer_kwargs", {})
        )


def import_open_clip() -> ModuleType:
    """Import open_clip.

    PyPI's torchvision links CUDA libraries. With a CPU build of torch its operators are missing,
    and importing it, as open_clip does, fails. No text encoder uses these operators, so declaring
    them is enough. A matching torchvision is not changed.

    Raises:
        ModelError: when open_clip is not installed or cannot be imported.
    """
    try:
        _import_torchvision()
        return importlib.import_module("open_clip")
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            f"open_clip cannot be imported ({_one_line(error)}); "
            "install it: pip install 'ldmreg[text]'"
        ) from error


def _import_torchvision() -> None:
    global _torchvision_operators
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _torchvision_operators is not None:
            raise
        _torchvision_operators = library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        importlib.import_module("torchvision")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _download(published: dict[str, Any], encoder: str) -> Path:
    try:
        return Path(import_open_clip().download_pretrained(published))
    except Exception as error:  # the libraries document no exceptions
        raise _not_downloaded(encoder, error) from error


def _not_downloaded(encoder: str, error: Exception) -> ModelError:
    return ModelError(f"text encoder {encoder!r} could not be downloaded: {_one_line(error)}")


def _read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of the text encoder, without running code of the file."""
    if path.suffix == ".safetensors":
        return read_safetensors(path, _is_of_text)
    if _is_torchscript(path):
        raise ModelError(
            f"{path} is a program with weights (TorchScript, as OpenAI publishes CLIP) and is not "
            "run; take the same weights as open_clip_model.safetensors, or convert them as "
            "README.md tells"
        )
    try:
        tensors = read_checkpoint(path)
    except ModelError as error:
        raise ModelError(f"{error}; take a .safetensors file") from error
    return {name: tensor for name, tensor in tensors.items() if _is_of_text(name)}


def _is_of_text(name: str) -> bool:
    return not name.startswith("visual.")


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _build(open_clip: ModuleType, config: dict[str, Any]) -> Any:
    """Build the network with random weights, without its image encoder."""
    text = config["text_cfg"]
    custom = config.pop("custom_text", False) or "hf_model_name" in text
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
    if "multimodal_cfg" in config:
        kind = open_clip.CoCa
    else:
        kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    # The random weights are replaced; the caller's random state must not change.
    with torch.random.fork_rng(devices=[]):
        network = kind(**{**config, "vision_cfg": _SMALLEST_VISION})
    del network.visual
    return network.requires_grad_(False).eval()


def _load(network: nn.Module, tensors: dict[str, Tensor], complaint: str) -> None:
    """Load the tensors of the text encoder, stored in any precision."""
    expected = {k: v for k, v in network.state_dict().items() if not k.startswith("logit_")}
    # In older checkpoints the tensors of the text encoder have no prefix.
    tensors = {k if k in expected else f"text.{k}": v for k, v in tensors.items()}
    problems = [f"{k} is missing" for k in expected if k not in tensors] + [
        f"{k} must be {tuple(v.shape)}, got {tuple(tensors[k].shape)}"
        for k, v in expected.items()
        if k in tensors and tensors[k].shape != v.shape
    ]
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise ModelError(f"{complaint}: {problems[0]}{more}")
    network.load_state_dict({name: tensors[name] for name in expected}, strict=False)
