"""Options of the alignment and of the refinement, checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from .._printable import shown
from ..errors import InputError

__all__ = [
    "AlignOptions",
    "RefineOptions",
    "check_landmark_use",
    "check_register_by",
    "chosen_refinement",
    "require",
    "require_compute",
]

_ALIGNMENTS = ("auto", "none", "center", "rigid", "affine")
_ALIGN_METRICS = ("auto", "mattes", "correlation")
_SIMILARITIES = ("auto", "mse", "lncc", "mind", "mind-lncc")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(?::[0-9]{1,4})?")
_LARGEST = 1e9  # of any number or count: a day has 1e5 seconds
_MOST_ITERATIONS, _DIGITS = 1_000_000, 8
_PRECISIONS = ("auto", "float32", "bfloat16")
_REGISTER_BY = ("images", "labels", "both")
_LANDMARK_USES = ("measure", "hold", "start", "start+hold")

_T = TypeVar("_T", bound="AlignOptions | RefineOptions")


def require(good: object, option: str, expected: str, value: object) -> None:
    """Raise an InputError that names an option unless its value is good."""
    if not good:
        raise InputError(f"expected {expected}, got {shown(value)}", option=option)


def require_compute(device: object, precision: object) -> None:
    """Check the names of a device and of a precision; whether the device is there is not known."""
    good = isinstance(device, str) and _DEVICE.fullmatch(device)
    require(good, "device", "auto, cpu, cuda, cuda:N or mps", device)
    known = isinstance(precision, str) and precision in _PRECISIONS
    require(known, "precision", "auto, float32 or bfloat16", precision)


def check_register_by(value: object) -> None:
    """Check what a registration goes by."""
    require(value in _REGISTER_BY, "register_by", ", ".join(_REGISTER_BY), value)


def check_landmark_use(use: object, tolerance_mm: object) -> None:
    """Check what landmarks are for, and how exact they are."""
    require(use in _LANDMARK_USES, "landmark_use", ", ".join(_LANDMARK_USES), use)
    good = _is_number(tolerance_mm, 0) and tolerance_mm > 0  # type: ignore[operator]
    require(good, "landmark_mm", "a positive number of mm", tolerance_mm)


def _is_number(value: object, minimum: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and minimum <= value <= _LARGEST  # type: ignore[operator]


def _with(options: _T, values: Mapping[str, Any], option: str) -> _T:
    """Return options with some values replaced, refusing names that do not exist."""
    known = ", ".join(f.name for f in fields(options))
    require(isinstance(values, Mapping), option, f"an object with some of {known}", values)
    for name in values:
        require(name in known.split(", "), option, f"one of {known}", name)
    return replace(options, **values)


@dataclass(frozen=True)
class AlignOptions:
    """Options of the alignment before the deformation.

    Args:
        method: ``none``; ``center`` (the centres of mass); ``rigid``; ``affine``; ``auto``: on one
            lattice none, or a shift, turn or size where it brings much; slice by slice none; else
            what the model recommends. Rigid and affine keep the best that was found on the way to
            them, at least the coordinates of the images.
        metric: ``mattes`` mutual information (any contrasts), ``correlation`` (equal contrasts), or
            ``auto``, which is mattes.
        iterations: at most, on each of the finer resolution levels.

    Raises:
        InputError: for a value that is none of these.
    """

    method: str = "auto"
    metric: str = "auto"
    iterations: int = 200

    def __post_init__(self) -> None:
        require(self.method in _ALIGNMENTS, "align", ", ".join(_ALIGNMENTS), self.method)
        known = ", ".join(_ALIGN_METRICS)
        require(self.metric in _ALIGN_METRICS, "align.metric", known, self.metric)
        good = isinstance(self.iterations, int) and 0 < self.iterations <= _MOST_ITERATIONS
        require(good, "align.iterations", "a positive integer", self.iterations)

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any] | AlignOptions | None) -> AlignOptions:
        """Build the options from a method's name, a mapping of fields, or None for the defaults."""
        if isinstance(value, cls):
            return value
        if value is None or isinstance(value, str):
            return cls() if value is None else cls(value)
        require(isinstance(value, Mapping), "align", "a name or AlignOptions", value)
        return _with(cls(), value, "align")  # type: ignore[arg-type]


# Of the refinement, by the dimension of the images. With twice as many the mean Dice of 30 cine MR
# pairs is 0.938 instead of 0.937, of 20 echo pairs 0.954 with either, of 12 hippocampi 0.797
# instead of 0.796; with half as many it is 0.935, 0.953 and 0.784.
_ITERATIONS = {2: (30, 30, 20), 3: (40, 40, 30)}


@dataclass(frozen=True)
class RefineOptions:
    """Options of the instance optimisation, :func:`SlicerLDMRegLib.pipeline.refine_field`.

    Args:
        enabled: False leaves the network's field as it is.
        similarity: ``mse``, ``lncc``, ``mind``, ``mind-lncc`` (MIND on the coarse levels, LNCC on
            the last one) or ``auto`` (by the images).
        iterations: at most, for each resolution level from coarse to fine, also as text such as
            ``"40,40,30"``; the last level is the full lattice and each one before it has half the
            resolution. None: those of :meth:`iterations_in`.
        learning_rate: of Adam, in voxels.
        similarity_weight: factor of the similarity; None: one that suits it.
        smoothness: factor of the diffusion regulariser.
        prior: where the model says that the images are like its training images, its field is
            trusted: the regulariser, with this factor, holds the change of that field instead; 0:
            it is where the refinement starts, and no more.
        anatomy: factor of the overlap of the structures that a segmenter finds in both images, and
            of labels that drive a registration; 0: only the intensities count.
        sigma: of the Gaussian on every update of the velocity, in voxels of the level; None: 2.5 in
            the plane, 1.5 in volumes.
        squarings: of the exponential map on the full lattice; fewer where voxels are larger.
        max_seconds: the optimisation stops after this time; None: no limit.

    Raises:
        InputError: for a value out of range.
    """

    enabled: bool = True
    similarity: str = "auto"
    iterations: tuple[int, ...] | None = None
    learning_rate: float = 0.5
    similarity_weight: float | None = None
    smoothness: float = 0.05
    prior: float = 1.0
    anatomy: float = 0.0
    sigma: float | None = None
    squarings: int = 6
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.iterations is not None:
            object.__setattr__(self, "iterations", _iterations(self.iterations))
        require(isinstance(self.enabled, bool), "refine.enabled", "true or false", self.enabled)
        known = ", ".join(_SIMILARITIES)
        require(self.similarity in _SIMILARITIES, "refine.similarity", known, self.similarity)
        good = _is_number(self.learning_rate, 0) and self.learning_rate > 0
        require(good, "refine.learning_rate", "a positive number", self.learning_rate)
        for name in ("similarity_weight", "max_seconds"):
            value = getattr(self, name)
            good = value is None or (_is_number(value, 0) and value > 0)
            require(good, f"refine.{name}", "a positive number or None", value)
        for name in ("smoothness", "prior", "anatomy", "sigma"):
            value = getattr(self, name)
            good = _is_number(value, 0) or (name == "sigma" and value is None)
            require(good, f"refine.{name}", "a number, not negative", value)
        good = isinstance(self.squarings, int) and 1 <= self.squarings <= 12
        require(good, "refine.squarings", "an integer from 1 to 12", self.squarings)

    def iterations_in(self, dimension: int) -> tuple[int, ...]:
        """Return the numbers of iterations for images with 2 or 3 axes."""
        return _ITERATIONS[dimension] if self.iterations is None else self.iterations

    def similarity_of_level(self, last: bool) -> str:
        """Return the similarity of the last level, or of those before it."""
        if self.similarity != "mind-lncc":
            return self.similarity
        return "lncc" if last else "mind"

    @classmethod
    def recommended(cls, choice: Mapping[str, Any], defaults: Mapping[str, Any]) -> RefineOptions:
        """Build the options from what was chosen, over what a model card recommends.

        Raises:
            InputError: for a name that does not exist, or a value out of range.
        """
        return _with(_with(cls(), defaults, "refine"), choice, "refine")


def chosen_refinement(
    value: bool | str | Mapping[str, Any] | RefineOptions | None,
) -> dict[str, Any]:
    """Return what a user says about the refinement, as fields of :class:`RefineOptions`.

    Fields that are not named are left to the model.

    Args:
        value: None or ``"auto"``: nothing; True or ``"on"``: enabled; False or ``"off"``: not;
            numbers of iterations such as ``"40,40,30"``, or a mapping of fields, which enables as
            well; or complete options.

    Raises:
        InputError: for anything else.
    """
    switches = {"auto": {}, "on": {"enabled": True}, "off": {"enabled": False}}
    if isinstance(value, RefineOptions):
        chosen: dict[str, Any] = asdict(value)
    elif value is None or isinstance(value, bool):
        chosen = {} if value is None else {"enabled": value}
    elif isinstance(value, str) and value in switches:
        chosen = switches[value]
    elif isinstance(value, str):
        chosen = {"enabled": True, "iterations": value}
    else:
        require(isinstance(value, Mapping), "refine", "a bool, text or RefineOptions", value)
        # An option of the refinement is named by those who want one.
        chosen = {"enabled": True, **value} if value else {}
    options = RefineOptions.recommended(chosen, {})
    chosen = {name: getattr(options, name) for name in chosen}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in chosen.items()}


def _iterations(value: Any) -> tuple[int, ...]:
    expected = "one to five integers, none negative, such as 40,40,30"
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        good = all(part.isdecimal() and len(part) < _DIGITS for part in parts)
        require(good, "refine.iterations", expected, value)
        value = [int(part) for part in parts]
    require(isinstance(value, list | tuple), "refine.iterations", expected, value)
    good = all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    good = good and all(0 <= n <= _MOST_ITERATIONS for n in value)
    require(good and 1 <= len(value) <= 5, "refine.iterations", expected, value)
    return tuple(value)
