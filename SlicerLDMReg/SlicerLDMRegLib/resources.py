"""Folders of the bundled models and sample data."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled_models_dir", "resources_dir", "sample_data_dir"]


def resources_dir() -> Path:
    """Return the folder ``Resources``.

    It lies inside the package (wheel), beside it (Slicer's ``qt-scripted-modules`` after
    installation), or at the root of the source tree.

    Raises:
        FileNotFoundError: when none of these exists, i.e. the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    candidates = [package / "Resources", *(p / "Resources" for p in package.parents[:2])]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    tried = ", ".join(str(c) for c in candidates)
    raise FileNotFoundError(
        f"LDMReg's Resources folder is missing (tried {tried}); reinstall LDMReg"
    )


def bundled_models_dir() -> Path:
    """Return the folder of the bundled models, one folder each."""
    return resources_dir() / "Models"


def sample_data_dir() -> Path:
    """Return the folder of the generated sample images."""
    return resources_dir() / "SampleData"
