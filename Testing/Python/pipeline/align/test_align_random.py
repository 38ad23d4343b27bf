"""The linear alignment in random geometries: images of an object whose alignment is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.align.alignment import align_images
from SlicerLDMRegLib.pipeline.options import AlignOptions
from Testing.Benchmarks.alignment_cases import Case, Phantom, linear_part, make_case, mean_error


def align(case: Case, method: str) -> sitk.Transform:
    options = AlignOptions(method, metric=case.metric)
    return align_images(case.fixed, case.moving, options).transform


def error_share(found: sitk.Transform, case: Case) -> float:
    """The mean target error as a share of the object's diagonal."""
    return mean_error(found, case) / float(np.linalg.norm(np.ptp(case.points, axis=0)))


def unmoved(case: Case) -> sitk.Transform:
    return sitk.Transform(case.fixed.GetDimension(), sitk.sitkIdentity)


# Of each contrast, in 2D and in 3D: partial overlap, left-handed and oblique directions, spacings
# from 0.3 to 8 mm, origins that are far away.
@pytest.mark.parametrize("seed", [4, 9, 11, 12, 14, 25, 88])
def test_affine_is_found(seed: int) -> None:
    case = make_case(seed)
    found = align(case, "affine")
    assert error_share(found, case) < 0.025 < error_share(unmoved(case), case)
    assert np.linalg.det(linear_part(found)) == pytest.approx(
        np.linalg.det(linear_part(case.truth)), rel=0.1
    )


@pytest.mark.parametrize("seed", [2, 10, 20])
def test_rigid_is_found_also_where_affine_was_asked_for(seed: int) -> None:
    case = make_case(seed)
    for method in ("rigid", "affine"):
        found = align(case, method)
        assert error_share(found, case) < 0.02 < error_share(unmoved(case), case)
        assert np.linalg.det(linear_part(found)) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("seed", [0, 29, 48, 68])
def test_turns_of_up_to_180_degrees_are_found(seed: int) -> None:
    case = make_case(seed)
    assert case.kind == "turned"
    found = align(case, "rigid")
    assert error_share(found, case) < 0.015
    np.testing.assert_allclose(linear_part(found), linear_part(case.truth), atol=0.05)


def test_the_unit_of_length_changes_nothing() -> None:
    """Voxels of about 3.5, 0.03 and 450 mm: the same map in voxels, to the last digits."""
    case = make_case(24)
    found = []
    for scale in (1.0, 1 / 128, 128.0):
        images = []
        for image in (case.fixed, case.moving):
            geometry = ImageGeometry.from_image(image)
            other = replace(
                geometry,
                spacing=tuple(scale * s for s in geometry.spacing),
                origin=tuple(scale * o for o in geometry.origin),
            )
            images.append(other.to_image(sitk.GetArrayFromImage(image)))
        map_ = align_images(*images, AlignOptions("affine", metric=case.metric)).transform
        points = [[scale * x for x in p] for p in case.points.tolist()]
        found.append(np.array([map_.TransformPoint(p) for p in points]) / scale)
    for other_found in found[1:]:
        far = np.linalg.norm(other_found - found[0], axis=1).max()
        assert far < 1e-3 * min(case.fixed.GetSpacing())


def object_on(
    geometry: ImageGeometry, radii: tuple[float, ...], transform: sitk.Transform | None = None
) -> sitk.Image:
    """An object around the middle of a lattice, moved by a transform."""
    phantom = Phantom.random(np.array(radii), np.random.default_rng(3))
    points = geometry.points()
    if transform is not None:
        back = transform.GetInverse()
        flat = points.reshape(-1, geometry.dimension).tolist()
        points = np.array([back.TransformPoint(p) for p in flat]).reshape(points.shape)
    return geometry.to_image(phantom(points - np.array(geometry.center())).astype(np.float32))


AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("size", "spacing", "radii"),
    [
        ((64, 60, 5), (1.0, 1.0, 6.0), (26.0, 24.0, 11.0)),  # few thick slices
        ((64, 60, 12), (1.0, 1.0, 1.0), (26.0, 24.0, 4.0)),  # a flat object
        ((12, 12, 90), (1.0, 1.0, 1.0), (4.0, 4.0, 40.0)),  # a long one, nearly round
    ],
)
def test_flat_and_thin(
    size: tuple[int, ...], spacing: tuple[float, ...], radii: tuple[float, ...]
) -> None:
    geometry = ImageGeometry(size, spacing, (0.0, 0.0, 0.0), AXES)
    truth = sitk.Euler3DTransform(geometry.center(), 0.0, 0.0, 0.12, (1.5, -1.0, 0.4))
    if radii[2] > radii[0]:
        truth = sitk.Euler3DTransform(geometry.center(), 0.0, 0.02, 0.0, (0.6, -0.5, 3.0))
    fixed, moving = object_on(geometry, radii), object_on(geometry, radii, truth)
    inside = sitk.GetArrayFromImage(fixed) > 0.3
    points = geometry.points()[inside]
    goals = np.array([truth.TransformPoint(p) for p in points.tolist()])
    before = np.linalg.norm(goals - points, axis=1).mean()
    for method in ("rigid", "affine"):
        found = align_images(fixed, moving, AlignOptions(method)).transform
        moved = np.array([found.TransformPoint(p) for p in points.tolist()])
        assert np.linalg.norm(moved - goals, axis=1).mean() < 0.3 * before
        assert 0.8 < np.linalg.det(linear_part(found)) < 1.25


def test_numbers_do_not_depend_on_threads_or_on_the_mode_of_the_caller() -> None:
    case = make_case(16)
    found = []
    for threads, mode in ((1, torch.enable_grad), (2, torch.no_grad), (2, torch.inference_mode)):
        torch.set_num_threads(threads)
        with mode():
            found.append(align(case, "affine").GetParameters())
        assert torch.get_num_threads() == threads
    assert found[0] == found[1] == found[2]
