"""What a user asks for: plain data that travels as JSON between shell, worker and panel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError
from .slices import SliceSelection

__all__ = ["AlignOptions", "RefineOptions", "RegistrationRequest"]

_ALIGNMENTS = ("auto", "none", "center", "rigid", "affine")
_ALIGN_METRICS = ("auto", "mattes", "correlation")
_SIMILARITIES = ("auto", "mse", "lncc", "mind")

_T = TypeVar("_T", bound="AlignOptions | RefineOptions")


def _require(good: object, name: str, expected: str, value: object) -> None:
    if not good:
        raise InputError(f"{name}: expected {expected}, got {value!r}")


def _is_number(value: object, minimum: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= minimum


def _from_mapping(cls: type[_T], values: Mapping[str, Any], base: _T | None = None) -> _T:
    """Return ``base`` with ``values`` replaced, refusing names that do not exist."""
    known = {f.name for f in fields(cls)}
    for name in values:
        _require(name in known, cls.__name__, f"one of {', '.join(sorted(known))}", name)
    return replace(base if base is not None else cls(), **values)


@dataclass(frozen=True)
class AlignOptions:
    """How the images are brought together before the deformation.

    Args:
        method: ``none``; ``center`` (the centres of mass); ``rigid``; ``affine``; ``auto``: on one
            lattice none, or a shift where it brings much; else rigid.
        metric: ``mattes`` mutual information (any contrasts), ``correlation`` (equal contrasts), or
            ``auto``, which is mattes.
        iterations: at most, on each of the resolution levels.

    Raises:
        InputError: for a value that is none of these.
    """

    method: str = "auto"
    metric: str = "auto"
    iterations: int = 200

    def __post_init__(self) -> None:
        _require(self.method in _ALIGNMENTS, "align", ", ".join(_ALIGNMENTS), self.method)
        _require(self.metric in _ALIGN_METRICS, "align metric", str(_ALIGN_METRICS), self.metric)
        good = isinstance(self.iterations, int) and self.iterations > 0
        _require(good, "align iterations", "a positive integer", self.iterations)

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any] | AlignOptions | None) -> AlignOptions:
        """Build the options from a method's name, a mapping of fields, or None for the defaults."""
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        _require(isinstance(value, Mapping), "align", "a name or AlignOptions", value)
        return _from_mapping(cls, value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RefineOptions:
    """Options of the instance optimisation, :func:`SlicerLDMRegLib.pipeline.refine`.

    Args:
        enabled: False leaves the network's field as it is.
        similarity: ``mse``, ``lncc``, ``mind`` or ``auto`` (by the images).
        iterations: at most, for each resolution level from coarse to fine; the last level is the
            full lattice and each one before it has half the resolution.
        learning_rate: of Adam, in voxels.
        similarity_weight: factor of the similarity; None: one that suits it.
        smoothness: factor of the diffusion regulariser.
        prior: where the model says that the images are like its training images, its field is
            trusted: the regulariser, with this factor, holds the change of that field instead.
        anatomy: factor of the overlap of the regions of both images, where there are regions; 0:
            only the intensities count.
        sigma: of the Gaussian on every update of the velocity, in voxels of the level; None: 2.5 in
            the plane, 1.5 in volumes.
        squarings: of the exponential map.
        max_seconds: the optimisation stops after this time; None: no limit.

    Raises:
        InputError: for a value out of range.
    """

    enabled: bool = True
    similarity: str = "auto"
    iterations: tuple[int, ...] = (60, 60, 40)
    learning_rate: float = 0.5
    similarity_weight: float | None = None
    smoothness: float = 0.05
    prior: float = 1.0
    anatomy: float = 0.0
    sigma: float | None = None
    squarings: int = 6
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "iterations", _iterations(self.iterations))
        _require(isinstance(self.enabled, bool), "refine enabled", "true or false", self.enabled)
        known = ", ".join(_SIMILARITIES)
        _require(self.similarity in _SIMILARITIES, "refine similarity", known, self.similarity)
        good = _is_number(self.learning_rate, 0) and self.learning_rate > 0
        _require(good, "refine learning_rate", "a positive number", self.learning_rate)
        for name in ("similarity_weight", "max_seconds"):
            value = getattr(self, name)
            good = value is None or (_is_number(value, 0) and value > 0)
            _require(good, f"refine {name}", "a positive number or None", value)
        for name in ("smoothness", "prior", "anatomy", "sigma"):
            value = getattr(self, name)
            good = _is_number(value, 0) or (name == "sigma" and value is None)
            _require(good, f"refine {name}", "a number, not negative", value)
        good = isinstance(self.squarings, int) and 1 <= self.squarings <= 12
        _require(good, "refine squarings", "an integer from 1 to 12", self.squarings)

    @classmethod
    def from_value(
        cls,
        value: bool | str | Mapping[str, Any] | RefineOptions | None,
        defaults: Mapping[str, Any] | None = None,
    ) -> RefineOptions:
        """Build the options from what a user gives.

        Args:
            value: None or ``"auto"``: the defaults; True or ``"on"``: the defaults, enabled; False
                or ``"off"``: no refinement; numbers of iterations such as ``"60,60,40"``; a mapping
                of fields, which enables as well; or the options.
            defaults: fields that the model card recommends; options that are given as an object
                are taken as they are.

        Raises:
            InputError: for anything else.
        """
        if isinstance(value, cls):
            return value
        base = _from_mapping(cls, defaults or {})
        if value is None or value == "auto":
            return base
        if value is True or value == "on":
            return replace(base, enabled=True)
        if value is False or value == "off":
            return replace(base, enabled=False)
        if isinstance(value, str):
            parts = [part.strip() for part in value.split(",")]
            expected = "on, off, or numbers of iterations such as 60,60,40"
            _require(all(part.isdecimal() for part in parts), "refine", expected, value)
            return replace(base, iterations=tuple(int(part) for part in parts), enabled=True)
        _require(isinstance(value, Mapping), "refine", "a bool, text or RefineOptions", value)
        given: Mapping[str, Any] = value  # type: ignore[assignment]
        # Who names an option of the refinement wants one.
        return _from_mapping(cls, {"enabled": True, **given} if given else given, base)


def _iterations(value: Any) -> tuple[int, ...]:
    expected = "one to five integers, none negative, e.g. (60, 60, 40)"
    _require(isinstance(value, list | tuple), "refine iterations", expected, value)
    good = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value)
    _require(good and 1 <= len(value) <= 5, "refine iterations", expected, value)
    return tuple(value)


@dataclass(frozen=True)
class RegistrationRequest:
    """One registration of files, as plain data; :func:`register_request` runs it.

    Its fields are the arguments of :func:`register`, with paths in place of images, and ``output``.

    Args:
        fixed: path of the fixed image.
        moving: path of the moving image.
        model: ``auto``, ``none``, the id of a model, or the path of a model folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``, of the network.
        align: the pre-alignment.
        initial_transform: path of an ITK transform, fixed points to moving points.
        refine: the refinement: true or false, or some options by name, which leave the others to
            the model; None: what the model recommends.
        fixed_labels, moving_labels: paths of label maps on the lattices of the images.
        fixed_landmarks, moving_landmarks: paths of corresponding points.
        fixed_segmentation: path of the labels of the fixed image that guide the model, ``auto`` or
            ``none``.
        label_names: path of a JSON file, the name of a known scheme, or names by label number.
        segmenter: ``auto``, ``none``, the id of a model, or a path.
        prompts: structures in words, by label number.
        slices: ``[AXIS:]WHICH``, to register a volume slice by slice.
        seed: of everything random.
        output: directory of the results; None: nothing is written.

    Raises:
        InputError: naming the field, for a value that cannot be.
    """

    fixed: str
    moving: str
    model: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    align: AlignOptions = field(default_factory=AlignOptions)
    initial_transform: str | None = None
    refine: bool | dict[str, Any] | None = None
    fixed_labels: str | None = None
    moving_labels: str | None = None
    fixed_landmarks: str | None = None
    moving_landmarks: str | None = None
    fixed_segmentation: str | None = None
    label_names: str | dict[str, str] | None = None
    segmenter: str = "auto"
    prompts: dict[str, str] | None = None
    slices: str | None = None
    seed: int = 0
    output: str | None = None

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            kinds = str(f.type).split(" | ")
            if isinstance(value, Path):
                object.__setattr__(self, f.name, str(value))
            elif "str" in kinds and not isinstance(value, Mapping):
                good = isinstance(value, str) or (value is None and "None" in kinds)
                _require(good, f.name, "text", value)
        object.__setattr__(self, "align", AlignOptions.from_value(self.align))
        object.__setattr__(self, "refine", _plain_refinement(self.refine))
        for name in ("label_names", "prompts"):
            if not isinstance(getattr(self, name), str):
                object.__setattr__(self, name, _plain_names(getattr(self, name), name))
        _require(
            isinstance(self.seed, int) and self.seed >= 0, "seed", "an integer >= 0", self.seed
        )
        if self.slices is not None:
            SliceSelection.parse(self.slices)

    def to_dict(self) -> dict[str, Any]:
        """Return the request as a nested dict that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegistrationRequest:
        """Build a request from a nested dict.

        Raises:
            InputError: for an unknown field, a missing image, or a value out of range.
        """
        _require(isinstance(values, Mapping), "request", "an object", values)
        known = {f.name for f in fields(cls)}
        for name in values:
            _require(name in known, "request", f"fields among {', '.join(sorted(known))}", name)
        for name in ("fixed", "moving"):
            _require(name in values, "request", f"a path for {name!r}", list(values))
        return cls(**values)

    def to_json(self) -> str:
        """Return the request as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RegistrationRequest:
        """Read a request from JSON text.

        Raises:
            InputError: when the text is not JSON or not a request.
        """
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputError(f"request: expected JSON, got an error: {error}") from error


def _plain_refinement(value: Any) -> bool | dict[str, Any] | None:
    """Return what was said about the refinement; what was not said is left to the model."""
    RefineOptions.from_value(value)  # a wrong option is told at once
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in ("on", "auto", "off"):
            return None if value == "auto" else value == "on"
        return {"iterations": [int(part) for part in value.split(",")], "enabled": True}
    given = asdict(value) if isinstance(value, RefineOptions) else value
    return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}


def _plain_names(value: Any, name: str) -> dict[str, str] | None:
    """Return texts by label number, which is text in JSON."""
    if value is None:
        return None
    _require(isinstance(value, Mapping), name, "an object {label number: text}", value)
    for number, text in value.items():
        good = str(number).isdecimal() and isinstance(text, str)
        _require(good, name, "a text for each label number", {number: text})
    return {str(int(number)): text for number, text in value.items()}
