"""What a user asks for: plain data that travels as JSON between shell, worker and panel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from .options import AlignOptions, RefineOptions, check_diffeomorphic, require
from .slices import SliceSelection

__all__ = ["RegistrationRequest"]


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
        fixed_mask, moving_mask: paths of masks on the lattices of the images: they are compared
            where these are not 0.
        diffeomorphic: true: without folds also where the refinement is off; false: the network's
            own field is kept there; None: as model and refinement make it.
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
    fixed_mask: str | None = None
    moving_mask: str | None = None
    diffeomorphic: bool | None = None
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
                require(good, f.name, "text", value)
        object.__setattr__(self, "align", AlignOptions.from_value(self.align))
        object.__setattr__(self, "refine", _plain_refinement(self.refine))
        check_diffeomorphic(self.diffeomorphic, self.refine)
        for name in ("label_names", "prompts"):
            if not isinstance(getattr(self, name), str):
                object.__setattr__(self, name, _plain_names(getattr(self, name), name))
        require(isinstance(self.seed, int) and self.seed >= 0, "seed", "an integer >= 0", self.seed)
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
        require(isinstance(values, Mapping), "request", "an object", values)
        known = {f.name for f in fields(cls)}
        for name in values:
            require(name in known, "request", f"fields among {', '.join(sorted(known))}", name)
        for name in ("fixed", "moving"):
            require(name in values, "request", f"a path for {name!r}", list(values))
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
    require(isinstance(value, Mapping), name, "an object {label number: text}", value)
    for number, text in value.items():
        good = str(number).isdecimal() and isinstance(text, str)
        require(good, name, "a text for each label number", {number: text})
    return {str(int(number)): text for number, text in value.items()}
