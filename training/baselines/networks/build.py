"""Choice of a baseline's network by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.networks.backbones.lku_net import LKUNet
from SlicerLDMRegLib.networks.backbones.transmorph import TransMorph
from SlicerLDMRegLib.networks.backbones.voxelmorph import VoxelMorph

from ...schema import AtLeast
from .backbone_network import BackboneNetwork
from .cyclemorph import CycleMorph
from .diffusemorph import DiffuseMorph
from .field_network import FieldNetwork
from .fourier_net import FourierNet
from .lapirn import ProgressiveLapIRN
from .transmatch import TransMatch

__all__ = ["BASELINE_NETWORKS", "BaselineConfig", "build_baseline"]

Name = Literal[
    "voxelmorph",
    "transmorph",
    "lku-net",
    "lapirn",
    "cyclemorph",
    "transmatch",
    "diffusemorph",
    "fourier-net",
]
_BACKBONES = ("voxelmorph", "transmorph", "lku-net")
#: Class whose parameters are the options ``arguments``, by name of the network.
BASELINE_NETWORKS: dict[str, Callable[..., Any]] = {
    "voxelmorph": VoxelMorph,
    "transmorph": TransMorph,
    "lku-net": LKUNet,
    "lapirn": ProgressiveLapIRN,
    "cyclemorph": CycleMorph,
    "transmatch": TransMatch,
    "diffusemorph": DiffuseMorph,
    "fourier-net": FourierNet,
}


@dataclass(frozen=True)
class BaselineConfig:
    """Network of a baseline.

    Args:
        name: of :data:`BASELINE_NETWORKS`.
        spatial_dims: 2 or 3.
        arguments: options of that network.
        integration_steps: of VoxelMorph, TransMorph, LKU-Net and LapIRN. 0: the displacement is
            predicted; above: a stationary velocity, integrated by that many squarings.
    """

    name: Name
    spatial_dims: Literal[2, 3] = 2
    arguments: Mapping[str, Any] = field(default_factory=dict)
    integration_steps: Annotated[int, AtLeast(0)] = 0


def build_baseline(config: BaselineConfig | Mapping[str, Any]) -> FieldNetwork:
    """Build a network with fresh weights.

    Raises:
        ModelError: for an unknown name or option.
    """
    if not isinstance(config, BaselineConfig):
        config = BaselineConfig(**config)
    name, dimension = config.name, config.spatial_dims
    if name not in BASELINE_NETWORKS:
        raise ModelError(
            f"network.name must be one of {', '.join(BASELINE_NETWORKS)}, got {name!r}"
        )
    if name in _BACKBONES:
        return BackboneNetwork(name, dimension, config.arguments, config.integration_steps)
    arguments = dict(config.arguments)
    if name == "lapirn":
        arguments["integration_steps"] = config.integration_steps
    elif config.integration_steps:
        raise ModelError(
            f"network.integration_steps: {', '.join((*_BACKBONES, 'lapirn'))} have it, {name} "
            "predicts the displacement; set it to 0"
        )
    try:
        network: FieldNetwork = BASELINE_NETWORKS[name](dimension, **arguments)
    except TypeError as error:
        raise ModelError(f"baseline {name!r}: {error}; got {dict(config.arguments)}") from error
    return network
