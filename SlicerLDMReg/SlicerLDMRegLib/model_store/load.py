"""Loading of networks from model folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._weight_files import misfit, read_safetensors
from ..errors import ModelError
from ..networks import METHODS, build_network
from ..networks.textscf import TextSCF
from .card import ModelCard
from .outline import Outline
from .verify import verify

__all__ = ["load_network"]

_LARGEST = 1_000_000  # number among the arguments of a network
_MOST = 1000  # entries of a list among them


def load_network(
    model: ModelCard | Path | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Load the network of a model for prediction.

    All files of the folder are verified before the weights are parsed.

    Args:
        model: a card from :func:`find_model`, or a model folder.
        device: device of the network.
        dtype: of its parameters. Buffers are not converted: the noise schedule needs float32.
            For speed on a GPU prefer autocast, which also keeps sensitive steps in float32.

    Returns:
        The network in evaluation mode, its parameters without gradient. Training-time branches are
        merged, so it may have fewer parameters than the file.

    Raises:
        ModelError: when the folder is damaged, or weights and metadata do not match.
    """
    if isinstance(model, ModelCard):
        # `weights_path` raises for a card that was not read from a folder.
        model = model.weights_path.parent
    card = verify(model)
    _check_arguments(card)
    tensors = read_safetensors(card.weights_path)
    # First without memory for its weights: a card may describe a network of any size.
    with Outline():
        network = _build(card)
    outline = network.state_dict()
    if problem := misfit(tensors, outline):
        raise ModelError(
            f"model {card.id!r}: the weights do not fit the network {card.method!r} "
            f"that ldmreg.network describes; {problem}"
        )
    weights = {name: tensor.to(outline[name].dtype) for name, tensor in tensors.items()}
    network.load_state_dict(weights, assign=True)
    if not _is_filled(network):
        network = _build(card)
        network.load_state_dict(weights)
    network.requires_grad_(False).eval()
    if isinstance(network, TextSCF):
        network.fuse()
    for parameter in network.parameters():
        parameter.data = parameter.data.to(dtype)
    return network.to(device)


def _is_filled(network: nn.Module) -> bool:
    """Whether no tensor of an outline is left: one that is made anew, and no file holds."""
    for module in network.modules():
        own = (*vars(module).values(), *module._parameters.values(), *module._buffers.values())
        if any(isinstance(value, Tensor) and value.is_meta for value in own):
            return False
    return True


def _build(card: ModelCard) -> nn.Module:
    other = next((kind for kind, names in METHODS.items() if card.method in names), card.kind)
    if other != card.kind:
        raise ModelError(f"model {card.id!r}: {card.method!r} is for {other}, not for {card.kind}")
    # The random weights are replaced; the caller's random state must not change.
    with torch.random.fork_rng(devices=[]):
        try:
            return build_network(card.method, dict(card.network))
        except ModelError as error:
            raise ModelError(f"model {card.id!r}: {error}") from error
        except MemoryError:
            raise
        except Exception as error:  # arguments of a stranger's card
            reason = str(error) or type(error).__name__
            raise ModelError(
                f"model {card.id!r}: ldmreg.network cannot be built: {reason}"
            ) from error


def _check_arguments(card: ModelCard) -> None:
    """Check that no argument of the network alone would take for ever."""

    def check(value: Any, depth: int = 0) -> bool:
        if isinstance(value, dict | list | tuple):
            items = value.values() if isinstance(value, dict) else value
            return len(value) <= _MOST and depth < 5 and all(check(v, depth + 1) for v in items)
        return not isinstance(value, int | float) or abs(value) <= _LARGEST

    if not check(card.network):
        raise ModelError(
            f"model {card.id!r}: ldmreg.network has a number above {_LARGEST}, or a very long "
            "list; get the model again"
        )
