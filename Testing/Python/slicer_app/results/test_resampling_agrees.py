"""The warped volume is what Slicer itself makes of the moving volume with the transform node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.slices import SliceRange
from SlicerLDMRegLib.resampling import coverage
from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry
from Testing.Python.slicer_app.scenes import (
    array_of,
    blobs,
    lattice,
    resliced,
    result_of,
    rotation,
    scene_images,
    smooth_field,
    volume_node,
    write_result,
)

FLIP = np.diag([-1.0, -1.0, 1.0])
OBLIQUE = rotation(0.4, -0.3, 0.6)
SAGITTAL = np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]])

GEOMETRIES = {
    "identity": (lattice((20, 18, 16)), lattice((22, 20, 18), center=(1, 0, -1))),
    "lps flipped": (
        lattice((20, 18, 16), (1.1, 1.2, 1.3), FLIP),
        lattice((22, 20, 18), direction=FLIP, center=(1, 0, -1)),
    ),
    "left-handed": (
        lattice((20, 18, 16), direction=np.diag([1.0, 1, -1])),
        lattice((22, 20, 18), direction=np.diag([-1.0, 1, 1])),
    ),
    "oblique": (
        lattice((20, 18, 16), (1.1, 0.9, 1.4), OBLIQUE),
        lattice((24, 20, 18), (1.2, 1.2, 1.0), rotation(-0.2, 0.5, 0.1), (1, -1, 2)),
    ),
    "oblique left-handed": (
        lattice((20, 18, 16), (1.1, 0.9, 1.4), OBLIQUE @ np.diag([1.0, 1, -1])),
        lattice((24, 20, 18), (1.2, 1.2, 1.0), SAGITTAL),
    ),
    "anisotropic": (
        lattice((24, 22, 6), (0.9, 0.9, 5.0)),
        lattice((10, 26, 24), (3.0, 1.0, 1.1), SAGITTAL),
    ),
    "2D": (
        lattice((26, 24, 1), (1.0, 1.2, 1.0), FLIP),
        lattice((30, 28, 1), (1.1, 0.9, 1.0), FLIP, (2, 1, 0)),
    ),
    "2D oblique": (
        lattice((26, 24, 1), (1.0, 1.2, 6.0), OBLIQUE),
        lattice((30, 28, 1), (1.1, 0.9, 1.0), OBLIQUE @ rotation(0, 0, 0.3), (2, 1, 3)),
    ),
    "2D across": (
        lattice((26, 1, 24), (1.0, 1.2, 1.1), OBLIQUE),
        lattice((1, 30, 28), (8.0, 1.1, 0.9), center=(20, 1, 3)),
    ),
}


def resampled(moving: Any, transform: Any, fixed: Any) -> np.ndarray:
    """A volume as Slicer resamples it under a transform, on the lattice of another volume."""
    before = moving.GetTransformNodeID()
    moving.SetAndObserveTransformNodeID(transform.GetID())
    logic = slicer.vtkSlicerVolumesLogic
    node = logic.ResampleVolumeToReferenceVolume(moving, fixed)
    moving.SetAndObserveTransformNodeID(before)
    return array_of(node).astype(float)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_warped_volume_is_what_slicer_resamples(scene: Any, name: str) -> None:
    fixed_lattice, moving_lattice = GEOMETRIES[name]
    fixed = volume_node(blobs(fixed_lattice), "fixed")
    moving = volume_node(blobs(moving_lattice, (1, 0, 0)), "moving")
    images = scene_images(fixed, moving)
    field = smooth_field(ImageGeometry.from_image(images.fixed))
    wanted = {"warped": None, "transform": None}
    nodes = write_result(result_of(images, field), images, wanted).nodes
    warped = array_of(nodes["warped"])
    judged = {"ResampleVolumeToReferenceVolume": resampled(moving, nodes["transform"], fixed)}
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    judged["vtkImageReslice"] = resliced(moving, fixed_lattice)
    for judge, found in judged.items():
        difference = np.abs(found - warped).max() / np.ptp(warped)
        print(f"{name}, {judge}: largest difference {difference:.1e} of the range")
        assert difference < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_range_of_slices_is_where_it_is_in_the_volume(scene: Any, axis: int) -> None:
    fixed_lattice, moving_lattice = GEOMETRIES["oblique left-handed"]
    fixed = volume_node(blobs(fixed_lattice), "fixed")
    moving = volume_node(blobs(moving_lattice, (1, 0, 0)), "moving")
    images = scene_images(fixed, moving)
    slices = SliceRange(axis, 6, 9).crop(fixed_lattice)
    nodes = write_result(result_of(images, smooth_field(slices)), images).nodes
    assert volume_geometry(nodes["warped"]).matches(slices)
    moving.SetAndObserveTransformNodeID(nodes["transform"].GetID())
    warped = array_of(nodes["warped"])
    assert np.abs(resliced(moving, slices) - warped).max() < 1e-5 * np.ptp(warped)


@pytest.mark.parametrize("name", ["lps flipped", "oblique left-handed", "2D oblique"])
def test_a_wrong_sign_would_be_seen(scene: Any, name: str) -> None:
    fixed_lattice, moving_lattice = GEOMETRIES[name]
    fixed = volume_node(blobs(fixed_lattice), "fixed")
    moving = volume_node(blobs(moving_lattice, (1, 0, 0)), "moving")
    images = scene_images(fixed, moving)
    nodes = write_result(result_of(images), images, {"warped": None, "transform": None}).nodes
    grid = nodes["transform"].GetTransformFromParent()
    grid.SetDisplacementScale(-1.0)
    warped = array_of(nodes["warped"])
    difference = np.abs(resampled(moving, nodes["transform"], fixed) - warped).max()
    assert difference > 0.05 * np.ptp(warped)


def test_whole_numbers_and_values_below_zero(scene: Any) -> None:
    """As of a CT: both round alike, but for a half."""
    ct = blobs(lattice((24, 22, 20)), (1, 0, 0)) * 2000 - 1000
    fixed = volume_node(blobs(lattice((20, 18, 16))), "fixed")
    moving = volume_node(sitk.Cast(ct, sitk.sitkInt16), "moving")
    images = scene_images(fixed, moving)
    nodes = write_result(result_of(images), images, {"warped": None, "transform": None}).nodes
    warped = array_of(nodes["warped"])
    assert warped.dtype == np.int16
    assert warped.min() < -900
    difference = np.abs(resampled(moving, nodes["transform"], fixed) - warped).max()
    assert difference <= 1
    assert difference < 1e-3 * np.ptp(warped)
    # A half is the only number on which the two may differ: no voxel is cut off.
    assert abs((resampled(moving, nodes["transform"], fixed) - warped).mean()) < 1e-3


@pytest.mark.parametrize("darkest", [-1000, 0, 967])
@pytest.mark.parametrize("name", ["identity", "oblique", "2D"])
def test_outside_there_is_the_darkest_value_and_inside_both_agree(
    scene: Any, name: str, darkest: int
) -> None:
    """Slicer puts 0 around a volume, as black as that may be in it."""
    fixed_lattice, moving_lattice = GEOMETRIES[name]
    fixed = volume_node(blobs(fixed_lattice), "fixed")
    voxels = sitk.Cast(blobs(moving_lattice, (1, 0, 0)) * 500 + darkest, sitk.sitkInt16)
    moving = volume_node(voxels, "moving")
    images = scene_images(fixed, moving)
    field = smooth_field(ImageGeometry.from_image(images.fixed), 9.0)
    wanted = {"warped": None, "transform": None}
    nodes = write_result(result_of(images, field), images, wanted).nodes
    warped = array_of(nodes["warped"])
    found = resampled(moving, nodes["transform"], fixed)
    inside = coverage(images.moving, field.geometry, field.to_transform()).astype(bool)
    inside = inside.reshape(warped.shape)
    assert 0.1 < inside.mean() < 0.95
    assert (warped[~inside] == darkest).all()
    assert (found[~inside] == 0).mean() > 0.9  # but for the outermost half of a voxel
    assert np.abs(found - warped)[inside].max() <= 1
