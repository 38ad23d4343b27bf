"""Coordinates in place of text: the SCP baseline (textSCF, Table 1, row 0).

SCP generates the filter of a voxel from its position, without masks or text: the implicit function
maps the three coordinates to the filter (textSCF, Equation 2). In textSCF's terms each voxel is a
region with its coordinates as embedding, C1 = 3. Here a region is a cell of several voxels, because
one filter per voxel costs as much as a large network; cells of one voxel are SCP itself. Table and
network are those of textSCF.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._prompt_check import checked_prompts
from .background import FloatArray, embedding_table

__all__ = ["CoordinateEncoder", "coordinate_regions"]


class CoordinateEncoder:
    """Encoder that reads a position from a prompt such as ``"0.25 -0.5 0"``.

    The numbers lie in [-1, 1]: -1 and 1 are the outer faces of the network grid along its three
    axes, 0 is its middle.
    """

    id = "coordinates"
    channels = 3

    def encode(self, prompts: Sequence[str]) -> FloatArray:
        """Return the positions ``(n, 3)`` of ``n`` prompts.

        Raises:
            InputError: for a prompt that is not three numbers from -1 to 1.
        """
        return np.array(
            [_position(prompt) for prompt in checked_prompts(prompts)], np.float32
        ).reshape(-1, self.channels)


def coordinate_regions(
    shape: Sequence[int], cell: int = 8
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Divide a lattice into cells, the regions of SCP.

    Args:
        shape: of the lattice, ``(D, H, W)``.
        cell: edge of a cell in voxels; 1 is SCP as published. The last cells may be smaller.

    Returns:
        Regions ``(D, H, W)``, rows from 1; and the table ``(N, 3)`` with the centre of each cell in
        [-1, 1] along the axes of the lattice. Row 0, the background, is the middle of the lattice
        and is not used.

    Raises:
        InputError: unless the shape has three sizes and the cell at least one voxel.
    """
    if len(shape) != 3 or min(shape) < 1 or cell < 1:
        raise InputError(f"expected three sizes and a cell of at least 1, got {shape} and {cell}")
    counts = [math.ceil(size / cell) for size in shape]
    indices = [np.arange(size) // cell for size in shape]
    labels = 1 + np.ravel_multi_index(tuple(np.meshgrid(*indices, indexing="ij")), tuple(counts))
    centres = []
    for size, count in zip(shape, counts, strict=True):
        first = np.arange(count) * cell
        last = np.minimum(first + cell, size)
        centres.append((first + last) / size - 1)
    grid = np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1)
    return labels, embedding_table(grid.reshape(-1, 3), "zeros")


def _position(prompt: str) -> list[float]:
    try:
        numbers = [float(word) for word in re.split(r"[\s,]+", prompt.strip())]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(-1 <= n <= 1 for n in numbers):
        raise InputError(
            f"expected a position of three numbers from -1 to 1, such as '0.25 -0.5 0', "
            f"got {prompt!r}; a model trained on coordinates cannot read names"
        )
    return numbers
