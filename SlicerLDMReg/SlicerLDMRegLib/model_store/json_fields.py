"""Typed access to the fields of a JSON object, with errors that name the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._printable import shown
from ..errors import ModelError

__all__ = ["Fields"]

_LARGEST = 2**63 - 1  # integer, where no other limit is given
_LONGEST = 100_000  # characters of a text


class Fields:
    """JSON object with typed, checked access to its fields.

    Args:
        values: the parsed object.
        name: path of the object, e.g. ``"ldmreg.grid"``; empty for the root of the file.

    Raises:
        ModelError: from each method, when the field is missing or invalid; the text names the
            field, the expected and the actual value.
    """

    def __init__(self, values: Any, name: str = "") -> None:
        if not isinstance(values, dict):
            raise ModelError(f"{name or 'metadata.json'} must be an object, got {shown(values)}")
        self.values = values
        self.name = name

    def text(self, key: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Return a string that is not empty; one of ``choices``, if given."""
        value = self.values.get(key, default)
        if choices and value not in choices:
            raise self._error(key, "one of " + ", ".join(map(repr, choices)))
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, "a text")
        if len(value) > _LONGEST:
            raise self._error(key, f"a text of at most {_LONGEST} characters")
        return value

    def integer(self, key: str, minimum: int, maximum: int | None = None) -> int:
        """Return an integer of at least ``minimum`` and, if given, at most ``maximum``."""
        value = self.values.get(key)
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not minimum <= value <= (_LARGEST if maximum is None else maximum)
        ):
            limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise self._error(key, f"an integer {limits}")
        return value

    def integers(self, key: str, count: int, minimum: int) -> tuple[int, ...]:
        """Return a list of ``count`` integers of at least ``minimum``."""
        value = self.values.get(key)
        if (
            not isinstance(value, list)
            or len(value) != count
            or any(isinstance(v, bool) or not isinstance(v, int) for v in value)
            or not all(minimum <= v <= _LARGEST for v in value)
        ):
            raise self._error(key, f"a list of {count} integers of at least {minimum}")
        return tuple(value)

    def number(self, key: str, minimum: float, maximum: float) -> float:
        """Return a number in ``[minimum, maximum]``."""
        value = self.values.get(key)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not minimum <= value <= maximum
        ):
            raise self._error(key, f"a number from {minimum:g} to {maximum:g}")
        return float(value)

    def numbers(self, key: str, count: int, minimum: float, maximum: float) -> tuple[float, ...]:
        """Return a list of ``count`` numbers in ``[minimum, maximum]``."""
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) != count:
            raise self._error(key, f"a list of {count} numbers")
        items = {f"{key}[{i}]": entry for i, entry in enumerate(value)}
        fields = Fields(items, self.name)
        return tuple(fields.number(name, minimum, maximum) for name in items)

    def mapping(self, key: str, default: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return an object unchecked."""
        value = self.values.get(key, default)
        if not isinstance(value, Mapping):
            raise self._error(key, "an object")
        return dict(value)

    def section(self, key: str) -> Fields:
        """Return a nested object as :class:`Fields`."""
        return Fields(self.mapping(key), self._path(key))

    def sections(self, key: str) -> list[Fields]:
        """Return a list of objects; empty if absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self._error(key, "a list of objects")
        return [Fields(v, f"{self._path(key)}[{i}]") for i, v in enumerate(value)]

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _error(self, key: str, expected: str) -> ModelError:
        got = shown(self.values[key]) if key in self.values else "nothing"
        return ModelError(f"{self._path(key)} must be {expected}, got {got}")
