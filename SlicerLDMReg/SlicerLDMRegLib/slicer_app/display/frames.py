"""The frame of a sequence to which the others were registered."""

from __future__ import annotations

from collections.abc import Mapping

import slicer

from ..scene.frames import sequence_of
from ..scene.nodes import read_json
from ..scene.volume_nodes import Node, look_like
from .layers import helper_volume
from .view_memory import DisplayMemory

__all__ = ["fixed_image"]

_NAME = "fixed frame"


def fixed_image(
    fixed: Node, moving: Node, outputs: Mapping[str, Node], memory: DisplayMemory
) -> Node:
    """Return the volume that shows the fixed image.

    That is the fixed volume; but for frames registered to another frame of their sequence it is a
    volume of its own, not in the lists of volumes, that shares the voxels of that frame.

    Args:
        fixed, moving: the volumes that were registered; one and the same, for frames registered to
            a frame of their own sequence.
        outputs: of the registration; the transform knows which frame is fixed.
        memory: for the new volume.
    """
    frames = sequence_of(fixed)
    transform = outputs.get("transform")
    shown = None if transform is None else sequence_of(transform)
    if frames is None or shown is None:
        return fixed
    # Nothing was measured where nothing was to be registered.
    numbers = [n for n in range(len(shown)) if not read_json(shown.frame(n).node, "Metrics")]
    if len(numbers) != 1 or len(shown) != len(frames):
        return fixed
    source = frames.frame(numbers[0]).node
    title = f"{fixed.GetName()}, frame {numbers[0]}"
    helper = helper_volume(_NAME, title, fixed, moving, memory)
    if helper.GetImageData() is not source.GetImageData():
        with slicer.util.NodeModify(helper):
            helper.CopyOrientation(source)
            helper.SetAndObserveImageData(source.GetImageData())
            helper.SetAndObserveTransformNodeID(fixed.GetTransformNodeID())
    look_like(helper, moving)
    return helper
