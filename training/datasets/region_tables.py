"""Embedding tables of a model's regions: the background first, then the structures or cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store.import_checkpoint.textscf import released_background_vector
from SlicerLDMRegLib.text import TextEncoder

__all__ = [
    "Background",
    "background_vector",
    "coordinate_regions",
    "embedding_table",
    "region_table",
]

Background = Literal["svd", "released", "zeros", "prompt"]
FloatArray = npt.NDArray[np.float32]


def background_vector(embeddings: npt.ArrayLike) -> FloatArray:
    """Return the unit vector orthogonal to the embeddings of all structures (textSCF, 3.3.1).

    It is the last right-singular vector of the embeddings. These do not span the whole space, so it
    is not unique: its sign is fixed here (the largest component is positive), but another LAPACK
    may return another vector. Therefore the table is stored with a model.

    Args:
        embeddings: ``B (n, C1)``, one row per structure, with ``n < C1``.

    Returns:
        ``b0 (C1,)`` with ``max |B b0| < 1e-4``.

    Raises:
        InputError: for embeddings that are not finite, or ``n >= C1``.
    """
    matrix = _checked(embeddings)
    structures, channels = matrix.shape
    if structures >= channels:
        raise InputError(
            f"expected fewer structures than channels for a background by SVD, got {structures} "
            f"and {channels}; use an encoder with more channels or background 'zeros'"
        )
    vector = np.linalg.svd(matrix, full_matrices=True)[2][-1]
    vector *= np.sign(vector[np.abs(vector).argmax()])
    return vector.astype(np.float32)


def embedding_table(
    embeddings: npt.ArrayLike,
    background: Background = "svd",
    background_embedding: npt.ArrayLike | None = None,
) -> FloatArray:
    """Return the embedding table: the background row, then the structures.

    Args:
        embeddings: ``(N - 1, C1)``, one row per structure.
        background: ``"svd"`` as in the paper; ``"released"`` for the authors' checkpoints;
            ``"zeros"``; or ``"prompt"``: the embedding of a text such as "background".
        background_embedding: ``(C1,)`` or ``(1, C1)``, for ``"prompt"`` only.

    Returns:
        ``(N, C1)`` float32; row 0 is the background.

    Raises:
        InputError: for an unknown background, or embeddings that do not suit it.
    """
    matrix = _checked(embeddings).astype(np.float32)
    if background not in get_args(Background):
        raise InputError(
            f"background: expected {', '.join(get_args(Background))}, got {background!r}"
        )
    if (background == "prompt") != (background_embedding is not None):
        raise InputError("background_embedding: expected with background 'prompt', and only then")
    if background == "svd":
        row = background_vector(matrix)
    elif background == "released":
        row = released_background_vector(matrix)
    elif background == "zeros":
        row = np.zeros(matrix.shape[1], np.float32)
    else:
        row = np.asarray(background_embedding, np.float32).reshape(-1)
        if row.size != matrix.shape[1]:
            raise InputError(
                f"background_embedding: expected {matrix.shape[1]} channels, got {row.size}"
            )
    return np.concatenate([row[None], matrix])


def region_table(
    encoder: TextEncoder,
    prompts: Sequence[str],
    background: Background = "svd",
    background_prompt: str | None = None,
) -> FloatArray:
    """Return the embedding table of a model: background first, then the structures.

    Args:
        encoder: from :func:`SlicerLDMRegLib.text.build_encoder`.
        prompts: of the structures, in ascending order of their label numbers.
        background: kind of row 0, see :func:`embedding_table`.
        background_prompt: text of the background, for ``"prompt"``.

    Returns:
        ``(N, C1)`` float32.

    Raises:
        InputError: when prompts, encoder and background do not match.
    """
    row = None if background_prompt is None else encoder.encode([background_prompt])
    return embedding_table(encoder.encode(prompts), background, row)


def coordinate_regions(
    shape: Sequence[int], cell: int = 8
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Divide a lattice into cells, the regions of the SCP baseline (textSCF, Table 1, row 0).

    SCP generates the filter of a voxel from its position, without masks or text: the implicit
    function maps the three coordinates to the filter (textSCF, Equation 2). In textSCF's terms each
    voxel is a region with its coordinates as embedding, C1 = 3. Here a region is a cell of several
    voxels, because one filter per voxel costs as much as a large network; cells of one voxel are
    SCP itself. Table and network are those of textSCF.

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


def _checked(embeddings: npt.ArrayLike) -> npt.NDArray[np.float64]:
    matrix = np.asarray(embeddings, np.float64)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InputError(f"expected finite embeddings (structures, channels), got {matrix.shape}")
    return matrix
