"""Annotations for ``Annotated[type, ...]``: defaults, limits, hints for widgets."""

from __future__ import annotations

import abc
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "SingleStep",
    "Validator",
    "WithinRange",
    "first",
    "plain",
    "split",
]


class Default:
    """The value of a parameter that was never set; ``generator`` makes a new one each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator is not None else self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Default) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass
class Decimals:
    """Decimals shown by a widget."""

    value: int


@dataclass
class SingleStep:
    """The step of a widget."""

    value: float


class Validator(abc.ABC):
    """A condition that values must meet."""

    @abc.abstractmethod
    def validate(self, value: Any) -> None:
        """Raise ValueError where the value does not meet the condition."""


class NotNone(Validator):
    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


class IsInstance(Validator):
    def __init__(self, classtype: Any) -> None:
        self.classtype = classtype

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type '{self.classtype}', is {value!r}")


class WithinRange(Validator):
    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(
                f"Value must be within range [{self.minimum}, {self.maximum}], is {value}"
            )


class Minimum(Validator):
    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


class Maximum(Validator):
    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


class Choice(Validator):
    def __init__(self, choices: Any) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value}")


class Exclude(Validator):
    def __init__(self, excludedValues: Any) -> None:
        self.excludedValues = excludedValues

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value must be none of {self.excludedValues}, is {value}")


class RangeBounds(Validator):
    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if value.minimum < self.minimum or value.maximum > self.maximum:
            raise ValueError(
                f"Range must be within [{self.minimum}, {self.maximum}],"
                f" is [{value.minimum}, {value.maximum}]"
            )


def split(annotated: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type and the annotations of a type that may be Annotated."""
    args = typing.get_args(Annotated[annotated, None])
    return args[0], args[1:-1]


def plain(annotated: Any) -> Any:
    """The type without annotations."""
    return split(annotated)[0]


def first(annotations: Iterable[Any], kind: Any) -> Any:
    """The first annotation of a kind, or None."""
    return next((a for a in annotations if isinstance(a, kind)), None)
