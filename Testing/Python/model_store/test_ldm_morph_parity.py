"""The import of the released checkpoints gives the released network's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from SlicerLDMRegLib.functional import forward_differences, warp
from SlicerLDMRegLib.model_store import load_network
from SlicerLDMRegLib.model_store.import_checkpoint import import_checkpoint


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> dict[str, Tensor]:
    arrays = np.load(shared_data / "parity" / "ldm_morph.npz")
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


@pytest.fixture(scope="module")
def outputs(
    shared_data: Path,
    reference: dict[str, Tensor],
    parity_weights: Callable[..., dict[str, Tensor]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Tensor]:
    """Import the checkpoints, load the folder, run the network."""
    folder = tmp_path_factory.mktemp("parity")
    names = json.loads((shared_data / "parity" / "ldm_morph_parameters.json").read_text())
    files = {}
    for checkpoint, shapes in names.items():
        part = checkpoint.removesuffix("_checkpoint")
        files[part] = folder / f"{part}.ckpt"
        torch.save({"state_dict": parity_weights(shapes)}, files[part])
    import_checkpoint("ldm-morph", files, folder / "model", "parity", "Parity")
    network = load_network(folder / "model")
    images = torch.stack([reference["moving"], reference["fixed"]])[:, None]
    with torch.no_grad():
        frozen = network.latent_features
        latents = frozen.encode(images)
        noised = frozen.noised(latents, noise=reference["noise"])
        features = frozen.features(noised)
        moving, fixed = images.split(1)
        prediction = network.predict(
            moving, fixed, [f[:1] for f in features], [f[1:] for f in features]
        )
        warped = warp(moving, prediction.displacement)
    return {
        "latent_moving": latents[0, 0],
        "latent_fixed": latents[1, 0],
        "noised_moving": noised[0, 0],
        **{f"features_{i}": f.flatten(0, 1) for i, f in enumerate(features, 1)},
        "displacement": prediction.displacement[0],
        # A normalised unit is half the way from the first to the last of 128 pixels.
        "flow": prediction.displacement[0] / 63.5,
        "warped": warped[0, 0],
    }


@pytest.mark.parametrize(
    "name",
    ["latent_moving", "latent_fixed", "noised_moving", *(f"features_{i}" for i in range(1, 5))],
)
def test_intermediate_results_agree(
    outputs: dict[str, Tensor], reference: dict[str, Tensor], name: str
) -> None:
    assert outputs[name].shape == reference[name].shape
    error = (outputs[name] - reference[name]).abs().max() / reference[name].abs().max()
    assert error < 1e-4


@pytest.mark.parametrize("name", ["flow", "warped"])
def test_field_and_warped_image_agree(
    outputs: dict[str, Tensor], reference: dict[str, Tensor], name: str
) -> None:
    assert (outputs[name] - reference[name]).abs().max() < 1e-3


def test_released_smoothness_is_the_mean_square_of_forward_differences(
    outputs: dict[str, Tensor], reference: dict[str, Tensor]
) -> None:
    # The released loss takes 64 pixels for a normalised unit where the warp takes 63.5.
    pixels = 64 * outputs["flow"][None]
    measured = sum(d.square().mean() for d in forward_differences(pixels)) / 2
    assert measured.item() == pytest.approx(reference["smoothness"].item(), rel=1e-3)
