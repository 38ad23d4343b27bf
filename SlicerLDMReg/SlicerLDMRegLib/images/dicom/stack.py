"""The lattice of a stack of slices: gaps, tilted gantries, and uneven distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ..placement import Decoded, place
from ..selection import Selection
from .frames import Frame

__all__ = ["stack_geometry", "stacked"]

# Fraction of the distance between slices by which a slice may lie off its place: headers round
# positions, and a shift of a twentieth changes no voxel by more than that part of its neighbour.
_UNEVEN = 0.05
_MISSING = 1.5  # times the usual distance: halfway from no slice missing to one
_ASIDE = 0.1  # pixels that a slice may lie beside the line of the others


def stack_geometry(
    frames: Sequence[Frame], wanted: Selection, notes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return steps between voxels as columns and the origin, LPS mm, of ordered slices.

    Args:
        frames: one at each place, ordered along the normal.
        wanted: ``resample`` evens out distances.
        notes: to which what was guessed is added.

    Returns:
        Steps, origin, and where the slices have to be resampled, in slices; else None.

    Raises:
        InputError: when slices are missing or lie at uneven distances.
    """
    first = frames[0]
    normal = first.normal
    assert first.row is not None and first.column is not None and normal is not None
    assert first.position is not None
    spacing = first.spacing
    if spacing is None:
        spacing = (1.0, 1.0)
        notes.append("the files do not say the distance between pixels: 1 mm was taken")
    across, down = first.row * spacing[0], first.column * spacing[1]
    if len(frames) == 1:
        thickness = first.thickness
        if thickness is None:
            thickness = 1.0
            notes.append("the file does not say how thick its slice is: 1 mm was taken")
        return np.column_stack([across, down, normal * thickness]), first.position, None
    positions = np.stack([frame.position for frame in frames if frame.position is not None])
    heights = positions @ normal
    distances = np.diff(heights)
    mean = (heights[-1] - heights[0]) / (len(frames) - 1)
    uneven = np.abs(heights - heights[0] - mean * np.arange(len(frames))).max()
    where = None
    step = (positions[-1] - positions[0]) / (len(frames) - 1)
    asked = wanted.asked("resample")
    if uneven > _UNEVEN * mean:
        usual = float(np.median(distances))
        if not asked:
            raise InputError(_uneven(heights, distances, usual))
        count = max(2, round((heights[-1] - heights[0]) / usual) + 1)
        even = np.linspace(heights[0], heights[-1], count)
        where = np.interp(even, heights, np.arange(len(frames)))
        step = (positions[-1] - positions[0]) / (count - 1)
        notes.append(
            f"its {len(frames)} slices at uneven distances were resampled to {count}, "
            f"{(heights[-1] - heights[0]) / (count - 1):.4g} mm apart, linear"
        )
    _check_line(positions, heights, step, normal, spacing, frames)
    _tell_thickness(frames, float(np.linalg.norm(step)), notes)
    return np.column_stack([across, down, step]), first.position, where


def stacked(
    array: np.ndarray,
    steps: np.ndarray,
    origin: np.ndarray,
    where: np.ndarray | None,
    wanted: Selection,
    is_vector: bool,
) -> Decoded:
    """Return slices ``(k, j, i)`` on a lattice with right angles; see :func:`stack_geometry`."""
    if where is not None:
        below = np.minimum(where.astype(int), len(array) - 2)
        part = (where - below).reshape(-1, *[1] * (array.ndim - 1))
        values = array[below] * (1 - part) + array[below + 1] * part
        values = np.rint(values) if array.dtype.kind in "iu" else values
        array = values.astype(array.dtype)
    return place(
        array, steps, origin, wanted, is_vector, told=True, cause=", as of a tilted gantry"
    )


def _uneven(heights: np.ndarray, distances: np.ndarray, usual: float) -> str:
    gaps = np.flatnonzero(distances > _MISSING * usual)
    if len(gaps) and np.abs(distances / usual - np.rint(distances / usual)).max() < 0.2:
        missing = int(np.rint(distances[gaps] / usual - 1).sum())
        shown = ", ".join(f"{heights[g]:.1f} and {heights[g + 1]:.1f}" for g in gaps[:3])
        return (
            f"{missing} of its slices {'is' if missing == 1 else 'are'} missing, between {shown}"
            f"{' and elsewhere' if len(gaps) > 3 else ''} mm (slices are {usual:.4g} mm apart); "
            "export or copy the series again, or have the gaps interpolated with #resample behind "
            "its name"
        )
    return (
        f"its slices are {distances.min():.4g} to {distances.max():.4g} mm apart; expected one "
        "distance: have them resampled, linear, with #resample behind its name"
    )


def _check_line(
    positions: np.ndarray,
    heights: np.ndarray,
    step: np.ndarray,
    normal: np.ndarray,
    spacing: tuple[float, float],
    frames: Sequence[Frame],
) -> None:
    """Check that the slices are not shifted against each other but for a common slant."""
    along = step / (step @ normal)
    aside = np.linalg.norm(positions - positions[0] - np.outer(heights - heights[0], along), axis=1)
    worst = int(aside.argmax())
    if aside[worst] > _ASIDE * min(spacing):
        raise InputError(
            f"its slices do not lie on one line: {frames[worst].path.name} is {aside[worst]:.3g} "
            "mm beside it; they belong to several stacks: export each one alone"
        )


def _tell_thickness(frames: Sequence[Frame], distance: float, notes: list[str]) -> None:
    """Tell where the header promises another distance, as when every second slice is missing."""
    said = frames[0].thickness
    if said is not None and distance > _MISSING * said:
        notes.append(
            f"its slices lie {distance:.4g} mm apart, and its header says {said:.4g}: check that "
            "none is missing"
        )
