"""Embedding tables: structures after a background that is orthogonal to them, and cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store.import_checkpoint.textscf import released_background_vector
from SlicerLDMRegLib.text import build_encoder
from training.datasets.region_tables import (
    background_vector,
    coordinate_regions,
    embedding_table,
    region_table,
)


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    """Vectors as CLIP makes them: long, and much alike."""
    rng = np.random.default_rng(5)
    return (rng.normal(size=768) + 0.3 * rng.normal(size=(35, 768))).astype(np.float32)


def test_background_is_a_unit_vector_away_from_all_structures(embeddings: np.ndarray) -> None:
    vector = background_vector(embeddings)
    assert vector.shape == (768,) and vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert np.abs(embeddings @ vector).max() < 1e-4
    assert np.linalg.norm(embeddings, axis=1).min() > 20


@pytest.mark.parametrize("scale", [1.0, -1.0, 3.0])
def test_sign_and_value_are_determined(embeddings: np.ndarray, scale: float) -> None:
    # With one direction left there is no choice but the sign.
    square = embeddings[:, :36] * scale
    vector = background_vector(square)
    np.testing.assert_allclose(vector, background_vector(embeddings[:, :36]), atol=1e-5)
    assert vector[np.abs(vector).argmax()] > 0
    np.testing.assert_array_equal(vector, background_vector(square.copy()))


def test_order_of_structures_does_not_matter_to_the_last_direction(embeddings: np.ndarray) -> None:
    square = embeddings[:, :36]
    np.testing.assert_allclose(
        background_vector(square), background_vector(square[::-1]), atol=1e-5
    )


def test_no_direction_left_is_an_error(embeddings: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"got 35 and 35; use an encoder with more channels"):
        background_vector(embeddings[:, :35])


def test_equal_prompts_leave_more_directions_not_fewer() -> None:
    rows = np.ones((3, 4))
    assert np.abs(rows @ background_vector(rows)).max() < 1e-6


@pytest.mark.parametrize("bad", [np.ones(4), np.ones((0, 4)), np.full((2, 4), np.nan)])
def test_broken_embeddings_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InputError, match="finite embeddings"):
        background_vector(bad)


def test_one_hot_with_background_is_the_identity() -> None:
    encoder = build_encoder("one-hot", regions=36)
    table = region_table(encoder, [f"structure {i}" for i in range(35)])
    np.testing.assert_allclose(table, np.eye(36), atol=1e-12)


def test_tables_put_the_background_first(embeddings: np.ndarray) -> None:
    prompt = np.full((1, 768), 0.5, np.float32)
    rows = {
        "svd": background_vector(embeddings),
        "released": released_background_vector(embeddings),
        "zeros": np.zeros(768),
        "prompt": prompt[0],
    }
    for background, row in rows.items():
        table = embedding_table(
            embeddings,
            background,  # type: ignore[arg-type]
            prompt if background == "prompt" else None,
        )
        assert table.shape == (36, 768) and table.dtype == np.float32
        np.testing.assert_array_equal(table[0], row.astype(np.float32))
        np.testing.assert_array_equal(table[1:], embeddings)


def test_released_vector_is_not_orthogonal(embeddings: np.ndarray) -> None:
    vector = released_background_vector(embeddings)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert np.abs(embeddings @ vector).max() > 0.1


def test_released_table_is_that_of_the_authors(shared_data: Path) -> None:
    arrays = np.load(shared_data / "parity" / "textscf.npz")
    table = embedding_table(arrays["text_embeddings"], "released")
    np.testing.assert_allclose(table, arrays["text_table"], atol=1e-5)


@pytest.mark.parametrize(
    ("background", "row", "message"),
    [
        ("mean", None, "svd, released, zeros, prompt, got 'mean'"),
        ("prompt", None, "expected with background 'prompt'"),
        ("svd", np.ones(768), "expected with background 'prompt', and only then"),
        ("prompt", np.ones(3), "expected 768 channels, got 3"),
    ],
)
def test_arguments_that_do_not_fit(
    embeddings: np.ndarray, background: str, row: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        embedding_table(embeddings, background, row)  # type: ignore[arg-type]


def test_background_may_have_a_prompt_of_its_own() -> None:
    encoder = build_encoder("coordinates")
    table = region_table(encoder, ["1 0 0", "0 1 0"], "prompt", background_prompt="0 0 1")
    np.testing.assert_array_equal(table, np.roll(np.eye(3), 1, axis=0)[[0, 1, 2]])


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
