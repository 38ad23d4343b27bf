"""Model folders of textSCF and of the same network without text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.model_store import load_network
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig
from training.export import export

CARDS = Path(__file__).resolve().parents[3] / "training" / "configs" / "textscf-brain-mr"
TEXT = {"encoder": "minilm", "template": "brain-mr", "background": "svd"}


def finished_run(folder: Path, filters: str) -> dict[str, torch.Tensor]:
    """What a run leaves; returns its weights."""
    network: dict[str, Any] = TextSCFConfig(
        backbone_arguments={"start_channels": 2},
        filters=filters,
        regions=36,
        text_channels=4,
        hidden_channels=4,
    ).to_dict()
    torch.manual_seed(0)
    state = TextSCF(TextSCFConfig.from_dict(network)).state_dict()
    folder.mkdir()
    torch.save(state, folder / "best.pt")
    config = {"stage": "textscf", "network": network, "text": TEXT, "data": {}}
    (folder / "config.json").write_text(json.dumps(config))
    return state


@pytest.mark.parametrize("filters,name", [("blended", "card.yaml"), ("none", "card-plain.yaml")])
def test_exports_with_and_without_text(tmp_path: Path, filters: str, name: str) -> None:
    state = finished_run(tmp_path / "run", filters)
    card = export(tmp_path / "run", CARDS / name, tmp_path / "model", None, "float32")
    assert card.text.get("encoder") == ("minilm" if filters == "blended" else None)
    assert bool(card.label_scheme) == bool(card.segmenter) == (filters == "blended")
    assert card.grid.size == (80, 112, 96) and card.defaults["views"] == 3
    loaded = load_network(card)
    assert loaded.uses_regions == (filters == "blended")
    # The large kernels are fused when a model is loaded: what it computes stays.
    plain = TextSCF(TextSCFConfig.from_dict(dict(card.network)))
    plain.load_state_dict(state)
    moving, fixed = torch.rand(2, 1, 1, 32, 32, 32)
    with torch.no_grad():
        expected, found = (n.eval()(moving, fixed).displacement for n in (plain, loaded))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
