"""Optimisers of PyTorch that do without its compiler.

The methods of ``torch.optim`` that are not to be compiled import the whole compiler when they are
first called, which takes longer than the registration of a slice.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["LBFGS", "Adam"]

_add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)


class Adam:
    """Adam for one tensor (Kingma and Ba, ICLR 2015).

    Args:
        parameter: is changed in place; its gradient is cleared by each step.
        lr: length of a step; may be changed between steps.
        betas: of the means of the gradient and of its square.
    """

    def __init__(
        self, parameter: Tensor, lr: float, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.parameter, self.lr, self._betas = parameter, lr, betas
        self._mean, self._square = torch.zeros_like(parameter), torch.zeros_like(parameter)
        self._steps = torch.tensor(0.0)

    @torch.no_grad()
    def step(self) -> None:
        """Move against the gradient of the parameter."""
        assert self.parameter.grad is not None
        adam(
            [self.parameter],
            [self.parameter.grad],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            foreach=False,
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=self.lr,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        self.parameter.grad = None


class LBFGS(torch.optim.LBFGS):
    """See ``torch.optim.LBFGS``."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; the constructor does."""
        _add_param_group(self, param_group)
