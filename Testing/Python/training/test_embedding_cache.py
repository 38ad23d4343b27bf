"""Embeddings that are kept: by digest, read again, made anew where they are damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import OneHotEncoder, build_encoder
from training.datasets.embedding_cache import CachedEncoder
from training.datasets.volumes import region_embeddings


class Lengths:
    """Encoder by the length of a prompt, which counts what it was asked for."""

    id, channels, digest = "lengths", 2, "ab" * 32

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, prompts: Sequence[str]) -> np.ndarray:
        self.asked += prompts
        return np.array([[len(p), 0.1] for p in prompts], np.float32)


def test_what_is_kept_is_not_encoded_again(tmp_path: Path) -> None:
    encoder = Lengths()
    first = CachedEncoder(encoder, tmp_path / "kept").encode(["a", "bb"])
    cached = CachedEncoder(encoder, tmp_path / "kept")
    np.testing.assert_array_equal(cached.encode(["bb", "a"]), first[::-1])
    assert encoder.asked == ["a", "bb"]
    assert cached.encode(["a", "ccc"])[1, 0] == 3 and encoder.asked[2:] == ["a", "ccc"]
    # On a machine without the weights, the file serves as a table.
    table = build_encoder(f"table:{cached.path}")
    np.testing.assert_array_equal(table.encode(["bb", "ccc"])[:, 0], [2, 3])


@pytest.mark.parametrize("content", ["", "[]", '{"a": [1]}', '{"a": 3}', '{"a": [1, 2'])
def test_a_damaged_file_is_written_anew(tmp_path: Path, content: str) -> None:
    encoder = CachedEncoder(Lengths(), tmp_path)
    encoder.path.write_text(content)
    assert encoder.encode(["a"]).tolist() == [[1, pytest.approx(0.1)]]
    assert CachedEncoder(Lengths(), tmp_path).encode(["a"]).shape == (1, 2)


def test_one_hot_vectors_depend_on_all_prompts(tmp_path: Path) -> None:
    CachedEncoder(OneHotEncoder(3), tmp_path).encode(["a", "b"])
    assert CachedEncoder(OneHotEncoder(3), tmp_path).encode(["b", "c"])[0].tolist() == [0, 1, 0]


def test_an_encoder_of_another_length_is_told_with_the_way_out() -> None:
    text = {"encoder": "one-hot", "template": "photo", "background": "svd"}
    scheme = {1: "liver", 2: "spleen"}
    with pytest.raises(InputError, match=r"'one-hot' of 3; set .* or text.encoder to one-hot@8"):
        region_embeddings(text, (8, 8, 8), scheme, 8)
    table = region_embeddings({**text, "encoder": "one-hot@8"}, (8, 8, 8), scheme, 8)
    assert table.shape == (3, 8)
    assert float((table[1:] @ table[0]).abs().max()) < 1e-5
