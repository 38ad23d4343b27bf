"""The spatial axes of a NRRD file, and the place of its voxels in the patient."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .nrrd_header import NrrdHeader
from .selection import Selection

__all__ = ["domain_axes", "steps_and_origin"]

_DOMAIN = ("domain", "space", "time", "???", "none", "")
_SIGNS = {"left": -1, "right": 1, "posterior": -1, "anterior": 1, "inferior": -1, "superior": 1}
_LETTERS = {name[0]: name for name in _SIGNS}
_WITHOUT_PATIENT = (
    "scanner-xyz", "3d-right-handed", "3d-left-handed", "scanner-xyz-time",
    "3d-right-handed-time", "3d-left-handed-time",
)  # fmt: skip
_UNITS = {
    "": 1.0, "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "millimetre": 1.0, "???": 1.0,
    "none": 1.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "microns": 1e-3,
    "micrometer": 1e-3, "micrometre": 1e-3, "nm": 1e-6, "cm": 10.0, "m": 1e3, "meter": 1e3,
    "metre": 1e3,
}  # fmt: skip


def domain_axes(header: NrrdHeader) -> tuple[list[int], list[int]]:
    """Return the axes that are space or time, and the others, whose numbers belong to one voxel."""
    count = len(header.sizes)
    kinds = header.words("kinds", count) or ["???"] * count
    directions = _directions(header)
    others = []
    for axis, kind in enumerate(kinds):
        vector = None if directions is None else directions[axis]
        of_voxel = kind.lower() not in _DOMAIN
        if directions is not None and kind.lower() in ("???", "none", ""):
            of_voxel = vector is None
        if directions is not None and of_voxel != (vector is None):
            raise InputError(
                f"axis {axis + 1} of its header is a {kind} with the direction "
                f"{'none' if vector is None else tuple(vector.tolist())}; expected a direction "
                "for an axis in space and none for others"
            )
        if of_voxel:
            others.append(axis)
    return [axis for axis in range(count) if axis not in others], others


def steps_and_origin(
    header: NrrdHeader, axes: list[int], wanted: Selection, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return steps between voxels along the axes, as columns, and the origin, LPS mm.

    Args:
        header: of the file.
        axes: two or three of the domain axes.
        wanted: nothing yet.
        notes: to which what was guessed is added.

    Raises:
        InputError: for a space that is not one, or lengths that cannot be.
    """
    signs = _space_signs(header, notes)
    d = len(axes)
    directions = _directions(header)
    if directions is None:
        return _from_spacings(header, axes, notes)
    length = _space_dimension(header)
    assert length is not None
    origin = (header.vectors("space origin", 1, length) or [None])[0]
    if origin is None:
        origin = np.zeros(length)
        notes.append("the header does not say where the first voxel lies: at 0 was taken")
    columns = np.stack([v for axis in axes if (v := directions[axis]) is not None], axis=1)
    if length > 3:  # the last is time
        if np.abs(columns[3:]).max(initial=0) > 0:
            raise InputError("its axes of space have a part in time; expected 0 there")
        columns, origin, length = columns[:3], origin[:3], 3
    scale = _scale(header, length, notes)
    columns = columns * signs[:length, None] * scale[:, None]
    origin = origin * signs[:length] * scale
    if d == length:
        return columns, origin
    if (d, length) == (2, 3):  # a slice with a place in space
        normal = np.cross(columns[:, 0], columns[:, 1])
        size = np.linalg.norm(normal)
        return np.column_stack([columns, normal / (size if size > 0 else 1)]), origin
    raise InputError(f"it has {d} axes in a space of {length}; expected 2 or 3 of both")


def _from_spacings(
    header: NrrdHeader, axes: list[int], notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of a file without directions, as ITK does."""
    count = len(header.sizes)
    spacings = header.numbers("spacings", count)
    low, high = header.numbers("axis mins", count), header.numbers("axis maxs", count)
    centerings = header.words("centerings", count) or ["???"] * count
    steps, origin = np.ones(len(axes)), np.zeros(len(axes))
    for i, axis in enumerate(axes):
        cell = centerings[axis].lower() != "node"
        size = header.sizes[axis]
        if spacings is not None and np.isfinite(spacings[axis]):
            steps[i] = spacings[axis]
        elif low is not None and high is not None and np.isfinite(high[axis] - low[axis]):
            steps[i] = (high[axis] - low[axis]) / max(1, size if cell else size - 1)
        else:
            notes.append("the header does not say the distance between voxels: 1 mm was taken")
        if low is not None and np.isfinite(low[axis]):
            origin[i] = low[axis] + (steps[i] / 2 if cell else 0)
    units = header.words("units", count)
    for i, axis in enumerate(axes):
        if units is not None:
            scale = _unit(units[axis], notes)
            steps[i] *= scale
            origin[i] *= scale
    if len(axes) == 3:
        notes.append(
            "the header does not say how the image lies in the patient: its axes were taken as "
            "left, posterior, superior"
        )
    return np.diag(steps), origin


def _space_dimension(header: NrrdHeader) -> int | None:
    text = header.fields.get("space dimension")
    if text is not None:
        if text not in ("1", "2", "3", "4"):
            raise InputError(f"its space dimension is {text[:20]!r}; expected 2 or 3")
        return int(text)
    space = header.fields.get("space")
    if space is None:
        return None
    words = _words_of(space)
    return 4 if words[-1] in ("time", "t") else 3


def _words_of(space: str) -> list[str]:
    text = space.lower().strip()
    return text.split("-") if "-" in text else list(text) or [""]


def _space_signs(header: NrrdHeader, notes: list[str]) -> np.ndarray:
    """Return the signs by which coordinates of the space of a file become LPS."""
    space = header.fields.get("space")
    ones = np.ones(3)
    if space is not None and "space dimension" in header.fields:
        raise InputError("its header has both 'space' and 'space dimension'; remove one of them")
    if space is None:
        if header.fields.get("space dimension") in ("3", "4"):
            notes.append("the header does not name its space: LPS was taken")
        return ones
    if space.lower().strip() in _WITHOUT_PATIENT:
        if space.lower().startswith("3d-left"):
            raise InputError(
                f"its space is {space!r}, which is mirrored and does not say how the patient "
                "lies; expected left-posterior-superior or another one of the patient"
            )
        notes.append(
            f"its space is {space!r}, which does not say how the patient lies: left, posterior, "
            "superior was taken"
        )
        return ones
    words = [_LETTERS.get(word, word) for word in _words_of(space)[:3]]
    rest = _words_of(space)[3:]
    axes = [next((i for i, pair in enumerate(("lr", "pa", "is")) if w[:1] in pair), 3)
            for w in words]  # fmt: skip
    if (
        rest not in ([], ["time"], ["t"])
        or any(w not in _SIGNS for w in words)
        or axes != [0, 1, 2]
    ):
        raise InputError(
            f"its space is {space[:40]!r}; expected left-posterior-superior, "
            "right-anterior-superior or left-anterior-superior"
        )
    lps = {"left": 1, "right": -1, "posterior": 1, "anterior": -1, "superior": 1, "inferior": -1}
    return np.array([float(lps[word]) for word in words])


def _directions(header: NrrdHeader) -> list[np.ndarray | None] | None:
    length = _space_dimension(header)
    if length is None:
        if "space directions" in header.fields:
            raise InputError("its header has 'space directions' without a 'space'; add the space")
        return None
    return header.vectors("space directions", len(header.sizes), length)


def _scale(header: NrrdHeader, length: int, notes: list[str]) -> np.ndarray:
    text = header.fields.get("space units")
    if text is None:
        return np.ones(length)
    count = _space_dimension(header) or length
    units = header.words("space units", count) or []
    return np.array([_unit(unit, notes) for unit in units[:length]])


def _unit(unit: str, notes: list[str]) -> float:
    scale = _UNITS.get(unit.strip().lower())
    if scale is None:
        raise InputError(f"its unit of length is {unit[:20]!r}; expected mm, um, cm or m")
    note = f"lengths were converted from {unit} to mm"
    if scale != 1 and note not in notes:
        notes.append(note)
    return scale
