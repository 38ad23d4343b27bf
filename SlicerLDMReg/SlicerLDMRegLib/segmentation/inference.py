"""Prediction of a segmentation network for a volume of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from .. import _monai
from .segmentation import ReportsProgress

__all__ = ["class_probabilities"]


def class_probabilities(
    network: nn.Module,
    image: np.ndarray,
    window: Sequence[int],
    *,
    overlap: float = 0.5,
    device: torch.device | str = "cpu",
    progress: ReportsProgress | None = None,
) -> np.ndarray:
    """Return the probability of each class.

    An image of the size of the window is seen at once; others in windows that overlap, blended with
    Gaussian weights, a smaller one padded with 0. Probabilities are kept in 16 bits and outside of
    the GPU: they are the largest thing here, classes times voxels.

    Args:
        network: ``(1, 1, *window)`` to logits ``(1, N, *window)``.
        image: ``(*S)``, as the network expects it.
        window: what it sees at once.
        overlap: of neighbouring windows, as a fraction.
        device: of the network.
        progress: told after each window.

    Returns:
        ``(N, *S)``, float16.
    """
    total = _windows(image.shape, window, overlap)
    done = 0

    def predict(part: Tensor) -> Tensor:
        nonlocal done
        logits = network(part.to(device, torch.float32))
        done += 1
        if progress is not None:
            progress.report("segment", done / total, f"part {done} of {total}" * (total > 1))
        return logits.float().softmax(dim=1).half().cpu()

    whole = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]
    with torch.inference_mode():
        if whole.shape[2:] == tuple(window):
            return predict(whole)[0].numpy()
        blended = _monai.sliding_window_inference(
            whole.half(), tuple(window), 1, predict, overlap=overlap, mode="gaussian", device="cpu"
        )
    assert isinstance(blended, Tensor)
    return blended[0].numpy()


def _windows(shape: Sequence[int], window: Sequence[int], overlap: float) -> int:
    """Count the windows that MONAI lays over an image."""
    counts = [
        1 if n <= w else math.ceil((n - w) / max(1, int(w * (1 - overlap)))) + 1
        for n, w in zip(shape, window, strict=True)
    ]
    return math.prod(counts)
