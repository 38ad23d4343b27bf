"""Samples under linear maps, beside ITK's."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.linear_sampling import LinearSampler
from SlicerLDMRegLib.resampling import coverage, resample


def geometry(rng: np.random.Generator, d: int) -> ImageGeometry:
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0] if rng.random() > 0.3 else np.eye(d)
    return ImageGeometry(
        tuple(int(n) for n in rng.integers(1, 24, d)),
        tuple(rng.uniform(0.5, 3, d).tolist()),
        tuple((5 * rng.normal(size=d)).tolist()),
        tuple(axes.ravel().tolist()),
    )


def some_map(rng: np.random.Generator, d: int) -> sitk.Transform | None:
    if rng.random() < 0.2:
        return None
    affine = sitk.AffineTransform(d)
    affine.SetMatrix((np.eye(d) + 0.2 * rng.normal(size=(d, d))).ravel().tolist())
    affine.SetTranslation(rng.normal(size=d).tolist())
    shift = sitk.TranslationTransform(d, rng.normal(size=d).tolist())
    return sitk.CompositeTransform([affine, shift])


@pytest.mark.parametrize("seed", range(60))
def test_samples_and_coverage_are_those_of_itk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = 2 + seed % 2
    own, lattice, transform = geometry(rng, d), geometry(rng, d), some_map(rng, d)
    image = own.to_image(rng.random(own.array_shape).astype(np.float32))
    ones = sitk.Resample(
        own.empty_image() + 1, lattice.size, transform or sitk.Transform(d, sitk.sitkIdentity),
        sitk.sitkNearestNeighbor, lattice.origin, lattice.spacing, lattice.direction,
    )  # fmt: skip
    inside = coverage(image, lattice, transform)
    np.testing.assert_array_equal(inside, sitk.GetArrayFromImage(ones))
    samples = LinearSampler(image).on(lattice, transform)
    expected = sitk.GetArrayFromImage(resample(image, lattice, transform))
    np.testing.assert_allclose(samples[inside > 0], expected[inside > 0], atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 8), (7, 9, 8)])
def test_a_deformation_is_sampled_and_covered_likewise(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    own = ImageGeometry.from_image(sitk.GetImageFromArray(np.zeros(shape)))
    field = own.to_image(3 * rng.normal(size=(*shape, len(shape))), is_vector=True)
    transform = sitk.DisplacementFieldTransform(field)
    image = own.to_image(rng.random(shape).astype(np.float32))
    expected = sitk.GetArrayFromImage(resample(image, own, transform))
    np.testing.assert_array_equal(LinearSampler(image).on(own, transform), expected)
    assert 0 < coverage(image, own, transform).mean() < 1


def test_a_lattice_on_the_border_of_an_image_is_inside() -> None:
    own = ImageGeometry((10, 10), (0.3, 0.3), (0.1, 0.2), (1.0, 0.0, 0.0, 1.0))
    image = own.empty_image()
    assert coverage(image, own).all()
    assert coverage(image, own.resampled(size=[5, 5])).all()
    half = sitk.TranslationTransform(2, (0.15, -0.15))
    assert coverage(image, own, half).all()
    assert not coverage(image, own, sitk.TranslationTransform(2, (0.151, 0.0))).all()
