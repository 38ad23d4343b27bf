"""Area of the surface that passes between the 8 voxels (2D: 4 pixels) around a lattice corner.

The voxels around a corner that belong to a mask give a code of 8 (4) bits. The surface cuts the
edges between a voxel inside and one outside in the middle, as marching cubes do, and its area
depends on the code and the spacing alone. This is the weight of a surface element in the
Hausdorff distance of the Learn2Reg challenge (Nikolov et al., JMIR 23(7):e26151, 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["neighbour_codes", "surfel_areas"]

FloatArray = npt.NDArray[np.float64]
Point = tuple[float, ...]


def neighbour_codes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return the code of each corner between voxels, and of those at the border.

    Args:
        mask: 2D or 3D.

    Returns:
        One longer than the mask along each axis; 0 where all voxels around are outside,
        ``2 ** 2 ** d - 1`` where all are inside, and surface elsewhere.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([size + 1 for size in mask.shape], np.uint8)
    for corner in product((0, 1), repeat=mask.ndim):
        window = tuple(slice(c, c + size + 1) for c, size in zip(corner, mask.shape, strict=True))
        codes = np.bitwise_or(codes << 1, padded[window], dtype=np.uint8)
    return codes


def surfel_areas(spacing: Sequence[float]) -> FloatArray:
    """Return the area (2D: length) of the surface element of each neighbour code.

    Args:
        spacing: voxel size along each array axis; 2 or 3 numbers.

    Returns:
        16 or 256 numbers in units of the spacing, squared in 3D.
    """
    size = np.asarray(spacing, dtype=np.float64)
    if len(size) == 2:
        return np.array([_contour_length(code, size) for code in range(16)])
    areas = np.zeros(256)
    codes, normals = _unit_triangles()
    # Stretching the axes multiplies each component of an area vector by the other two factors.
    np.add.at(areas, codes, np.linalg.norm(normals * (size.prod() / size), axis=1))
    return areas


def _contour_length(code: int, spacing: FloatArray) -> float:
    """Length of the lines that part the pixels inside from those outside."""
    inside = _inside(code, 2)
    count = sum(inside.values())
    if count == 2 and inside[0, 0] == inside[0, 1]:
        return float(spacing[1])
    if count == 2 and inside[0, 0] == inside[1, 0]:
        return float(spacing[0])
    # Each pixel that is alone on its side is cut off.
    cut_off = {1: 1, 2: 2, 3: 1}.get(count, 0)
    return float(cut_off * np.linalg.norm(spacing) / 2)


@cache
def _unit_triangles() -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Code and area vector, in the unit cube, of all triangles of all codes."""
    codes: list[int] = []
    normals: list[FloatArray] = []
    for code in range(1, 255):
        for polygon in _polygons(code):
            triangles = _triangulate(polygon)
            codes += [code] * len(triangles)
            normals += triangles
    return np.array(codes), np.array(normals)


def _inside(code: int, dimension: int) -> dict[tuple[int, ...], bool]:
    corners = list(product((0, 1), repeat=dimension))
    return {c: bool(code >> (len(corners) - 1 - i) & 1) for i, c in enumerate(corners)}


def _polygons(code: int) -> list[list[Point]]:
    """Closed polygons through the middles of the edges that cross the surface."""
    neighbours: dict[Point, list[Point]] = {}
    for a, b in _segments(_inside(code, 3)):
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    polygons = []
    while neighbours:
        start = min(neighbours)
        polygon, following = [start], neighbours.pop(start)[0]
        while following != start:
            previous = polygon[-1]
            polygon.append(following)
            one, other = neighbours.pop(following)
            following = other if one == previous else one
        polygons.append(polygon)
    return polygons


def _segments(inside: dict[tuple[int, ...], bool]) -> list[tuple[Point, Point]]:
    """Lines along which the surface cuts the 6 faces of the cube."""
    # A face with inside corners on one diagonal can be cut in two ways: the fewer are parted.
    fewer = sum(inside.values()) <= 4
    segments = []
    for axis, side in product(range(3), (0, 1)):
        face = [_insert((p, q), axis, side) for p, q in ((0, 0), (0, 1), (1, 1), (1, 0))]
        middles = [_middle(face[i], face[(i + 1) % 4]) for i in range(4)]
        crossed = [i for i in range(4) if inside[face[i]] != inside[face[(i + 1) % 4]]]
        if len(crossed) == 2:
            segments.append((middles[crossed[0]], middles[crossed[1]]))
        elif len(crossed) == 4:
            segments += [(middles[i - 1], middles[i]) for i in range(4) if inside[face[i]] == fewer]
    return segments


def _insert(pair: tuple[int, int], axis: int, value: int) -> tuple[int, ...]:
    return (*pair[:axis], value, *pair[axis:])


def _middle(a: tuple[int, ...], b: tuple[int, ...]) -> Point:
    return tuple((p + q) / 2 for p, q in zip(a, b, strict=True))


def _triangulate(polygon: list[Point]) -> list[FloatArray]:
    """Area vectors of the fan of triangles with the largest area.

    A polygon of more than three sides need not be flat, so its area depends on how it is cut; this
    choice gives the published areas.
    """
    points = np.array(polygon, dtype=np.float64)
    fans: list[FloatArray] = []
    for start in range(len(points)):
        spokes = np.roll(points, -start, axis=0)
        spokes = spokes[1:] - spokes[0]
        fans.append(0.5 * np.cross(spokes[:-1], spokes[1:]))
    # Rounded, so that equal fans are equal on every machine and the first is taken.
    areas = [round(float(np.linalg.norm(fan, axis=1).sum()), 9) for fan in fans]
    return list(fans[int(np.argmax(areas))])
