"""Storage of lists, tuples, dictionaries and unions in a parameter node."""

from __future__ import annotations

from typing import Any

from .codec import Codec, NoneCodec
from .containers import ObservedDict, ObservedList

__all__ = ["DictCodec", "ListCodec", "TupleCodec", "UnionCodec"]


class ListCodec(Codec):
    def __init__(self, element: Codec) -> None:
        super().__init__()
        self._element = element

    def default(self) -> list[Any]:
        return []

    def accepts(self, value: Any) -> bool:
        return isinstance(value, list | ObservedList)

    def has(self, node: Any, name: str) -> bool:
        return bool(node.HasParameter(f"{name}.len"))

    def _length(self, node: Any, name: str) -> int:
        return int(node.GetParameter(f"{name}.len")) if self.has(node, name) else 0

    def validate(self, value: Any) -> None:
        super().validate(value)
        for element in value:
            self._element.validate(element)

    def store(self, node: Any, name: str, value: Any) -> None:
        values, before = list(value), self._length(node, name)
        for index, element in enumerate(values):
            self._element.write(node, f"{name}.{index}", element)
        node.SetParameter(f"{name}.len", str(len(values)))
        for index in range(len(values), before):
            self._element.remove(node, f"{name}.{index}")

    def read(self, node: Any, name: str) -> ObservedList:
        indices = range(self._length(node, name))
        values = [self._element.read(node, f"{name}.{index}") for index in indices]
        return ObservedList(values, lambda new: self.write(node, name, new))

    def remove(self, node: Any, name: str) -> None:
        for index in range(self._length(node, name)):
            self._element.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class TupleCodec(Codec):
    def __init__(self, elements: list[Codec]) -> None:
        super().__init__()
        self._elements = elements

    def default(self) -> tuple[Any, ...]:
        return tuple(element.default() for element in self._elements)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, tuple)

    def has(self, node: Any, name: str) -> bool:
        return self._elements[0].has(node, f"{name}.0")

    def validate(self, value: Any) -> None:
        super().validate(value)
        values = tuple(value)
        if len(values) != len(self._elements):
            raise ValueError(f"expected {len(self._elements)} values, got {len(values)}")
        for element, part in zip(self._elements, values, strict=True):
            element.validate(part)

    def store(self, node: Any, name: str, value: Any) -> None:
        for index, (element, part) in enumerate(zip(self._elements, tuple(value), strict=True)):
            element.write(node, f"{name}.{index}", part)

    def read(self, node: Any, name: str) -> tuple[Any, ...]:
        return tuple(e.read(node, f"{name}.{i}") for i, e in enumerate(self._elements))

    def remove(self, node: Any, name: str) -> None:
        for index, element in enumerate(self._elements):
            element.remove(node, f"{name}.{index}")


class DictCodec(ListCodec):
    """Stored as a list of pairs."""

    def __init__(self, key: Codec, value: Codec) -> None:
        super().__init__(TupleCodec([key, value]))

    def default(self) -> Any:
        return {}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, dict | ObservedDict)

    def validate(self, value: Any) -> None:
        super().validate(list(value.items()))

    def store(self, node: Any, name: str, value: Any) -> None:
        super().store(node, name, value.items())

    def read(self, node: Any, name: str) -> Any:
        pairs = dict(super().read(node, name))
        return ObservedDict(pairs, lambda new: self.write(node, name, new))


class UnionCodec(Codec):
    def __init__(self, members: list[Codec]) -> None:
        super().__init__()
        self._members = members

    def default(self) -> Any:
        optional = len(self._members) == 2 and isinstance(self._members[1], NoneCodec)
        return None if optional else self._members[0].default()

    def has(self, node: Any, name: str) -> bool:
        return any(m.has(node, f"{name}.{i}") for i, m in enumerate(self._members))

    def _member(self, value: Any) -> int:
        for index, member in enumerate(self._members):
            if member.accepts(value):
                return index
        raise TypeError(f"Unable to write value '{value}' of type '{type(value)}'")

    def validate(self, value: Any) -> None:
        super().validate(value)
        self._member(value)

    def accepts(self, value: Any) -> bool:
        return any(member.accepts(value) for member in self._members)

    def store(self, node: Any, name: str, value: Any) -> None:
        index = self._member(value)
        self.remove(node, name)
        self._members[index].write(node, f"{name}.{index}", value)

    def read(self, node: Any, name: str) -> Any:
        for index, member in enumerate(self._members):
            if member.has(node, f"{name}.{index}"):
                return member.read(node, f"{name}.{index}")
        raise KeyError(f"Unable to find value for name: {name}")

    def remove(self, node: Any, name: str) -> None:
        for index, member in enumerate(self._members):
            member.remove(node, f"{name}.{index}")
