"""Window attention and Swin blocks, for self-attention and cross-attention (LGCA).

Source: Liu et al., "Swin Transformer" (ICCV 2021); cross-attention between two streams as in
LDM-Morph, Equations 9 to 11. Feature maps are ``(B, H, W, C)`` throughout.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._monai import DropPath, compute_mask, window_partition, window_reverse

__all__ = ["SwinBlock", "WindowAttention"]


class WindowAttention(nn.Module):
    """Multi-head attention inside windows, with a learned bias for the relative position.

    One matrix projects queries, keys and values, even if the queries come from another feature map.

    Args:
        channels: width of the feature maps.
        window: side of the square window in tokens.
        heads: number of heads; must divide ``channels``.
    """

    relative_position_index: Tensor

    def __init__(self, channels: int, window: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(
                f"heads must divide the channels, got {heads} heads and {channels} channels"
            )
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)
        self.relative_position_bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias, std=0.02)
        rows, columns = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        rows, columns = rows.flatten(), columns.flatten()
        row_offset = rows[:, None] - rows[None, :] + window - 1
        column_offset = columns[:, None] - columns[None, :] + window - 1
        index = row_offset * (2 * window - 1) + column_offset
        self.register_buffer("relative_position_index", index, persistent=False)

    def forward(self, x: Tensor, query: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Attend from ``query`` (default ``x``) to ``x``.

        Args:
            x: ``(windows, tokens, C)``, source of keys and values.
            query: ``(windows, tokens, C)``, source of queries.
            mask: ``(windows per image, tokens, tokens)``, added to the attention logits.

        Returns:
            ``(windows, tokens, C)``.
        """
        windows, tokens, channels = x.shape

        def heads(t: Tensor, parts: int) -> Tensor:
            return t.reshape(windows, tokens, parts, self.heads, -1).permute(2, 0, 3, 1, 4)

        if query is None:
            q, k, v = heads(self.qkv(x), 3)
        else:
            weight_q, weight_kv = self.qkv.weight.split([channels, 2 * channels])
            (q,) = heads(F.linear(query, weight_q), 1)
            k, v = heads(F.linear(x, weight_kv), 2)
        bias = self.relative_position_bias[self.relative_position_index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None]).repeat(windows // mask.shape[0], 1, 1, 1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(windows, tokens, channels))


class SwinBlock(nn.Module):
    """Transformer block on (shifted) windows: self-attention, or cross-attention with a second map.

    A map that is no multiple of the window is zero-padded at its end *after* the first
    normalisation; as in the released LDM-Morph, the window never shrinks.

    Args:
        channels: width of the feature map.
        heads: attention heads.
        window: side of the window in tokens.
        shift: cyclic shift of the windows in tokens, 0 for none.
        drop_path: probability to skip each residual branch during training.
    """

    def __init__(
        self, channels: int, heads: int, window: int, shift: int, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.window = window
        self.shift = shift
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, window, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor, query: Tensor | None = None) -> Tensor:
        """Return the updated ``x``; ``query``, if given, replaces ``x`` as source of the queries.

        Args:
            x: ``(B, H, W, C)``.
            query: ``(B, H, W, C)`` or None for self-attention.
        """
        height, width = x.shape[1:3]
        padded = [-(-n // self.window) * self.window for n in (height, width)]
        mask = None
        if self.shift:
            size, shift = (self.window, self.window), (self.shift, self.shift)
            mask = compute_mask(padded, size, shift, x.device)
        attended = self.attention(
            self._windows(x, padded), None if query is None else self._windows(query, padded), mask
        )
        merged = window_reverse(
            attended.reshape(-1, self.window, self.window, x.shape[-1]),
            (self.window,) * 2,
            [x.shape[0], *padded],
        )
        if self.shift:
            merged = merged.roll((self.shift, self.shift), dims=(1, 2))
        x = x + self.drop_path(merged[:, :height, :width])
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _windows(self, x: Tensor, padded: list[int]) -> Tensor:
        x = self.norm1(x)
        x = F.pad(x, (0, 0, 0, padded[1] - x.shape[2], 0, padded[0] - x.shape[1]))
        if self.shift:
            x = x.roll((-self.shift, -self.shift), dims=(1, 2))
        return window_partition(x, (self.window, self.window))
