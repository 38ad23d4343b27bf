"""The part of a file that the user asks for: ``PATH#frame=3``, ``PATH#grey,resample``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError

__all__ = ["Selection", "split_path"]


class Selection:
    """Choices behind the ``#`` of a path, each of which a reader must take.

    Args:
        choices: value by name; a name without a value has an empty one.
    """

    def __init__(self, choices: Mapping[str, str] | None = None) -> None:
        self.choices = dict(choices or {})
        self._taken: set[str] = set()

    def take(self, name: str) -> str | None:
        """Return the value of a choice, None where it was not made."""
        self._taken.add(name)
        return self.choices.get(name)

    def asked(self, name: str) -> bool:
        """Whether a choice was made."""
        return self.take(name) is not None

    def number(self, name: str, count: int) -> int | None:
        """Return a choice of 1 to ``count`` as an index from 0, None where it was not made.

        Raises:
            InputError: when it is no such number.
        """
        text = self.take(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= count):
            raise InputError(f"#{name}={text}: expected a number from 1 to {count}")
        return int(text) - 1

    def check_all_taken(self) -> None:
        """Check that a reader understood each choice.

        Raises:
            InputError: for the first one that no reader took.
        """
        for name in self.choices:
            if name not in self._taken:
                known = ", ".join(f"#{other}" for other in sorted(self._taken)) or "none"
                raise InputError(f"#{name}: this file has no such choice; it has: {known}")


def split_path(path: str | Path) -> tuple[Path, Selection]:
    """Split ``PATH#name=value,name`` into the path and the choices.

    A file whose own name holds a ``#`` is taken as it is.
    """
    path = Path(path)
    before, mark, after = path.name.rpartition("#")
    if not mark or not before or is_there(path):
        return path, Selection()
    parts = [part.partition("=") for part in after.split(",")]
    return path.with_name(before), Selection({n.strip(): v.strip() for n, _, v in parts})


def is_there(path: Path) -> bool:
    """Whether a path can be looked at; False for a loop of links or a name that is too long."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
