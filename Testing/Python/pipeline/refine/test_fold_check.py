from __future__ import annotations

import numpy as np
import pytest
import torch

from SlicerLDMRegLib import _slabs
from SlicerLDMRegLib.errors import CancelledError
from SlicerLDMRegLib.functional import gaussian_smooth, integrate, smallest_jacobian_determinant
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.field_batch import FieldBatch
from SlicerLDMRegLib.pipeline.refine.diffeomorphic import (
    DETERMINANT_FLOOR,
    unfold,
)
from SlicerLDMRegLib.pipeline.refine.fold_check import without_folds

FLIPPED = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
COARSE = ImageGeometry((14, 12, 16), (2.0, 2.0, 2.0), (1.0, 5.0, 3.0), FLIPPED)
FINE = ImageGeometry((30, 20, 36), (0.9, 1.2, 0.8), (0.0, 4.0, 5.0), FLIPPED)


def rough(size: float, sigma: float = 1.2, seed: int = 0) -> torch.Tensor:
    shape = (1, 3, *COARSE.array_shape)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_smooth(noise, sigma)
    return smooth * (size / smooth.abs().max())


def on_fine(displacement: torch.Tensor) -> torch.Tensor:
    field = FieldBatch(displacement, COARSE, None).physical().resample(FINE)
    return torch.from_numpy(field.to_voxels())[None]


@pytest.mark.parametrize("slab", [2**20, 1])
def test_sees_what_the_finer_lattice_sees(slab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_slabs, "_VOXELS_AT_ONCE", slab)
    fields = torch.cat([rough(1.0), rough(6.0)])
    accepted = without_folds(fields, COARSE, None, FINE)
    assert accepted.shape == (2, *COARSE.array_shape)
    assert accepted[0].all()
    assert smallest_jacobian_determinant(on_fine(fields[:1])).min() > DETERMINANT_FLOOR
    # Every fold on the finer lattice is within a voxel of a mark, and no mark is without a fold.
    folded = smallest_jacobian_determinant(on_fine(fields[1:]))[0] < DETERMINANT_FLOOR
    points = FINE.points()[folded.numpy()]
    nearest = np.round(COARSE.physical_to_index(points)[:, ::-1]).astype(int)
    nearest = np.clip(nearest, 0, np.array(COARSE.array_shape) - 1)
    assert {tuple(p) for p in nearest} == {tuple(p) for p in (~accepted[1]).nonzero().tolist()}


def test_turned_lattices_are_answered_for_the_whole() -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    turned = ImageGeometry(FINE.size, FINE.spacing, FINE.origin, (c, -s, 0, -s, -c, 0, 0, 0, 1))
    accepted = [without_folds(rough(size), COARSE, None, turned) for size in (1.0, 6.0)]
    assert [whole.tolist() for whole in accepted] == [[True], [False]]


def test_repair_is_done_where_the_caller_says() -> None:
    velocity = rough(2.0)
    place = (..., slice(4, 7), slice(3, 6), slice(8, 11))
    limit = 0.5 * integrate(velocity, 6)[place].abs().max()

    def accept(displacement: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        accepted = torch.ones(1, *COARSE.array_shape, dtype=torch.bool)
        accepted[place] = displacement[place].abs().amax(1) < limit
        return accepted

    found, displacement, _ = unfold(velocity, accept=accept)
    assert displacement[place].abs().max() < limit
    assert (found - velocity)[place].abs().max() > 0.1
    assert (found - velocity)[..., :3].abs().max() < 1e-3


def test_result_folds_nowhere_on_the_finer_lattice() -> None:
    def accept(displacement: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        return without_folds(displacement, COARSE, None, FINE)

    found, displacement, _ = unfold(rough(8.0, sigma=0.7), accept=accept)
    assert smallest_jacobian_determinant(on_fine(displacement)).min() >= DETERMINANT_FLOOR
    assert smallest_jacobian_determinant(integrate(-found, 6)).min() > 0


def test_can_be_stopped() -> None:
    def stop() -> None:
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        without_folds(rough(1.0), COARSE, None, FINE, stop)
    with pytest.raises(CancelledError):
        unfold(rough(1.0), check=stop)
