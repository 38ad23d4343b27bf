"""Batch normalisation over the batches of all processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .processes import differentiable_sum

__all__ = ["share_batch_norms"]


def share_batch_norms(network: nn.Module) -> None:
    """Let the 2D batch normalisations of a network see the batches of all processes.

    PyTorch's ``SyncBatchNorm`` does so on GPUs alone. The layers keep their weights.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = _SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(parent, name, shared)


class _SharedBatchNorm(nn.BatchNorm2d):
    """Normalisation of ``(B, C, H, W)`` by mean and variance of all processes' batches."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        axes, world = (0, 2, 3), torch.distributed.get_world_size()
        x = input.float()
        mean = differentiable_sum(x.mean(axes)) / world
        centred = x - mean.view(1, -1, 1, 1)
        variance = differentiable_sum(centred.square().mean(axes)) / world
        with torch.no_grad():
            count = x.numel() // x.shape[1] * world
            rate = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, rate)
            self.running_var.lerp_(variance * count / max(count - 1, 1), rate)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
        scale = (self.weight * (variance + self.eps).rsqrt()).view(1, -1, 1, 1)
        return (centred * scale + self.bias.view(1, -1, 1, 1)).to(input)
