"""Check of a configuration's sections, at every depth, against the options that code takes.

A section is described by a dataclass or by a callable: the names, types and defaults of its
parameters are the options. A misspelt name is an error that tells the nearest one.
"""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from SlicerLDMRegLib.errors import InputError

__all__ = ["AtLeast", "check_section", "choose", "options_of"]

# Words of the papers and of other programs for our options; a hint, not another spelling.
_TERMS = {
    "lambda": "smoothness",
    "lamda": "smoothness",
    "regularisation": "smoothness",
    "lr": "learning_rate",
    "epochs": "steps",
    "iterations": "steps",
    "max_steps": "steps",
    "batch": "batch_size",
    "decay": "schedule",
    "scheduler": "schedule",
    "mse": "similarity",
    "model": "network",
    "dataset": "set",
    "path": "root",
    "folder": "root",
}
_ALIKE = 0.6  # of difflib, 0 to 1: "lamda" has 0.91 in common with "lambda", "beta" 0.44


class AtLeast:
    """Bound of a number, for ``Annotated[int, AtLeast(1)]``."""

    def __init__(self, value: float) -> None:
        self.value = value


def choose(name: str, known: Iterable[str], place: str) -> None:
    """Check a choice.

    Raises:
        InputError: naming the nearest choice.
    """
    known = list(known)
    if name not in known:
        raise InputError(
            f"{place}: expected one of {', '.join(known)}, got {name!r}{_meant(name, known)}"
        )


def options_of(
    kind: Callable[..., Any], without: Sequence[str] = ()
) -> dict[str, tuple[Any, bool]]:
    """Return type and "must be given" of each option of a dataclass or callable, by its name."""
    target: Any = kind.__init__ if inspect.isclass(kind) and not is_dataclass(kind) else kind
    hints = typing.get_type_hints(target, include_extras=True)
    return {
        name: (hints.get(name, Any), parameter.default is inspect.Parameter.empty)
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in without and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


def check_section(
    values: Any, options: Mapping[str, tuple[Any, bool]], place: str, source: str = ""
) -> None:
    """Check the keys and values of a section, and of those in it.

    Args:
        values: the section.
        options: of :func:`options_of`.
        place: its name, such as ``losses``; empty at the top.
        source: file of the configuration, for errors.

    Raises:
        InputError: for a key that does not exist, one that is missing, or a value of another kind.
    """
    start = f"{source}: " if source else ""
    if not isinstance(values, Mapping):
        raise InputError(f"{start}{place}: expected options, got {values!r}")
    for name, value in values.items():
        full = f"{place}.{name}" if place else str(name)
        if name not in options:
            known = ", ".join(options) or "none"
            raise InputError(
                f"{start}{full}: there is no such option{_meant(str(name), options)}; "
                f"{place or 'a configuration'} has {known}"
            )
        problem = _problem(options[name][0], value, full)
        if problem:
            raise InputError(f"{start}{problem}")
    for name, (_, needed) in options.items():
        if needed and name not in values:
            full = f"{place}.{name}" if place else name
            raise InputError(f"{start}{full}: expected this option, it is missing")


def _problem(hint: Any, value: Any, place: str) -> str:
    """Return what is wrong with a value; empty where nothing is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return ""
    if origin is Annotated:
        problem = _problem(arguments[0], value, place)
        least = next((a.value for a in arguments[1:] if isinstance(a, AtLeast)), None)
        if not problem and least is not None and value is not None and value < least:
            return f"{place}: expected at least {least:g}, got {value!r}"
        return problem
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return ""
        names = [str(a) for a in arguments]
        return (
            f"{place}: expected one of {', '.join(names)}, got {value!r}{_meant(str(value), names)}"
        )
    if origin in (Union, types.UnionType):
        return _problem_of_any(arguments, value, place)
    if is_dataclass(hint):
        try:
            check_section(value, options_of(hint), place)  # type: ignore[arg-type]
        except InputError as error:
            return str(error)
        return ""
    if origin is not None and issubclass(origin, Mapping):
        return _problem_of_mapping(arguments, value, place)
    if origin is not None and issubclass(origin, Sequence):
        return _problem_of_list(arguments, value, place)
    return _problem_of_plain(hint, value, place)


def _problem_of_any(kinds: Sequence[Any], value: Any, place: str) -> str:
    problems = [_problem(kind, value, place) for kind in kinds]
    if "" in problems:
        return ""
    # The most telling: of a section if it is one, else of the first kind.
    deep = [p for p in problems if not p.startswith(f"{place}:")]
    return (deep or problems)[0]


def _problem_of_mapping(kinds: Sequence[Any], value: Any, place: str) -> str:
    if not isinstance(value, Mapping):
        return f"{place}: expected values by name, got {value!r}"
    for key, entry in value.items():
        problem = kinds and (
            _problem(kinds[0], key, place) or _problem(kinds[1], entry, f"{place}.{key}")
        )
        if problem:
            return problem
    return ""


def _problem_of_list(kinds: Sequence[Any], value: Any, place: str) -> str:
    if not isinstance(value, list | tuple):
        return f"{place}: expected a list such as [1, 2], got {value!r}"
    if kinds and kinds[-1] is not Ellipsis and len(kinds) > 1 and len(kinds) != len(value):
        return f"{place}: expected {len(kinds)} values, got {len(value)}"
    for index, entry in enumerate(value):
        kind = kinds[index] if kinds and Ellipsis not in kinds and len(kinds) > 1 else None
        kind = kind if kind is not None else (kinds[0] if kinds else Any)
        problem = _problem(kind, entry, f"{place}[{index}]")
        if problem:
            return problem
    return ""


def _problem_of_plain(hint: Any, value: Any, place: str) -> str:
    words = {float: "a number", int: "an integer", bool: "true or false", str: "a text"}
    if hint is type(None):
        return "" if value is None else f"{place}: expected nothing, got {value!r}"
    if hint not in words:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = (
        number
        if hint is float
        else number and isinstance(value, int)
        if hint is int
        else isinstance(value, hint)
    )
    if good:
        return ""
    advice = ""
    if hint is float and isinstance(value, str):
        try:
            advice = f"; YAML reads it as text, write {float(value)!r} or 1.0e-4"
        except ValueError:
            advice = ""
    return f"{place}: expected {words[hint]}, got {value!r}{advice}"


def _meant(name: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest name."""
    known = list(known)
    if _TERMS.get(name.lower()) in known:
        return f"; did you mean {_TERMS[name.lower()]}?"
    near = difflib.get_close_matches(name, known, 1, _ALIKE)
    if near:
        return f"; did you mean {near[0]}?"
    terms = difflib.get_close_matches(name.lower(), _TERMS, 3, _ALIKE)
    for term in terms:
        if _TERMS[term] in known:
            return f"; did you mean {_TERMS[term]}?"
    return ""
