"""Fixtures for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import SimpleITK as sitk

if TYPE_CHECKING:
    from SlicerLDMRegLib.networks.ldm_morph import LDMMorphConfig

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real images and reference outputs beside the checkout; skips without it."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared, the real images that lie beside the project")
    return folder


@pytest.fixture(scope="session")
def cardiac() -> dict[str, sitk.Image]:
    """The sample pair, in memory, by the fields of a request."""
    names = ("fixed", "moving", "fixed_labels", "moving_labels")
    folder = REPOSITORY / "Resources" / "SampleData"
    return {name: sitk.ReadImage(str(folder / f"cardiac_{name}.nrrd")) for name in names}


@pytest.fixture(scope="session")
def small_config() -> LDMMorphConfig:
    """LDM-Morph with all its parts, small."""
    from SlicerLDMRegLib.networks.ldm_morph import LDMMorphConfig

    return LDMMorphConfig(
        autoencoder_channels=(8, 8, 16),
        autoencoder_groups=4,
        codebook_size=16,
        unet_channels=(8, 8, 16, 16),
        unet_groups=4,
        unet_head_channels=4,
        embed_dim=8,
        depths=(2, 1, 2, 1),
        num_heads=(2, 4, 4, 8),
        window=5,
        lgca_heads=2,
        low_level_channels=6,
    )


@pytest.fixture
def same_library() -> Iterator[None]:
    """Give the other tests the library that they have imported, after a reload."""
    before = {
        name: module
        for name, module in sys.modules.items()
        if name.split(".")[0] == "SlicerLDMRegLib"
    }
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "SlicerLDMRegLib"]:
        del sys.modules[name]
    sys.modules.update(before)
