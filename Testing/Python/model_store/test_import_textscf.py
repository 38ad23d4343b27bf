"""Import of a small textSCF that is stored as the authors' code stores theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.model_store import load_network, verify
from SlicerLDMRegLib.model_store.import_checkpoint import import_checkpoint
from SlicerLDMRegLib.model_store.import_checkpoint.textscf import (
    released_background_vector,
    textscf_sources,
)
from SlicerLDMRegLib.networks.regions import Regions
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig

State = dict[str, Tensor]
Import = Callable[..., Any]
NAMES = {9: "Right-Kidney", 2: "Spleen", 4: "Liver"}
CHANNELS = 12


@pytest.fixture(scope="module")
def network() -> TextSCF:
    """The released form, small."""
    torch.manual_seed(0)
    config = TextSCFConfig(
        backbone="lku-net",
        backbone_arguments={"start_channels": 2, "kernel_size": 5},
        filters="residual",
        regions=4,
        text_channels=CHANNELS,
        hidden_channels=8,
        functions=3,
        padding="zeros",
    )
    network = TextSCF(config)
    network.embeddings[1:] = torch.randn(3, CHANNELS)
    background = released_background_vector(network.embeddings[1:].numpy())
    network.embeddings[0] = torch.from_numpy(background)
    with torch.no_grad():
        for function in network.function.functions:  # a field of some voxels
            function[-1].weight *= 40
    return network.eval()


@pytest.fixture
def vectors(network: TextSCF) -> np.ndarray:
    return network.embeddings[1:].numpy()


@pytest.fixture
def state(network: TextSCF) -> State:
    """Their names, and what else their network has."""
    ours = network.state_dict()
    state = {source.name: ours[name] for name, source in textscf_sources().items()}
    unused = {"up4.layer.0.weight": torch.rand(4, 4, 2, 2, 2), "up4.layer.1.weight": torch.rand(1)}
    return state | unused | {"transform.grid": torch.rand(1, 3, 4, 4, 4)}


@pytest.fixture
def run(tmp_path: Path, vectors: np.ndarray) -> Import:
    """Save checkpoint and vectors, import them."""

    def import_state(content: Any, array: Any = vectors, **options: Any) -> Any:
        torch.save(content, tmp_path / "released.pth")
        if array is not None:
            np.savez(tmp_path / "text.npz", text_embeddings=array)
            options = {"text_embeddings": tmp_path / "text.npz", **options}
        options = {"label_names": NAMES, **options}
        files = {"checkpoint": tmp_path / "released.pth"}
        return import_checkpoint("textscf", files, tmp_path / "m", "imported", "X", **options)

    return import_state


def predict(network: Any) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    moving, fixed = torch.rand(2, 1, 1, 16, 32, 16, generator=generator)
    labels = torch.randint(0, 4, fixed.shape, generator=generator)
    with torch.no_grad():
        return network(moving, fixed, regions=Regions(labels)).displacement


def test_imported_network_is_the_one_that_was_trained(
    state: State, run: Import, network: TextSCF
) -> None:
    card = run({"state_dict": state, "epoch": 3})
    assert verify(card.folder).id == "imported"
    assert card.network == network.config.to_dict()
    weights = load_file(card.weights_path)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(weights[name], tensor, msg=name)
    torch.testing.assert_close(predict(load_network(card)), predict(network), atol=1e-4, rtol=1e-4)


def test_every_parameter_has_one_source(network: TextSCF) -> None:
    sources = textscf_sources()
    assert set(sources) == {name for name, _ in network.named_parameters()}
    assert len({source.name for source in sources.values()}) == len(sources)


def test_card_tells_labels_in_the_order_of_the_vectors(state: State, run: Import) -> None:
    card = run(state)
    assert list(card.label_scheme) == ["2", "4", "9"]
    assert card.label_scheme["9"] == {"name": "Right-Kidney", "prompt": "right kidney"}
    assert card.grid.size == (224, 192, 160)
    assert card.grid.divisor == 16
    assert card.grid.spacing == 1.0
    # No encoder of the released code has vectors of this length.
    assert card.text == {}


def test_background_is_the_released_one_or_given(
    state: State, run: Import, vectors: np.ndarray
) -> None:
    table = load_network(run(state)).embeddings.numpy()
    np.testing.assert_array_equal(table[1:], vectors)
    np.testing.assert_allclose(table[0], released_background_vector(vectors), atol=1e-6)
    whole = np.concatenate([np.full((1, CHANNELS), 0.25, np.float32), vectors])
    table = load_network(run(state, whole, overwrite=True)).embeddings.numpy()
    np.testing.assert_array_equal(table, whole)


def test_vectors_are_computed_with_an_encoder(network: TextSCF, state: State, run: Import) -> None:
    for axis in "xyz":
        name = f"flow.generate_flow_{axis}.mlp.0.weight"
        state[name] = state[name][:, :4]
    card = run(state, None, text_encoder="one-hot", template="abdomen-ct")
    assert card.text == {
        "encoder": "one-hot",
        "template": "abdomen-ct",
        "background": "released",
    }
    loaded = load_network(card)
    assert torch.equal(loaded.embeddings[1:], torch.eye(4)[1:])
    filters = loaded.filter_table(loaded.embeddings)
    torch.testing.assert_close(loaded.filters, filters)


def test_default_labels_are_the_35_structures_of_oasis(state: State, run: Import) -> None:
    array = np.random.default_rng(0).random((35, CHANNELS), dtype=np.float32)
    card = run(state, array, label_names="freesurfer35")
    assert card.network["regions"] == 36
    assert card.label_scheme["17"]["prompt"] == "left hippocampus"
    with pytest.raises(InputError, match="expected a vector of 12 channels for each of 35 labels"):
        run(state, label_names="freesurfer35", overwrite=True)


def test_options_that_tensors_do_not_tell(state: State, run: Import, network: TextSCF) -> None:
    loaded = load_network(run(state, network={"integration_steps": 7}))
    assert loaded.config.integration_steps == 7
    assert not torch.allclose(predict(loaded), predict(network), atol=1e-3)
    folded = run(state, network={"keep_function": False}, overwrite=True)
    assert folded.weights.parameters < sum(p.numel() for p in network.parameters())
    small = load_network(folded)
    torch.testing.assert_close(predict(small), predict(network))
    with pytest.raises(ModelError, match="without its implicit function"):
        small.filter_table(small.embeddings)
    with pytest.raises(ModelError, match=r"has no option use_ema; its options are dtype, "):
        run(state, use_ema=True)


def test_unknown_missing_and_wrong_tensors_are_errors(
    state: State, run: Import, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"checkpoint has unknown names: dc7\.layer\.0\.bias"):
        run({**state, "dc7.layer.0.bias": torch.rand(2)})
    lacking = dict(state)
    del lacking["ec5.one.bias"]
    with pytest.raises(ModelError, match=r"checkpoint lacks ec5\.one\.bias"):
        run(lacking)
    with pytest.raises(ModelError, match=r"lacks flow\.generate_flow_x.* is it the right file"):
        run({"conv.weight": torch.rand(2)})
    wrong = {**state, "dc3.layer.0.weight": torch.rand(8, 3, 3, 3, 3)}
    with pytest.raises(ModelError, match=r"dc3\.layer\.0\.weight must become"):
        run(wrong)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.ones((2, CHANNELS), np.float32), {}, r"each of 3 labels.* got \(2, 12\)"),
        (np.ones((3, 5), np.float32), {}, r"a vector of 12 channels"),
        (np.full((3, CHANNELS), np.nan), {}, "finite"),
        (np.ones((3, CHANNELS), int), {}, "floating-point"),
        (None, {}, "no encoder of the released code"),
        (None, {"text_encoder": "magic"}, "text encoder"),
        (None, {"text_encoder": "one-hot"}, r"'one-hot': expected a vector of 12 channels"),
        (None, {"text_embeddings": "absent.npz"}, r"absent\.npz cannot be read"),
        (None, {"label_names": {"liver": 3}}, "label numbers as keys"),
        (None, {"label_names": {0: "liver"}}, "label number from 1 on"),
        (None, {"label_names": "martian"}, "label scheme"),
    ],
)
def test_bad_vectors_and_names_are_errors(
    state: State, run: Import, array: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(state, array, **options)


def test_files_that_hold_no_vectors(state: State, run: Import, tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", np.ones((3, CHANNELS), np.float32))
    run(state, None, text_embeddings=tmp_path / "plain.npy")
    np.savez(tmp_path / "other.npz", vectors=np.ones(3))
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    for name, message in (
        ("other.npz", "no array 'text_embeddings'"),
        ("object.npy", "cannot be read"),
        ("text.npy", "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            run(state, None, text_embeddings=tmp_path / name, overwrite=True)


def test_command(
    state: State,
    vectors: np.ndarray,
    network: TextSCF,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save({"state_dict": state}, tmp_path / "released.pth")
    np.savez(tmp_path / "text.npz", text_embeddings=vectors)
    (tmp_path / "names.json").write_text(json.dumps(NAMES))
    arguments = ["import-checkpoint", "textscf", "--id", "imported", "--title", "Imported"]
    arguments += ["--checkpoint", str(tmp_path / "released.pth"), "--output", str(tmp_path / "m")]
    vectors_from = ["--text-embeddings", str(tmp_path / "text.npz")]
    names_from = ["--label-names", str(tmp_path / "names.json")]
    for wrong, code in (
        ([*names_from, "--text-embeddings", "absent.npz"], 2),
        ([*vectors_from, "--label-names", "absent.json"], 2),
        ([*vectors_from, "--label-names", "martian"], 2),
        ([*vectors_from, *names_from, "--ema"], 3),
        ([*vectors_from, *names_from, "--ldm", "x"], 3),
    ):
        assert main([*arguments, *wrong]) == code, wrong
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert not (tmp_path / "m").exists()
    assert main([*arguments, *vectors_from, *names_from]) == 0
    torch.testing.assert_close(predict(load_network(tmp_path / "m")), predict(network))
