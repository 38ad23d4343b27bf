"""Faults of a manifest, gathered, so that its user mends all of them at once."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

__all__ = ["Faults"]

_MOST = 20  # that are told; the number of the others is


class Faults:
    """Faults of one manifest.

    Args:
        path: of the manifest.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []
        self._missing: list[str] = []

    def add(self, text: str, row: int | None = None, column: str | None = None) -> None:
        """Note a fault, with its place as far as it has one."""
        place = [] if row is None else [f"row {row}"]
        place += [] if column is None else [f"column {column}"]
        self._found.append(f"{', '.join(place)}: {text}" if place else text)

    def add_missing(self, file: Path, row: int | None, column: str) -> None:
        """Note a file that is not there."""
        self._missing.append(f"row {row}, column {column}: {file}")

    def check(self) -> None:
        """Raise an InputError that tells all faults; do nothing when there are none."""
        parts = []
        if self._found:
            parts.append(_listed(self._found))
        if self._missing:
            files = "1 file is" if len(self._missing) == 1 else f"{len(self._missing)} files are"
            parts.append(f"{files} not there: {_listed(self._missing)}")
        if parts:
            raise InputError(f"manifest {self._path}: {'; '.join(parts)}")


def _listed(texts: list[str]) -> str:
    more = len(texts) - _MOST
    return "; ".join(texts[:_MOST]) + (f"; and {more} more" if more > 0 else "")
