"""Backbones: networks from a pair of volumes to one feature map.

Every backbone is called as ``backbone(moving, fixed)`` with volumes ``(B, 1, *S)`` in [0, 1] and
returns ``(B, out_channels, *S / stride)``. ``S`` must be a multiple of ``divisor``. A backbone that
also predicts a field of its own returns a :class:`BackboneOutput`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from .backbone import Backbone
from .output import BackboneOutput

__all__ = ["BACKBONES", "Backbone", "BackboneOutput", "build_backbone"]

#: Names of the backbones.
BACKBONES = ("lku-net", "voxelmorph", "transmorph", "lapirn")


def build_backbone(name: str, arguments: Mapping[str, Any]) -> Backbone:
    """Build a backbone with fresh weights.

    Args:
        name: one of :data:`BACKBONES`.
        arguments: its options.

    Raises:
        ModelError: for an unknown name or option.
    """
    try:
        if name == "lku-net":
            from .lku_net import LKUNet

            return LKUNet(**arguments)
        if name == "voxelmorph":
            from .voxelmorph import VoxelMorph

            return VoxelMorph(**arguments)
        if name == "transmorph":
            from .transmorph import TransMorph

            return TransMorph(**arguments)
        if name == "lapirn":
            from .lapirn import LapIRN

            return LapIRN(**arguments)
    except TypeError as error:
        raise ModelError(f"backbone {name!r}: {error}; got {dict(arguments)}") from error
    raise ModelError(f"unknown backbone {name!r}; known ones are {', '.join(BACKBONES)}")
