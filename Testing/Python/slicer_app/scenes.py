"""Images, fields and results for the tests, and how they get into a scene."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import RegistrationResult
from SlicerLDMRegLib.resampling import warp_image
from SlicerLDMRegLib.slicer_app.results.result_nodes import OUTPUTS, ResultWriter, WrittenResult
from SlicerLDMRegLib.slicer_app.results.sequence_results import SEQUENCE_OUTPUTS, SequenceWriter
from SlicerLDMRegLib.slicer_app.scene.coordinates import ijk_to_ras
from SlicerLDMRegLib.slicer_app.scene.frames import FrameSequence
from SlicerLDMRegLib.slicer_app.scene.scene_images import SceneImages
from SlicerLDMRegLib.slicer_app.scene.scene_images import scene_images as scene_image_steps
from SlicerLDMRegLib.slicer_app.scene.steps import all_at_once
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import grid_from_vectors, ras_vectors
from SlicerLDMRegLib.slicer_app.scene.transform_nodes import itk_transform as itk_transform_steps
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import set_image


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rotation matrix from angles in radians about the axes x, y, z, applied in that order."""
    cx, cy, cz = np.cos([x, y, z])
    sx, sy, sz = np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def lattice(
    size: tuple[int, ...],
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    direction: np.ndarray | None = None,
    center: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> ImageGeometry:
    """A lattice in LPS mm around a point."""
    matrix = np.eye(3) if direction is None else np.asarray(direction, dtype=float)
    half = matrix @ (np.asarray(spacing) * (np.asarray(size) - 1) / 2)
    origin = tuple((np.asarray(center) - half).tolist())
    return ImageGeometry(size, spacing, origin, tuple(matrix.ravel().tolist()))


def blobs(geometry: ImageGeometry, shift: tuple[float, ...] = (0.0, 0.0, 0.0)) -> sitk.Image:
    """Smooth blobs in physical space, 0 to 1, float32; shifted by some mm.

    The least is 0, which is also what Slicer puts where an image is not defined.
    """
    points = geometry.points() - np.asarray(shift)[: geometry.dimension]
    values = np.zeros(geometry.array_shape)
    for center, width in (((3, 2, 1), 5.0), ((-5, 4, -2), 4.0), ((1, -6, 3), 6.0)):
        offset = points - np.asarray(center)[: geometry.dimension]
        values += np.exp(-(offset**2).sum(axis=-1) / (2 * width**2))
    values -= values.min()
    return geometry.to_image((values / values.max()).astype(np.float32))


def smooth_field(geometry: ImageGeometry, amplitude: float = 2.0) -> DisplacementField:
    """A smooth displacement of some mm in all directions, 2D or 3D."""
    points = geometry.points()
    waves = [
        amplitude * np.sin(points.sum(axis=-1) / 9.0 + phase) * np.cos(points[..., phase % 2] / 7.0)
        for phase in range(geometry.dimension)
    ]
    return DisplacementField(np.stack(waves, axis=-1), geometry)


def grid_from_field(field: DisplacementField) -> Any:
    """A 3D field as the grid of a transform node, from parent."""
    return grid_from_vectors(ras_vectors(field), field.geometry)


def volume_node(image: sitk.Image, name: str, class_name: str = "vtkMRMLScalarVolumeNode") -> Any:
    """Add a 3D image to the scene, with a display node."""
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
    set_image(node, image)
    node.CreateDefaultDisplayNodes()
    return node


def result_of(
    images: SceneImages, field: DisplacementField | None = None, **changes: Any
) -> RegistrationResult:
    """A result as the pipeline makes one, of a given field; only the metrics are invented."""
    fixed = ImageGeometry.from_image(images.fixed)
    moving = ImageGeometry.from_image(images.moving)
    field = field or smooth_field(fixed)

    transform = field.to_transform()
    folds = np.zeros(field.geometry.array_shape, np.uint8)
    folds[(slice(1, 4),) * folds.ndim if 1 not in folds.shape else ...] = 1
    labels = images.moving_labels
    warped_labels = None
    if labels is not None:
        warped_labels = warp_image(labels, field.geometry, transform, labels=True)
    result = RegistrationResult(
        fixed=images.fixed,
        moving=images.moving,
        warped=warp_image(images.moving, field.geometry, transform),
        field=field,
        inverse=DisplacementField(
            -smooth_field(moving, 1.0).vectors,
            moving,
        ),
        jacobian=field.geometry.to_image(1 + 0.1 * field.vectors[..., 0].astype(np.float32)),
        folds=field.geometry.to_image(folds),
        metrics={
            "before": {"ncc": 0.7, "mse": 0.04, "dice": {1: 0.6}, "dice_mean": 0.6},
            "after": {"ncc": 0.9, "mse": 0.01, "dice": {1: 0.8}, "dice_mean": 0.8},
            "deformation": {"fold_count": int(folds.sum()), "jacobian_min": float("nan")},
            "label_names": {1: "ball"},
        },
        timings={"total": 1.0},
        provenance={
            "date": "2026-01-02T03:04:05+00:00",
            "seed": 7,
            "model": {"id": "some-model", "sha256": "ab" * 32},
            "options": {"align": {"method": "auto"}, "text": 'a "b"; c: <d> & é'},
            "versions": {"ldmreg": "0.1.0"},
        },
        fixed_labels=images.fixed_labels,
        moving_labels=labels,
        warped_labels=warped_labels,
    )
    return replace(result, **changes)


def resliced(node: Any, geometry: ImageGeometry) -> np.ndarray:
    """A volume node as Slicer shows it, on a lattice in the world (LPS mm), by vtkImageReslice."""
    chain = vtk.vtkGeneralTransform()  # voxel of the lattice, RAS, below the parents, voxel
    chain.PostMultiply()
    chain.Concatenate(slicer.util.vtkMatrixFromArray(ijk_to_ras(geometry)))
    if node.GetParentTransformNode() is not None:
        from_world = vtk.vtkGeneralTransform()
        node.GetParentTransformNode().GetTransformFromWorld(from_world)
        chain.Concatenate(from_world)
    to_voxel = vtk.vtkMatrix4x4()
    node.GetRASToIJKMatrix(to_voxel)
    chain.Concatenate(to_voxel)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(node.GetImageData())
    reslice.SetResliceTransform(chain)
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        reslice.SetInterpolationModeToNearestNeighbor()
    else:
        reslice.SetInterpolationModeToLinear()
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputExtent(*(n for size in geometry.size for n in (0, size - 1)))
    reslice.Update()
    array = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
    return array.reshape(geometry.array_shape).astype(float)


def scene_text(scene: Any) -> str:
    """The whole scene as MRML's XML."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    scene.SetSaveToXMLString(0)
    return str(scene.GetSceneXMLString())


def array_of(node: Any) -> np.ndarray:
    """The voxels of a volume node, (k, j, i)."""
    return np.asarray(slicer.util.arrayFromVolume(node))


# Steps of the module, without a break between them


def scene_images(fixed: Any, moving: Any, view: Any = None, **sources: Any) -> SceneImages:
    """The images of two nodes, all at once."""
    sources |= {"fixed": fixed, "moving": moving}
    return all_at_once(scene_image_steps(sources, view))


def itk_transform(*arguments: Any) -> sitk.Transform:
    """A transform node as an ITK transform, all at once."""
    return all_at_once(itk_transform_steps(*arguments))


def prepare_result(
    result: RegistrationResult, images: SceneImages, outputs: Any = None
) -> ResultWriter:
    """A result, ready to be written into some outputs; None: into all."""
    writer = ResultWriter(dict.fromkeys(OUTPUTS) if outputs is None else outputs)
    writer.add(result, images)
    return writer


def write_result(*arguments: Any) -> WrittenResult:
    """Write a result of images into the scene, into some outputs."""
    return prepare_result(*arguments).write()


def write_sequence(
    results: dict[int, Any], frames: FrameSequence, outputs: Iterable[str] = SEQUENCE_OUTPUTS
) -> WrittenResult:
    """Write results with their images, by frame, into the scene."""
    writer = SequenceWriter(frames, outputs)
    for number in sorted(results):
        writer.add(*results[number], number)
    return writer.write()
