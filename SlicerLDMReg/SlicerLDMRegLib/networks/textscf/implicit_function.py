"""Implicit function from the text embedding of a region to its filters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ImplicitFunction"]


class ImplicitFunction(nn.Module):
    """Multilayer perceptrons ``Phi`` from embeddings to filters (textSCF, Section 3.3.2, Figure 2).

    Args:
        text_channels: length of an embedding.
        hidden_channels: width of the first layer; the second is twice as wide.
        filter_channels: length of a filter, the channels of the feature map.
        spatial_dims: number of filters per region, one per axis of the displacement.
        functions: 1, or ``spatial_dims`` for one perceptron per axis.
    """

    def __init__(
        self,
        text_channels: int,
        hidden_channels: int,
        filter_channels: int,
        spatial_dims: int = 3,
        functions: int = 1,
    ) -> None:
        super().__init__()
        outputs = filter_channels * spatial_dims // functions
        self.filter_channels, self.spatial_dims = filter_channels, spatial_dims
        self.functions = nn.ModuleList(
            nn.Sequential(
                nn.Linear(text_channels, hidden_channels),
                nn.ReLU(),
                nn.Linear(hidden_channels, 2 * hidden_channels),
                nn.ReLU(),
                nn.Linear(2 * hidden_channels, outputs),
            )
            for _ in range(functions)
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the filters of embeddings.

        Args:
            embeddings: ``(N, text_channels)``.

        Returns:
            ``(N, filter_channels, spatial_dims)``.
        """
        # Outputs are grouped by axis in both cases.
        axes = torch.cat([f(embeddings) for f in self.functions], dim=1)
        return axes.unflatten(1, (self.spatial_dims, self.filter_channels)).transpose(1, 2)
