"""A model whose card has a window of intensities sees nothing beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from SlicerLDMRegLib.model_store import Grid, Intensity, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.pipeline import register

NETWORK = {"backbone_arguments": {"start_channels": 2}, "filters": "none"}


def write_model(folder: Path, intensity: Intensity) -> Path:
    torch.manual_seed(0)
    state = build_network("textscf", NETWORK).state_dict()
    state["head.weight"] = 1e5 * state["head.weight"]
    grid = Grid((16, 16, 16), 16, 1.0, "LPS")
    card = ModelCard(
        folder.name, "CT", "textscf", 3, NETWORK, grid, "Tests", intensity=intensity
    )  # fmt: skip
    write_model_folder(folder, card, state, "CC0", dtype="float32")
    return folder


def test_a_window_is_the_same_for_all_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fixed, moving = rng.uniform(-500, 800, (2, 16, 16, 16)).astype(np.float32)
    for image in (fixed, moving):
        image[0, 0, :2] = -500, 800
    window = write_model(tmp_path / "window", Intensity("window", window=(-500.0, 800.0)))
    whole = write_model(tmp_path / "whole", Intensity("minmax", 0.0, 100.0))

    def field(model: Path, image: np.ndarray) -> np.ndarray:
        found = register(fixed, image, model=model, align="none", refine=False, device="cpu")
        return found.field.vectors

    # Where the images fill the window both are one.
    expected = field(whole, moving)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(field(window, moving), expected, atol=1e-5)
    # Percentiles stretch what is darker; a window does not.
    darker = 0.5 * moving - 250
    np.testing.assert_allclose(field(whole, darker), expected, atol=1e-3)
    assert np.abs(field(window, darker) - expected).max() > 0.01
