"""textSCF network: backbone features, read by a filter for the region of each voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError
from ...functional import integrate
from ..backbones import BackboneOutput, build_backbone
from ..prediction import FieldPrediction
from ..regions import Regions
from .config import TextSCFConfig
from .implicit_function import ImplicitFunction
from .region_filters import BlendedFilters, ResidualFilters

__all__ = ["TextSCF"]


class TextSCF(nn.Module):
    """textSCF, from a pair of images and the regions of the fixed one to the displacement field.

    The text embeddings of the regions and the filter table are buffers. Leaving training mode
    recomputes the table, so that registration does not need the implicit function; only new prompts
    do.

    Args:
        config: sizes and options.

    Raises:
        ModelError: for invalid options of the backbone.

    Example:
        >>> import torch
        >>> config = TextSCFConfig(backbone_arguments={"start_channels": 4}, regions=3,
        ...     text_channels=8, hidden_channels=16)
        >>> network = TextSCF(config).eval()
        >>> volume = torch.rand(1, 1, 16, 16, 32)
        >>> regions = Regions(torch.randint(0, 3, volume.shape))
        >>> tuple(network(volume, volume, regions=regions).displacement.shape)
        (1, 3, 16, 16, 32)
    """

    spatial_dims = 3
    embeddings: Tensor
    filters: Tensor

    def __init__(self, config: TextSCFConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TextSCFConfig()
        self.backbone = build_backbone(config.backbone, _backbone_arguments(config))
        self.divisor, self.stride = self.backbone.divisor, self.backbone.stride
        channels = self.backbone.out_channels
        self.function: ImplicitFunction | None = None
        if config.filters == "none":
            self.head: nn.Module = nn.Conv3d(channels, self.spatial_dims, 3, padding=1, bias=False)
            nn.init.normal_(self.head.weight, 0.0, 1e-5)
            return
        blended = config.filters == "blended"
        self.head = (BlendedFilters if blended else ResidualFilters)(channels, self.spatial_dims)
        self.register_buffer("embeddings", torch.zeros(config.regions, config.text_channels))
        self.register_buffer("filters", torch.zeros(config.regions, channels, self.spatial_dims))
        if config.keep_function:
            self.function = ImplicitFunction(
                config.text_channels,
                config.hidden_channels,
                channels,
                self.spatial_dims,
                config.functions,
            )

    @property
    def uses_regions(self) -> bool:
        """True if the field depends on the regions of the fixed image."""
        return self.config.filters != "none"

    def filter_table(self, embeddings: Tensor) -> Tensor:
        """Return the filters ``(n, C, 3)`` of text embeddings ``(n, text_channels)``.

        Raises:
            ModelError: without an implicit function, or for embeddings of another length.
        """
        if self.function is None:
            raise ModelError(
                "this network was stored without its implicit function and knows no new prompts; "
                "use a model that keeps it"
            )
        if embeddings.ndim != 2 or embeddings.shape[1] != self.config.text_channels:
            raise ModelError(
                f"expected embeddings (n, {self.config.text_channels}), got "
                f"{tuple(embeddings.shape)}: use the text encoder that the model was trained with"
            )
        return self.function(embeddings.to(self.embeddings))

    @torch.no_grad()
    def fold(self) -> None:
        """Compute the filter table from the stored embeddings."""
        if self.function is not None:
            self.filters.copy_(self.function(self.embeddings))

    def drop_function(self) -> None:
        """Compute the filter table and remove the implicit function."""
        self.fold()
        self.function = None

    def fuse(self) -> None:
        """Merge training-time branches of the backbone in place, for faster inference."""
        self.backbone.fuse()

    def train(self, mode: bool = True) -> TextSCF:
        """Set training or evaluation mode; evaluation recomputes the filter table."""
        super().train(mode)
        if not mode:
            self.fold()
        return self

    def forward(
        self, moving: Tensor, fixed: Tensor, seed: int = 0, regions: Regions | None = None
    ) -> FieldPrediction:
        """Register a batch of pairs.

        Args:
            moving: ``(B, 1, *S)`` in [0, 1]; sizes are multiples of ``divisor``.
            fixed: ``(B, 1, *S)`` in [0, 1].
            seed: not used: nothing is drawn at random.
            regions: of the fixed image, on its grid; None: background with confidence 0, for which
                the common filter acts alone.

        Returns:
            The displacement in voxels; with integration, also its velocity and its inverse.

        Raises:
            ValueError: for shapes that differ or are not allowed.
        """
        self._check(moving, fixed)
        field = self.field(self.backbone(moving, fixed), fixed, regions)
        displacement = self.displacement(field, fixed.shape[2:])
        if self.config.integration_steps == 0:
            return FieldPrediction(displacement)
        inverse = None if self.training else self.displacement(-field, fixed.shape[2:])
        velocity = _upsample(field, fixed.shape[2:])
        return FieldPrediction(displacement, velocity=velocity, inverse=inverse)

    def field(
        self, output: Tensor | BackboneOutput, fixed: Tensor, regions: Regions | None = None
    ) -> Tensor:
        """Return the field that the head predicts, on the grid of the features.

        Args:
            output: output of the backbone.
            fixed: ``(B, 1, *S)``, for its size.
            regions: see :meth:`forward`.

        Returns:
            Displacement, or velocity if it is integrated, ``(B, 3, *S / stride)`` in voxels of the
            images.
        """
        features, base = output if isinstance(output, BackboneOutput) else (output, None)
        if self.uses_regions:
            field = self.head(features, *self._regions(regions, fixed))
        else:
            field = self.head(features).float()
        return field if base is None else field + base.float()

    def displacement(self, field: Tensor, size: Sequence[int]) -> Tensor:
        """Return the displacement ``(B, 3, *size)`` of a predicted :meth:`field`."""
        return _upsample(self._integrate(field), size)

    def _regions(self, regions: Regions | None, fixed: Tensor) -> tuple[Regions, Tensor]:
        """Return the regions on the grid of the features, and their filters."""
        if regions is None:
            zeros = torch.zeros_like(fixed)
            regions = Regions(zeros.long(), zeros)
        filters = regions.filters
        if filters is None:
            folded = self.function is None or not self.training
            filters = self.filters if folded else self.filter_table(self.embeddings)
        # A feature at index j is centred on voxel j * stride: take the label of that voxel.
        coarse = (slice(None), slice(None), *[slice(None, None, self.stride)] * 3)
        confidence = None if regions.confidence is None else regions.confidence[coarse]
        return Regions(regions.labels[coarse], confidence), filters

    def _integrate(self, field: Tensor) -> Tensor:
        if self.config.integration_steps == 0:
            return field
        # The head predicts voxels of the images; integration needs voxels of the features.
        steps, padding = self.config.integration_steps, self.config.padding
        return integrate(field / self.stride, steps, padding) * self.stride

    def _check(self, moving: Tensor, fixed: Tensor) -> None:
        if moving.shape != fixed.shape:
            raise ValueError(
                "moving and fixed must have one shape, "
                f"got {tuple(moving.shape)} and {tuple(fixed.shape)}"
            )
        if fixed.ndim != 5 or fixed.shape[1] != 1 or any(n % self.divisor for n in fixed.shape[2:]):
            raise ValueError(
                f"textSCF on {self.config.backbone} expects volumes (B, 1, D, H, W) whose sizes "
                f"are multiples of {self.divisor}, got {tuple(fixed.shape)}; pad them"
            )


def _upsample(field: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(field.shape[2:]) == tuple(size):
        return field
    return F.interpolate(field, size=tuple(size), mode="trilinear", align_corners=False)


def _backbone_arguments(config: TextSCFConfig) -> dict[str, Any]:
    """Return the arguments of the backbone; LapIRN gets the integration steps of the network."""
    arguments = dict(config.backbone_arguments)
    if config.backbone == "lapirn":
        own = arguments.setdefault("integration_steps", config.integration_steps)
        if own != config.integration_steps:
            raise ModelError(
                "integration_steps of the LapIRN backbone must be those of the network, "
                f"{config.integration_steps}, got {own!r}; leave them out"
            )
    return arguments
