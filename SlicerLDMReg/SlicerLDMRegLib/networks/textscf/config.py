"""Sizes and options of textSCF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from ...errors import ModelError

__all__ = ["Filters", "TextSCFConfig"]

Filters = Literal["none", "blended", "residual"]
_PADDING = ("border", "zeros")


@dataclass(frozen=True)
class TextSCFConfig:
    """Architecture and options of a textSCF network.

    Args:
        backbone: name of the backbone, see :data:`~SlicerLDMRegLib.networks.backbones.BACKBONES`.
        backbone_arguments: its options.
        filters: ``"blended"``: region filters blended with a translation-invariant one by the
            confidence of the label, Equation 4; ``"residual"``: region filters plus a 3x3x3
            convolution, as in the released code; ``"none"``: the backbone with a plain head.
        regions: rows of the filter table, background included.
        text_channels: length of a text embedding.
        hidden_channels: width of the implicit function's first layer; the second is twice as wide.
        functions: 1: one implicit function for the filters of all axes, as in the paper; 3: one per
            axis, as in the released code.
        integration_steps: 0: the head predicts the displacement, as in the paper. Above 0: it
            predicts a stationary velocity field, integrated by that many squarings at the
            resolution of the features (diffeomorphic).
        padding: of the fields in the integration: ``"border"``, or ``"zeros"`` as released.
        keep_function: whether to keep the implicit function; without it the network is smaller but
            cannot take new prompts.
    """

    backbone: str = "lku-net"
    backbone_arguments: Mapping[str, Any] = field(default_factory=dict)
    filters: Filters = "blended"
    regions: int = 36
    text_channels: int = 768
    hidden_channels: int = 2048
    functions: int = 1
    integration_steps: int = 0
    padding: Literal["border", "zeros"] = "border"
    keep_function: bool = True

    def __post_init__(self) -> None:
        for name, choices in (
            ("filters", get_args(Filters)),
            ("functions", (1, 3)),
            ("padding", _PADDING),
        ):
            if getattr(self, name) not in choices:
                raise ModelError(f"{name} must be one of {choices}, got {getattr(self, name)!r}")
        for name, least in (
            ("regions", 1),
            ("text_channels", 1),
            ("hidden_channels", 1),
            ("integration_steps", 0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ModelError(f"{name} must be an integer of at least {least}, got {value!r}")

    @classmethod
    def from_dict(cls, arguments: Mapping[str, Any]) -> TextSCFConfig:
        """Build a configuration from JSON values.

        Raises:
            ModelError: for an unknown option.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(arguments) - known)
        if unknown:
            raise ModelError(f"unknown textSCF options {unknown}; known ones are {sorted(known)}")
        return cls(**arguments)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {**asdict(self), "backbone_arguments": dict(self.backbone_arguments)}
