"""Objective of the refinement: the loss of a velocity for a pair of images on one level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial, reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from ...functional import gaussian_smooth, integrate, resize, sample, warp
from ...functional._slice_sampling import SlicePlaces, sample_slices, suits
from ...functional.warp import to_coordinates
from ...losses import (
    label_dice_loss,
    mind_ssc_descriptor,
    mind_ssc_to,
    similarity_loss,
    smoothness,
)
from ..options import RefineOptions
from .point_pairs import hold_points, on_shape

__all__ = ["ImagePair", "Objective", "product", "velocity_shape"]

# Bring the similarities to one scale, so that one smoothness suits all of them. Set in 2D on mixed
# cine MR pairs, in 3D on the validation pairs of generated brains. A softer refinement of volumes
# made an abdominal CT under a known warp worse (Dice 0.75 before, 0.47 after).
_WEIGHTS = {
    2: {"mse": 10.0, "lncc": 0.08, "mind": 1.0},
    3: {"mse": 2.0, "lncc": 0.04, "mind": 0.5},
}
# Voxels along an axis below which a part of one leads much of the image out of view: there nothing
# is left out of the comparison.
_THIN = 8
# Share of the voxels that a field may take out of view for nothing: in sound registrations it is up
# to 0.06, and a small shift of all must not seem worse than none.
_FREE = 0.1
# Larger volumes have their velocity on half the lattice on all levels, and are compared there. Half
# of 36 voxels would lose structures.
_WHOLE_LATTICE_3D = 50_000
# Voxels of a side of a coarser velocity: of 12 hippocampi the mean Dice falls from 0.797 to 0.789
# where the coarsest level is halved to 6.
_SMALLEST_SIDE = 12
# Voxels: a neighbourhood in 3D holds more of them than in 2D.
_WINDOW_3D = 5


def velocity_shape(shape: Sequence[int], factor: int = 1) -> tuple[int, ...]:
    """Return the lattice of the velocity for images of a shape: half of theirs, or a little more.

    A velocity that is smooth over two voxels loses nothing there, and its exponential, the dearest
    step of an iteration, takes a quarter of the time in 2D and an eighth in 3D.

    Args:
        shape: of the images on a level.
        factor: by which the level is coarser than the images are.
    """
    if factor == 1 and len(shape) == 3 and math.prod(shape) <= _WHOLE_LATTICE_3D:
        return tuple(shape)
    return tuple(min(n, max(-(-n // 2), _SMALLEST_SIDE)) for n in shape)


@dataclass(frozen=True)
class ImagePair:
    """Two images on one lattice.

    Attributes:
        moving: ``(B, 1, *S)`` in [0, 1].
        fixed: likewise.
        mask: ``(B, 1, *S)``, 0 where the images are not both defined; None: nowhere.
        moving_regions: labels from 0 (background), ``(B, 1, *S)`` int64; None: not used.
        fixed_regions: likewise.
        fixed_mask: weights from 0 to 1, ``(B, 1, *S)``; where it is 0 the images are not compared.
            None: 1 everywhere.
        moving_mask: likewise for the moving image; it moves with the image.
        view: ``(B, 1, *S + 2)``, where the moving image is defined on the lattice with one voxel
            more on every side; farther out it goes on as there. None: it is not asked whether a
            displacement leads out of view.
        points, partners, tolerances: pairs of points that belong together, see
            :class:`.PointPairs`; None: there are none.
        moving_features, fixed_features: further images of what they show, such as the probabilities
            of structures or the distances from them, ``(B, C, *F)`` over the same extent, with
            fewer voxels where that saves time; the mean over the voxels of their squared
            difference, summed over C, belongs to the loss. None: it does not.
    """

    moving: Tensor
    fixed: Tensor
    mask: Tensor | None = None
    moving_regions: Tensor | None = None
    fixed_regions: Tensor | None = None
    fixed_mask: Tensor | None = None
    moving_mask: Tensor | None = None
    view: Tensor | None = None
    points: Tensor | None = None
    partners: Tensor | None = None
    tolerances: Tensor | None = None
    moving_features: Tensor | None = None
    fixed_features: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape."""
        return tuple(self.fixed.shape[2:])

    @property
    def compared(self) -> Tensor | None:
        """Weights of the comparison as long as nothing moves; None: everywhere."""
        return product(self.mask, self.fixed_mask, self.moving_mask)

    @cached_property
    def fixed_descriptor(self) -> Tensor:
        """MIND of the fixed image where it is compared, on the lattice of the comparison."""
        weights = product(self.mask, self.fixed_mask)
        fixed = self.fixed if weights is None else self.fixed * weights
        return mind_ssc_descriptor(fixed, stride=_stride(self.shape))

    @cached_property
    def moving_in_view(self) -> Tensor:
        """The moving image on the lattice of the view, its border repeated."""
        return F.pad(self.moving, [1, 1] * len(self.shape), mode="replicate")

    @cached_property
    def exchanged(self) -> ImagePair:
        """The images in each other's place, without regions, points and features."""
        view = None
        if self.view is not None:
            view = F.pad(torch.ones_like(self.fixed), [1, 1] * len(self.shape))
        return ImagePair(
            self.fixed,
            self.moving,
            self.mask,
            fixed_mask=self.moving_mask,
            moving_mask=self.fixed_mask,
            view=view,
        )

    def __getitem__(self, elements: slice) -> ImagePair:
        """Return some elements of the batch."""
        return ImagePair(*(None if t is None else t[elements] for t in self._tensors()))  # type: ignore[arg-type]

    def repeated(self, times: int) -> ImagePair:
        """Return the batch several times, one after the other."""
        if times == 1:
            return self
        return ImagePair(*(None if t is None else torch.cat([t] * times) for t in self._tensors()))  # type: ignore[arg-type]

    def on(self, shape: Sequence[int]) -> ImagePair:
        """Return the pair with fewer voxels over the same extent."""
        if tuple(shape) == self.shape:
            return self
        sigma = [0.5 * n / m if n > m else 0.0 for n, m in zip(self.shape, shape, strict=True)]
        whole = self.moving, self.fixed, self.mask, self.fixed_mask, self.moving_mask
        moving, fixed, *masks = (
            None if t is None else resize(gaussian_smooth(t, sigma), shape) for t in whole
        )
        features = _with_fewer_voxels(self.moving_features, self.fixed_features, shape)
        regions = tuple(
            None if t is None else _nearest(t, shape)
            for t in (self.moving_regions, self.fixed_regions)
        )
        view = self.view
        if view is not None:
            # At the border this is off by less than half a voxel of a coarse level.
            view = resize(gaussian_smooth(view, sigma), [n + 2 for n in shape])
        pairs: list[Tensor | None] = [None, None, None]
        if self.points is not None and self.partners is not None and self.tolerances is not None:
            held = self.points, self.partners, self.tolerances
            pairs = [*on_shape(held, self.shape, shape)]
        found = moving, fixed, masks[0], *regions, masks[1], masks[2], view, *pairs, *features
        return ImagePair(*found)  # type: ignore[arg-type]

    def _tensors(self) -> tuple[Tensor | None, ...]:
        return tuple(getattr(self, f.name) for f in fields(self))


class Objective:
    """The loss of a velocity: similarity, smoothness and, where asked for, regions and points.

    Args:
        options: with a similarity other than "auto".
        classes: number of labels of the regions, background included.

    Attributes:
        similarity: the one of the level, ``mse``, ``lncc`` or ``mind``.
        factor: by which the level is coarser than the images are.
        prior: velocity whose change the regulariser measures, ``(B, d, *S)``; None: no motion.
        stiffness: factor of the regulariser, one for each element of the batch; None: one for all.
    """

    def __init__(self, options: RefineOptions, classes: int = 0) -> None:
        self.options, self.classes = options, classes
        self.similarity = options.similarity_of_level(last=True)
        self.factor = 1
        self.stiffness: list[float] | None = None
        self.prior: Tensor | None = None
        self._priors: dict[tuple[int, ...], Tensor] = {}

    def goes_back(self, pair: ImagePair) -> bool:
        """Whether the way back counts as much as the way there.

        It does where nothing but the images is compared, by LNCC or MIND. Of one way these have a
        bias where there is noise: an edge of the moving image that is moved outwards is in more
        neighbourhoods than one that is moved inwards. Of noisy balls onto themselves the mean
        determinant was 0.971 with LNCC and 1.12 with MIND; of both ways it is 1.014 and 1.00. The
        mean Dice of 12 hippocampi and of 6 pairs of brains did not change by more than 0.001.
        """
        guided = self.options.anatomy > 0 and pair.fixed_regions is not None
        others = pair.points is not None or pair.fixed_features is not None
        return self.similarity in ("lncc", "mind") and not guided and not others

    def __call__(self, velocity: Tensor, pair: ImagePair, back: bool = False) -> Tensor:
        """Return the loss of each element, ``(B,)``.

        Args:
            velocity: ``(B, d, *V)`` in voxels of its own lattice; a batch that is a multiple of the
                prior's holds several candidates for each pair.
            pair: the images, on the lattice of a level.
            back: the loss of the inverse, which brings the fixed image onto the moving one.
        """
        if back:
            velocity, pair = -velocity, pair.exchanged
        lattice = velocity_shape(pair.shape, self.factor)
        velocity = resize(velocity, lattice, displacement=True)
        # Where a voxel is larger the steps are shorter, counted in voxels.
        larger = self.factor * min(n / m for n, m in zip(pair.shape, lattice, strict=True))
        squarings = self.options.squarings - round(math.log2(larger))
        displacement = integrate(velocity, max(1, squarings), quick=True)
        whole = resize(displacement, pair.shape, displacement=True)
        seen = None
        if pair.moving_mask is not None:
            # Without a gradient: hiding a difference must not count as removing it.
            seen = warp(pair.moving_mask, whole.detach())
        weights = product(pair.fixed_mask, seen)
        total = self.of(whole, velocity, pair, weights, back)
        if pair.moving_features is not None and pair.fixed_features is not None:
            total = total + self._of_features(displacement, whole, pair, weights)
        return total

    def _of_features(
        self, displacement: Tensor, whole: Tensor, pair: ImagePair, weights: Tensor | None
    ) -> Tensor:
        """Return the loss of the features for a displacement, which is ``whole`` on the images."""
        moving, fixed = pair.moving_features, pair.fixed_features
        assert moving is not None and fixed is not None
        shape = fixed.shape[2:]
        if displacement.shape[2:] != shape:
            displacement = resize(whole, shape, displacement=True)
        square = (warp(moving, displacement) - fixed).square().sum(1, keepdim=True)
        if weights is not None:
            square = square * resize(weights, shape)
        return square.flatten(1).mean(1)

    def of(
        self,
        displacement: Tensor,
        velocity: Tensor,
        pair: ImagePair,
        weights: Tensor | None = None,
        back: bool = False,
    ) -> Tensor:
        """Return the loss of all but the features, for a displacement on the images' lattice.

        Args:
            displacement: ``(B, d, *S)`` in voxels.
            velocity: of which it is the exponential.
            pair: the images.
            weights: of the voxels, ``(B, 1, *S)``; None: 1 everywhere.
            back: displacement, velocity and pair are those of the way back.
        """
        fixed, warped, view = pair.fixed, *_warped(pair, displacement, self._looks(pair, back))
        if pair.mask is not None:
            warped, fixed = warped * pair.mask, fixed * pair.mask
        change = velocity
        if self.prior is not None:
            prior = self._prior_on(velocity.shape[2:], len(velocity))
            change = velocity + prior if back else velocity - prior
        similarity = _similarity(self.similarity, pair.shape)
        descriptor = None
        if self.similarity == "mind" and pair.moving_mask is None and not back:
            descriptor = pair.fixed_descriptor
        weight = self.options.similarity_weight
        if weight is None:
            weight = _WEIGHTS[len(pair.shape)][self.similarity]
        kept = None
        if view is not None and self.similarity == "lncc":
            # Else a field would gain where it hides an anatomy that has no counterpart behind the
            # border of the image. (MSE and MIND gain nothing by that.)
            kept = _kept(view, pair)
        if view is not None and min(pair.shape) >= _THIN:
            # What has no partner would pull the field back to where the images end: known warps of
            # an abdomen that the image cuts off are found to 1.26 mm instead of 1.39.
            seen = (view > 0.5).to(view.dtype)
            weights = product(weights, seen)
            if kept is not None:
                kept = (1 if back else kept) / _share(seen, pair).clamp(min=1e-6)
        values = []
        for n in range(len(fixed)):
            one = slice(n, n + 1)
            own = None if weights is None else weights[one]
            if descriptor is None:
                value = weight * similarity(warped[one], fixed[one], own)
            else:
                image = warped[one] if own is None else warped[one] * own
                value = weight * mind_ssc_to(image, descriptor[one], stride=_stride(pair.shape))
            if kept is not None:
                value = value * kept[n]
            value = value + self._stiffness(n) * smoothness(change[one])
            regions = pair.moving_regions, pair.fixed_regions
            if self.options.anatomy > 0 and regions[0] is not None and regions[1] is not None:
                value = value + self.options.anatomy * label_dice_loss(
                    regions[0][one], regions[1][one], displacement[one], self.classes
                )
            values.append(value)
        total = torch.stack(values)
        if pair.points is not None and pair.partners is not None and pair.tolerances is not None:
            total = total + hold_points(displacement, pair.points, pair.partners, pair.tolerances)
        return total

    def _looks(self, pair: ImagePair, back: bool) -> bool:
        """Whether it is asked which voxels a displacement leads into view."""
        return pair.view is not None and (back or self.similarity == "lncc")

    def _stiffness(self, element: int) -> float:
        if self.stiffness is None:
            return self.options.smoothness
        return self.stiffness[element % len(self.stiffness)]

    def _prior_on(self, shape: Sequence[int], count: int) -> Tensor:
        """Return the prior on the lattice of a level, repeated to ``count`` elements."""
        assert self.prior is not None
        key = tuple(shape)
        if key not in self._priors:
            self._priors[key] = resize(self.prior, key, displacement=True)
        prior = self._priors[key]
        return torch.cat([prior] * (count // len(prior)))


def _with_fewer_voxels(
    moving: Tensor | None, fixed: Tensor | None, shape: Sequence[int]
) -> tuple[Tensor | None, Tensor | None]:
    """Return features with as many voxels as a level has, where they have more."""
    if moving is None or fixed is None:
        return None, None
    fewer = [min(n, m) for n, m in zip(fixed.shape[2:], shape, strict=True)]
    sigma = [0.5 * n / m if n > m else 0.0 for n, m in zip(fixed.shape[2:], fewer, strict=True)]
    if tuple(fewer) == tuple(fixed.shape[2:]):
        return moving, fixed
    first, second = (resize(gaussian_smooth(t, sigma), fewer) for t in (moving, fixed))
    return first, second


def _warped(pair: ImagePair, displacement: Tensor, looks: bool) -> tuple[Tensor, Tensor | None]:
    """Return the warped moving image, and the part of each voxel that is led into view.

    Args:
        pair: the images.
        displacement: ``(B, d, *S)`` in voxels.
        looks: whether the view is asked for.

    Returns:
        ``(B, 1, *S)``, and likewise, without a gradient, or None.
    """
    view = pair.view if looks else None
    moving = pair.moving if view is None else pair.moving_in_view
    coordinates = to_coordinates(displacement)
    if view is not None:
        coordinates = coordinates + 1
    places = SlicePlaces.of(coordinates, moving.shape[2:]) if suits(moving) else None
    warped = _sampled(moving, coordinates, places)
    if view is None:
        return warped, None
    with torch.no_grad():
        return warped, _sampled(view, coordinates, places)


def _sampled(image: Tensor, coordinates: Tensor, places: SlicePlaces | None) -> Tensor:
    if places is None:
        return sample(image, coordinates)
    return sample_slices(image, coordinates, places)


def _kept(seen: Tensor, pair: ImagePair) -> Tensor:
    """Return the share of the compared voxels that stays in view, ``(B,)``; a small loss is free.

    Voxels that were out of view before do not count.
    """
    return 1 - (_share(1 - seen, pair) - _FREE).clamp(min=0)


def _share(parts: Tensor, pair: ImagePair) -> Tensor:
    """Return the mean over the compared voxels, ``(B,)``."""
    compared = product(pair.mask, pair.fixed_mask)
    if compared is None:
        return parts.flatten(1).mean(1)
    return (compared * parts).flatten(1).sum(1) / compared.flatten(1).sum(1).clamp(min=1e-6)


def product(*factors: Tensor | None) -> Tensor | None:
    """Return the product of weights, of which None is 1 everywhere; None for nothing but None."""
    known = [t for t in factors if t is not None]
    return None if not known else reduce(torch.mul, known)


def _similarity(
    name: str, shape: Sequence[int]
) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the loss of ``(warped, fixed, weights)`` that suits images of a shape."""
    options = {"window": _WINDOW_3D} if name == "lncc" and len(shape) == 3 else {}
    if name in ("lncc", "mind"):
        options["stride"] = _stride(shape)
    loss: Callable[..., Tensor] = partial(similarity_loss(name), **options)
    if name == "lncc":
        # Black outside would be an edge that both images have, like the tissue beside it or not.
        return lambda warped, fixed, weights: loss(warped, fixed, mask=weights)

    def masked(warped: Tensor, fixed: Tensor, weights: Tensor | None) -> Tensor:
        if weights is not None:
            warped, fixed = warped * weights, fixed * weights
        return loss(warped, fixed)

    return masked


def _stride(shape: Sequence[int]) -> int:
    """Return the distance in voxels at which neighbourhoods are compared."""
    return 2 if len(shape) == 3 and math.prod(shape) > _WHOLE_LATTICE_3D else 1


def _nearest(labels: Tensor, shape: Sequence[int]) -> Tensor:
    """Resample labels to another number of voxels between the same outer voxel centres."""
    for axis, (old, new) in enumerate(zip(labels.shape[2:], shape, strict=True)):
        index = torch.linspace(0, old - 1, new, dtype=torch.float64).round().long()
        labels = labels.index_select(2 + axis, index.to(labels.device))
    return labels
