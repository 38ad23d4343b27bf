"""Coordinates in place of text."""

from __future__ import annotations

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import build_encoder, coordinate_regions, embedding_table, region_table


def test_positions_are_read_from_prompts() -> None:
    encoder = build_encoder("coordinates")
    positions = encoder.encode(["0.25 -0.5 0", " 1, -1,1 "])
    np.testing.assert_array_equal(positions, np.float32([[0.25, -0.5, 0], [1, -1, 1]]))
    assert positions.dtype == np.float32 and encoder.channels == 3


@pytest.mark.parametrize("prompt", ["liver", "0 0", "0 0 1.5", "0 0 nan", "0 0 0 0"])
def test_a_prompt_that_is_no_position_is_refused(prompt: str) -> None:
    with pytest.raises(InputError, match="three numbers from -1 to 1"):
        build_encoder("coordinates").encode([prompt])


def test_every_voxel_has_the_cell_around_it() -> None:
    shape, cell = (8, 6, 10), 2
    labels, table = coordinate_regions(shape, cell)
    assert labels.shape == shape and labels.dtype == np.int64
    assert table.shape == (1 + 4 * 3 * 5, 3)
    middles = [(2 * np.arange(size) + 1) / size - 1 for size in shape]
    voxels = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1)
    assert (np.abs(table[labels] - voxels) <= np.divide(cell - 1, shape) + 1e-6).all()
    assert np.bincount(labels.ravel()).tolist() == [0] + [cell**3] * 60


def test_cells_of_one_voxel_are_the_coordinates_themselves() -> None:
    labels, table = coordinate_regions((3, 4, 5), 1)
    field = table[labels]
    np.testing.assert_allclose(field[:, 0, 0, 0], [-2 / 3, 0, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(field[1, 1, :, 2], [-0.8, -0.4, 0, 0.4, 0.8], atol=1e-6)


def test_last_cells_may_be_smaller() -> None:
    labels, table = coordinate_regions((5, 4, 4), 4)
    assert labels[:, 0, 0].tolist() == [1, 1, 1, 1, 2]
    np.testing.assert_allclose(table[1:, 0], [-0.2, 0.8], atol=1e-6)


def test_cells_make_the_table_that_their_positions_as_prompts_make() -> None:
    _, table = coordinate_regions((8, 8, 8), 4)
    prompts = [" ".join(map(str, row)) for row in table[1:]]
    np.testing.assert_array_equal(
        region_table(build_encoder("coordinates"), prompts, "zeros"), table
    )


def test_three_channels_leave_no_background_by_svd() -> None:
    _, table = coordinate_regions((8, 8, 8), 4)
    with pytest.raises(InputError, match="background 'zeros'"):
        embedding_table(table[1:], "svd")


@pytest.mark.parametrize(("shape", "cell"), [((8, 8), 2), ((8, 8, 0), 2), ((8, 8, 8), 0)])
def test_impossible_cells_are_refused(shape: tuple[int, ...], cell: int) -> None:
    with pytest.raises(InputError, match="three sizes"):
        coordinate_regions(shape, cell)
