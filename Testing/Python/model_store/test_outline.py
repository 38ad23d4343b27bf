"""Networks are outlined without memory, without initialisation, and as they are."""

from __future__ import annotations

import sys

import pytest

from SlicerLDMRegLib.model_store import find_model
from SlicerLDMRegLib.model_store.outline import Outline
from SlicerLDMRegLib.networks import build_network

NAMES = ["ldm-morph-cardiac-mr", "textscf-brain-mr", "segment-brain-mr"]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_are_those_of_the_network(name: str) -> None:
    card = find_model(name)
    real = build_network(card.method, dict(card.network)).state_dict()
    before = set(sys.modules)
    with Outline():
        outline = build_network(card.method, dict(card.network)).state_dict()
    shapes = [{key: tensor.shape for key, tensor in state.items()} for state in (real, outline)]
    assert shapes[0] == shapes[1]
    assert all(t.is_meta or t.numel() <= 4096 for t in outline.values())
    assert len(set(sys.modules) - before) < 10  # no compiler
