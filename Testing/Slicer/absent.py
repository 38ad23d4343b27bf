"""Packages that are taken for not installed, where a Slicer without them is imitated."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterable

__all__ = ["hide_packages"]


def hide_packages(names: Iterable[str]) -> None:
    """Let some packages seem not to be installed: pip does not know them, imports fail."""
    hidden = frozenset(names)
    installed = importlib.metadata.version

    def version(distribution_name: str) -> str:
        if distribution_name in hidden:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return installed(distribution_name)

    importlib.metadata.version = version
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
