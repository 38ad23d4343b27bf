"""Storage of values of each type in a parameter node, as strings and node references."""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from collections.abc import Callable
from typing import Any

import slicer

from .annotations import IsInstance, NotNone, Validator, split
from .codec import Codec, NoneCodec
from .container_codecs import DictCodec, ListCodec, TupleCodec, UnionCodec

__all__ = ["codec_for", "pack_codecs"]

_PATHS = (
    pathlib.Path,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)

pack_codecs: list[Callable[[Any], Codec | None]] = []
"""Set by packs.py, which needs this file."""


class _Text(Codec):
    """Values that are one string."""

    def __init__(
        self,
        kinds: Any,
        default: Any,
        decode: Callable[[str], Any],
        encode: Callable[[Any], str] = str,
        optional: bool = False,
    ) -> None:
        super().__init__([IsInstance(kinds)] if optional else [NotNone(), IsInstance(kinds)])
        self._default, self._decode, self._encode = default, decode, encode

    def default(self) -> Any:
        return self._default

    def store(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, self._encode(value))

    def read(self, node: Any, name: str) -> Any:
        return self._decode(node.GetParameter(name))


class _Node(Codec):
    def __init__(self, kind: Any) -> None:
        super().__init__([IsInstance(kind)])

    def default(self) -> None:
        return None

    def store(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "")  # tells that it was set, to None perhaps
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)

    def remove(self, node: Any, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


def codec_for(annotated: Any) -> tuple[Codec, list[Any]]:
    """The codec of a type that may be Annotated, and the annotations that it does not use.

    Raises:
        TypeError: when values of this type cannot be stored.
    """
    kind, annotations = split(annotated)
    validators = [a for a in annotations if isinstance(a, Validator)]
    codec = _codec(kind)
    codec.validators += validators
    return codec, [a for a in annotations if not isinstance(a, Validator)]


def _codec(kind: Any) -> Codec:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    inner = [codec_for(arg)[0] for arg in args if arg is not Ellipsis]
    if origin in (typing.Union, types.UnionType):
        return UnionCodec(inner)
    if origin is list:
        return ListCodec(inner[0])
    if origin is tuple:
        return TupleCodec(inner)
    if origin is dict:
        return DictCodec(*inner)
    if kind is type(None):
        return NoneCodec()
    for make in pack_codecs:
        made = make(kind)
        if made is not None:
            return made
    if isinstance(kind, type):
        simple = _simple(kind)
        if simple is not None:
            return simple
    raise TypeError(f"the host stores no parameters of type {kind}")


def _simple(kind: type) -> Codec | None:
    if kind is bool:
        return _Text(bool, False, lambda text: text == "True")
    if kind is int:
        return _Text(int, 0, int)
    if kind is float:
        return _Text((int, float), 0, float)
    if kind is str:
        return _Text(str, "", str)
    if kind in _PATHS:
        return _Text(kind, kind(), kind)
    if issubclass(kind, enum.Enum):
        if not len(kind):
            raise ValueError("Cannot serialize empty Enum.")
        return _Text(kind, next(iter(kind)), _enum_decoder(kind), lambda v: str(v.name), True)
    if issubclass(kind, slicer.vtkMRMLNode):
        return _Node(kind)
    return None


def _enum_decoder(kind: type[enum.Enum]) -> Callable[[str], enum.Enum]:
    def decode(text: str) -> enum.Enum:
        try:
            return kind[text]
        except KeyError:
            raise ValueError(f"Found {text!r} in parameter node but it is not in {kind}") from None

    return decode
