"""Pairs with a known truth for the verdict: sound and spoiled ones, generated and real.

A pair is made of two images of a *source* by a *change* of the moving one. What is known of the
pair (labels, corresponding points) is hidden from the registration: it tells afterwards whether the
result is sound (:meth:`Pair.truth`), whatever the change was called. A rotated image that the
alignment turns back is sound.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import dice
from SlicerLDMRegLib.pipeline import RegistrationResult
from SlicerLDMRegLib.resampling import coverage
from training.datasets.brain_labels import label_file
from training.synthesis.phantoms import generate_pair
from training.synthesis.random_fields import smooth_noise

__all__ = ["HALVES", "Pair", "Truth", "make_pairs"]

#: Of the subjects: thresholds are chosen on the first half, and judged on the second.
HALVES = ("first", "second")
Truth = Literal["sound", "wrong", "between"]

# Mean Dice of the hidden labels, and mean distance of corresponding points in diagonals of the
# image, from which a result counts as sound, or up to which it counts as wrong. Results between are
# counted for themselves: their truth is a matter of taste.
_SOUND_DICE, _WRONG_DICE = 0.65, 0.5
_SOUND_ERROR, _WRONG_ERROR = 0.03, 0.05
_POINTS = 400
_SMALL_SHIFT = 0.1  # of the size

Change = Callable[[np.random.Generator, "Pair"], "Pair"]


@dataclass(frozen=True)
class Pair:
    """Two images and what is known of them.

    Attributes:
        source: such as ``cardiac_mr``.
        subject: name of the images.
        change: name of the change of the moving image.
        fixed, moving: arrays, float32.
        spacing: mm along the array's axes, of each image.
        labels: hidden label maps of both, or None.
        points: corresponding points of both in array indices, ``(N, d)``, or None.
        given: label maps that the registration gets, or None.
        options: of the request.
        always_wrong: the change spoils more than the place, such as the names of labels.
        only_denies: the labels tell too little of the images to call a result sound.
    """

    source: str
    subject: str
    fixed: np.ndarray
    moving: np.ndarray
    spacing: tuple[tuple[float, ...], tuple[float, ...]]
    labels: tuple[np.ndarray, np.ndarray] | None = None
    points: tuple[np.ndarray, np.ndarray] | None = None
    change: str = "none"
    given: tuple[np.ndarray, np.ndarray] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    always_wrong: bool = False
    only_denies: bool = False

    @property
    def name(self) -> str:
        """Name of the pair, unique within a half."""
        return f"{self.source} {self.subject} {self.change}"

    def request(self) -> dict[str, Any]:
        """Return the fields of a registration request."""
        found = {"fixed": self._image(self.fixed, 0), "moving": self._image(self.moving, 1)}
        if self.given is not None:
            found |= {
                f"{role}_labels": self._image(array.astype(np.uint8), n)
                for n, (role, array) in enumerate(zip(("fixed", "moving"), self.given, strict=True))
            }
        return found | self.options

    def truth(self, result: RegistrationResult) -> tuple[Truth, dict[str, float]]:
        """Return whether a result is sound, and the numbers that say so."""
        numbers, sound, wrong = {}, not self.only_denies, self.always_wrong
        if self.labels is not None:
            fixed, moving = self.labels
            image = self._image(moving.astype(np.uint8), 1)
            warped = sitk.Resample(
                image, result.warped, result.field.to_transform(), sitk.sitkNearestNeighbor, 0
            )
            common = np.intersect1d(np.unique(fixed), np.unique(moving))
            if self.points is not None:
                # Of a structure that was cut through, the rest cannot overlap; whether it was
                # pushed out of view is told by the points.
                inside = coverage(image, result.field.geometry, result.field.to_transform()) > 0
                fixed = np.where(inside, fixed, 0)
            values = dice(fixed, sitk.GetArrayFromImage(warped), common[common > 0].tolist())
            numbers["dice"] = float(np.mean(list(values.values()))) if values else 0.0
            sound &= numbers["dice"] >= _SOUND_DICE
            wrong |= numbers["dice"] < _WRONG_DICE
        if self.points is not None and len(self.points[0]):
            a, b = (
                p[:, ::-1] * np.array(s)[::-1]
                for p, s in zip(self.points, self.spacing, strict=True)
            )
            error = np.linalg.norm(result.field.warp_points(a) - b, axis=1).mean()
            extent = np.multiply(self.moving.shape, self.spacing[1])
            numbers["error"] = float(error / np.linalg.norm(extent))
            sound &= numbers["error"] <= _SOUND_ERROR
            wrong |= numbers["error"] > _WRONG_ERROR
        return ("wrong" if wrong else "sound" if sound else "between"), numbers

    def _image(self, array: np.ndarray, which: int) -> sitk.Image:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        image.SetSpacing(self.spacing[which][::-1])
        return image


# Changes of the moving image ----------------------------------------------------------------------


def _moved(pair: Pair, operation: Callable[[np.ndarray], np.ndarray], **more: Any) -> Pair:
    """Apply an operation that moves whole voxels to the moving image and what is known of it."""
    places = operation(np.arange(pair.moving.size).reshape(pair.moving.shape))
    new = np.full(pair.moving.size, -1)
    new[places.ravel()] = np.arange(places.size)
    points = pair.points
    if points is not None:
        index = np.clip(np.rint(points[1]).astype(int), 0, np.array(pair.moving.shape) - 1)
        flat = new[np.ravel_multi_index(tuple(index.T), pair.moving.shape)]
        seen = flat >= 0
        own = np.stack(np.unravel_index(flat[seen], places.shape), axis=1).astype(float)
        points = points[0][seen], own
    labels = None if pair.labels is None else (pair.labels[0], operation(pair.labels[1]))
    return replace(pair, moving=operation(pair.moving), points=points, labels=labels, **more)


def _painted(pair: Pair, image: np.ndarray, **more: Any) -> Pair:
    return replace(pair, moving=image.astype(np.float32), **more)


def _range(image: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(image, [0.5, 99.5])
    return float(low), float(max(high, low + 1e-6))


def _unit(image: np.ndarray) -> np.ndarray:
    low, high = _range(image)
    return np.clip((image - low) / (high - low), 0, 1)


def _smooth(rng: np.random.Generator, shape: Sequence[int], width: float) -> np.ndarray:
    """Return smooth noise of unit variance."""
    if len(shape) == 2:
        noise = smooth_noise(rng, tuple(shape), width)  # type: ignore[arg-type]
    else:
        image = sitk.GetImageFromArray(rng.normal(size=shape).astype(np.float32))
        noise = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, width / 2))
    return (noise - noise.mean()) / (noise.std() + 1e-9)


def _bias(rng: np.random.Generator, pair: Pair) -> Pair:
    low = pair.moving.min()
    gain = np.exp(0.35 * _smooth(rng, pair.moving.shape, max(pair.moving.shape) / 2))
    return _painted(pair, low + (pair.moving - low) * gain)


def _noise(rng: np.random.Generator, pair: Pair, amount: float) -> Pair:
    low, high = _range(pair.moving)
    return _painted(pair, pair.moving + amount * (high - low) * rng.normal(size=pair.moving.shape))


def _cropped(rng: np.random.Generator, pair: Pair, share: float) -> Pair:
    """Cut a share off one side of the moving image; the rest keeps its place by a filled border."""
    axis = int(rng.integers(pair.moving.ndim))
    keep = round(pair.moving.shape[axis] * (1 - share))
    part = tuple(slice(0, keep if a == axis else None) for a in range(pair.moving.ndim))
    return _moved(pair, lambda a: a[part])


def _small_view(rng: np.random.Generator, pair: Pair) -> Pair:
    """Show of the fixed image the middle alone, at its place."""
    low = [round(0.15 * n) for n in pair.fixed.shape]
    part = tuple(slice(n, -n) for n in low)
    points = pair.points
    if points is not None:
        inside = ((points[0] >= low) & (points[0] < np.array(pair.fixed.shape) - low)).all(axis=1)
        points = points[0][inside] - low, points[1][inside]
    # Its origin would be elsewhere: the moving image is cut as well, a little less.
    more = [max(0, n // 2) for n in low]
    wide = tuple(slice(n, -n if n else None) for n in more)
    labels = None if pair.labels is None else (pair.labels[0][part], pair.labels[1])
    return _moved(replace(pair, fixed=pair.fixed[part], points=points, labels=labels),
                  lambda a: a[wide])  # fmt: skip


def _shuffled(rng: np.random.Generator, pair: Pair) -> Pair:
    order = rng.permutation(len(pair.moving))
    return _moved(pair, lambda a: a[order])


def _rolled(rng: np.random.Generator, pair: Pair, share: float) -> Pair:
    axis = int(rng.integers(pair.moving.ndim))
    steps = round(share * pair.moving.shape[axis])
    moved = _moved(pair, lambda a: np.roll(a, steps, axis))
    if moved.points is None or share > _SMALL_SHIFT:
        return moved
    # Of a small shift, what comes in at the other side is none of the anatomy.
    seen = moved.points[1][:, axis] >= steps
    return replace(moved, points=(moved.points[0][seen], moved.points[1][seen]))


def _scaled(rng: np.random.Generator, pair: Pair, low: float, high: float) -> Pair:
    factor = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if rng.random() < 0.5:
        factor = 1 / factor
    return replace(pair, spacing=(pair.spacing[0], tuple(factor * s for s in pair.spacing[1])))


def _stretched(rng: np.random.Generator, pair: Pair) -> Pair:
    """Give one axis a wrong spacing."""
    own = list(pair.spacing[1])
    own[int(rng.integers(len(own)))] *= float(rng.choice([0.3, 0.4, 2.5, 4.0]))
    return replace(pair, spacing=(pair.spacing[0], tuple(own)))


def _labelled(rng: np.random.Generator, pair: Pair, swap: bool) -> Pair:
    assert pair.labels is not None
    fixed, moving = pair.labels
    if swap:
        names = [int(n) for n in np.unique(moving) if n]
        table = np.arange(256)
        for a, b in zip(names[::2], names[1::2], strict=False):
            table[a], table[b] = b, a
        moving = table[moving.astype(int)]
    return replace(pair, given=(fixed, moving), always_wrong=swap)


def _other_contrast(rng: np.random.Generator, pair: Pair) -> Pair:
    """Map the intensities by a random curve that is not monotonic."""
    unit = _unit(pair.moving)
    knots = np.array([0.0, 0.3, 0.55, 0.8, 1.0])
    values = np.array([0.0, *rng.permutation([0.35, 0.6, 0.8, 1.0])])
    return _painted(pair, np.interp(unit, knots, values))


def _aligned(rng: np.random.Generator, pair: Pair, change: Change) -> Pair:
    return replace(change(rng, pair), options={**pair.options, "align": "rigid"})


def _flip(rng: np.random.Generator, pair: Pair) -> Pair:
    return _moved(pair, lambda a: a[..., ::-1])


def _turn(rng: np.random.Generator, pair: Pair, quarters: int) -> Pair:
    return _moved(pair, lambda a: np.rot90(a, quarters, (a.ndim - 2, a.ndim - 1)))


def _swap_axes(rng: np.random.Generator, pair: Pair) -> Pair:
    spacing = (pair.spacing[0], pair.spacing[1][::-1])
    return replace(_moved(pair, lambda a: np.ascontiguousarray(a.T)), spacing=spacing)


_SOUND_CHANGES: dict[str, Change] = {
    "inverted": lambda rng, p: _painted(p, p.moving.max() + p.moving.min() - p.moving),
    "bias": _bias,
    "curve": lambda rng, p: _painted(p, _unit(p.moving) ** float(rng.choice([0.5, 1.7]))),
    "contrast": _other_contrast,
    "noise": partial(_noise, amount=0.06),
    "small view": _small_view,
    "cut off a little": partial(_cropped, share=0.12),
    "shift": partial(_rolled, share=0.06),
}
_WRONG_CHANGES: dict[str, Change] = {
    "turned 90": partial(_turn, quarters=1),
    "turned 180": partial(_turn, quarters=2),
    "turned 90, rigid": lambda rng, p: _aligned(rng, p, partial(_turn, quarters=1)),
    "turned 180, rigid": lambda rng, p: _aligned(rng, p, partial(_turn, quarters=2)),
    "mirrored": _flip,
    "mirrored, rigid": lambda rng, p: _aligned(rng, p, _flip),
    "axes swapped": _swap_axes,
    "noise alone": lambda rng, p: _painted(p, rng.normal(size=p.moving.shape), always_wrong=True),
    "smooth noise": lambda rng, p: _painted(
        p, _smooth(rng, p.moving.shape, 12), always_wrong=True),
    "constant": lambda rng, p: _painted(p, 0 * p.moving + 7, always_wrong=True),
    "one point": lambda rng, p: _painted(
        p, np.arange(p.moving.size).reshape(p.moving.shape) == p.moving.size // 2,
        always_wrong=True),
    "much noise": partial(_noise, amount=1.5),
    "cut off": partial(_cropped, share=0.6),
    "spacing": partial(_scaled, low=2.0, high=10.0),
    "spacing of an axis": _stretched,
    "rolled": partial(_rolled, share=0.4),
}  # fmt: skip
_OF_VOLUMES: dict[str, Change] = {"slices shuffled": _shuffled}
_OF_LABELS: dict[str, Change] = {
    "labels given": partial(_labelled, swap=False),
    "labels swapped": partial(_labelled, swap=True),
}


def make_pairs(data: Path, half: str, seed: int = 0) -> Iterator[Pair]:
    """Yield the pairs of a half, the sources mixed.

    Args:
        data: ``../shared/data``; sources that are not there are left out.
        half: ``first`` or ``second``, of the subjects.
        seed: of the generated ones and of the changes.
    """
    own = HALVES.index(half)
    sources = [
        _changed(_hearts(data / "cardiac_mr", own), own, seed, 1, 2),
        _changed(_other_hearts(data / "cardiac_mr", own), own, seed, 0, 0),
        _changed(_phantoms(own, seed), own, seed, 2, 2),
        _changed(_brain_slices(data / "brain_label_maps", own), own, seed, 1, 2, mirror=False),
        _changed(_warped_slices(data / "brain_slices", own, seed), own, seed, 2, 2, mirror=False),
        _changed(_other_organs(data, own), own, seed, 0, 0),
        _changed(_hippocampi(data / "hippocampus_mr", own), own, seed, 1, 2),
        _changed(_brains(data / "brain_label_maps", own), own, seed, 1, 2, mirror=False),
        _changed(_mice(data / "mouse_heads", own), own, seed, 1, 1, mirror=False),
        _changed(_abdomen(data / "abdomen_ct", own, seed), own, seed, 1, 2),
    ]
    yield from _mixed(sources)


def _mixed(sources: list[Iterator[Pair]]) -> Iterator[Pair]:
    """Yield of each source in turn, until all are empty."""
    while sources:
        left = []
        for source in sources:
            pair = next(source, None)
            if pair is not None:
                yield pair
                left.append(source)
        sources = left


def _changed(
    pairs: Iterator[Pair], half: int, seed: int, sound: int, wrong: int, mirror: bool = True
) -> Iterator[Pair]:
    """Yield each pair as it is and with some changes, in turn.

    Without ``mirror`` nothing is mirrored: the sides of such an anatomy look alike, and no image
    tells that they are exchanged; labels do, which are swapped in its stead.
    """
    turns = {"sound": 0, "wrong": 0}
    for pair in pairs:
        rng = np.random.default_rng([zlib.crc32(pair.name.encode()), half, seed])
        yield pair
        if pair.change != "none":
            continue
        good, bad = dict(_SOUND_CHANGES), dict(_WRONG_CHANGES)
        if not mirror:
            bad = {n: c for n, c in bad.items() if not n.startswith(("mirrored", "axes"))}
        if pair.moving.ndim == 3:
            bad |= _OF_VOLUMES
        if pair.labels is not None and len(np.unique(pair.labels[1])) > 2:
            good["labels given"], bad["labels swapped"] = _OF_LABELS.values()
        for kind, changes, count in (("sound", good, sound), ("wrong", bad, wrong)):
            names = list(changes)
            for _ in range(count):
                # Coprime steps: all changes come, and those of one pair are not of one kind.
                name = names[(turns[kind] * 5 + 1) % len(names)]
                if len(names) % 5 == 0:
                    name = names[(turns[kind] * 7 + 1) % len(names)]
                turns[kind] += 1
                yield replace(changes[name](rng, pair), change=name)


# Sources -----------------------------------------------------------------------------------------


def _grid(image: np.ndarray) -> np.ndarray:
    """Return array indices of evenly chosen voxels that are not background."""
    unit = _unit(image)
    places = np.argwhere(unit > 0.15)
    return places[:: max(1, len(places) // _POINTS)].astype(float)


def _spread(names: Sequence[Any], half: int) -> list[Any]:
    """Return the half of the subjects."""
    return [name for number, name in enumerate(names) if number % 2 == half]


def _hearts(folder: Path, half: int) -> Iterator[Pair]:
    for path in _hearts_of(folder, half):
        fixed, moving, *labels = _heart(path)
        points = _grid(fixed)  # nothing but the heart moves
        yield Pair("cardiac_mr", path.stem, fixed, moving, ((1.0, 1.0),) * 2,
                   (labels[0], labels[1]), (points, points))  # fmt: skip


def _hearts_of(folder: Path, half: int) -> list[Path]:
    paths = sorted(folder.glob("*.npz"))
    patients = sorted({path.stem.split("_")[0] for path in paths})
    own = set(_spread(patients, half))
    return [path for path in paths if path.stem.split("_")[0] in own]


def _heart(path: Path) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return [
            arrays[name].astype(np.float32 if "seg" not in name else np.uint8)
            for name in ("fixed", "moving", "fixed_seg", "moving_seg")
        ]


def _other_hearts(folder: Path, half: int) -> Iterator[Pair]:
    """Yield slices of two patients. The left ventricle alone does not tell that they match."""
    paths = _hearts_of(folder, half)
    for number, path in list(enumerate(paths))[::3]:
        other = paths[(number + len(paths) // 2 + 3) % len(paths)]
        fixed, _, fixed_labels, _ = _heart(path)
        moving, _, moving_labels, _ = _heart(other)
        options = {"align": "rigid"} if number % 2 == 0 else {}
        yield Pair("cardiac_mr", f"{path.stem} {other.stem}", fixed, moving, ((1.0, 1.0),) * 2,
                   (fixed_labels, moving_labels), None, "another subject", options=options,
                   only_denies=True)  # fmt: skip


_PHANTOMS = (*("cardiac", "echo", "shapes") * 4, *("apical",) * 4)


def _phantoms(half: int, seed: int) -> Iterator[Pair]:
    for number, kind in enumerate(_PHANTOMS):
        own = 2 * (number + 100 * seed) + half
        made = generate_pair(kind, 70_000 + own, 96)
        fixed, moving = (np.asarray(a, np.float32) for a in (made.fixed, made.moving))
        labels = tuple(np.asarray(a, np.uint8) for a in (made.fixed_labels, made.moving_labels))
        options = {"model": "none"} if number % 2 else {}
        places = _grid(fixed)
        way = made.displacement[(slice(None), *places.astype(int).T)].T
        yield Pair(f"phantom {kind}", str(own), fixed, moving, ((1.0, 1.0),) * 2, labels,
                   (places, places + way), options=options)  # type: ignore[arg-type]  # fmt: skip


_TISSUES = {2: 1, 41: 2, 3: 3, 42: 4, 4: 5, 43: 6, 10: 7, 49: 8, 11: 7, 50: 8, 12: 7, 51: 8, 13: 7,
            52: 8, 7: 9, 46: 10, 8: 11, 47: 12, 16: 13, 14: 0, 15: 0, 24: 0}  # fmt: skip
#: White and grey matter, ventricles, deep grey matter, cerebellum, brain stem; as in T1 and T2.
_T1 = (0.9, 0.6, 0.2, 0.68, 0.85, 0.62, 0.8)
_T2 = (0.4, 0.6, 1.0, 0.55, 0.42, 0.62, 0.45)


def _brain_labels(folder: Path, subject: int, spacing: float) -> np.ndarray:
    """Return the label map of a subject's head, upright, coarser."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(label_file(folder, subject))), "LPS")
    step = round(spacing)
    whole = sitk.GetArrayFromImage(image).astype(np.int32)
    places = np.argwhere((whole == 2) | (whole == 41))
    low, high = np.maximum(places.min(0) - 22, 0), places.max(0) + 22
    cut = whole[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return cut[::step, ::step, ::step]


def _brain_image(
    labels: np.ndarray, tissues: np.ndarray, kind: str, rng: np.random.Generator
) -> np.ndarray:
    values = _T1 if kind == "t1" else _T2
    image = np.zeros(labels.shape, np.float32)
    for number in range(1, 14):
        image[tissues == number] = values[(number - 1) // 2]
    skull = np.random.default_rng(5).uniform(0.05, 0.7, 2000)
    beyond = (tissues == 0) & (labels > 0)
    image[beyond] = skull[np.clip(labels[beyond], 0, 1999)]
    blurred = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(image), 0.7)
    )
    gain = np.exp(0.1 * _smooth(rng, image.shape, max(image.shape) / 2))
    return (blurred * gain + 0.02 * rng.normal(size=image.shape)).astype(np.float32)


def _tissues(labels: np.ndarray) -> np.ndarray:
    table = np.zeros(int(labels.max()) + 1, np.uint8)
    for number, tissue in _TISSUES.items():
        if number < len(table):
            table[number] = tissue
    return table[labels]


def _brain_slices(folder: Path, half: int) -> Iterator[Pair]:
    """Yield drawn axial slices of two heads, at the height of the thalamus; every third one pair of
    contrasts."""
    if not folder.is_dir():
        return
    subjects = _spread(range(1, 21), half)
    slices = {}
    for n in subjects:
        whole = _brain_labels(folder, n, 2.0)
        height = round(np.argwhere((whole == 10) | (whole == 49))[:, 0].mean())
        slices[n] = whole[height]
        slices[-n] = whole[min(len(whole) - 1, height + 22)]
    for number, n in enumerate(subjects):
        for step in (1, 3):
            m = subjects[(number + step) % len(subjects)]
            rng = np.random.default_rng([n, m])
            kind = "t2" if number % 3 == 2 else "t1"
            yield _drawn(f"{n} {m}", slices[n], slices[m], "t1", kind, rng, 2.0)
        rng = np.random.default_rng([n, 99])
        yield replace(_drawn(f"{n} {m}", slices[n], slices[-m], "t1", "t1", rng, 2.0),
                      change="a slice far apart", always_wrong=True)  # fmt: skip


def _brains(folder: Path, half: int) -> Iterator[Pair]:
    """Yield drawn heads of two subjects in 3D, coarse."""
    if not folder.is_dir():
        return
    subjects = _spread(range(1, 21), half)[:5]
    maps = {n: _brain_labels(folder, n, 4.0) for n in subjects}
    for number, n in enumerate(subjects):
        m = subjects[(number + 1) % len(subjects)]
        rng = np.random.default_rng([n, m])
        kind = "t2" if number == 2 else "t1"
        yield _drawn(f"{n} {m}", maps[n], maps[m], "t1", kind, rng, 4.0)


def _drawn(
    name: str, fixed: np.ndarray, moving: np.ndarray, kind: str, other: str,
    rng: np.random.Generator, spacing: float,
) -> Pair:  # fmt: skip
    d = fixed.ndim
    maps = _tissues(fixed), _tissues(moving)
    images = _brain_image(fixed, maps[0], kind, rng), _brain_image(moving, maps[1], other, rng)
    source = f"brain {d}D" + ("" if kind == other else " contrasts")
    return Pair(source, name, *images, ((spacing,) * d,) * 2, maps, options={"model": "none"})


def _warped_slices(folder: Path, half: int, seed: int) -> Iterator[Pair]:
    for path in _spread(sorted(folder.glob("*slice.jpg")), half):
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
        array = sitk.GetArrayFromImage(image)[::2, ::2]
        for number in range(2):
            rng = np.random.default_rng([zlib.crc32(path.stem.encode()), number, seed])
            yield _warped("brain_slices", f"{path.stem} {number}", array, None, (2.0, 2.0), rng)


def _warped(
    source: str, name: str, array: np.ndarray, labels: np.ndarray | None,
    spacing: tuple[float, ...], rng: np.random.Generator, options: dict[str, Any] | None = None,
) -> Pair:  # fmt: skip
    """Return an image and itself after a known smooth warp of up to 7 % of its size."""
    shape, d = array.shape, array.ndim
    way = np.stack([_smooth(rng, shape, max(shape) / 2.5) for _ in range(d)])
    way *= 0.02 * max(shape)
    image = sitk.GetImageFromArray(array.astype(np.float32))
    vectors = np.moveaxis(way[::-1], 0, -1).astype(np.float64)
    transform = sitk.DisplacementFieldTransform(sitk.GetImageFromArray(vectors, isVector=True))
    moving = sitk.GetArrayFromImage(
        sitk.Resample(image, transform, sitk.sitkLinear, float(array.min()))
    )
    hidden = None
    if labels is not None:
        own = sitk.Resample(sitk.GetImageFromArray(labels), transform, sitk.sitkNearestNeighbor, 0)
        hidden = labels, sitk.GetArrayFromImage(own)
    places = _grid(moving)
    goals = places + way[(slice(None), *places.astype(int).T)].T
    low, high = _range(array)
    noise = [0.015 * (high - low) * rng.normal(size=shape) for _ in range(2)]
    images = [(a + n).astype(np.float32) for a, n in zip((array, moving), noise, strict=True)]
    return Pair(source, name, *images, (spacing, spacing), hidden, (goals, places),
                options=options or {})  # fmt: skip


def _other_organs(data: Path, half: int) -> Iterator[Pair]:
    """Yield pairs of a heart and something else, on one lattice and on two."""
    hearts = _hearts_of(data / "cardiac_mr", half)[::5]
    slices = _spread(sorted((data / "brain_slices").glob("*slice.jpg")), half)
    for number, path in enumerate(hearts):
        heart = _heart(path)[0]
        kind = ("cardiac", "echo", "shapes")[number % 3]
        others = [(f"phantom {kind}", generate_pair(kind, 900 + number, heart.shape[0]).fixed)]
        if slices:
            picture = sitk.ReadImage(str(slices[number % len(slices)]), sitk.sitkFloat32)
            others.append(
                (slices[number % len(slices)].stem, sitk.GetArrayFromImage(picture)[::2, ::2])
            )
        for name, other in others:
            images = heart, np.asarray(other, np.float32)
            if number % 2:
                images = images[1], images[0]
            options = ({}, {"align": "rigid"}, {"model": "none"})[number % 3]
            yield Pair("organs", f"{path.stem} {name}", *images, ((1.0, 1.0),) * 2,
                       change="another organ", options=options, always_wrong=True)  # fmt: skip


def _hippocampi(folder: Path, half: int) -> Iterator[Pair]:
    names = _spread(sorted(path.name for path in (folder / "images").glob("*.nii.gz")), half)
    arrays = {
        n: [
            sitk.GetArrayFromImage(sitk.ReadImage(str(folder / kind / n)))
            for kind in ("images", "labels")
        ]
        for n in names
    }
    for number, fixed in enumerate(names):
        for step in (1, 2):
            moving = names[(number + step) % len(names)]
            (a, la), (b, lb) = arrays[fixed], arrays[moving]
            yield Pair("hippocampus_mr", f"{fixed[12:15]} {moving[12:15]}", a.astype(np.float32),
                       b.astype(np.float32), ((1.0,) * 3,) * 2, (la, lb),
                       options={"model": "none"})  # fmt: skip


def _mice(folder: Path, half: int) -> Iterator[Pair]:
    heads = {}
    for path in _spread(sorted(folder.glob("*.nii.gz")), half):
        name = path.name.removesuffix(".nii.gz")
        markups = json.loads((folder / f"{name}.mrk.json").read_text())["markups"][0]
        known = {p["label"].split("-")[-1]: p["position"] for p in markups["controlPoints"]}
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
        geometry = ImageGeometry.from_image(image)
        step = max(1, round(max(geometry.size) / 56))
        index = geometry.physical_to_index(np.array([known[label] for label in sorted(known)]))
        if not ((index > 0) & (index < np.asarray(geometry.size) - 1)).all():
            continue  # the landmarks of two heads lie beside their images
        spacing = tuple(step * s for s in geometry.spacing[::-1])
        smooth = sitk.SmoothingRecursiveGaussian(image, [0.4 * step * s for s in geometry.spacing])
        heads[name] = (
            sitk.GetArrayFromImage(smooth)[::step, ::step, ::step],
            index[:, ::-1] / step,
            spacing,
        )
    names = list(heads)
    for number, fixed in enumerate(names):
        moving = names[(number + 1) % len(names)]
        (a, p, s), (b, q, t) = heads[fixed], heads[moving]
        yield Pair("mouse_heads", f"{fixed} {moving}", a, b, (s, t), None, (p, q),
                   options={"model": "none"})  # fmt: skip


def _abdomen(folder: Path, half: int, seed: int) -> Iterator[Pair]:
    """Yield one abdomen after known warps, by which the halves differ: there is one subject."""
    if not folder.is_dir():
        return
    image = sitk.ReadImage(str(folder / "ct_96cube.nii.gz"), sitk.sitkFloat32)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "seg13_96cube.nii.gz")))
    smooth = sitk.SmoothingRecursiveGaussian(image, [0.8 * s for s in image.GetSpacing()])
    array = np.clip(sitk.GetArrayFromImage(smooth)[::2, ::2, ::2], -200, 300)
    spacing = tuple(2 * s for s in image.GetSpacing()[::-1])
    for number in range(4):
        rng = np.random.default_rng([half, number, seed, 11])
        own = labels[::2, ::2, ::2].astype(np.uint8)
        large = np.isin(own, [n for n in np.unique(own) if (own == n).sum() > 300])
        yield _warped("abdomen_ct", str(number), array, own * large, spacing, rng,
                      {"model": "none"})  # fmt: skip
