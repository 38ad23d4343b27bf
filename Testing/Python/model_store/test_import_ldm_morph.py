from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.blocks import SpatialAttentionBlock
from torch import Tensor

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import load_network, verify
from SlicerLDMRegLib.model_store.import_checkpoint import import_checkpoint
from SlicerLDMRegLib.model_store.import_checkpoint.ldm_morph_names import (
    ldm_sources,
    registration_sources,
)
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, noise_schedule

State = dict[str, Tensor]
Import = Callable[..., Any]
# What tensors do not tell of the small network.
OPTIONS = {"autoencoder_groups": 4, "unet_groups": 4, "unet_head_channels": 4}


def _their_order(parts: list[Tensor], heads: int) -> Tensor:
    """Queries, keys, values of one head after those of the other, as in the released U-Net."""
    return torch.cat([p.chunk(heads)[h] for h in range(heads) for p in parts])


def _their_states(network: LDMMorph) -> tuple[State, State]:
    """Give the weights of a network the names and shapes of the authors' checkpoints."""
    ours = network.state_dict()
    ldm: State = {}
    qkv: dict[str, list[Tensor]] = {}
    for name, source in ldm_sources(network.config).items():
        tensor = ours[f"latent_features.{name}"]
        if ".qkv." in source.name:
            qkv.setdefault(source.name, []).append(tensor)
        elif "attn" in name and "norm" not in name and tensor.ndim == 2:
            taps = (1, 1) if source.name.startswith("first_stage_model") else (1,)
            ldm[source.name] = tensor.reshape(*tensor.shape, *taps)
        else:
            ldm[source.name] = tensor
    for their_name, parts in qkv.items():
        joined = _their_order(parts, len(parts[0]) // network.config.unet_head_channels)
        ldm[their_name] = joined[..., None] if joined.ndim == 2 else joined
    registration = {
        source.name: ours[f"registration.{name}"]
        for name, source in registration_sources(network.config).items()
    }
    return ldm, registration


@pytest.fixture
def states(small_network: LDMMorph) -> tuple[State, State]:
    """Their checkpoints, with what else their training writes into them."""
    ldm, registration = _their_states(small_network)
    ldm |= {
        "first_stage_model.quantize.embedding.weight": torch.rand(16, 1),
        "first_stage_model.post_quant_conv.weight": torch.rand(1, 1, 1, 1),
        "first_stage_model.decoder.mid.attn_1.q.weight": torch.rand(16, 16, 1, 1),
        "model_ema.decay": torch.tensor(0.9999),
        "model_ema.num_updates": torch.tensor(7),
        "betas": noise_schedule().betas,
        "alphas_cumprod_prev": torch.rand(1000),
        "sqrt_one_minus_alphas_cumprod": torch.rand(1000),
        "log_one_minus_alphas_cumprod": torch.rand(1000),
        "sqrt_recipm1_alphas_cumprod": torch.rand(1000),
        "posterior_mean_coef1": torch.rand(1000),
        "logvar": torch.zeros(1000),
        "scale_factor": torch.tensor(1.0),
    }
    registration |= {
        "lwsa.c1.0.weight": torch.rand(8, 2, 3, 3),
        "up0.conv3.0.weight": torch.rand(8, 2, 3, 3),
        "up3.conv1.0.weight": torch.rand(8, 2, 3, 3),
        "lwca1.transformer.norm3.bias": torch.rand(8),
        "lwsa.transformer.layers.0.blocks.1.attn.relative_position_index": torch.zeros(25, 25),
    }
    return ldm, registration


@pytest.fixture
def run(tmp_path: Path) -> Import:
    """Save both checkpoints and import them."""

    def import_states(ldm: Any, registration: Any, **options: Any) -> Any:
        files = {"ldm": tmp_path / "ldm.ckpt", "registration": tmp_path / "registration.pth.tar"}
        torch.save(ldm, files["ldm"])
        torch.save(registration, files["registration"])
        options = {"network": OPTIONS, **options}
        return import_checkpoint("ldm-morph", files, tmp_path / "m", "imported", "X", **options)

    return import_states


def test_imported_network_is_the_one_that_was_trained(
    states: tuple[State, State], run: Import, small_network: LDMMorph
) -> None:
    card = run({"state_dict": states[0], "epoch": 3}, {"state_dict": states[1]})
    assert verify(card.folder).id == "imported"
    assert card.network == small_network.config.to_dict()
    loaded = load_network(card).state_dict()
    for name, tensor in small_network.state_dict().items():
        assert torch.equal(loaded[name], tensor), name


def test_bare_and_data_parallel_state_dicts(
    states: tuple[State, State], run: Import, small_network: LDMMorph
) -> None:
    card = run(states[0], {f"module.{name}": tensor for name, tensor in states[1].items()})
    loaded = load_network(card)
    name = "registration.decoder.head.weight"
    assert torch.equal(loaded.state_dict()[name], small_network.state_dict()[name])


def test_moving_averages_replace_the_unet_only_on_request(
    states: tuple[State, State], run: Import
) -> None:
    ldm, registration = states
    with pytest.raises(ModelError, match="has no moving averages"):
        run(ldm, registration, use_ema=True)
    raw = {name: t for name, t in ldm.items() if name.startswith("model.diffusion_model.")}
    ldm |= {
        "model_ema." + name.removeprefix("model.").replace(".", ""): t + 1
        for name, t in raw.items()
    }
    plain = load_network(run(ldm, registration)).state_dict()
    averaged = load_network(run(ldm, registration, use_ema=True, overwrite=True)).state_dict()
    for name, tensor in plain.items():
        difference = 1.0 if ".unet." in name else 0.0
        assert torch.allclose(averaged[name] - tensor, torch.tensor(difference), atol=1e-6), name


def test_joined_qkv_is_split_as_the_released_attention_does() -> None:
    """The released U-Net: (batch * heads, 3 * width, tokens), split into q, k, v afterwards."""
    heads, channels = 2, 8
    block = SpatialAttentionBlock(2, channels, channels // heads, norm_num_groups=4).eval()
    qkv, bias = torch.randn(3 * channels, channels), torch.randn(3 * channels)
    state = block.state_dict()
    sources = {
        name.rsplit("attentions.0.")[1]: source
        for name, source in ldm_sources(_small_config(channels, channels // heads)).items()
        if name.startswith("unet.down_blocks.1.attentions.0.attn.to_")
    }
    assert len(sources) == 6
    for name, source in sources.items():
        state[name] = source.transform(qkv[..., None] if name.endswith("weight") else bias)
    block.load_state_dict(state)
    x = torch.randn(1, channels, 3, 3)
    tokens = block.norm(x).reshape(1, channels, 9)
    joined = (torch.einsum("oc,bct->bot", qkv, tokens) + bias[:, None]).reshape(heads, -1, 9)
    q, k, v = joined.split(channels // heads, dim=1)
    weight = torch.softmax(torch.einsum("bct,bcs->bts", q, k) / (channels // heads) ** 0.5, dim=-1)
    out = torch.einsum("bts,bcs->bct", weight, v).reshape(1, channels, 9)
    out = torch.einsum("oc,bct->bot", state["attn.out_proj.weight"], out)
    out = out + state["attn.out_proj.bias"][:, None]
    assert torch.allclose(block(x), x + out.reshape(x.shape), atol=1e-5)


def _small_config(channels: int, head_channels: int) -> Any:
    from SlicerLDMRegLib.networks.ldm_morph import LDMMorphConfig

    return LDMMorphConfig(unet_channels=(channels,) * 4, unet_head_channels=head_channels)


@pytest.mark.parametrize("which", [0, 1])
def test_unknown_and_missing_names_are_errors(
    states: tuple[State, State], run: Import, which: int, tmp_path: Path
) -> None:
    name = ("first_stage_model.encoder.norm_out.bias", "c3.0.bias")[which]
    surplus = [dict(s) for s in states]
    surplus[which]["new.weight"] = torch.rand(2)
    with pytest.raises(ModelError, match=r"checkpoint has unknown names: new\.weight"):
        run(*surplus)
    lacking = [dict(s) for s in states]
    del lacking[which][name]
    with pytest.raises(ModelError, match=f"checkpoint lacks {name}"):
        run(*lacking)
    assert not (tmp_path / "m").exists()


def test_wrong_shape_is_an_error(states: tuple[State, State], run: Import) -> None:
    ldm, registration = states
    wrong = {**registration, "c2.0.weight": registration["c2.0.weight"][:, :3]}
    with pytest.raises(
        ModelError, match=r"c2\.0\.weight must become \(16, 32, 3, 3\), got \(16, 3, 3, 3\)"
    ):
        run(ldm, wrong)
    name = "model.diffusion_model.input_blocks.4.1.qkv.weight"
    with pytest.raises(ModelError, match=name):
        run({**ldm, name: ldm[name][:-1]}, registration)


def test_swapped_files_are_recognised(states: tuple[State, State], run: Import) -> None:
    with pytest.raises(ModelError, match=r"the LDM checkpoint .* is it the right file"):
        run(states[1], states[0])


def test_other_noise_schedules_and_latent_scales_are_refused(
    states: tuple[State, State], run: Import
) -> None:
    ldm, registration = states
    with pytest.raises(ModelError, match=r"betas must go from 0\.0015 to 0\.0195 in 1000 steps"):
        run({**ldm, "betas": torch.linspace(1e-4, 2e-2, 1000)}, registration)
    with pytest.raises(ModelError, match=r"scale_factor must be 1, got 0\.18"):
        run({**ldm, "scale_factor": torch.tensor(0.18)}, registration)


def test_unknown_methods_and_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown method 'magic'"):
        import_checkpoint("magic", {}, tmp_path, "m", "M")
    with pytest.raises(ModelError, match="needs the files ldm, registration, got ldm"):
        import_checkpoint("ldm-morph", {"ldm": "x"}, tmp_path, "m", "M")


class TestReading:
    """Files that are no plain checkpoints."""

    def test_bystanders_of_training_frameworks_are_skipped(
        self, states: tuple[State, State], run: Import, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
        callback = type("ModelCheckpoint", (), {"__module__": module.__name__, "best": 1})
        module.ModelCheckpoint = callback  # type: ignore[attr-defined]
        for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
            monkeypatch.setitem(sys.modules, name, module)
        instance = callback()
        instance.best = 3
        run(
            {"state_dict": states[0], "callbacks": {callback: {"score": 1.0}, "it": instance}},
            {"state_dict": states[1], "best_dsc": np.float64(0.88), "epoch": 5},
        )

    def test_code_in_a_checkpoint_is_refused_and_not_run(
        self, states: tuple[State, State], run: Import, tmp_path: Path
    ) -> None:
        class Attack:
            def __init__(self, function: Callable[..., object], *arguments: object) -> None:
                self.call = function, arguments

            def __reduce__(self) -> Any:
                return self.call

        target = tmp_path / "attacked"
        for attack in (Attack(Path.touch, target), Attack(exec, f"open({str(target)!r}, 'w')")):
            with pytest.raises(ModelError, match=r"holds an object of type|cannot be read"):
                run({"state_dict": states[0], "extra": attack}, states[1])
        assert not target.exists()

    @pytest.mark.filterwarnings("ignore:Detected pickle protocol")
    @pytest.mark.parametrize(
        "data", [b"", b"PK\x03\x04", b"no checkpoint", pickle.dumps({"a": 1}), pickle.dumps(Path())]
    )
    def test_files_that_are_no_checkpoints(
        self, tmp_path: Path, states: tuple[State, State], data: bytes
    ) -> None:
        (tmp_path / "ldm").write_bytes(data)
        torch.save(states[1], tmp_path / "registration")
        files = {name: tmp_path / name for name in ("ldm", "registration")}
        with pytest.raises(
            ModelError, match=r"checkpoint .*ldm (cannot be read|must hold tensors)"
        ):
            import_checkpoint("ldm-morph", files, tmp_path / "m", "m", "M")
        files["ldm"] = tmp_path / "absent"
        with pytest.raises(ModelError, match=r"absent does not exist"):
            import_checkpoint("ldm-morph", files, tmp_path / "m", "m", "M")

    @pytest.mark.parametrize("content", [{}, {"state_dict": {"a": 1}}, [1], {1: torch.ones(1)}])
    def test_contents_that_are_no_state_dict(
        self, states: tuple[State, State], run: Import, content: object
    ) -> None:
        with pytest.raises(ModelError, match="must hold tensors by name"):
            run(content, states[1])

    def test_truncated_file(self, tmp_path: Path, states: tuple[State, State]) -> None:
        files = {"ldm": tmp_path / "ldm", "registration": tmp_path / "registration"}
        for path, state in zip(files.values(), states, strict=True):
            torch.save(state, path)
        files["ldm"].write_bytes(files["ldm"].read_bytes()[:-1000])
        with pytest.raises(ModelError, match=r"ldm cannot be read"):
            import_checkpoint("ldm-morph", files, tmp_path / "m", "m", "M")
