"""``sitkUtils``: volumes of the scene as SimpleITK images and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

__all__ = ["PullVolumeFromSlicer", "PushVolumeToSlicer"]

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def PullVolumeFromSlicer(nodeObjectOrName: Any) -> sitk.Image:
    """The image of a volume node, in LPS millimetres."""
    node = nodeObjectOrName
    if isinstance(node, str):
        node = slicer.util.getNode(node)
    array = slicer.util.arrayFromVolume(node)
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    lps = _LPS @ slicer.util.arrayFromVTKMatrix(matrix)
    spacing = np.array(node.GetSpacing())
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def PushVolumeToSlicer(
    sitkimage: sitk.Image,
    targetNode: Any = None,
    name: str | None = None,
    className: str = "vtkMRMLScalarVolumeNode",
) -> Any:
    """A volume node with a copy of an image."""
    if targetNode is None:
        unique = slicer.mrmlScene.GetUniqueNameByString(name)
        targetNode = slicer.mrmlScene.AddNewNodeByClass(className, unique)
        targetNode.CreateDefaultDisplayNodes()
    slicer.util.updateVolumeFromArray(targetNode, sitk.GetArrayFromImage(sitkimage))
    matrix = np.eye(4)
    direction = np.array(sitkimage.GetDirection()).reshape(3, 3)
    matrix[:3, :3] = direction * np.array(sitkimage.GetSpacing())
    matrix[:3, 3] = sitkimage.GetOrigin()
    targetNode.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(_LPS @ matrix))
    return targetNode
