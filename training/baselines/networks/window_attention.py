"""Swin blocks with self- or cross-attention on windows of any dimension."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib._monai import DropPath, compute_mask, window_partition, window_reverse

__all__ = ["CrossBlock"]


class _Attention(nn.Module):
    """Multi-head attention in windows with a learned bias of the relative position."""

    index: Tensor

    def __init__(self, channels: int, window: Sequence[int], heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        offsets = [2 * w - 1 for w in window]
        self.bias = nn.Parameter(torch.zeros(prod(offsets), heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        places = torch.stack(
            torch.meshgrid(*[torch.arange(w) for w in window], indexing="ij")
        ).flatten(1)
        index = torch.zeros(prod(window), prod(window), dtype=torch.long)
        for axis, (width, count) in enumerate(zip(window, offsets, strict=True)):
            index = index * count + places[axis][:, None] - places[axis][None] + width - 1
        self.register_buffer("index", index, persistent=False)

    def forward(self, query: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from ``query`` to ``source``, both ``(windows, tokens, C)``."""
        windows, tokens, channels = query.shape

        def split(x: Tensor, parts: int) -> Tensor:
            return x.reshape(windows, tokens, parts, self.heads, -1).permute(2, 0, 3, 1, 4)

        (q,) = split(self.query(query), 1)
        k, v = split(self.key_value(source), 2)
        bias = self.bias[self.index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None]).repeat(windows // len(mask), 1, 1, 1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(windows, tokens, channels))


class CrossBlock(nn.Module):
    """Transformer block on (shifted) windows, of one feature map or from one to another.

    Args:
        channels: width of the maps.
        heads: of the attention.
        window: edges of the windows in tokens, along each axis.
        shifted: whether the windows are shifted by half.
        drop_path: probability to skip a residual branch in training.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        window: Sequence[int],
        shifted: bool,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.window = tuple(window)
        self.shift = tuple(w // 2 if shifted else 0 for w in window)
        self.norm1 = nn.LayerNorm(channels)
        self.attention = _Attention(channels, window, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """Update ``x`` by attention to ``source``, default itself; both ``(B, *S, C)``."""
        size = x.shape[1:-1]
        padded = [-(-n // w) * w for n, w in zip(size, self.window, strict=True)]
        mask = compute_mask(padded, self.window, self.shift, x.device) if any(self.shift) else None
        own = self._windows(x, padded)
        other = own if source is None else self._windows(source, padded)
        attended = self.attention(own, other, mask)
        merged = window_reverse(
            attended.reshape(-1, *self.window, x.shape[-1]), self.window, [len(x), *padded]
        )
        if any(self.shift):
            merged = merged.roll(self.shift, dims=tuple(range(1, x.ndim - 1)))
        merged = merged[(slice(None), *(slice(0, n) for n in size))]
        x = x + self.drop_path(merged)
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _windows(self, x: Tensor, padded: Sequence[int]) -> Tensor:
        size = x.shape[1:-1]
        x = self.norm1(x)
        margins = [w for n, p in zip(size[::-1], padded[::-1], strict=True) for w in (0, p - n)]
        x = F.pad(x, (0, 0, *margins))
        if any(self.shift):
            x = x.roll([-s for s in self.shift], dims=tuple(range(1, x.ndim - 1)))
        return window_partition(x, self.window)
