"""The version of LDMReg; that of ``pyproject.toml`` is the same."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
