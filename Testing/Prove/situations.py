"""Situations of which users of registration software report wrong results, against the truth.

    python -m Testing.Prove.situations [--seeds 0 1] [NAME ...]

Each situation makes a pair of images of a body whose correspondence is known, or which have none,
registers it with the default settings and compares the result with its verdict: a wrong one that is
*Good* must not be. Those in which no check tells it yet are named in :data:`UNTOLD`; they are
counted for themselves.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import LDMRegError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import RegistrationResult, register
from SlicerLDMRegLib.report import judge

__all__ = ["SITUATIONS", "UNTOLD", "Outcome", "Pair", "attempt", "main"]

# Mean distance from the truth, of the diagonal of the fixed image, beyond which a result is wrong.
_WRONG = 0.05
_POINTS = 600

PointMap = Callable[[np.ndarray], np.ndarray]
Scene = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Two images and their correspondence.

    Attributes:
        fixed, moving: images.
        points: corresponding points of the fixed and the moving image, ``(N, 3)`` mm each; None:
            nothing corresponds.
        options: of the registration.
    """

    fixed: sitk.Image
    moving: sitk.Image
    points: tuple[np.ndarray, np.ndarray] | None
    options: dict[str, Any] = field(default_factory=dict)


# Bodies -------------------------------------------------------------------------------------------


def _ball(p: np.ndarray, middle: Sequence[float], radii: Sequence[float], edge: float) -> Any:
    """Return 1 inside of an ellipsoid and 0 outside, over an edge of a share of its radius."""
    r = np.sqrt((((p - np.asarray(middle)) / np.asarray(radii)) ** 2).sum(-1))
    return 1 / (1 + np.exp(np.clip((r - 1) / edge, -50, 50)))


def _over(image: np.ndarray, mask: np.ndarray, value: float | np.ndarray) -> np.ndarray:
    return image * (1 - mask) + value * mask


def torso(seed: int) -> Scene:
    """Return a trunk of a patient: CT-like values from -1000, LPS mm, head at +z."""
    rng = np.random.default_rng(seed)
    j = rng.uniform(0.9, 1.1, 60)
    o = rng.uniform(-8, 8, 60)

    def values(p: np.ndarray) -> np.ndarray:
        x, y, z = p[..., 0], p[..., 1], p[..., 2]
        wide, deep = 160 * j[0], 110 * j[1]
        r = np.sqrt((x / (wide * (1 + 0.0004 * z))) ** 2 + (y / deep) ** 2)
        body = 1 / (1 + np.exp(np.clip((r - 1) / 0.02, -50, 50)))
        inner = 1 / (1 + np.exp(np.clip((r - 0.88) / 0.02, -50, 50)))
        image = _over(np.full(x.shape, -1000.0), body, -100.0)
        image = _over(image, inner, 40.0)
        for side, n in ((1, 2), (-1, 3)):
            lung = _ball(
                p, (side * 75 * j[n], 0, 150 + o[n]), (58 * j[n], 75 * j[n + 2], 110), 0.04
            )
            image = _over(image, lung, -800.0)
        image = _over(image, _ball(p, (25 + o[5], -35, 85), (52 * j[7], 45, 48 * j[8]), 0.05), 60.0)
        image = _over(
            image, _ball(p, (-70, -15, -5 + o[6]), (75 * j[9], 70 * j[10], 55), 0.05), 110.0
        )
        image = _over(
            image, _ball(p, (70 + o[7], -30, -5), (45 * j[11], 40, 38 * j[12]), 0.06), -20.0
        )
        image = _over(image, _ball(p, (90, 30, 10 + o[8]), (28 * j[13], 32, 45), 0.06), 130.0)
        for side, n in ((1, 14), (-1, 15)):
            image = _over(
                image, _ball(p, (side * 62 * j[n], 45, -60 + o[n]), (24, 26, 46), 0.08), 180.0
            )
        image = _over(image, _ball(p, (0, -60, -190 + o[16]), (50 * j[16], 35, 40), 0.06), 10.0)
        aorta = 1 / (1 + np.exp(np.clip((np.hypot(x - 12, y - 32) - 12 * j[17]) / 1.5, -50, 50)))
        image = _over(image, aorta, 250.0)
        return _bones(image, p, j[20])

    return values


def _bones(image: np.ndarray, p: np.ndarray, size: float) -> np.ndarray:
    """Draw a spine and ribs with a period of 30 mm."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    wide = (22 - 0.02 * z) * size
    column = 1 / (1 + np.exp(np.clip((np.hypot(x, y - 68) - wide) / 2, -50, 50)))
    phase = np.cos(2 * np.pi * z / 30)
    bone = 1 / (1 + np.exp(-(phase + 0.4) * 6))
    image = _over(image, column, 90 + 260 * bone)
    arch = _gauss(np.hypot(x, (y - 100) * 0.7), 12) * (phase > -0.2)
    image = _over(image, arch, 350.0)
    r = np.hypot(x / 150, y / 98)
    slanted = np.cos(2 * np.pi * (z + 0.35 * (98 - y) * 0.6) / 30)
    rib = _gauss(r - 0.93, 0.035) / (1 + np.exp(-(slanted - 0.3) * 8))
    rib = rib / (1 + np.exp(np.clip(-(z - 20) / 4, -50, 50)))
    return _over(image, np.clip(rib, 0, 1), 450.0)


def _gauss(x: np.ndarray, width: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * (x / width) ** 2))


def head(seed: int, symmetric: float = 0.0) -> Scene:
    """Return a head like a T1 image, values from 0 to 1; with folds of a cortex."""
    rng = np.random.default_rng(seed)
    j = rng.uniform(0.92, 1.08, 40)
    phase = rng.uniform(0, 2 * np.pi, (8, 3))
    waves = rng.normal(size=(8, 3))
    waves *= (2 * np.pi / rng.uniform(22, 40, 8) / np.linalg.norm(waves, axis=1))[:, None]

    def values(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        if symmetric:
            q[..., 0] = np.abs(q[..., 0])
        folds = sum(np.sin(q @ w + f[0]) for w, f in zip(waves, phase, strict=True)) / 4
        r = np.sqrt(((p / (np.array([76, 96, 86]) * j[:3])) ** 2).sum(-1))
        image = 0.6 / (1 + np.exp(np.clip((r - 1) / 0.02, -50, 50)))
        image = _over(image, 1 / (1 + np.exp(np.clip((r - 0.92) / 0.01, -50, 50))), 0.05)
        image = _over(
            image, 1 / (1 + np.exp(np.clip((r - 0.83 - 0.03 * folds) / 0.015, -50, 50))), 0.55
        )
        white = 1 / (1 + np.exp(np.clip((r - 0.66 - 0.09 * folds) / 0.02, -50, 50)))
        image = _over(image, white, 0.9)
        gap = _gauss(p[..., 0], 1.8) * (r < 0.83) * (p[..., 2] > 10)
        image = _over(image, gap, 0.1)
        for side, n in ((1, 5), (-1, 6)):
            middle = (side * 13 * j[n], 5, 8)
            image = _over(image, _ball(p, middle, (8 * j[n + 3], 30 * j[n], 12), 0.1), 0.15)
            image = _over(image, _ball(p, (side * 22, 8, -6), (10, 16 * j[n], 10), 0.1), 0.65)
        image = _over(image, _ball(p, (0, 45, -48), (44 * j[9], 28, 24), 0.06), 0.62)
        image = _over(image, _ball(p, (0, 15, -52), (13 * j[10], 13, 34), 0.1), 0.8)
        for side in (1, -1):
            image = _over(image, _ball(p, (side * 32, -82, -30), (12, 12, 12), 0.1), 0.25)
        return _over(image, _ball(p, (0, -105, -40), (12, 14, 16), 0.1), 0.6)

    return values


def knee(seed: int) -> Scene:
    """Return a joint of two long bones, MR-like, values from 0 to 1."""
    rng = np.random.default_rng(seed)
    j, o = rng.uniform(0.9, 1.1, 20), rng.uniform(-5, 5, 20)

    def values(p: np.ndarray) -> np.ndarray:
        x, y, z = p[..., 0], p[..., 1], p[..., 2]
        leg = 1 / (
            1 + np.exp(np.clip((np.hypot(x / (62 * j[0]), y / (66 * j[1])) - 1) / 0.03, -50, 50))
        )
        image = 0.7 * leg
        muscle = 1 / (1 + np.exp(np.clip((np.hypot(x / 50, y / 52) - 1) / 0.03, -50, 50)))
        image = _over(image, muscle, 0.3)
        for sign, n in ((1, 2), (-1, 3)):
            wide = 16 * j[n] + 20 * _gauss(z - sign * 14, 16)
            bone = 1 / (
                1
                + np.exp(np.clip((np.hypot(x - o[n], (y - o[n + 2]) * 1.1) - wide) / 1.2, -50, 50))
            )
            bone = bone / (1 + np.exp(np.clip(-(sign * z - 5) / 1.2, -50, 50)))
            image = _over(image, bone, 0.95)
        image = _over(image, _ball(p, (o[6], -46, 18), (18 * j[6], 9, 20), 0.08), 0.9)
        return _over(image, _ball(p, (o[7] + 25, 25, 30), (8, 8, 60), 0.1), 0.05)

    return values


# Pairs --------------------------------------------------------------------------------------------


def lattice(
    low: Sequence[float], high: Sequence[float], spacing: float | Sequence[float]
) -> ImageGeometry:
    """Return an upright lattice of a box in mm."""
    steps = np.broadcast_to(np.asarray(spacing, float), (len(low),))
    size = np.maximum(np.round((np.asarray(high, float) - np.asarray(low, float)) / steps), 1)
    origin = np.asarray(low, float) + steps / 2
    eye = tuple(np.eye(len(low)).ravel().tolist())
    return ImageGeometry(
        tuple(int(n) for n in size), tuple(steps.tolist()), tuple(origin.tolist()), eye
    )


TORSO = lattice((-180, -130, -150), (180, 130, 170), 7.0)
CHEST = lattice((-180, -130, 40), (180, 130, 220), 6.5)
HEAD = lattice((-90, -115, -100), (90, 110, 100), 3.6)
KNEE = lattice((-75, -75, -90), (75, 75, 90), 3.0)


def smooth_warp(rng: np.random.Generator, size: float, wave: float) -> PointMap:
    """Return a smooth map that moves points by about ``size`` mm."""
    k = rng.normal(size=(3, 3, 3))
    k *= 2 * np.pi / wave / np.linalg.norm(k, axis=-1, keepdims=True)
    f = rng.uniform(0, 2 * np.pi, (3, 3))

    def move(p: np.ndarray) -> np.ndarray:
        parts = [
            sum(np.sin(p @ k[a, n] + f[a, n]) for n in range(3)) * size / 2.2 for a in range(3)
        ]
        return np.asarray(p + np.stack(parts, -1))

    return move


def drawn(
    scene: Scene, geometry: ImageGeometry, rng: np.random.Generator, back: PointMap | None = None,
    noise: float = 0.02, thick: int = 1,
) -> sitk.Image:  # fmt: skip
    """Return an image of a body.

    Args:
        scene: values at points of the body.
        geometry: of the image.
        rng: of the noise.
        back: image points to points of the body.
        noise: of the range of the values.
        thick: places across a slice of which a voxel is the mean.
    """
    step = geometry.direction_matrix[:, -1] * geometry.spacing[-1]
    offsets = (np.arange(thick) + 0.5) / thick - 0.5
    places = [geometry.points() + offset * step for offset in offsets]
    arrays = [scene(p if back is None else back(p)) for p in places]
    array = np.mean(arrays, axis=0)
    array = array + noise * np.ptp(array) * rng.normal(size=array.shape)
    return geometry.to_image(array.astype(np.float32))


def matched(
    fixed: sitk.Image, moving: sitk.Image, back: PointMap, inside: Callable[[np.ndarray], Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of both images that correspond.

    Args:
        fixed, moving: images.
        back: points of the moving image to points of the fixed one.
        inside: whether points of the fixed image belong to the body.
    """
    own = ImageGeometry.from_image(moving).points().reshape(-1, 3)
    own = own[np.random.default_rng(0).permutation(len(own))[:20_000]]
    there = back(own)
    geometry = ImageGeometry.from_image(fixed)
    index = geometry.physical_to_index(there)
    seen = ((index > -0.5) & (index < np.asarray(geometry.size) - 0.5)).all(-1) & inside(there)
    return there[seen][:_POINTS], own[seen][:_POINTS]


def in_torso(p: np.ndarray) -> np.ndarray:
    return np.hypot(p[..., 0] / 150, p[..., 1] / 100) < 1


def in_head(p: np.ndarray) -> np.ndarray:
    return ((p / np.array([76, 96, 86])) ** 2).sum(-1) < 0.95


def in_knee(p: np.ndarray) -> np.ndarray:
    return np.hypot(p[..., 0] / 55, p[..., 1] / 60) < 1


def still(p: np.ndarray) -> np.ndarray:
    return p


BODIES: dict[str, tuple[Callable[[int], Scene], ImageGeometry, Any, float]] = {
    "torso": (torso, TORSO, in_torso, 6.0),
    "head": (head, HEAD, in_head, 3.0),
    "knee": (knee, KNEE, in_knee, 3.0),
}


def plain(
    body: str, seed: int, place: ImageGeometry | None = None, other: ImageGeometry | None = None,
    own: PointMap = still, moved: float | None = None, thick: tuple[int, int] = (1, 1),
) -> Pair:  # fmt: skip
    """Return a body and itself after a smooth warp and a map.

    Args:
        body: one of :data:`BODIES`.
        seed: of everything.
        place, other: lattices of the fixed and the moving image.
        own: points of the moving image to where these show the body, before the warp.
        moved: size of the warp, mm.
        thick: see :func:`drawn`.
    """
    make, usual, inside, size = BODIES[body]
    rng = np.random.default_rng([seed, 5])
    warp = smooth_warp(rng, size if moved is None else moved, 160 if body == "torso" else 90)
    scene = make(seed)

    def back(p: np.ndarray) -> np.ndarray:
        return warp(own(p))

    fixed = drawn(scene, place or usual, rng, thick=thick[0])
    moving = drawn(scene, other or place or usual, rng, back, thick=thick[1])
    return Pair(fixed, moving, matched(fixed, moving, back, inside))


def shifted(*way: float) -> PointMap:
    return lambda p: p + np.asarray(way)


def flipped(*axes: int) -> PointMap:
    signs = np.ones(3)
    signs[list(axes)] = -1
    return lambda p: p * signs


def about(axis: int, degrees: float) -> PointMap:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    a, b = [n for n in range(3) if n != axis]
    m = np.eye(3)
    m[a, a], m[a, b], m[b, a], m[b, b] = c, -s, s, c
    return lambda p: p @ m.T


def scaled(factor: float | Sequence[float]) -> PointMap:
    return lambda p: p * np.asarray(factor)


def painted(pair: Pair, fixed: Any = None, moving: Any = None) -> Pair:
    """Return a pair with the arrays of its images mapped."""
    images = []
    for image, change in ((pair.fixed, fixed), (pair.moving, moving)):
        if change is not None:
            array = np.asarray(change(sitk.GetArrayFromImage(image)), np.float32)
            new = sitk.GetImageFromArray(array)
            new.CopyInformation(image)
            image = new
        images.append(image)
    return replace(pair, fixed=images[0], moving=images[1])


def respaced(pair: Pair, factor: float | Sequence[float]) -> Pair:
    """Return a pair whose moving image claims another spacing, origin scaled likewise."""
    image = sitk.Image(pair.moving)
    f = np.broadcast_to(np.asarray(factor, float), (3,))
    image.SetSpacing((np.asarray(image.GetSpacing()) * f).tolist())
    image.SetOrigin((np.asarray(image.GetOrigin()) * f).tolist())
    assert pair.points is not None
    return replace(pair, moving=image, points=(pair.points[0], pair.points[1] * f))


def apart(*images: sitk.Image, **options: Any) -> Pair:
    """Return a pair without correspondence."""
    return Pair(images[0], images[1], None, options)


Maker = Callable[[int], Pair]
SITUATIONS: dict[str, Maker] = {}


def situation(name: str) -> Callable[[Maker], Maker]:
    def add(make: Maker) -> Maker:
        SITUATIONS[name] = make
        return make

    return add


for _body in BODIES:
    SITUATIONS[f"{_body}: plain"] = lambda s, b=_body: plain(b, s)
    SITUATIONS[f"{_body}: mirrored left to right"] = lambda s, b=_body: plain(b, s, own=flipped(0))
    SITUATIONS[f"{_body}: upside down"] = lambda s, b=_body: plain(b, s, own=flipped(2))
    SITUATIONS[f"{_body}: turned about z"] = lambda s, b=_body: plain(b, s, own=about(2, 180))
    SITUATIONS[f"{_body}: feet first"] = lambda s, b=_body: plain(b, s, own=about(1, 180))
    SITUATIONS[f"{_body}: prone"] = lambda s, b=_body: plain(b, s, own=about(0, 180))
    SITUATIONS[f"{_body}: turned by 30 degrees"] = lambda s, b=_body: plain(b, s, own=about(2, 30))
    SITUATIONS[f"{_body}: inverted and mirrored"] = lambda s, b=_body: painted(
        plain(b, s, own=flipped(0)), moving=lambda a: a.max() + a.min() - a
    )
    SITUATIONS[f"{_body}: lower half alone"] = lambda s, b=_body: plain(
        b, s, other=_part(BODIES[b][1], 0.0, 0.5)
    )
    SITUATIONS[f"{_body}: halves with little in common"] = lambda s, b=_body: plain(
        b, s, _part(BODIES[b][1], 0.0, 0.55), _part(BODIES[b][1], 0.45, 1.0)
    )
    SITUATIONS[f"{_body}: moved by a fifth"] = lambda s, b=_body: plain(
        b, s, own=shifted(0, 0, 0.2 * BODIES[b][1].extent_mm[2])
    )
    SITUATIONS[f"{_body}: moved by a fifth, other lattice"] = lambda s, b=_body: plain(
        b,
        s,
        other=_part(BODIES[b][1], 0.02, 1.0),
        own=shifted(0, 0, 0.2 * BODIES[b][1].extent_mm[2]),
    )
    SITUATIONS[f"{_body}: spacing 30 % too large"] = lambda s, b=_body: respaced(plain(b, s), 1.3)
    SITUATIONS[f"{_body}: spacing in cm"] = lambda s, b=_body: respaced(plain(b, s), 0.1)
    SITUATIONS[f"{_body}: spacing of slices doubled"] = lambda s, b=_body: respaced(
        plain(b, s), (1, 1, 2)
    )
    SITUATIONS[f"{_body}: thin and thick slices"] = lambda s, b=_body: plain(
        b, s, other=_slices(BODIES[b][1], 4), thick=(1, 4)
    )
    SITUATIONS[f"{_body}: padded by a constant"] = lambda s, b=_body: _padded(plain(b, s), -3024)
    SITUATIONS[f"{_body}: padded bright"] = lambda s, b=_body: _padded(plain(b, s), 3000)
    SITUATIONS[f"{_body}: burnt-in text"] = lambda s, b=_body: painted(
        plain(b, s, own=flipped(0)), _lettered, _lettered
    )
    SITUATIONS[f"{_body}: metal in one"] = lambda s, b=_body: painted(plain(b, s), moving=_metal)
    SITUATIONS[f"{_body}: metal in both, mirrored"] = lambda s, b=_body: painted(
        plain(b, s, own=flipped(0)), _metal, _metal
    )
    SITUATIONS[f"{_body}: large warp"] = lambda s, b=_body: plain(b, s, moved=3 * BODIES[b][3])
    SITUATIONS[f"{_body}: not a number outside"] = lambda s, b=_body: painted(
        plain(b, s), moving=_nan
    )
    SITUATIONS[f"{_body}: lesion grown"] = lambda s, b=_body: _lesion(b, s)
    SITUATIONS[f"{_body}: slices reversed"] = lambda s, b=_body: _reversed(plain(b, s), 0)
    SITUATIONS[f"{_body}: slices out of order"] = lambda s, b=_body: _shuffled(plain(b, s))
    SITUATIONS[f"{_body}: rows and columns exchanged"] = lambda s, b=_body: _exchanged(b, s)
    for _other in BODIES:
        if _other != _body:
            SITUATIONS[f"{_body} and {_other}"] = lambda s, b=_body, o=_other: apart(
                plain(b, s).fixed, _placed(plain(o, s + 1).moving, BODIES[b][1])
            )
    SITUATIONS[f"{_body}: another patient, mirrored"] = lambda s, b=_body: _other_patient(
        b, s, flipped(0)
    )
    SITUATIONS[f"{_body}: another patient, upside down"] = lambda s, b=_body: _other_patient(
        b, s, flipped(2)
    )
    SITUATIONS[f"{_body}: another patient"] = lambda s, b=_body: _other_patient(b, s, still)
    SITUATIONS[f"{_body}: another patient, feet first"] = lambda s, b=_body: _other_patient(
        b, s, about(1, 180)
    )


def _part(geometry: ImageGeometry, low: float, high: float) -> ImageGeometry:
    """Return the slices of a lattice between two shares of its height."""
    n = geometry.size[2]
    start, end = round(low * n), round(high * n)
    return geometry.crop((0, 0, start), (*geometry.size[:2], end - start))


def _slices(geometry: ImageGeometry, factor: int) -> ImageGeometry:
    low = np.asarray(geometry.origin) - np.asarray(geometry.spacing) / 2
    high = low + np.asarray(geometry.size) * np.asarray(geometry.spacing)
    return lattice(
        low.tolist(), high.tolist(), (*geometry.spacing[:2], geometry.spacing[2] * factor)
    )


def _padded(pair: Pair, value: float) -> Pair:
    """Return a pair whose moving image is a cylinder in a constant, as of a CT's field of view."""

    def pad(a: np.ndarray) -> np.ndarray:
        y, x = np.mgrid[-1 : 1 : a.shape[1] * 1j, -1 : 1 : a.shape[2] * 1j]
        scale = 1.0 if abs(a).max() > 50 else 1e-3
        return np.where(np.hypot(x, y) < 0.95, a, value * scale)

    return painted(pair, moving=pad)


def _lettered(a: np.ndarray) -> np.ndarray:
    """Write bars and blocks, always the same ones, into a corner of every slice."""
    out = a.copy()
    rng = np.random.default_rng(3)
    n = a.shape[2] // 3
    text = rng.random((4, n)) > 0.45
    out[:, 1:5, 1 : n + 1][:, text] = a.max() * 1.2
    text = rng.random((4, n)) > 0.45
    out[:, -6:-2, -n - 2 : -2][:, text] = a.max() * 1.2
    return out


def _metal(a: np.ndarray) -> np.ndarray:
    """Put bright rods with streaks into an image."""
    z, y, x = np.indices(a.shape)
    out = a.copy()
    for cx in (0.42, 0.58):
        dx, dy = x - cx * a.shape[2], y - 0.6 * a.shape[1]
        streak = np.cos(9 * np.arctan2(dy, dx)) * np.exp(-np.hypot(dx, dy) / 6)
        middle = np.abs(z - a.shape[0] / 2) < a.shape[0] / 4
        out = out + 0.4 * np.ptp(a) * streak * middle
        out[(np.hypot(dx, dy) < 1.6) & middle] = a.max() * 4
    return out


def _nan(a: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : a.shape[1] * 1j, -1 : 1 : a.shape[2] * 1j]
    return np.where(np.hypot(x, y) < 1.1, a, np.nan)


def _lesion(body: str, seed: int) -> Pair:
    pair = plain(body, seed)

    def grow(a: np.ndarray) -> np.ndarray:
        z, y, x = np.indices(a.shape)
        parts = zip((z, y, x), a.shape, (0.6, 0.5, 0.35), strict=True)
        r = np.sqrt(sum(((q - share * n) / (0.14 * n)) ** 2 for q, n, share in parts))
        return np.where(r < 1, np.percentile(a, 70) + 0.1 * np.ptp(a), a)

    return painted(pair, moving=grow)


def _reversed(pair: Pair, axis: int) -> Pair:
    """Return a pair whose moving slices were stored in the wrong order."""
    image = pair.moving
    array = np.flip(sitk.GetArrayFromImage(image), axis)
    new = sitk.GetImageFromArray(np.ascontiguousarray(array))
    new.CopyInformation(image)
    geometry = ImageGeometry.from_image(image)
    assert pair.points is not None
    index = geometry.physical_to_index(pair.points[1])
    index[:, 2 - axis] = geometry.size[2 - axis] - 1 - index[:, 2 - axis]
    return replace(pair, moving=new, points=(pair.points[0], geometry.index_to_physical(index)))


def _shuffled(pair: Pair) -> Pair:
    """Return a pair whose moving slices are interleaved: first the even ones, then the odd ones."""
    image = pair.moving
    n = image.GetSize()[2]
    order = np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)])
    new = sitk.GetImageFromArray(sitk.GetArrayFromImage(image)[order])
    new.CopyInformation(image)
    return Pair(pair.fixed, new, None)


def _exchanged(body: str, seed: int) -> Pair:
    pair = plain(body, seed)
    array = sitk.GetArrayFromImage(pair.moving)
    new = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(0, 2, 1)))
    size = pair.moving.GetSpacing()
    new.SetSpacing((size[1], size[0], size[2]))
    origin = pair.moving.GetOrigin()
    new.SetOrigin((origin[1], origin[0], origin[2]))
    assert pair.points is not None
    return Pair(pair.fixed, new, (pair.points[0], pair.points[1][:, [1, 0, 2]]))


def _placed(image: sitk.Image, geometry: ImageGeometry) -> sitk.Image:
    """Return an image whose middle lies in that of a lattice."""
    new = sitk.Image(image)
    own = ImageGeometry.from_image(image)
    way = np.asarray(geometry.center()) - np.asarray(own.center())
    new.SetOrigin((np.asarray(image.GetOrigin()) + way).tolist())
    return new


def _other_patient(body: str, seed: int, own: PointMap) -> Pair:
    """Return two patients; what corresponds is known but for their differences."""
    make, geometry, inside, _ = BODIES[body]
    rng = np.random.default_rng([seed, 8])
    fixed = drawn(make(seed), geometry, rng)
    moving = drawn(make(seed + 50), geometry, rng, own)
    return Pair(fixed, moving, matched(fixed, moving, own, inside))


@situation("spine: one vertebra off")
def _spine_off(seed: int) -> Pair:
    place = lattice((-60, 20, -80), (60, 125, 80), 3.0)
    return plain("torso", seed, place, own=shifted(0, 0, 30), moved=2)


@situation("spine: one vertebra off, other lattice")
def _spine_off_lattice(seed: int) -> Pair:
    place = lattice((-60, 20, -80), (60, 125, 80), 3.0)
    return plain("torso", seed, place, lattice((-58, 20, -76), (60, 120, 80), 3.2),
                 own=shifted(0, 0, 30), moved=2)  # fmt: skip


@situation("spine: half a vertebra off")
def _spine_half(seed: int) -> Pair:
    place = lattice((-60, 20, -80), (60, 125, 80), 3.0)
    return plain("torso", seed, place, own=shifted(0, 0, 14), moved=2)


@situation("spine: in place")
def _spine(seed: int) -> Pair:
    return plain("torso", seed, lattice((-60, 20, -80), (60, 125, 80), 3.0), moved=2)


@situation("spine: part of it")
def _spine_part(seed: int) -> Pair:
    place = lattice((-60, 20, -80), (60, 125, 80), 3.0)
    return plain("torso", seed, place, lattice((-60, 20, -50), (60, 125, 20), 3.0),
                 own=shifted(0, 0, 45), moved=2)  # fmt: skip


@situation("ribs: one rib off")
def _ribs(seed: int) -> Pair:
    place = lattice((60, -100, 40), (170, 100, 160), 3.5)
    return plain("torso", seed, place, own=shifted(0, 0, 30), moved=2)


@situation("head: symmetric, mirrored")
def _symmetric(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    warp = smooth_warp(rng, 3, 90)
    scene = head(seed, 1.0)
    fixed, moving = drawn(scene, HEAD, rng), drawn(scene, HEAD, rng, lambda p: warp(flipped(0)(p)))
    points = matched(fixed, moving, lambda p: warp(flipped(0)(p)), in_head)
    return Pair(fixed, moving, points)


@situation("torso: chest and abdomen")
def _chest(seed: int) -> Pair:
    """The coordinates of two sessions: chest and abdomen seem to lie in one place."""
    return replace(plain("torso", seed, CHEST, own=shifted(0, 0, -190)), points=None)


@situation("torso: chest and abdomen, other lattice")
def _chest_lattice(seed: int) -> Pair:
    other = lattice((-170, -130, 45), (180, 130, 225), 7)
    pair = plain("torso", seed, CHEST, other, own=shifted(0, 0, -190))
    return replace(pair, points=None)


@situation("torso: whole body and abdomen")
def _whole(seed: int) -> Pair:
    whole = lattice((-180, -130, -260), (180, 130, 260), 9)
    return plain("torso", seed, whole, lattice((-180, -130, -100), (180, 130, 60), 6.5))


@situation("torso: whole body and abdomen elsewhere")
def _whole_elsewhere(seed: int) -> Pair:
    whole = lattice((-180, -130, -260), (180, 130, 260), 9)
    return plain("torso", seed, whole, lattice((-180, -130, 0), (180, 130, 160), 6.5),
                 own=shifted(0, 0, -120))  # fmt: skip


@situation("torso: a single slab of five slices")
def _slab(seed: int) -> Pair:
    slab = lattice((-180, -130, -20), (180, 130, 20), (6.5, 6.5, 8))
    return plain("torso", seed, slab, own=shifted(0, 0, 60))


@situation("noise and a torso")
def _noise(seed: int) -> Pair:
    pair = plain("torso", seed)
    rng = np.random.default_rng(seed)
    return replace(painted(pair, moving=lambda a: rng.normal(size=a.shape)), points=None)


@situation("a coil's profile and a head")
def _coil(seed: int) -> Pair:
    pair = plain("head", seed)

    def profile(a: np.ndarray) -> np.ndarray:
        z, y, x = (np.linspace(-1, 1, n) for n in a.shape)
        return np.exp(
            -(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
        ) + 0.01 * np.random.default_rng(0).normal(size=a.shape)

    return replace(painted(pair, moving=profile), points=None)


@situation("a phantom of water and a head")
def _bottle(seed: int) -> Pair:
    rng = np.random.default_rng(seed)

    def bottle(p: np.ndarray) -> np.ndarray:
        return np.asarray(_ball(p, (0, 0, 0), (80, 95, 85), 0.02))

    return apart(drawn(head(seed), HEAD, rng), drawn(bottle, HEAD, rng))


@situation("a head in air and a head without skull")
def _stripped(seed: int) -> Pair:
    """The skull was stripped off one image."""
    rng = np.random.default_rng(seed)
    warp, scene = smooth_warp(rng, 3, 90), head(seed)

    def brain(p: np.ndarray) -> np.ndarray:
        r = np.sqrt(((p / np.array([76, 96, 86])) ** 2).sum(-1))
        return np.where(r < 0.86, scene(p), 0)

    fixed, moving = drawn(scene, HEAD, rng), drawn(brain, HEAD, rng, warp)
    return Pair(fixed, moving, matched(fixed, moving, warp, in_head))


#: Wrong and *Good*, and not told yet: two patients' heads or knees have no side in common; metal
#: and streaks, alike in both images, outweigh the organs; a trunk hardly changes along its length,
#: a knee hardly when it is turned about it.
UNTOLD = frozenset({
    "head: another patient, mirrored", "head: symmetric, mirrored", "head: metal in both, mirrored",
    "torso: metal in both, mirrored",
    "torso: a single slab of five slices",
    "knee: metal in both, mirrored", "knee: another patient, mirrored",
    "knee: another patient, feet first", "knee: rows and columns exchanged",
    "knee: turned by 30 degrees",
})  # fmt: skip


# Outcomes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of a situation.

    Attributes:
        name: of the situation and its seed.
        verdict: status, or ``refused``.
        before, after: mean distance from the truth, of the diagonal of the fixed image; NaN where
            nothing corresponds.
        detail: error in words.
        seconds: of the registration.
        metrics: of the result.
    """

    name: str
    verdict: str
    before: float = float("nan")
    after: float = float("nan")
    detail: str = ""
    seconds: float = 0.0
    metrics: dict[str, Any] | None = None

    @property
    def is_right(self) -> bool:
        """Whether the result lies near the truth."""
        return self.after <= _WRONG

    @property
    def is_bad(self) -> bool:
        """Whether it must not be: wrong and *Good*."""
        return self.verdict == "good" and not self.is_right


def attempt(name: str, seed: int = 0) -> Outcome:
    """Register the pair of a situation and compare the result with the truth."""
    pair = SITUATIONS[name](seed)
    start = time.process_time()
    title = f"{name} ({seed})"
    try:
        result = register(pair.fixed, pair.moving, **pair.options)
    except LDMRegError as error:
        return Outcome(title, "refused", detail=str(error))
    seconds = time.process_time() - start
    before, after = _errors(pair, result)
    verdict = judge(result.metrics)
    return Outcome(title, verdict.status, before, after, "", seconds, result.metrics)


def _errors(pair: Pair, result: RegistrationResult) -> tuple[float, float]:
    if pair.points is None or not len(pair.points[0]):
        return float("nan"), float("nan")
    size = np.linalg.norm(result.field.geometry.extent_mm)
    a, b = pair.points
    return tuple(
        float(np.linalg.norm(p - b, axis=1).mean() / size) for p in (a, result.field.warp_points(a))
    )  # type: ignore[return-value]


def main() -> int:
    """Print a line for each situation."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove.situations")
    parser.add_argument("names", nargs="*", help="words of the names")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    bad = untold = 0
    for seed in arguments.seeds:
        for name in SITUATIONS:
            if arguments.names and not any(word in name for word in arguments.names):
                continue
            o = attempt(name, seed)
            untold += o.is_bad and name in UNTOLD
            bad += o.is_bad and name not in UNTOLD
            mark = "BAD " if o.is_bad else "    "
            kind = "right" if o.is_right else "wrong"
            print(f"{mark}{o.verdict:8} {kind} {o.before:6.3f} {o.after:6.3f} {o.seconds:5.1f}s "
                  f"{o.name} {o.detail[:150]}", flush=True)  # fmt: skip
    print(f"{bad} wrong and Good; beside these {untold} in which no check tells it yet")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
