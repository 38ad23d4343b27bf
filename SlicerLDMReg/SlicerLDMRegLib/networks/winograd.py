"""Convolutions of 3 x 3 by Winograd's minimal filtering: a quarter of the multiplications.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016); here
F(4 x 4, 3 x 3).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["WinogradConv2d", "use_winograd"]

# Channels from which it pays on a CPU; with fewer the transforms take what the products save. On
# two cores with AVX2: 128 channels 1.4, 256 channels 2.0, 512 channels 2.2 times as fast.
_LEAST_CHANNELS = 128
_TILE, _STEP, _POINTS = 6, 4, 36
# Of the transformed tiles that are computed at once: 2 to 4 MB stay in the cache, and fewer than
# some 100 tiles make thin products of matrices. Best of 2, 4, 8 and 100 MB at 128 to 512 channels.
_CACHE_BYTES, _LEAST_TILES = 4 * 2**20, 96

# Polynomials through 0, 1, -1, 2, -2 and infinity.
_INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)
_FILTER = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
_OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    dtype=torch.float64,
)


class WinogradConv2d(nn.Conv2d):
    """Convolution with weights transformed once, for maps in float32 on a CPU, without gradient.

    All else is computed as :class:`torch.nn.Conv2d` does. Results differ from its by some 1e-5 of
    the largest value. The transformed weights take four times the memory of the weights.
    """

    _transformed: tuple[tuple[int, int], Tensor] | None

    def forward(self, input: Tensor) -> Tensor:
        """Return ``(B, out, H, W)`` of ``(B, in, H, W)``."""
        return self._fast(input) if self._pays(input) else super().forward(input)

    def _pays(self, input: Tensor) -> bool:
        return (
            input.device.type == "cpu"
            and input.dtype == self.weight.dtype == torch.float32
            and input.ndim == 4
            and not (torch.is_grad_enabled() and (input.requires_grad or self.weight.requires_grad))
            and not torch.is_autocast_enabled("cpu")
            and not torch.is_inference(self.weight)
            # Tiles must be filled, and enough of them to fill the products of matrices.
            and input.shape[2] * input.shape[3] >= 16 * _STEP**2
        )

    def _weights(self) -> Tensor:
        """Return the transformed weights ``(36, in, out)``."""
        state = self.weight.data_ptr(), self.weight._version
        kept = self.__dict__.get("_transformed")
        if kept is None or kept[0] != state:
            with torch.no_grad():
                points = torch.einsum("ai,ocij,bj->abco", _FILTER, self.weight.double(), _FILTER)
            kept = state, points.reshape(_POINTS, *points.shape[2:]).float().contiguous()
            self.__dict__["_transformed"] = kept
        return kept[1]

    @torch.no_grad()
    def _fast(self, input: Tensor) -> Tensor:
        batch, channels, height, width = input.shape
        rows, columns = -(-height // _STEP), -(-width // _STEP)
        below, right = rows * _STEP - height, columns * _STEP - width
        # The tiles overlap by the two rows and columns that a filter reaches beyond its centre.
        padded = F.pad(input.permute(0, 2, 3, 1), (0, 0, 1, 1 + right, 1, 1 + below)).contiguous()
        found = input.new_empty(batch, rows, _STEP, columns, _STEP, self.out_channels)
        bias = 0.0 if self.bias is None else self.bias
        weights = self._weights()
        strip = -(-_fitting_tiles(max(channels, self.out_channels)) // columns)
        for image in range(batch):
            for first in range(0, rows, strip):
                last = min(first + strip, rows)
                part = padded[image, _STEP * first : _STEP * last + 2]
                squares = _filtered(part, last - first, columns, weights)
                torch.add(squares, bias, out=found[image, first:last])
        whole = found.view(batch, rows * _STEP, columns * _STEP, self.out_channels)
        # In memory the channels stay last, as the next convolution wants them.
        return whole[:, :height, :width].permute(0, 3, 1, 2)

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        state.pop("_transformed", None)
        return state


def _fitting_tiles(channels: int) -> int:
    """Return the number of tiles to compute at once."""
    return max(_LEAST_TILES, _CACHE_BYTES // (4 * _POINTS * channels))


def _filtered(image: Tensor, rows: int, columns: int, weights: Tensor) -> Tensor:
    """Return squares ``(rows, 4, columns, 4, out)`` of a part ``(h, w, in)`` of a padded image."""
    channels = image.shape[-1]
    row, column, _ = image.stride()
    tiles = image.as_strided(
        (_TILE, _TILE, rows, columns, channels), (row, column, _STEP * row, _STEP * column, 1)
    )
    inward, outward = _INPUT.float(), _OUTPUT.float()
    # Down, then across: two thin products of matrices instead of one with the 36 x 36 of both.
    down = (inward @ tiles.reshape(_TILE, -1)).view(_TILE, _TILE, -1)
    points = torch.matmul(inward, down).view(_POINTS, rows * columns, channels)
    products = torch.bmm(points, weights)
    down = (outward @ products.view(_TILE, -1)).view(_STEP, _TILE, -1)
    squares = torch.matmul(outward, down).view(_STEP, _STEP, rows, columns, -1)
    return squares.permute(2, 0, 3, 1, 4)


def use_winograd(module: nn.Module) -> None:
    """Let the wide 3 x 3 convolutions of a module compute by Winograd's filtering where it pays."""
    for part in module.modules():
        if (
            type(part) is nn.Conv2d
            and part.kernel_size == (3, 3)
            and part.stride == part.dilation == (1, 1)
            and part.padding == (1, 1)
            and part.padding_mode == "zeros"
            and part.groups == 1
            and min(part.in_channels, part.out_channels) >= _LEAST_CHANNELS
        ):
            part.__class__ = WinogradConv2d
