"""The images in the slice views: which lie in front of which, and how bright they are."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ..scene.frames import sequence_of
from ..scene.labels import show_as_outlines
from ..scene.nodes import PREFIX, free_name, nodes_of_class, read_json, roles_of, set_roles
from ..scene.volume_nodes import Node, look_like, set_image, volume_geometry
from .colors import DIFFERENCE_COLORS, color_table, round_up, update_legends
from .comparison_images import Mix, Window, alike, percentile_window
from .view_memory import DisplayMemory

__all__ = [
    "Mode",
    "fixed_image",
    "helper_volume",
    "image_maker",
    "match_windows",
    "outline_labels",
    "set_background",
    "set_foreground_opacity",
    "show_layers",
    "window_of",
    "write_mix",
]

_HELPER = PREFIX + "Comparison"


class Mode(enum.Enum):
    """The images that the slice views show."""

    FIXED = "fixed"
    MOVING = "moving"
    WARPED = "warped"
    BLEND = "blend"
    CHECKERBOARD = "checkerboard"
    FLICKER = "flicker"
    DIFFERENCE = "difference"


def show_layers(
    scene: Any,
    background: Node | None,
    foreground: Node | None,
    opacity: float,
    memory: DisplayMemory,
) -> None:
    """Show one volume, or one in front of another, in all slice views."""
    for layers in nodes_of_class(scene, "vtkMRMLSliceCompositeNode"):
        memory.keep(layers)
        with slicer.util.NodeModify(layers):
            layers.SetCompositing(layers.Alpha)
            layers.SetBackgroundVolumeID(None if background is None else background.GetID())
            layers.SetForegroundVolumeID(None if foreground is None else foreground.GetID())
            layers.SetForegroundOpacity(opacity)
    update_legends(scene)


def set_background(scene: Any, volume: Node) -> None:
    """Exchange the volume that lies behind; :func:`show_layers` was called before."""
    for layers in nodes_of_class(scene, "vtkMRMLSliceCompositeNode"):
        layers.SetBackgroundVolumeID(volume.GetID())


def set_foreground_opacity(scene: Any, opacity: float) -> None:
    """Let the volume in front cover the other one, from 0 to 1."""
    for layers in nodes_of_class(scene, "vtkMRMLSliceCompositeNode"):
        layers.SetForegroundOpacity(opacity)


def window_of(volume: Node) -> Window:
    """Return which intensities a volume shows black and white."""
    display = volume.GetDisplayNode()
    if display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode"):
        return percentile_window(_voxels(volume))
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def match_windows(fixed: Node, moving: Node, warped: Node | None, memory: DisplayMemory) -> None:
    """Show equal intensities equally bright.

    A window that Slicer has chosen becomes the range of all but the extreme voxels; images of one
    kind get a common one. What the user has set stays. The warped image always looks like the
    moving one.
    """
    automatic = []
    for volume in (fixed, moving):
        display = volume.GetDisplayNode()
        if display is None:
            volume.CreateDefaultDisplayNodes()
            display = memory.added(volume.GetDisplayNode())
        if display.IsA("vtkMRMLScalarVolumeDisplayNode") and display.GetAutoWindowLevel():
            automatic.append(volume)
    windows = {v.GetID(): percentile_window(_voxels(v)) for v in automatic}
    if len(windows) == 2 and alike(*windows.values()):
        low = min(window[0] for window in windows.values())
        high = max(window[1] for window in windows.values())
        windows = dict.fromkeys(windows, (low, high))
    for volume in automatic:
        memory.keep(volume.GetDisplayNode())
        _set_window(volume, windows[volume.GetID()])
    if warped is not None and warped.GetDisplayNode() is not None:
        memory.keep(warped.GetDisplayNode())
        _set_window(warped, window_of(moving))


def image_maker(volume: Node) -> Callable[[], sitk.Image]:
    """Return a function that makes the image of a volume (3D, LPS mm); a thread may call it."""
    geometry, voxels = volume_geometry(volume), _voxels(volume)
    return lambda: geometry.to_image(voxels.reshape(geometry.array_shape))


def _voxels(volume: Node) -> np.ndarray:
    return np.asarray(vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars()))


def outline_labels(scene: Any, memory: DisplayMemory) -> None:
    """Show segments and labels as outlines: filled, they cover the images that are compared."""
    for display in nodes_of_class(scene, "vtkMRMLSegmentationDisplayNode"):
        if display.GetVisibility() and display.GetVisibility2DFill():
            memory.keep(display)
            show_as_outlines(display)
    labelled = {
        layers.GetLayoutName()
        for layers in nodes_of_class(scene, "vtkMRMLSliceCompositeNode")
        if layers.GetLabelVolumeID()
    }
    for view in nodes_of_class(scene, "vtkMRMLSliceNode"):
        if view.GetLayoutName() in labelled and not view.GetUseLabelOutline():
            memory.keep_value(f"{view.GetID()} outline", False, view.SetUseLabelOutline)
            view.SetUseLabelOutline(True)


def _set_window(volume: Node, window: Window) -> None:
    display = volume.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(*window)


def helper_volume(kind: str, title: str, fixed: Node, moving: Node, memory: DisplayMemory) -> Node:
    """Return a volume for the views alone, not in the lists of volumes; a new one has no voxels.

    Args:
        kind: there is one of each kind for two images.
        title: name of a new one.
        fixed, moving: the images.
        memory: for a new one.
    """
    scene = fixed.GetScene()
    for node in nodes_of_class(scene, "vtkMRMLScalarVolumeNode"):
        if node.GetAttribute(_HELPER) == kind and roles_of(node) == (fixed, moving):
            return node
    node = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    node.UnRegister(None)
    node.SetName(free_name(scene, title))
    node.SetHideFromEditors(True)
    node.SetAttribute(_HELPER, kind)
    scene.AddNode(node)
    memory.added(node)
    set_roles(node, fixed, moving)
    # Before it has voxels: else Slicer looks for a window among all of them.
    display = memory.add("vtkMRMLScalarVolumeDisplayNode", f"{node.GetName()} display")
    display.SetAutoWindowLevel(False)
    display.SetDefaultColorMap()
    node.SetAndObserveDisplayNodeID(display.GetID())
    return node


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
    helper = helper_volume("fixed frame", title, fixed, moving, memory)
    if helper.GetImageData() is not source.GetImageData():
        with slicer.util.NodeModify(helper):
            helper.CopyOrientation(source)
            helper.SetAndObserveImageData(source.GetImageData())
            helper.SetAndObserveTransformNodeID(fixed.GetTransformNodeID())
    look_like(helper, moving)
    return helper


def write_mix(mix: Mix, mode: Mode, fixed: Node, moving: Node, memory: DisplayMemory) -> Node:
    """Return a volume with a comparison of two images; made once for each pair."""
    title = f"{mode.value.capitalize()} of {moving.GetName()} warped to {fixed.GetName()}"
    node = helper_volume(mode.value, title, fixed, moving, memory)
    set_image(node, mix.image)
    if mode is Mode.DIFFERENCE:
        colors = color_table(fixed.GetScene(), "LDMReg difference", DIFFERENCE_COLORS, memory)
        node.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    limit = round_up(mix.window[1])
    _set_window(node, (-limit, limit) if mode is Mode.DIFFERENCE else mix.window)
    return node
