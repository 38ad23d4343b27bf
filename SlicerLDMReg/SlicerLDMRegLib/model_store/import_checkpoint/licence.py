"""Default text of the file ``LICENSE`` of an imported model."""

from __future__ import annotations

__all__ = ["IMPORTED_LICENCE"]

IMPORTED_LICENCE = """These weights were imported from files that their user supplied.
Their licence is that of those files; it is not known to LDMReg. Do not pass them on without it.
"""
