"""Encoders by name, and what all of them share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import WEIGHTS_VARIABLE, build_encoder, weights_folder

REPOSITORY = Path(__file__).resolve().parents[3]


def test_import_and_what_needs_no_text_are_light() -> None:
    code = (
        "import sys\n"
        "from SlicerLDMRegLib.text import build_encoder, label_scheme, match_region\n"
        "build_encoder('one-hot', regions=3).encode(['a', 'b'])\n"
        "match_region('liver', label_scheme('btcv'))\n"
        "heavy = {'torch', 'open_clip', 'torchvision', 'tokenizers', 'transformers'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY / "SlicerLDMReg", timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("clip", "open-clip:MODEL:WEIGHTS"),
        ("open-clip:ViT-B-32", "such as 'open-clip:ViT-L-14-336:openai'"),
        ("miniLM", "did you mean 'minilm'"),
        ("onehot", "did you mean 'one-hot'"),
        ("", "expected 'minilm'"),
    ],
)
def test_unknown_encoder_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        build_encoder(name)


def test_one_hot_knows_its_own_regions_and_no_others() -> None:
    encoder = build_encoder("one-hot", regions=4)
    assert (encoder.id, encoder.channels) == ("one-hot", 4)
    rows = encoder.encode(["liver", "spleen", "aorta"])
    np.testing.assert_array_equal(rows, np.eye(4, dtype=np.float32)[1:])
    with pytest.raises(InputError, match=r"expected the 3 prompts.*got 1; new structures need"):
        encoder.encode(["lung"])


@pytest.mark.parametrize("regions", [None, 1, 0])
def test_one_hot_needs_the_number_of_regions(regions: int | None) -> None:
    with pytest.raises(InputError, match="regions"):
        build_encoder("one-hot", regions=regions)


@pytest.mark.parametrize("prompts", ["liver", ["liver", ""], [None]])
def test_prompts_are_a_list_of_texts(prompts: list[str]) -> None:
    with pytest.raises(InputError, match="prompts"):
        build_encoder("one-hot", regions=3).encode(prompts)


def test_positions_are_read_from_prompts() -> None:
    encoder = build_encoder("coordinates")
    positions = encoder.encode(["0.25 -0.5 0", " 1, -1,1 "])
    np.testing.assert_array_equal(positions, np.float32([[0.25, -0.5, 0], [1, -1, 1]]))
    assert positions.dtype == np.float32 and encoder.channels == 3


@pytest.mark.parametrize("prompt", ["liver", "0 0", "0 0 1.5", "0 0 nan", "0 0 0 0"])
def test_a_prompt_that_is_no_position_is_refused(prompt: str) -> None:
    with pytest.raises(InputError, match="three numbers from -1 to 1"):
        build_encoder("coordinates").encode([prompt])


def test_folder_of_weights_is_named_by_argument_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights_folder(None) is None
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    assert weights_folder(None) == tmp_path
    (tmp_path / "other").mkdir()
    assert weights_folder(tmp_path / "other") == tmp_path / "other"
    with pytest.raises(InputError, match=r"expected a folder, got .*absent"):
        weights_folder(tmp_path / "absent")
