from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import ModelCard, load, load_network, write_model_folder
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(2, 1, 1, 32, 64, generator=torch.Generator().manual_seed(1)).unbind()


def test_loaded_network_predicts_what_the_written_one_does(
    small_folder: Path, small_network: LDMMorph, pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    network = load_network(ModelCard.from_folder(small_folder))
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    with torch.no_grad():
        expected = small_network(*pair).displacement
        assert expected.abs().max() > 0.1, "a field of zeros would prove nothing"
        assert torch.equal(network(*pair).displacement, expected)


def test_float16_weights_come_back_rounded_in_float32(
    tmp_path: Path, small_card: ModelCard, small_network: LDMMorph
) -> None:
    state = small_network.state_dict()
    card = write_model_folder(tmp_path / "half", small_card, state, "CC0", dtype="float16")
    loaded = load_network(card).state_dict()
    for name, tensor in state.items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], tensor.half().float())
    full = write_model_folder(tmp_path / "full", small_card, state, "CC0", dtype="float32")
    assert card.weights_path.stat().st_size < 0.7 * full.weights_path.stat().st_size


def test_dtype_is_that_of_parameters_and_spares_the_noise_schedule(small_folder: Path) -> None:
    network = load_network(small_folder, dtype=torch.bfloat16)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
    assert network.latent_features.alphas_cumprod.dtype == torch.float32


def test_loading_leaves_random_numbers_alone(small_folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_network(small_folder)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("extra", "unexpected: surplus"),
        ("missing", "missing: registration.decoder.head.bias"),
        ("renamed", "missing: registration.decoder.head.bias; unexpected: head.bias"),
        ("shape", r"registration.decoder.head.bias must be \(2,\), got \(3,\)"),
    ],
)
def test_weights_that_do_not_fit_are_listed(
    tmp_path: Path, small_card: ModelCard, small_network: LDMMorph, change: str, message: str
) -> None:
    state = dict(small_network.state_dict())
    name = "registration.decoder.head.bias"
    if change == "extra":
        state["surplus"] = torch.ones(1)
    elif change == "missing":
        del state[name]
    elif change == "renamed":
        state["head.bias"] = state.pop(name)
    else:
        state[name] = torch.ones(3)
    card = write_model_folder(tmp_path / "m", small_card, state, "CC0")
    with pytest.raises(ModelError, match=f"model 'small-model': the weights do not fit.*{message}"):
        load_network(card)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"network": {"colour": "red"}}, "unknown LDM-Morph options"),
        ({"network": {"embed_dim": "wide"}}, "cannot be built"),
        ({"network": {"unet_groups": 7}}, "cannot be built"),
    ],
)
def test_metadata_that_describes_no_network_is_refused(
    tmp_path: Path, small_card: ModelCard, changes: dict[str, object], message: str
) -> None:
    card = replace(small_card, **changes)  # type: ignore[arg-type]
    written = write_model_folder(tmp_path / "m", card, {"w": torch.ones(1)}, "CC0")
    with pytest.raises(ModelError, match=message):
        load_network(written)


def test_damaged_weights_are_refused_before_they_are_parsed(small_folder: Path) -> None:
    path = small_folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.safetensors was changed"):
        load_network(small_folder)


def test_model_of_another_format_version_is_refused(small_folder: Path) -> None:
    path = small_folder / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["ldmreg"]["format"] = 9
    path.write_text(json.dumps(metadata))
    with pytest.raises(ModelError, match=r"ldmreg\.format must be 1, got 9.*update"):
        load_network(small_folder)


def test_a_pickle_in_place_of_the_weights_is_not_run(
    tmp_path: Path, small_card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.model_store import folder as folder_module

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "attacked",)  # type: ignore[return-value]

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "save", lambda tensors: pickle.dumps(Attack()))
        card = write_model_folder(tmp_path / "m", small_card, {"w": torch.ones(1)}, "CC0")
    with pytest.raises(ModelError, match="is not a safetensors file"):
        load_network(card)
    assert not (tmp_path / "attacked").exists()


def test_card_without_a_folder_cannot_be_loaded(small_card: ModelCard) -> None:
    with pytest.raises(ModelError, match="has no folder"):
        load_network(small_card)


def test_segmenter_is_written_and_loaded(tmp_path: Path, segmenter_card: ModelCard) -> None:
    network = build_network("unet", dict(segmenter_card.network))
    card = write_model_folder(
        tmp_path / "s", segmenter_card, network.state_dict(), "CC0", dtype="float32"
    )
    metadata = json.loads((tmp_path / "s" / "metadata.json").read_text())
    assert metadata["network_data_format"]["outputs"]["logits"]["channel_def"] == {
        "0": "background",
        "1": "Left-Lateral-Ventricle",
        "2": "Left-Hippocampus",
    }
    readme = (tmp_path / "s" / "docs" / "README.md").read_text()
    assert "ldmreg segment IMAGE --model small-segmenter" in readme
    assert "2 mm, axes LPS" in readme
    assert "| 17 | Left-Hippocampus | left hippocampus |" in readme
    image = torch.rand(1, 1, 16, 32, 32)
    with torch.no_grad():
        logits = load_network(card)(image)
        torch.testing.assert_close(logits, network.eval()(image))
    assert logits.shape == (1, 3, 16, 32, 32)


def test_method_must_fit_the_kind(tmp_path: Path, segmenter_card: ModelCard) -> None:
    card = replace(segmenter_card, method="ldm-morph", network={})
    card = write_model_folder(tmp_path / "s", card, {"w": torch.ones(1)}, "CC0")
    with pytest.raises(ModelError, match="'ldm-morph' is for registration, not for segmentation"):
        load_network(card)


def test_a_tensor_that_no_file_holds_is_made(
    small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are put into an outline of the network, in which such tensors have no values."""
    whole = load_network(small_folder)
    assert not any(t.is_meta for t in (*whole.parameters(), *whole.buffers()))

    def build(method: str, arguments: dict[str, Any]) -> torch.nn.Module:
        network = build_network(method, arguments)
        network.register_buffer("window", torch.ones(3), persistent=False)
        network.plain = torch.zeros(2)
        return network

    monkeypatch.setattr(load, "build_network", build)
    network = load_network(small_folder)
    assert network.window.tolist() == [1, 1, 1] and network.plain.tolist() == [0, 0]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)
