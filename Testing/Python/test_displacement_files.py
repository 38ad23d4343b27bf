"""Files of displacement fields, judged by SimpleITK and by Slicer's own MRML."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry

TRANSFORMS = [".h5", ".tfm"]
IMAGES = [".nii.gz", ".nii", ".mha", ".nrrd"]

COS, SIN = np.cos(0.4), np.sin(0.4)
DIRECTIONS = {
    "2d oblique": np.array([[COS, -SIN], [SIN, COS]]),
    "3d slicer": np.diag([-1.0, -1, 1]),
    "3d oblique": np.array([[COS, 0, -SIN], [0, 1, 0], [SIN, 0, COS]]),
    "3d left-handed": np.array([[COS, -SIN, 0], [SIN, COS, 0], [0, 0, -1]]),
}


def random_field(direction, seed=0):
    d = len(direction)
    geometry = ImageGeometry(
        (8, 7, 6)[:d], (0.8, 1.5, 2.5)[:d], (12.0, -30.0, 55.0)[:d], direction.ravel()
    )
    vectors = np.random.default_rng(seed).normal(size=(*geometry.array_shape, d))
    return DisplacementField(vectors, geometry)


@pytest.fixture(params=DIRECTIONS.values(), ids=DIRECTIONS.keys())
def field(request):
    return random_field(request.param)


@pytest.fixture(params=[name for name in DIRECTIONS if name.startswith("3d")])
def solid_field(request):
    return random_field(DIRECTIONS[request.param])


@pytest.fixture
def solid():
    return random_field(DIRECTIONS["3d left-handed"])


def inner_points(geometry, count=10):
    last = np.asarray(geometry.size) - 1
    indices = np.random.default_rng(1).uniform(0, last, size=(count, len(last)))
    return geometry.index_to_physical(indices)


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_round_trip(field, suffix, tmp_path):
    path = tmp_path / f"field{suffix}"
    field.write(path)
    result = DisplacementField.read(path)
    assert result.geometry.matches(field.geometry)
    np.testing.assert_allclose(result.vectors, field.vectors, atol=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", TRANSFORMS)
def test_itk_reads_a_transform_from_fixed_to_moving(field, suffix, tmp_path):
    field.write(tmp_path / f"field{suffix}")
    transform = sitk.ReadTransform(str(tmp_path / f"field{suffix}"))
    points = inner_points(field.geometry)
    expected = field.warp_points(points)
    for point, moved in zip(points.tolist(), expected, strict=True):
        np.testing.assert_allclose(transform.TransformPoint(point), moved, atol=1e-9)


@pytest.mark.parametrize("suffix", IMAGES)
def test_itk_reads_an_image_of_lps_vectors(field, suffix, tmp_path):
    field.write(tmp_path / f"field{suffix}")
    image = sitk.ReadImage(str(tmp_path / f"field{suffix}"))
    assert image.GetPixelID() == sitk.sitkVectorFloat32
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), field.vectors, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_header_says_displacement_in_five_dimensions(solid, suffix, tmp_path):
    path = tmp_path / f"field{suffix}"
    solid.write(path)
    data = path.read_bytes() if suffix == ".nii" else gzip.decompress(path.read_bytes())
    assert struct.unpack_from("<h", data, 68) == (1006,)
    assert struct.unpack_from("<6h", data, 40) == (5, 8, 7, 6, 1, 3)
    start = int(struct.unpack_from("<f", data, 108)[0])
    count = solid.vectors.size // 3
    raw = np.frombuffer(data, "<f4", offset=start).reshape(3, count)
    # NIfTI is RAS, LPS in memory.
    ras = solid.vectors.reshape(count, 3).T * np.array([[-1], [-1], [1]])
    np.testing.assert_allclose(raw, ras, atol=1e-6)


def test_nrrd_says_displacement(solid, tmp_path):
    solid.write(tmp_path / "field.nrrd")
    header = (tmp_path / "field.nrrd").read_bytes().split(b"\n\n")[0].decode()
    assert "intent_code:=1006" in header
    assert "kinds: vector domain domain domain" in header
    assert "space: left-posterior-superior" in header


def from_parent(path):
    """Load a transform file as Slicer does and return the map of LPS points from parent."""
    slicer = pytest.importorskip("slicer")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    transform = node.GetTransformFromParent()
    # Slicer interpolates cubically between the voxels where ITK and we do it linearly.
    transform.SetInterpolationModeToLinear()

    def map_points(points):
        flip = np.array([-1, -1, 1])
        return np.array([transform.TransformPoint(p) for p in points * flip]) * flip

    return transform, map_points


def check_in_slicer(path, field):
    transform, map_points = from_parent(path)
    assert transform.GetClassName() == "vtkOrientedGridTransform"
    points = inner_points(field.geometry)
    np.testing.assert_allclose(map_points(points), field.warp_points(points), atol=1e-4)
    assert np.abs(field.warp_points(points) - points).max() > 0.5


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_slicer_reads_the_transform_from_parent(solid_field, suffix, tmp_path):
    solid_field.write(tmp_path / f"field{suffix}")
    check_in_slicer(tmp_path / f"field{suffix}", solid_field)


@pytest.mark.parametrize("suffix", TRANSFORMS)
def test_slicer_reads_a_2d_transform_as_a_plane(suffix, tmp_path):
    field = random_field(DIRECTIONS["2d oblique"])
    field.write(tmp_path / f"field{suffix}")
    check_in_slicer(tmp_path / f"field{suffix}", field.to_3d())


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_slicer_reads_a_slice_in_space(suffix, tmp_path):
    flat = random_field(np.eye(2))
    volume = random_field(DIRECTIONS["3d oblique"]).geometry
    field = flat.to_3d(volume.crop((0, 0, 3), (8, 7, 1)))
    field.write(tmp_path / f"slice{suffix}")
    check_in_slicer(tmp_path / f"slice{suffix}", field)


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_one_slice_in_a_file_is_the_same_map(suffix, tmp_path):
    volume = random_field(DIRECTIONS["3d oblique"]).geometry
    field = random_field(np.eye(2)).to_3d(volume.crop((0, 0, 3), (8, 7, 1)))
    field.write(tmp_path / f"slice{suffix}")
    result = DisplacementField.read(tmp_path / f"slice{suffix}")
    assert result.geometry.extent_mm == pytest.approx(field.geometry.extent_mm)
    # As transforms they are equal also across the slice: half its thickness on either side.
    for k in (-0.6, -0.45, 0.0, 0.45, 0.6):
        point = field.geometry.index_to_physical((3.3, 2.6, k)).tolist()
        np.testing.assert_allclose(
            result.to_transform().TransformPoint(point),
            field.to_transform().TransformPoint(point),
            atol=1e-5,
        )


def test_jacobian_agrees_with_slicers_derivative(solid_field, tmp_path):
    field = solid_field
    field.write(tmp_path / "field.h5")
    transform, _ = from_parent(tmp_path / "field.h5")
    # Slopes of the cubic interpolation at a voxel are the central differences.
    transform.SetInterpolationModeToCubic()
    transform.Update()
    determinant = field.jacobian_determinant()
    expected, result = [], []
    for index in np.ndindex(*(n - 2 for n in field.geometry.array_shape)):
        index = tuple(i + 1 for i in index)
        point = field.geometry.index_to_physical(index[::-1]) * np.array([-1, -1, 1])
        derivative = [[0.0] * 3 for _ in range(3)]
        transform.InternalTransformDerivative(point.tolist(), [0.0] * 3, derivative)
        expected.append(np.linalg.det(derivative))
        result.append(determinant[index])
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    assert min(expected) < 0 < max(expected)


def slicer_node(field, to_parent=False):
    """A transform node with the field as Slicer itself would hold it, and its scene."""
    slicer = pytest.importorskip("slicer")
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import numpy_to_vtk

    grid = vtk.vtkImageData()
    grid.SetDimensions(field.geometry.size)
    grid.SetSpacing(field.geometry.spacing)
    flip = np.array([-1.0, -1, 1])
    grid.SetOrigin(np.asarray(field.geometry.origin) * flip)
    vectors = np.ascontiguousarray((field.vectors * flip).reshape(-1, 3))
    grid.GetPointData().SetScalars(numpy_to_vtk(vectors, deep=True))
    direction = vtk.vtkMatrix4x4()
    for i, row in enumerate(flip[:, None] * field.geometry.direction_matrix):
        for j, value in enumerate(row):
            direction.SetElement(i, j, value)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid)
    transform.SetGridDirectionMatrix(direction)
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    if to_parent:
        node.SetAndObserveTransformToParent(transform)
    else:
        node.SetAndObserveTransformFromParent(transform)
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    return scene, node, storage


@pytest.mark.parametrize("suffix", [*TRANSFORMS, ".nii.gz", ".mha", ".nrrd"])
def test_files_that_slicer_wrote_are_read(solid, suffix, tmp_path):
    _scene, node, storage = slicer_node(solid)
    storage.SetFileName(str(tmp_path / f"slicer{suffix}"))
    assert storage.WriteData(node)
    result = DisplacementField.read(tmp_path / f"slicer{suffix}")
    assert result.geometry.matches(solid.geometry)
    np.testing.assert_allclose(result.vectors, solid.vectors, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nrrd", ".h5"])
def test_the_opposite_direction_is_refused(solid, suffix, tmp_path):
    _scene, node, storage = slicer_node(solid, to_parent=True)
    storage.SetFileName(str(tmp_path / f"slicer{suffix}"))
    assert storage.WriteData(node)
    with pytest.raises(InputError, match="slicer"):
        DisplacementField.read(tmp_path / f"slicer{suffix}")


def test_read_onto_a_lattice(solid, tmp_path):
    solid.write(tmp_path / "field.nii.gz")
    other = solid.geometry.resampled(spacing=(1.0, 1.0, 1.0))
    result = DisplacementField.read(tmp_path / "field.nii.gz", other)
    np.testing.assert_allclose(result.vectors, solid.resample(other).vectors, atol=1e-5)
    flat = ImageGeometry((4, 4), (1, 1), (0, 0), (1, 0, 0, 1))
    with pytest.raises(InputError, match="2D"):
        DisplacementField.read(tmp_path / "field.nii.gz", flat)


def test_other_transforms_need_the_lattice(solid, tmp_path):
    affine = sitk.AffineTransform(3)
    affine.Scale(1.2)
    composite = sitk.CompositeTransform([affine, solid.to_transform()])
    for name, transform in (("affine.tfm", affine), ("composite.h5", composite)):
        sitk.WriteTransform(transform, str(tmp_path / name))
        with pytest.raises(InputError, match="give the geometry"):
            DisplacementField.read(tmp_path / name)
        result = DisplacementField.read(tmp_path / name, solid.geometry)
        expected = DisplacementField.from_transform(transform, solid.geometry)
        np.testing.assert_allclose(result.vectors, expected.vectors, atol=1e-9)


def test_a_composite_of_one_field_is_the_field(solid, tmp_path):
    sitk.WriteTransform(
        sitk.CompositeTransform([solid.to_transform()]), str(tmp_path / "composite.h5")
    )
    result = DisplacementField.read(tmp_path / "composite.h5")
    np.testing.assert_array_equal(result.vectors, solid.vectors)


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_missing_and_broken_files(suffix, tmp_path):
    path = tmp_path / f"field{suffix}"
    with pytest.raises(InputError, match="does not exist"):
        DisplacementField.read(path)
    path.write_bytes(b"this is no field at all")
    with pytest.raises(InputError, match="that ITK can read") as error:
        DisplacementField.read(path)
    assert "\n" not in str(error.value)


def test_image_without_vectors_is_refused(solid, tmp_path):
    sitk.WriteImage(solid.geometry.empty_image(), str(tmp_path / "labels.nrrd"))
    with pytest.raises(InputError, match="got a 3D image with 1 component a voxel"):
        DisplacementField.read(tmp_path / "labels.nrrd")


def test_unknown_suffix(solid, tmp_path):
    with pytest.raises(InputError, match=r"use one of \.h5, \.tfm, \.nii\.gz"):
        solid.write(tmp_path / "field.xyz")
    with pytest.raises(InputError, match="unknown kind"):
        DisplacementField.read(tmp_path / "field.txt")
    solid.write(tmp_path / "FIELD.NII.GZ")
    assert DisplacementField.read(tmp_path / "FIELD.NII.GZ").geometry.matches(solid.geometry)


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_failed_write_leaves_nothing_behind(solid, suffix, tmp_path):
    path = tmp_path / f"field{suffix}"
    path.mkdir()  # stands in the way of the last step
    with pytest.raises(InputError, match="cannot write"):
        solid.write(path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="create it first"):
        solid.write(tmp_path / "missing" / f"field{suffix}")


@pytest.mark.parametrize("suffix", TRANSFORMS + IMAGES)
def test_write_replaces_a_file_and_does_not_use_up_the_field(solid, suffix, tmp_path):
    path = tmp_path / f"field{suffix}"
    path.write_bytes(b"old")
    before = solid.vectors.copy()
    solid.write(path)
    solid.write(path)
    np.testing.assert_array_equal(solid.vectors, before)
    np.testing.assert_allclose(DisplacementField.read(path).vectors, before, atol=1e-6)
