"""The deformation at one point of the fixed image, in words: how far, which way, how it swells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..scene.coordinates import FLIP
from ..scene.volume_nodes import Node, volume_geometry
from .result_display import ResultDisplay

__all__ = ["point_text"]

_LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))


def point_text(display: ResultDisplay, point: Sequence[float]) -> str:
    """Return how the moving anatomy came to a point: its way in mm, and its change of volume.

    Args:
        display: of a registration.
        point: RAS mm.

    Returns:
        Empty outside of the result, and where there is no transform.
    """
    transform, place = display.output("transform"), display.place
    # A node that was chosen for the result may be empty still.
    from_parent = None if transform is None else transform.GetTransformFromParent()
    if from_parent is None:
        return ""
    try:
        geometry = volume_geometry(place)
    except InputError:
        return ""
    index = np.rint(geometry.physical_to_index(np.asarray(point) * FLIP)).astype(int)
    if (index < 0).any() or (index >= geometry.size).any():
        return ""
    # What lies at x + u(x) has come to x: by the opposite of u.
    way = np.asarray(point) - from_parent.TransformPoint(*point)
    parts = [
        f"{abs(value):.1f} {letters[int(value < 0)]}"
        for value, letters in zip(way, _LETTERS, strict=True)
        if abs(value) >= 0.05
    ]
    length = _("{length} mm").format(length=f"{np.linalg.norm(way):.1f}")
    text = f"{length} ({', '.join(parts)})" if parts else length
    return "; ".join(
        part for part in (text, _volume_text(display.output("jacobian"), point)) if part
    )


def _volume_text(jacobian: Node | None, point: Sequence[float]) -> str:
    """Return how much the tissue has grown or shrunk at a point; empty: it is not known."""
    if jacobian is None:
        return ""
    try:
        geometry = volume_geometry(jacobian)
    except InputError:
        return ""
    i, j, k = np.rint(geometry.physical_to_index(np.asarray(point) * FLIP)).astype(int)
    voxels = slicer.util.arrayFromVolume(jacobian)
    inside = all(0 <= n < size for n, size in zip((k, j, i), voxels.shape, strict=True))
    if not inside:
        return ""
    determinant = float(voxels[k, j, i])
    if determinant <= 0:
        return _("the map folds here")
    change = 100 * (1 / determinant - 1)  # moving tissue was larger where it is above 1
    if abs(change) < 0.5:
        return _("volume unchanged")
    sign = "+" if change > 0 else "\u2212"
    return _("volume {change} %").format(change=f"{sign}{abs(change):.0f}")
