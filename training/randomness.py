"""Random numbers of a training: by seed and item, in whichever process.

What a network sees of an item, its noise, its mask, the branches that stochastic depth skips,
follows from the seed and the item's number in the stream alone. So a run goes on exactly after it
was stopped, and several processes draw what one process with their batches together would.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["item_generators", "item_noise", "item_rngs", "random_state", "restore", "seed_step"]


def item_generators(
    seed: int, items: Sequence[int] | Tensor, purpose: int
) -> list[torch.Generator]:
    """Return a generator of torch, on the CPU, for each item.

    Args:
        seed: of the run.
        items: numbers of the items in the stream, of a batch.
        purpose: number of the use, so that two uses in one step do not draw the same.
    """
    return [
        torch.Generator().manual_seed(int(_sequence(seed, i, purpose).generate_state(1)[0]))
        for i in _numbers(items)
    ]


def item_rngs(seed: int, items: Sequence[int] | Tensor, purpose: int) -> list[np.random.Generator]:
    """Return a generator of numpy for each item, see :func:`item_generators`."""
    return [np.random.default_rng(_sequence(seed, i, purpose)) for i in _numbers(items)]


def item_noise(shape: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Return standard normal noise ``(B, *shape)``, each item's from its own generator."""
    return torch.stack([torch.randn(tuple(shape), generator=g) for g in generators])


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed the global generators of Python, numpy and torch for a step of a process."""
    states = np.random.SeedSequence((seed, step, rank)).generate_state(3)
    random.seed(int(states[0]))
    np.random.seed(int(states[1]))  # noqa: NPY002 - what others draw from it must follow, too
    torch.manual_seed(int(states[2]))


def random_state() -> dict[str, Any]:
    """Return the state of the global generators, as values that a checkpoint can hold."""
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore(state: dict[str, Any]) -> None:
    """Set the global generators to a :func:`random_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())


def _numbers(items: Sequence[int] | Tensor) -> list[int]:
    return [int(i) for i in (items.tolist() if isinstance(items, Tensor) else items)]


def _sequence(seed: int, item: int, purpose: int) -> np.random.SeedSequence:
    return np.random.SeedSequence((seed, item, purpose))
