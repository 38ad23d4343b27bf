"""The base of classes that store values of one type in a parameter node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer

from .annotations import Validator

__all__ = ["Codec", "NoneCodec"]


class Codec:
    """Stores values of one type in a parameter node under a name."""

    def __init__(self, validators: Iterable[Validator] = ()) -> None:
        self.validators = list(validators)

    def default(self) -> Any:
        raise NotImplementedError

    def accepts(self, value: Any) -> bool:
        """Whether the value is of this type: how a Union finds its member."""
        try:
            self.validate(value)
        except (TypeError, ValueError):
            return False
        return value is not None

    def validate(self, value: Any) -> None:
        for validator in self.validators:
            validator.validate(value)

    def has(self, node: Any, name: str) -> bool:
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store a value; on an invalid one raise and leave the node as it was."""
        self.validate(value)
        with slicer.util.NodeModify(node):
            self.store(node, name, value)

    def store(self, node: Any, name: str, value: Any) -> None:
        raise NotImplementedError

    def read(self, node: Any, name: str) -> Any:
        raise NotImplementedError

    def remove(self, node: Any, name: str) -> None:
        node.UnsetParameter(name)


class NoneCodec(Codec):
    def default(self) -> None:
        return None

    def accepts(self, value: Any) -> bool:
        return value is None

    def store(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "True")

    def read(self, node: Any, name: str) -> None:
        return None
