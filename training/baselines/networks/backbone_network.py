"""VoxelMorph, TransMorph, LKU-Net and LapIRN: the backbones of textSCF with a plain head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import integrate
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.networks.backbones import BackboneOutput, build_backbone
from SlicerLDMRegLib.networks.backbones.layers import convolution, interpolation

from .field_network import FieldNetwork

__all__ = ["BackboneNetwork"]


class BackboneNetwork(FieldNetwork):
    """A backbone with a convolution that predicts the field, in voxels of the images.

    Args:
        name: of :data:`~SlicerLDMRegLib.networks.backbones.BACKBONES`.
        spatial_dims: 2 or 3.
        arguments: options of the backbone.
        integration_steps: 0: the head predicts the displacement. Above 0: a stationary velocity,
            integrated by that many squarings.

    Raises:
        ModelError: for unknown options.
    """

    def __init__(
        self,
        name: str,
        spatial_dims: int,
        arguments: Mapping[str, Any] | None = None,
        integration_steps: int = 0,
    ) -> None:
        super().__init__()
        options = {**(arguments or {}), "spatial_dims": spatial_dims}
        if name == "lapirn":
            options["integration_steps"] = integration_steps
        self.backbone = build_backbone(name, options)
        self.spatial_dims = spatial_dims
        self.divisor, self.stride = self.backbone.divisor, self.backbone.stride
        self.integration_steps = integration_steps
        if integration_steps < 0:
            raise ModelError(f"integration_steps must not be negative, got {integration_steps}")
        self.head = convolution(spatial_dims)(
            self.backbone.out_channels, spatial_dims, 3, padding=1, bias=False
        )
        # Training starts at the identity.
        nn.init.normal_(self.head.weight, 0.0, 1e-5)

    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """See :class:`FieldNetwork`."""
        output = self.backbone(moving, fixed)
        features, base = output if isinstance(output, BackboneOutput) else (output, None)
        field = self.head(features).float()
        field = field if base is None else field + base
        if not self.integration_steps:
            return FieldPrediction(self._whole(field, fixed))
        # The head predicts voxels of the images; integration needs voxels of the features.
        displacement = integrate(field / self.stride, self.integration_steps) * self.stride
        return FieldPrediction(self._whole(displacement, fixed), self._whole(field, fixed))

    def _whole(self, field: Tensor, fixed: Tensor) -> Tensor:
        size = fixed.shape[2:]
        if field.shape[2:] == size:
            return field
        return F.interpolate(field, size=size, mode=interpolation(field), align_corners=False)
