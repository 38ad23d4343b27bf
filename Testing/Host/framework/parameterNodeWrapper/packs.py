"""Parameter packs: several values under one name."""

from __future__ import annotations

import typing
from typing import Any

import slicer

from .annotations import Default, IsInstance, NotNone, first, plain
from .codec import Codec
from .codecs import codec_for, pack_codecs

__all__ = ["FloatRange", "Parameter", "isParameterPack", "nestedParameterNames", "parameterPack"]


class Parameter:
    """A member of a pack or of a parameter node."""

    def __init__(self, cls: type, name: str, annotated: Any) -> None:
        self.basename, self.unalteredType = name, annotated
        self.serializer, rest = codec_for(annotated)
        given = first(rest, Default)
        if hasattr(cls, name):
            given = Default(getattr(cls, name))
        self.default = given if given is not None else Default(self.serializer.default())


def members(cls: type) -> dict[str, Parameter]:
    """The annotated members of a class."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: Parameter(cls, name, hint) for name, hint in hints.items()}


def reserve(cls: type, **methods: Any) -> None:
    """Give a class methods whose names must be free.

    Raises:
        ValueError: when the class has one of the names.
    """
    for name, method in methods.items():
        if hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name '{name}' in {cls.__name__}")
        setattr(cls, name, method)


def isParameterPack(obj: Any) -> bool:
    """Whether a class, or the class of an object, is a parameter pack."""
    return bool(getattr(obj, "_is_parameterPack", False))


def parameterPack(classtype: Any = None) -> Any:
    """Class decorator: make a class whose annotated members are stored under one name."""
    return _make_pack if classtype is None else _make_pack(classtype)


def _make_pack(cls: Any) -> Any:
    parameters = members(cls)
    if not parameters:
        raise ValueError("Unable to find any members in parameterPack")
    for name, parameter in parameters.items():
        try:
            parameter.serializer.validate(parameter.default.value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The default of '{name}' is not valid: {error}") from None
        setattr(cls, name, _member_property(name))
    own_init = cls.__dict__.get("__init__")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "_store", None)
        object.__setattr__(self, "_values", {n: p.default.value for n, p in parameters.items()})
        if own_init is not None:
            own_init(self, *args, **kwargs)
            return
        for name, value in {**dict(zip(parameters, args, strict=False)), **kwargs}.items():
            if name not in parameters:
                raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")
            setattr(self, name, value)

    cls.__init__ = __init__
    if "__eq__" not in cls.__dict__:
        cls.__eq__ = lambda self, other: (
            isinstance(other, type(self)) and self._values == other._values
        )
        cls.__hash__ = None
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = lambda self: f"{cls.__name__}({self._values})"
    reserve(
        cls,
        allParameters=parameters,
        _is_parameterPack=True,
        getValue=lambda self, name: _follow(self, name),
        setValue=_set_value,
        dataType=staticmethod(lambda name: data_type(parameters, name)),
    )
    return cls


def _member_property(name: str) -> property:
    def read(self: Any) -> Any:
        return self._values[name]

    def write(self: Any, value: Any) -> None:
        self.allParameters[name].serializer.validate(value)
        self._values[name] = value
        if self._store is not None:
            self._store(self)

    return property(read, write)


def _follow(pack: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        if not hasattr(pack, name):
            raise ValueError(f"{pack} has no member '{name}'")
        pack = getattr(pack, name)
    return pack


def _set_value(self: Any, dotted: str, value: Any) -> None:
    owner, _, name = dotted.rpartition(".")
    target = _follow(self, owner) if owner else self
    if not hasattr(target, name):
        raise ValueError(f"{target} has no member '{name}'")
    setattr(target, name, value)


def data_type(parameters: dict[str, Parameter], dotted: str) -> Any:
    """The annotated type of a parameter, whose name may lead into packs."""
    name, _, rest = dotted.partition(".")
    if name not in parameters:
        raise ValueError(f"Cannot find a param with the given name: {name}")
    kind = parameters[name].unalteredType
    if not rest:
        return kind
    if not isParameterPack(plain(kind)):
        raise ValueError(f"'{name}' is no parameter pack and has no '{rest}'")
    return data_type(plain(kind).allParameters, rest)


def nestedParameterNames(pack: Any) -> list[str]:
    """The names of a pack's values; those of packs within it with dots."""
    names: list[str] = []
    for name, parameter in plain(pack).allParameters.items():
        kind = plain(parameter.unalteredType)
        inner = nestedParameterNames(kind) if isParameterPack(kind) else None
        names += [name] if inner is None else [f"{name}.{part}" for part in inner]
    return names


class _PackCodec(Codec):
    """Stores each member under ``<name>.<member>``."""

    def __init__(self, cls: Any) -> None:
        super().__init__([NotNone(), IsInstance(cls)])
        self._cls = cls

    def default(self) -> Any:
        return self._cls()

    def has(self, node: Any, name: str) -> bool:
        member, parameter = next(iter(self._cls.allParameters.items()))
        return bool(parameter.serializer.has(node, f"{name}.{member}"))

    def store(self, node: Any, name: str, value: Any) -> None:
        for member, parameter in self._cls.allParameters.items():
            parameter.serializer.write(node, f"{name}.{member}", value._values[member])

    def read(self, node: Any, name: str) -> Any:
        pack = self._cls()
        for member, parameter in self._cls.allParameters.items():
            pack._values[member] = parameter.serializer.read(node, f"{name}.{member}")
        object.__setattr__(pack, "_store", lambda changed: self.write(node, name, changed))
        return pack

    def write(self, node: Any, name: str, value: Any) -> None:
        self.validate(value)
        with slicer.util.NodeModify(node):
            self.store(node, name, value)

    def remove(self, node: Any, name: str) -> None:
        for member, parameter in self._cls.allParameters.items():
            parameter.serializer.remove(node, f"{name}.{member}")


pack_codecs.append(lambda kind: _PackCodec(kind) if isParameterPack(kind) else None)


@parameterPack
class FloatRange:
    """Two numbers in order."""

    _minimum: float
    _maximum: float

    def __init__(self, minimum: float = 0, maximum: float = 0) -> None:
        self.setRange(minimum, maximum)

    def setRange(self, minimum: float, maximum: float) -> None:
        if minimum > maximum:
            raise ValueError(f"FloatRange must have minimum <= maximum: {minimum} <= {maximum}")
        self._minimum, self._maximum = minimum, maximum

    @property
    def minimum(self) -> float:
        return self._minimum

    @minimum.setter
    def minimum(self, value: float) -> None:
        self.setRange(value, self._maximum)

    @property
    def maximum(self) -> float:
        return self._maximum

    @maximum.setter
    def maximum(self, value: float) -> None:
        self.setRange(self._minimum, value)
