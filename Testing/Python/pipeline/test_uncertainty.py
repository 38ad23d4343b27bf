"""The map of the error to expect, from the request to the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import register
from SlicerLDMRegLib.errors import InputError

FEW = {"iterations": (6, 4), "similarity": "mse"}


def blobs(*shape: int, move: float = 0.0) -> sitk.Image:
    grid = np.meshgrid(*[np.arange(n, dtype=float) for n in shape], indexing="ij")
    image = np.zeros(shape)
    for n in range(6):
        centre = [s * (0.25 + 0.1 * ((n * (3 + axis)) % 6)) for axis, s in enumerate(shape)]
        centre[-1] += move
        square = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
        image += (1 + n / 6) * np.exp(-square / 12)
    return sitk.GetImageFromArray(image.astype(np.float32))


def test_the_map_lies_on_the_fixed_image_in_mm(tmp_path: Path) -> None:
    fixed, moving = blobs(30, 28), blobs(30, 28, move=1.0)
    small = register(fixed, moving, model="none", refine=FEW, uncertainty=True)
    for image in (fixed, moving):
        image.SetSpacing((2.0, 2.0))
        image.SetOrigin((-5.0, 7.0))
    large = register(
        fixed, moving, model="none", refine=FEW, uncertainty=True, output=str(tmp_path / "out")
    )
    assert small.uncertainty is not None and large.uncertainty is not None
    first, second = map(sitk.GetArrayFromImage, (small.uncertainty, large.uncertainty))
    assert first.max() > 0.05
    # Twice the voxels, twice the millimetres.
    assert np.abs(second - 2 * first).max() < 0.02 * second.max()
    assert large.uncertainty.GetOrigin() == fixed.GetOrigin()
    written = sitk.ReadImage(str(tmp_path / "out" / "uncertainty.nrrd"))
    assert np.array_equal(sitk.GetArrayFromImage(written), second)
    assert large.metrics["deformation"]["uncertainty_median_mm"] > 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Error to expect at each fixed point" in page
    plain = register(fixed, moving, model="none", refine=FEW, output=str(tmp_path / "plain"))
    assert plain.uncertainty is None
    page = (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")
    assert "Error to expect at each fixed point" not in page


def test_slices_and_a_coarser_refinement() -> None:
    fixed, moving = blobs(8, 18, 16), blobs(8, 18, 16, move=1.0)
    options = {"model": "none", "refine": FEW, "uncertainty": True}
    result = register(fixed, moving, slices="k:3-4", **options)
    assert result.uncertainty is not None
    assert result.uncertainty.GetSize() == (16, 18, 2)
    assert result.uncertainty.GetOrigin() == (0.0, 0.0, 3.0)
    for image in (fixed, moving):
        image.SetSpacing((1.0, 1.0, 2.5))
    whole = register(fixed, moving, **options)
    assert whole.uncertainty is not None
    assert whole.uncertainty.GetSize() == fixed.GetSize()
    assert np.isfinite(sitk.GetArrayViewFromImage(whole.uncertainty)).all()


def test_it_is_not_there_unless_asked_for_and_does_not_change_the_field() -> None:
    fixed, moving = blobs(32, 32), blobs(32, 32, move=1.0)
    plain = register(fixed, moving, model="none", refine=FEW)
    told = register(fixed, moving, model="none", refine=FEW, uncertainty=True)
    assert plain.uncertainty is None
    assert "uncertainty_median_mm" not in plain.metrics["deformation"]
    assert np.array_equal(plain.field.vectors, told.field.vectors)


def test_without_a_refinement_there_is_none() -> None:
    with pytest.raises(InputError, match="uncertainty"):
        register(blobs(32, 32), blobs(32, 32), refine=False, uncertainty=True)
    with pytest.raises(InputError, match="true or false"):
        register(blobs(32, 32), blobs(32, 32), uncertainty="yes")
