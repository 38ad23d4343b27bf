"""Probabilities of structures as further images that the refinement brings onto each other."""

from __future__ import annotations

import torch
from torch import Tensor

from ...functional import gaussian_smooth, resize, sample
from ...geometry import ImageGeometry
from ..refine.objective import velocity_shape
from ..slices import SliceRange

__all__ = ["batch_on_lattice", "coded_features", "structure_features"]

# A structure that is found in one image more than this much larger than in the other was missed
# there, or is no part of it. (A left ventricle near the apex shrinks to a fifth.)
_LARGEST_RATIO = 10.0
# Soft Dice before the refinement below which a structure is not where it was in the other image:
# its segmenter took another one for it, as one chamber of a heart for its neighbour.
_SMALLEST_OVERLAP = 0.15
# Share of the image below which structures are not to be seen. Not tuned.
_SMALLEST_SHARE = 5e-4
# Images that code the structures of a volume: with 12 the squared difference of two codes is 2 +-
# 0.6 of a structure's own.
_CODE_LENGTH = 12
_MOST_STRUCTURES, _CODES_SEED = 512, 0


def structure_features(
    moving: Tensor, fixed: Tensor, weight: float, known: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the probabilities of both images, scaled for the loss of the refinement.

    The mean over the pixels of their squared difference, summed over the structures, is ``weight``
    times one minus the soft Dice of all structures together, as it is before the refinement: it
    does not depend on how much of the image the structures take. A structure that one image lacks,
    or has elsewhere, does not count.

    Args:
        moving: probabilities ``(B, C, *S)`` of the structures, without the background.
        fixed: likewise.
        weight: of the structures in the loss.
        known: ``(B,)``, whether the images of a pair are such as the segmenter knows; others have
            no features. None: all are.
    """
    areas = [t.flatten(2).sum(2) for t in (moving, fixed)]
    least, most = torch.minimum(*areas), torch.maximum(*areas)
    common = torch.minimum(moving, fixed).flatten(2).sum(2)
    meets = 2 * common > _SMALLEST_OVERLAP * (least + most)
    counted = (meets & (least * _LARGEST_RATIO > most))[..., None].float()
    squares = (moving.square() + fixed.square()).flatten(2) * counted
    mean = squares.sum(1).mean(1)
    seen = mean > 2 * _SMALLEST_SHARE
    if known is not None:
        seen &= known.to(seen.device)
    scale = torch.where(seen, (weight / mean.clamp(min=1e-9)).sqrt(), 0.0)
    factor = (counted[..., 0] * scale[:, None]).reshape(
        *counted.shape[:2], *[1] * (moving.ndim - 2)
    )
    return moving * factor, fixed * factor


def coded_features(
    moving: tuple[Tensor, Tensor | None], fixed: tuple[Tensor, Tensor | None], weight: float
) -> tuple[Tensor, Tensor]:
    """Return many structures of two volumes as few images for the loss of the refinement.

    Each structure has a code of unit length, which is multiplied by the confidence: the squared
    difference of two codes is about that of the probabilities (Johnson and Lindenstrauss), at a
    third of the price. ``weight`` is that of :func:`structure_features`.

    Args:
        moving: number of the structure at each voxel from 0, background, ``(1, 1, *S)`` int64, and
            its probability, likewise, or None: certain.
        fixed: likewise.
        weight: of the structures in the loss.

    Returns:
        ``(1, C, *F)`` each, on half the lattice where the velocity of the refinement is there.
    """
    counts = [torch.bincount(rows.flatten()) for rows, _ in (moving, fixed)]
    total = max(map(len, counts))
    areas = torch.stack([torch.nn.functional.pad(n, (0, total - len(n))) for n in counts])
    counted = areas.amin(0) * _LARGEST_RATIO > areas.amax(0)
    counted[0] = False
    generator = torch.Generator().manual_seed(_CODES_SEED)
    codes = torch.randn(_MOST_STRUCTURES, _CODE_LENGTH, generator=generator)
    codes = torch.nn.functional.normalize(codes, dim=1)[torch.arange(total) % _MOST_STRUCTURES]
    codes = codes * counted[:, None]
    shape = fixed[0].shape[2:]
    target = velocity_shape(shape)
    sigma = [0.5 * n / m if n > m else 0.0 for n, m in zip(shape, target, strict=True)]

    def coded(rows: Tensor, confidence: Tensor | None) -> Tensor:
        channels = []
        for code in codes.T:
            channel = code[rows]
            if confidence is not None:
                channel = channel * confidence
            channels.append(resize(gaussian_smooth(channel, sigma), target))
        return torch.cat(channels, 1)

    first, second = coded(*moving), coded(*fixed)
    mean = (first.square() + second.square()).sum(1).mean()
    scale = (weight / mean.clamp(min=1e-9)).sqrt()
    return first * scale, second * scale


def batch_on_lattice(
    values: Tensor, lattice: ImageGeometry, target: ImageGeometry, slices: SliceRange | None
) -> Tensor:
    """Return images on another lattice of the same axes and slices, ``(B, C, *T)``; linear.

    Args:
        values: ``(B, C, *S)``, on ``lattice``; beyond it they go on as at the border.
        lattice: of the image, or the 3D lattice of the slices.
        target: likewise, where to.
        slices: those of the batch, None for a whole image.
    """
    if lattice.matches(target):
        return values
    axes = [a for a in range(target.dimension) if slices is None or a != slices.axis]
    ends = [[0.0] * target.dimension, [float(n - 1) for n in target.size]]
    first, last = (lattice.physical_to_index(target.index_to_physical(end)) for end in ends)
    # Arrays have the highest axis first.
    steps = [
        torch.linspace(float(first[a]), float(last[a]), target.size[a], device=values.device)
        for a in reversed(axes)
    ]
    places = torch.stack(torch.meshgrid(*steps, indexing="ij"))[None]
    return sample(values, places.expand(len(values), *places.shape[1:]).contiguous())
