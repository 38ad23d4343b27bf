"""Packages that an installation has replaced though Slicer was using them."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path

__all__ = ["replaced_in_use", "versions"]


def versions() -> dict[str, str]:
    """Return the version of every package that is installed, by the names of their folders."""
    importlib.invalidate_caches()
    folders = (folder for place in sys.path for folder in Path(place).glob("*-*.dist-info"))
    parts = (folder.name.removesuffix(".dist-info").partition("-") for folder in folders)
    return {name: version for name, _, version in parts}


def replaced_in_use(before: dict[str, str], imported: set[str]) -> list[str]:
    """Return the packages that were replaced while they were in use: Slicer has to be restarted.

    Args:
        before: what :func:`versions` returned before the installation.
        imported: names of the modules that Slicer had imported then.
    """
    return [
        name
        for name, version in versions().items()
        if version != before.get(name) and imported.intersection(_modules(name))
    ]


def _modules(package: str) -> set[str]:
    """Return the names under which a package is imported."""
    distribution = importlib.metadata.distribution(package)
    files = distribution.files or ()
    named = (distribution.read_text("top_level.txt") or "").split()
    return set(named) or {f.parts[0].removesuffix(".py") for f in files if f.suffix == ".py"}
