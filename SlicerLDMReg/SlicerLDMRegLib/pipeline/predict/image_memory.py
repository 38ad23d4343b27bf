"""Memory for work that depends on one image alone, recognised by the content of the image."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

__all__ = ["ImageMemory"]

T = TypeVar("T")


class ImageMemory(Generic[T]):
    """Results of the images that were seen last.

    In a cine series or a cohort the same image comes back again and again.

    Args:
        size: number of images whose results are kept; the ones unused for longest go first.

    Attributes:
        asked, computed: of how many images results were wanted, and of how many of these they were
            not there.
    """

    def __init__(self, size: int = 64) -> None:
        self.size = size
        self.asked = self.computed = 0
        self._kept: OrderedDict[str, T] = OrderedDict()

    def of(
        self, images: Sequence[Tensor], compute: Callable[[Tensor], Sequence[T]], seed: int = 0
    ) -> list[T]:
        """Return the result of each image.

        Args:
            images: ``(C, *S)`` each, of one shape.
            compute: a batch ``(B, C, *S)`` of images that are not known, each once, to their
                results.
            seed: what else decides about a result.
        """
        keys = [_key(image, seed) for image in images]
        missing = {k: i for k, i in zip(keys, images, strict=True) if k not in self._kept}
        found = {k: self._kept[k] for k in keys if k in self._kept}
        self.asked += len(keys)
        self.computed += len(missing)
        if missing:
            made = compute(torch.stack(list(missing.values())))
            found |= dict(zip(missing, made, strict=True))
        for key in found:
            self._kept[key] = found[key]
            self._kept.move_to_end(key)
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)
        return [found[key] for key in keys]

    def clear(self) -> None:
        """Forget all images."""
        self._kept.clear()


def _key(image: Tensor, seed: int) -> str:
    """Return a digest of the values of an image and of what else decides the work on it."""
    content = image.detach().cpu().contiguous().float().numpy()
    digest = hashlib.sha256(repr((content.shape, seed)).encode())
    digest.update(content.tobytes())
    return digest.hexdigest()
