"""Values come out of their files bit by bit as they went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.segmentation import Segmentation
from SlicerLDMRegLib.worker.protocol import from_json, to_json
from SlicerLDMRegLib.worker.transfer import read_value, write_value

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


def there_and_back(value: object, folder: Path) -> object:
    description = from_json(to_json(write_value(value, folder, "válue")))
    return read_value(description, folder)


def assert_same_image(a: sitk.Image, b: sitk.Image) -> None:
    assert a.GetPixelIDTypeAsString() == b.GetPixelIDTypeAsString()
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(a, get)() == getattr(b, get)()
    assert np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b))


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64"]
)
@pytest.mark.parametrize("dimension", [2, 3])
def test_images(dtype: str, dimension: int, tmp_path: Path) -> None:
    size = (5, 4, 3)[:dimension]
    voxels = np.random.default_rng(0).uniform(0, 200, size[::-1]).astype(dtype)
    direction = OBLIQUE if dimension == 3 else (0.6, 0.8, 0.8, -0.6)
    geometry = ImageGeometry(
        size, (1 / 3, 2.0, 0.1)[:dimension], (-7.1, 1e6, 3)[:dimension], direction
    )
    image = geometry.to_image(voxels)
    assert_same_image(there_and_back(image, tmp_path), image)


def test_images_of_vectors_and_of_four_dimensions(tmp_path: Path) -> None:
    for image in (
        sitk.GetImageFromArray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), isVector=True),
        sitk.GetImageFromArray(np.arange(4.0).reshape(2, 2, 1), isVector=True),
        sitk.Image([3, 2, 2, 2], sitk.sitkFloat32),
    ):
        assert_same_image(there_and_back(image, tmp_path), image)


def test_field_array_and_plain_values(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    geometry = ImageGeometry((5, 4, 3), (1.0, 2.0, 3.0), (0.1, 0.2, 0.3), OBLIQUE)
    field = DisplacementField(generator.normal(size=(3, 4, 5, 3)), geometry)
    back = there_and_back(field, tmp_path)
    assert isinstance(back, DisplacementField) and back.geometry == geometry
    assert np.array_equal(back.vectors, field.vectors)
    points = np.asfortranarray(generator.normal(size=(7, 3)))
    assert np.array_equal(there_and_back(points, tmp_path), points)
    assert there_and_back({1: ("a", 2.5)}, tmp_path) == {1: ("a", 2.5)}
    assert there_and_back(None, tmp_path) is None
    assert there_and_back(Path("a b"), tmp_path) == "a b"


def test_segmentation(tmp_path: Path) -> None:
    labels = sitk.GetImageFromArray(np.arange(8, dtype=np.uint16).reshape(2, 2, 2))
    confidence = sitk.Cast(labels, sitk.sitkFloat32) / 8
    for segmentation in (
        Segmentation(labels, {7: "x"}),
        Segmentation(labels, {7: "x"}, confidence),
    ):
        back = there_and_back(segmentation, tmp_path)
        assert isinstance(back, Segmentation) and back.names == {7: "x"}
        assert_same_image(back.labels, labels)
        if segmentation.confidence is None:
            assert back.confidence is None
        else:
            assert back.confidence is not None
            assert_same_image(back.confidence, confidence)


def transforms() -> list[sitk.Transform]:
    affine = sitk.AffineTransform(3)
    affine.SetMatrix([1.1, 0.1, 0, 0, 0.9, 1e-17, 0.2, 0, 1])
    affine.SetTranslation((1 / 3, 2, -3))
    rigid = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.1, 0.2, 0.3, (4.0, 5.0, 6.0))
    vectors = np.random.default_rng(2).normal(size=(4, 4, 4, 3))
    image = sitk.GetImageFromArray(vectors, isVector=True)
    return [
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.TranslationTransform(2, (0.1, 0.2)),
        affine,
        rigid,
        sitk.DisplacementFieldTransform(image),
        sitk.CompositeTransform([affine, rigid]),
    ]


@pytest.mark.parametrize("transform", transforms(), ids=lambda t: t.GetName())
def test_transforms(transform: sitk.Transform, tmp_path: Path) -> None:
    back = there_and_back(transform, tmp_path)
    assert isinstance(back, sitk.Transform)
    assert back.GetName() == transform.GetName()
    for point in np.random.default_rng(3).uniform(0, 3, (5, transform.GetDimension())).tolist():
        assert back.TransformPoint(point) == transform.TransformPoint(point)


def test_objects_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^fixed: expected numbers, got object"):
        write_value(np.array([object()]), tmp_path, "fixed")
