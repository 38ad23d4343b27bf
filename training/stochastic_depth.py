"""Stochastic depth whose draws follow from the items of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.drop_path import DropPath
from torch import Tensor, nn

__all__ = ["StochasticDepth"]


class StochasticDepth:
    """Draws of all layers of a network that skip residual branches at random.

    MONAI's layers draw for the whole batch from one global generator, so that an item's draws
    depend on its place in the batch. Here every item has its own generator, which all layers use.

    Args:
        network: its layers are replaced in place; they have no weights.

    Attributes:
        generators: one for each item of the batch that is to come, which may hold the items several
            times, all of them one after the other; None: the global one.
    """

    def __init__(self, network: nn.Module) -> None:
        self.generators: Sequence[torch.Generator] | None = None
        for parent in list(network.modules()):
            for name, child in parent.named_children():
                if isinstance(child, DropPath):
                    setattr(parent, name, _DropPath(child.drop_prob, self))


class _DropPath(nn.Module):
    """Layer that drops a branch ``(B, ...)`` of some items, and scales it for the others."""

    def __init__(self, probability: float, draws: StochasticDepth) -> None:
        super().__init__()
        self.probability, self.draws = probability, draws

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        generators = self.draws.generators
        if generators is None:
            kept = torch.rand(len(x)) >= self.probability
        else:
            # Networks that see both images of a pair apart have them one after the other.
            copies, rest = divmod(len(x), len(generators))
            if rest or not copies:
                raise ValueError(f"expected {len(generators)} items, got a batch of {len(x)}")
            every = [g for _ in range(copies) for g in generators]
            drawn = torch.stack([torch.rand((), generator=g) for g in every])
            kept = drawn >= self.probability
        factor = kept.to(x) / (1 - self.probability)
        return x * factor.view(-1, *[1] * (x.ndim - 1))
