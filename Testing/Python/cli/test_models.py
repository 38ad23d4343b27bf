"""``ldmreg models`` and ``ldmreg import-checkpoint``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.model_store import Grid, ModelCard, TrainingData, verify, write_model_folder
from SlicerLDMRegLib.model_store.import_checkpoint.ldm_morph_names import (
    ldm_sources,
    registration_sources,
)
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig

CARD = ModelCard(
    id="tiny-model",
    title="Tiny model",
    method="ldm-morph",
    spatial_dims=2,
    network={},
    grid=Grid((64, 32), divisor=32),
    use="Generated shapes",
    training_data=(TrainingData("Shapes", "CC0-1.0", "Thanks to nobody."),),
    results={"description": "Two pairs.", "identity": {"Dice": 0.5}},
    limits=("Does not know real images.",),
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of models with one in it; listing and verifying do not read its tensors."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("LDMREG_MODELS", str(folder))
    write_model_folder(folder / CARD.id, CARD, {"weight": torch.ones(3)}, "CC0", dtype="float32")
    return folder


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_list_has_a_line_per_model(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "DIM", "METHOD", "FOR"]
    (line,) = [line for line in lines if line.startswith("tiny-model")]
    assert line.split(maxsplit=3)[1:] == ["2D", "ldm-morph", "Generated shapes"]
    assert main(["models", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    (entry,) = [entry for entry in entries if entry["id"] == "tiny-model"]
    assert entry["folder"] == str(store / "tiny-model")


def test_list_names_folders_that_cannot_be_used(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = store / "broken"
    broken.mkdir()
    (broken / "metadata.json").write_text("{", encoding="utf-8")
    assert main(["models", "list"]) == 0
    captured = capsys.readouterr()
    assert "tiny-model" in captured.out
    assert captured.err.startswith("ldmreg: warning: ")
    assert "broken" in captured.err


def test_show_tells_all(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "tiny-model"]) == 0
    text = capsys.readouterr().out
    for word in ("Tiny model", "Generated shapes", "64 x 32", "CC0-1.0", "Dice 0.5", "real images"):
        assert word in text
    assert main(["models", "show", str(store / "tiny-model"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ldmreg"]["id"] == "tiny-model"
    assert main(["models", "show", "tini-model"]) == 3
    assert "did you mean 'tiny-model'" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["model.safetensors", "docs/README.md"])
def test_verify_finds_a_flipped_byte(
    file: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", "tiny-model"]) == 0
    assert capsys.readouterr().out == "tiny-model: every file is as published\n"
    flip_a_byte(store / "tiny-model" / file)
    assert main(["models", "verify"]) == 3
    captured = capsys.readouterr()
    assert "tiny-model:" not in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith("ldmreg: error: ")
    assert Path(file).name in line


def test_registering_with_a_damaged_model_writes_nothing(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = str(tmp_path / "image.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(40, dtype=np.float32)), image)
    flip_a_byte(store / "tiny-model" / "model.safetensors")
    output = tmp_path / "out"
    arguments = ["--fixed", image, "--moving", image, "--output", str(output)]
    assert main(["register", *arguments, "--model", "tiny-model", "--device", "cpu"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "model.safetensors" in captured.err
    assert not output.exists()


def test_import_says_what_is_wrong(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.ckpt"
    bad.write_text("not a checkpoint", encoding="utf-8")
    named = ["--id", "imported", "--title", "Imported"]
    both = ["--ldm", str(bad), "--registration", str(bad)]
    attempts: list[tuple[list[str], int]] = [
        (["ldm-morph", *named, *both], 3),
        (["ldm-morph", *named, "--ldm", str(bad)], 3),
        (["no-method", *named, *both], 3),
        (["ldm-morph", *named, *both, "--licence", str(tmp_path / "missing.txt")], 2),
        (["ldm-morph", *named, *both, "--network", "noising"], 2),
        (["ldm-morph", *both], 2),
    ]
    for arguments, code in attempts:
        assert main(["import-checkpoint", *arguments]) == code, arguments
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert not (store / "imported").exists()


def released_checkpoints(config: LDMMorphConfig) -> dict[str, dict[str, torch.Tensor]]:
    """Return zeros under the names and in the shapes of the authors' two checkpoints."""
    ours = {name: tensor.shape for name, tensor in LDMMorph(config).state_dict().items()}
    ldm: dict[str, torch.Tensor] = {}
    for name, source in ldm_sources(config).items():
        shape = list(ours[f"latent_features.{name}"])
        if ".qkv." in source.name:  # theirs are one tensor
            shape[0] *= 3
        if "attn" in name and "norm" not in name and len(shape) == 2:  # theirs are convolutions
            shape += [1, 1] if source.name.startswith("first_stage") else [1]
        ldm[source.name] = torch.zeros(shape)
    ldm["first_stage_model.quantize.embedding.weight"] = torch.zeros(16, 1)
    registration = {
        source.name: torch.zeros(ours[f"registration.{name}"])
        for name, source in registration_sources(config).items()
    }
    return {"ldm": ldm, "registration": registration}


def test_import_makes_a_model_that_is_found_by_its_id(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"autoencoder_groups": 4, "unet_groups": 4, "unet_head_channels": 4}
    config = LDMMorphConfig(
        autoencoder_channels=(8, 8, 16),
        codebook_size=16,
        unet_channels=(8, 8, 16, 16),
        embed_dim=8,
        depths=(2, 1, 2, 1),
        num_heads=(2, 4, 4, 8),
        window=5,
        lgca_heads=2,
        low_level_channels=6,
        **options,
    )
    arguments = ["import-checkpoint", "ldm-morph", "--id", "imported", "--title", "Imported"]
    for part, state in released_checkpoints(config).items():
        torch.save({"state_dict": state}, tmp_path / f"{part}.ckpt")
        arguments += [f"--{part}", str(tmp_path / f"{part}.ckpt")]
    for name, value in {**options, "lgca_second": "self"}.items():
        arguments += ["--network", f"{name}={value}"]
    assert main(arguments) == 0
    assert "--model imported" in capsys.readouterr().out
    assert verify(store / "imported").network["lgca_second"] == "self"
    assert main(["models", "show", "imported"]) == 0
