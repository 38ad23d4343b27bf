"""Lists and dictionaries that store themselves again when they are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any

__all__ = ["ObservedDict", "ObservedList"]


class ObservedList(MutableSequence[Any]):
    """A list; each change is written to the parameter node."""

    def __init__(self, values: list[Any], save: Callable[[list[Any]], None]) -> None:
        self._values, self._save = values, save

    def _changed(self, values: list[Any]) -> None:
        self._save(values)
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        values = list(self._values)
        values[index] = value
        self._changed(values)

    def __delitem__(self, index: Any) -> None:
        values = list(self._values)
        del values[index]
        self._changed(values)

    def insert(self, index: int, value: Any) -> None:
        values = list(self._values)
        values.insert(index, value)
        self._changed(values)

    def sort(self, **options: Any) -> None:
        self._changed(sorted(self._values, **options))

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError("Adding an ObservedList is not supported. However, += is.")

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"


class ObservedDict(MutableMapping[Any, Any]):
    """A dictionary; each change is written to the parameter node."""

    def __init__(self, values: dict[Any, Any], save: Callable[[dict[Any, Any]], None]) -> None:
        self._values, self._save = values, save

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        values = {**self._values, key: value}
        self._save(values)
        self._values = values

    def __delitem__(self, key: Any) -> None:
        values = {k: v for k, v in self._values.items() if k != key}
        if len(values) == len(self._values):
            raise KeyError(key)
        self._save(values)
        self._values = values

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedDict) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedDict({self._values})"
