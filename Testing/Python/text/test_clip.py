"""open_clip's text encoders, with random weights: none can be fetched where tests run."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.text import WEIGHTS_VARIABLE, build_encoder
from SlicerLDMRegLib.text.clip import import_open_clip

PROMPTS = ["A photo of a liver.", "a photo of a LEFT kidney."]
TINY, TINY_CUSTOM = "ldmreg-test-clip", "ldmreg-test-custom"


@pytest.fixture(scope="module")
def open_clip(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """open_clip, which has got two small models more: one of each form of checkpoint."""
    module = import_open_clip()
    folder = tmp_path_factory.mktemp("configs")
    for name, custom in ((TINY, False), (TINY_CUSTOM, True)):
        config = {
            "embed_dim": 24,
            "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 2},
            "text_cfg": {"width": 32, "heads": 2, "layers": 2},
        }
        if custom:
            config["custom_text"] = True
        path = folder / f"{name}.json"
        path.write_text(json.dumps(config))
        module.add_model_config(path)
    return module


def random_model(open_clip: Any, name: str, seed: int = 0, **options: Any) -> Any:
    logging.disable(logging.WARNING)  # that it has no weights
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return open_clip.create_model(name, pretrained=None, **options).eval()
    finally:
        logging.disable(logging.NOTSET)


def text_features(open_clip: Any, model: Any, name: str) -> np.ndarray:
    with torch.inference_mode():
        features: Tensor = model.encode_text(open_clip.get_tokenizer(name)(PROMPTS))
    return features.numpy()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (TINY, "{}-mine/open_clip_model.safetensors"),
        (TINY_CUSTOM, "{}-mine.safetensors"),
        (TINY, "open_clip_model.safetensors"),
        (TINY, "{}-mine.pt"),
        (TINY_CUSTOM, "{}-mine/open_clip_pytorch_model.bin"),
    ],
)
def test_vectors_are_those_of_open_clip(
    open_clip: Any, tmp_path: Path, name: str, place: str
) -> None:
    model = random_model(open_clip, name)
    path = tmp_path / place.format(name)
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(model.state_dict(), path)
    elif path.suffix == ".pt":  # as open_clip's training writes it
        state = {f"module.{k}": v for k, v in model.state_dict().items()}
        torch.save({"epoch": 3, "state_dict": state}, path)
    else:
        torch.save(model.state_dict(), path)
    encoder = build_encoder(f"open-clip:{name}:mine", tmp_path)
    rows = encoder.encode(PROMPTS)
    assert encoder.id == f"open-clip:{name}:mine"
    assert rows.shape == (2, encoder.channels) == (2, 24)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, text_features(open_clip, model, name), atol=1e-5)


def test_a_prompt_has_one_vector(open_clip: Any, tmp_path: Path) -> None:
    save_file(random_model(open_clip, TINY).state_dict(), tmp_path / f"{TINY}-mine.safetensors")
    encoder = build_encoder(f"open-clip:{TINY}:mine", tmp_path)
    rows = encoder.encode(PROMPTS)
    np.testing.assert_array_equal(encoder.encode(PROMPTS), rows)
    np.testing.assert_allclose(encoder.encode(PROMPTS * 33)[-2:], rows, atol=1e-5)
    assert np.isfinite(encoder.encode(["word " * 500])).all()
    assert encoder.encode([]).shape == (0, 24)


def test_old_checkpoints_without_the_name_text_are_read(open_clip: Any, tmp_path: Path) -> None:
    model = random_model(open_clip, TINY_CUSTOM)
    old = {k.removeprefix("text."): v for k, v in model.state_dict().items()}
    save_file(old, tmp_path / f"{TINY_CUSTOM}-mine.safetensors")
    rows = build_encoder(f"open-clip:{TINY_CUSTOM}:mine", tmp_path).encode(PROMPTS)
    np.testing.assert_allclose(rows, text_features(open_clip, model, TINY_CUSTOM), atol=1e-5)


def test_weights_of_openai_use_their_own_activation(open_clip: Any, tmp_path: Path) -> None:
    state = random_model(open_clip, TINY).state_dict()
    rows = {}
    for weights, quick in (("openai", True), ("mine", False)):
        save_file(state, tmp_path / f"{TINY}-{weights}.safetensors")
        rows[weights] = build_encoder(f"open-clip:{TINY}:{weights}", tmp_path).encode(PROMPTS)
        model = random_model(open_clip, TINY, force_quick_gelu=quick)
        expected = text_features(open_clip, model, TINY)
        np.testing.assert_allclose(rows[weights], expected, atol=1e-5)
    assert np.abs(rows["openai"] - rows["mine"]).max() > 1e-3


def test_a_real_model_in_half_precision(
    open_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_model(open_clip, "ViT-B-32", force_quick_gelu=True).half().float()
    state = {k: v.half() for k, v in model.state_dict().items() if not k.startswith("visual.")}
    save_file(state, tmp_path / "ViT-B-32-openai.safetensors")
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    rows = build_encoder("open-clip:ViT-B-32:openai").encode(PROMPTS)
    assert rows.shape == (2, 512)
    expected = text_features(open_clip, model, "ViT-B-32")
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert np.linalg.norm(rows, axis=1).min() > 2  # not normalised


@pytest.mark.parametrize(
    ("model", "channels", "page"),
    [
        ("ViT-L-14-336", 768, "timm/vit_large_patch14_clip_336.openai"),
        ("RN50x64", 1024, "timm/resnet50x64_clip.openai"),
        ("ViT-B-32", 512, "timm/vit_base_patch32_clip_224.openai"),
    ],
)
def test_without_weights_the_error_says_what_to_fetch_and_where_to_put_it(
    open_clip: Any, tmp_path: Path, model: str, channels: int, page: str
) -> None:
    assert open_clip.get_model_config(model)["embed_dim"] == channels
    with pytest.raises(ModelError) as raised:
        build_encoder(f"open-clip:{model}:openai", tmp_path)
    message = str(raised.value)
    assert f"open_clip_model.safetensors from https://huggingface.co/{page} into" in message
    assert str(tmp_path / f"{model}-openai") in message
    assert "open_clip's own download" in message
    assert "\n" not in message
    with pytest.raises(ModelError, match=f"set {WEIGHTS_VARIABLE}=FOLDER"):
        build_encoder(f"open-clip:{model}:openai")


def test_own_weights_cannot_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as raised:
        build_encoder("open-clip:ViT-B-32:mine", tmp_path, download=True)
    assert "own download" not in str(raised.value)


def test_a_download_that_fails_says_so(
    open_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="could not be downloaded"):
        build_encoder("open-clip:ViT-B-32:openai", tmp_path, download=True)


def test_models_whose_tokenizer_is_elsewhere_need_the_download(
    open_clip: Any, tmp_path: Path
) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "open_clip_model.safetensors")
    for model in ("ViT-B-16-SigLIP", "roberta-ViT-B-32"):
        with pytest.raises(ModelError, match=r"tokenizer that open_clip takes from the network"):
            build_encoder(f"open-clip:{model}:mine", tmp_path)


@pytest.mark.parametrize("name", ["../ViT-B-32", "ViT-B/32", "", "a b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    for encoder in (f"open-clip:{name}:openai", f"open-clip:ViT-B-32:{name}"):
        with pytest.raises(InputError, match="is no name of open_clip"):
            build_encoder(encoder, tmp_path)


def test_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model 'ViT-L-14-337'; did you mean ViT-L-14-336"):
        build_encoder("open-clip:ViT-L-14-337:openai", tmp_path)


def test_weights_of_another_model_are_refused(open_clip: Any, tmp_path: Path) -> None:
    state = random_model(open_clip, TINY).state_dict()
    save_file(state, tmp_path / "open_clip_model.safetensors")
    with pytest.raises(ModelError, match=r"no weights of 'open-clip:ViT-B-32:mine': .* more$"):
        build_encoder("open-clip:ViT-B-32:mine", tmp_path)
    del state["ln_final.weight"]
    save_file(state, tmp_path / "open_clip_model.safetensors")
    with pytest.raises(ModelError, match=r"ln_final.weight is missing$"):
        build_encoder(f"open-clip:{TINY}:mine", tmp_path)


class Harmful:
    """Something that acts when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_file_that_runs_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1), "y": Harmful(tmp_path / "run")}, tmp_path / "ViT-B-32-mine.pt")
    with pytest.raises(ModelError, match=r"take a \.safetensors file") as raised:
        build_encoder("open-clip:ViT-B-32:mine", tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_the_archives_of_openai_are_not_run(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "ViT-B-32-openai.pt"))
    with pytest.raises(ModelError, match=r"TorchScript.*open_clip_model\.safetensors"):
        build_encoder("open-clip:ViT-B-32:openai", tmp_path)


def test_without_open_clip_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ModelError, match=r"pip install 'ldmreg\[text\]'"):
        build_encoder("open-clip:ViT-B-32:openai")


def test_callers_random_numbers_and_loggers_do_not_notice(open_clip: Any, tmp_path: Path) -> None:
    save_file(random_model(open_clip, TINY).state_dict(), tmp_path / f"{TINY}-mine.safetensors")
    handlers = list(logging.getLogger().handlers)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    build_encoder(f"open-clip:{TINY}:mine", tmp_path).encode(PROMPTS)
    assert torch.rand(1) == expected
    assert logging.getLogger().handlers == handlers
