"""Options of the alignment and of the refinement, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from ..errors import InputError

__all__ = ["AlignOptions", "RefineOptions", "check_diffeomorphic", "require"]

_ALIGNMENTS = ("auto", "none", "center", "rigid", "affine")
_ALIGN_METRICS = ("auto", "mattes", "correlation")
_SIMILARITIES = ("auto", "mse", "lncc", "mind")

_T = TypeVar("_T", bound="AlignOptions | RefineOptions")


def require(good: object, name: str, expected: str, value: object) -> None:
    """Raise an InputError that names an option unless its value is good."""
    if not good:
        raise InputError(f"{name}: expected {expected}, got {value!r}")


def _is_number(value: object, minimum: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= minimum


def _from_mapping(cls: type[_T], values: Mapping[str, Any], base: _T | None = None) -> _T:
    """Return ``base`` with ``values`` replaced, refusing names that do not exist."""
    known = {f.name for f in fields(cls)}
    for name in values:
        require(name in known, cls.__name__, f"one of {', '.join(sorted(known))}", name)
    return replace(base if base is not None else cls(), **values)


@dataclass(frozen=True)
class AlignOptions:
    """How the images are brought together before the deformation.

    Args:
        method: ``none``; ``center`` (the centres of mass); ``rigid``; ``affine``; ``auto``: on one
            lattice none, or a shift where it brings much; else what the model recommends.
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
        require(self.method in _ALIGNMENTS, "align", ", ".join(_ALIGNMENTS), self.method)
        require(self.metric in _ALIGN_METRICS, "align metric", str(_ALIGN_METRICS), self.metric)
        good = isinstance(self.iterations, int) and self.iterations > 0
        require(good, "align iterations", "a positive integer", self.iterations)

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any] | AlignOptions | None) -> AlignOptions:
        """Build the options from a method's name, a mapping of fields, or None for the defaults."""
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        require(isinstance(value, Mapping), "align", "a name or AlignOptions", value)
        return _from_mapping(cls, value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RefineOptions:
    """Options of the instance optimisation, :func:`SlicerLDMRegLib.pipeline.refine_field`.

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
        require(isinstance(self.enabled, bool), "refine enabled", "true or false", self.enabled)
        known = ", ".join(_SIMILARITIES)
        require(self.similarity in _SIMILARITIES, "refine similarity", known, self.similarity)
        good = _is_number(self.learning_rate, 0) and self.learning_rate > 0
        require(good, "refine learning_rate", "a positive number", self.learning_rate)
        for name in ("similarity_weight", "max_seconds"):
            value = getattr(self, name)
            good = value is None or (_is_number(value, 0) and value > 0)
            require(good, f"refine {name}", "a positive number or None", value)
        for name in ("smoothness", "prior", "anatomy", "sigma"):
            value = getattr(self, name)
            good = _is_number(value, 0) or (name == "sigma" and value is None)
            require(good, f"refine {name}", "a number, not negative", value)
        good = isinstance(self.squarings, int) and 1 <= self.squarings <= 12
        require(good, "refine squarings", "an integer from 1 to 12", self.squarings)

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
            require(all(part.isdecimal() for part in parts), "refine", expected, value)
            return replace(base, iterations=tuple(int(part) for part in parts), enabled=True)
        require(isinstance(value, Mapping), "refine", "a bool, text or RefineOptions", value)
        given: Mapping[str, Any] = value  # type: ignore[assignment]
        # Who names an option of the refinement wants one.
        return _from_mapping(cls, {"enabled": True, **given} if given else given, base)


def check_diffeomorphic(
    value: bool | None, refine: bool | str | Mapping[str, Any] | RefineOptions | None
) -> None:
    """Check the option ``diffeomorphic`` beside what was said about the refinement.

    Raises:
        InputError: unless it is True, False or None; and for False with a refinement that was asked
            for, whose field always is diffeomorphic.
    """
    require(value is None or isinstance(value, bool), "diffeomorphic", "true, false or None", value)
    asked = refine is not None and refine != "auto" and RefineOptions.from_value(refine).enabled
    if value is False and asked:
        raise InputError(
            "diffeomorphic: false keeps the field of the network, but a refined field always is "
            "diffeomorphic; turn the refinement off (--no-refine) or leave this option out"
        )


def _iterations(value: Any) -> tuple[int, ...]:
    expected = "one to five integers, none negative, e.g. (60, 60, 40)"
    require(isinstance(value, list | tuple), "refine iterations", expected, value)
    good = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value)
    require(good and 1 <= len(value) <= 5, "refine iterations", expected, value)
    return tuple(value)
