"""Background embedding, orthogonal to the embeddings of all structures (textSCF, 3.3.1)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["Background", "background_vector", "embedding_table", "released_background_vector"]

Background = Literal["svd", "released", "zeros", "prompt"]
FloatArray = npt.NDArray[np.float32]


def background_vector(embeddings: npt.ArrayLike) -> FloatArray:
    """Return the unit vector orthogonal to the embeddings of all structures.

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


def released_background_vector(embeddings: npt.ArrayLike) -> FloatArray:
    """Return the background vector of the authors' released code.

    That code takes the last column instead of the last row: also a unit vector, but not orthogonal
    to the embeddings. Their checkpoints were trained with it.

    Args:
        embeddings: ``(n, C1)``, one row per structure.

    Raises:
        InputError: for embeddings that are not finite numbers.
    """
    return np.linalg.svd(_checked(embeddings), full_matrices=True)[2][:, -1].astype(np.float32)


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


def _checked(embeddings: npt.ArrayLike) -> npt.NDArray[np.float64]:
    matrix = np.asarray(embeddings, np.float64)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InputError(f"expected finite embeddings (structures, channels), got {matrix.shape}")
    return matrix
