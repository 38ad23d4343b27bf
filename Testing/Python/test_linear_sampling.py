"""Samples under linear maps, beside ITK's."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.linear_sampling import LinearSampler
from SlicerLDMRegLib.resampling import antialiased, coarsened, coverage, coverages, resample


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


@pytest.mark.parametrize("factor", [2, 5, 9])
def test_an_image_from_afar_is_about_the_smoothed_one(factor: int) -> None:
    rng = np.random.default_rng(1)
    own = ImageGeometry((90, 63), (0.5, 0.7), (3.0, -4.0), (0.0, 1.0, 1.0, 0.0))
    # Structures as large as the voxels of the coarse lattice, and noise.
    array = gaussian_filter(rng.normal(size=own.array_shape), factor / 2)
    array += 0.3 * array.std() * rng.normal(size=array.shape)
    image = own.to_image(array.astype(np.float32))
    lattice = own.resampled(size=[max(1, n // factor) for n in own.size])
    quick, exact = (
        LinearSampler(smooth(image, lattice)).on(lattice) for smooth in (coarsened, antialiased)
    )
    assert np.corrcoef(quick.ravel(), exact.ravel())[0, 1] > 0.97
    assert quick.std() == pytest.approx(exact.std(), rel=0.1)
    assert coarsened(image, own) is image


def test_slices_are_not_mixed_from_afar() -> None:
    own = ImageGeometry((40, 40, 6), (1.0, 1.0, 1.0), (0.0,) * 3, tuple(np.eye(3).ravel().tolist()))
    lattice = ImageGeometry((8, 8, 6), (5.0, 5.0, 1.0), (2.0, 2.0, 0.0), own.direction)
    array = np.zeros(own.array_shape, np.float32)
    array[3] = 1
    seen = LinearSampler(coarsened(own.to_image(array), lattice, 2)).on(lattice)
    assert seen[3].min() > 0.999 and not seen[[0, 1, 2, 4, 5]].any()


@pytest.mark.parametrize("shape", [(9, 8), (7, 9, 8)])
def test_several_transforms_are_sampled_as_each_of_them(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    own = ImageGeometry.from_image(sitk.GetImageFromArray(np.zeros(shape)))
    lattice = own.resampled(size=[5, *own.size[1:]])
    image = own.to_image(rng.random(shape).astype(np.float32))
    sampler, dimension = LinearSampler(image), len(shape)
    transforms: list[sitk.Transform | None] = [None]
    for _ in range(3):
        transform = sitk.AffineTransform(dimension)
        matrix = np.eye(dimension) + 0.3 * rng.normal(size=(dimension, dimension))
        transform.SetMatrix(matrix.ravel().tolist())
        transform.SetTranslation((2 * rng.normal(size=dimension)).tolist())
        transforms.append(transform)
    field = own.to_image(3 * rng.normal(size=(*shape, dimension)), is_vector=True)
    transforms.insert(2, sitk.DisplacementFieldTransform(field))
    found, covered = sampler.on_all(lattice, transforms), coverages(image, lattice, transforms)
    for n, transform in enumerate(transforms):
        np.testing.assert_array_equal(found[n], sampler.on(lattice, transform))
        np.testing.assert_array_equal(covered[n], coverage(image, lattice, transform))
        expected = sitk.GetArrayFromImage(resample(image, lattice, transform))
        inside = covered[n] > 0
        np.testing.assert_allclose(found[n][inside], expected[inside], atol=1e-5)
    assert len({array.tobytes() for array in found}) == len(transforms)
