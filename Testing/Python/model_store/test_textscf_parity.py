"""The import of the released textSCF gives the released network's numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.functional import integrate, warp
from SlicerLDMRegLib.model_store import load_network
from SlicerLDMRegLib.networks.regions import Regions

Outputs = dict[str, Tensor]


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Outputs:
    arrays = np.load(shared_data / "parity" / "textscf.npz")
    return {name: torch.from_numpy(arrays[name].copy()) for name in arrays}


@pytest.fixture(scope="module")
def outputs(
    shared_data: Path,
    reference: Outputs,
    parity_weights: Callable[..., Outputs],
    tmp_path_factory: pytest.TempPathFactory,
) -> Outputs:
    """Import the checkpoint by the real command, as displacement and as velocity; run both."""
    folder = tmp_path_factory.mktemp("parity")
    shapes = json.loads((shared_data / "parity" / "textscf_parameters.json").read_text())
    torch.save(parity_weights(shapes), folder / "released.pth")
    np.savez(folder / "text.npz", text_embeddings=reference["text_embeddings"].numpy())
    moving, fixed = (reference[role][None, None] for role in ("moving", "fixed"))
    regions = Regions(reference["fixed_labels"][None, None].long())
    results: Outputs = {}
    for suffix, steps in (("", 0), ("_diffeomorphic", 7)):
        arguments = ["import-checkpoint", "textscf", "--checkpoint", str(folder / "released.pth")]
        arguments += ["--text-embeddings", str(folder / "text.npz"), "--id", "parity"]
        arguments += ["--title", "Parity", "--output", str(folder / f"model{steps}")]
        assert main([*arguments, "--network", f"integration_steps={steps}"]) == 0
        network = load_network(folder / f"model{steps}")
        head: list[Tensor] = []
        network.head.register_forward_hook(lambda *call, seen=head: seen.append(call[2]))
        with torch.no_grad():
            prediction = network(moving, fixed, regions=regions)
        # Values in voxels of the images at half their resolution: halved, in voxels of their own.
        half = integrate(head[0] / 2, steps, padding="zeros") * 2 if steps else head[0]
        results |= {
            f"flow_half{suffix}": half[0],
            "text_table": network.embeddings,
            "filter_table": network.filters,
            f"flow{suffix}": prediction.displacement[0],
            f"warped{suffix}": warp(moving, prediction.displacement, padding="zeros")[0, 0],
        }
    # pytest keeps the folders of several runs, and these are large.
    shutil.rmtree(folder)
    return results


@pytest.mark.parametrize(
    "name",
    [
        "text_table",
        "filter_table",
        "flow_half",
        "flow",
        "warped",
        "flow_half_diffeomorphic",
        "warped_diffeomorphic",
    ],
)
def test_results_agree(outputs: Outputs, reference: Outputs, name: str) -> None:
    assert outputs[name].shape == reference[name].shape
    error = (outputs[name] - reference[name]).abs().max()
    assert error < 1e-3
