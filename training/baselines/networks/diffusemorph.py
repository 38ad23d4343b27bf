"""DiffuseMorph: a field of the score of a diffusion model between the images (Kim et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from SlicerLDMRegLib._monai import DiffusionModelUNet
from SlicerLDMRegLib.networks import FieldPrediction

from .field_network import FieldNetwork
from .objective import Objective
from .registration_unet import RegistrationUNet

__all__ = ["DiffuseMorph"]


class DiffuseMorph(FieldNetwork):
    """DiffuseMorph: the noise that a diffusion model sees in the fixed image guides a U-Net.

    The diffusion model predicts the noise in the fixed image given both images; its loss has weight
    1, that of the registration ``registration``. Registering asks it about the fixed image itself,
    without noise, at step 0.

    Args:
        spatial_dims: 2 or 3.
        channels: width of each level of the diffusion model.
        res_blocks: of each level.
        encoder: of the U-Net that predicts the field.
        decoder: of that U-Net.
        steps: of the diffusion, with noise rising linearly.
        noise: smallest and largest variance of a step.
        registration: weight of the terms of the registration.
        groups: of the normalisation in the diffusion model.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: Sequence[int] = (64, 128, 256, 256),
        res_blocks: int = 1,
        encoder: Sequence[int] = (64, 128, 256, 512, 1024),
        decoder: Sequence[int] = (1024, 512, 256, 128),
        steps: int = 2000,
        noise: tuple[float, float] = (1e-6, 1e-2),
        registration: float = 2.0,
        groups: int = 32,
    ) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.diffusion = DiffusionModelUNet(
            spatial_dims=spatial_dims,
            in_channels=3,
            out_channels=1,
            num_res_blocks=res_blocks,
            channels=tuple(channels),
            attention_levels=(False,) * len(channels),
            norm_num_groups=groups,
            num_head_channels=min(channels[-1], 64),
        )
        self.field = RegistrationUNet(spatial_dims, encoder, decoder)
        self.divisor = max(self.field.divisor, 2 ** (len(channels) - 1))
        self.registration = registration
        variances = torch.linspace(noise[0], noise[1], steps, dtype=torch.float64)
        kept = torch.cumprod(1 - variances, 0)
        self.register_buffer("kept", kept.float(), persistent=False)
        self.generators: Sequence[torch.Generator] | None = None

    def begin_step(
        self, number: int, steps: int, generators: Sequence[torch.Generator] | None = None
    ) -> None:
        """See :class:`FieldNetwork`; the noise of each pair is drawn by its own generator."""
        self.generators = generators

    def _noise(self, moving: Tensor, fixed: Tensor, noisy: Tensor, steps: Tensor) -> Tensor:
        predicted: Tensor = self.diffusion(torch.cat([moving, fixed, noisy], dim=1), steps)
        return predicted

    def forward(self, moving: Tensor, fixed: Tensor) -> FieldPrediction:
        """See :class:`FieldNetwork`."""
        a, b = _centred(moving), _centred(fixed)
        steps = torch.zeros(len(fixed), dtype=torch.long, device=fixed.device)
        score = self._noise(a, b, b, steps)
        return FieldPrediction(self.field(torch.cat([a, score], dim=1)))

    def losses(
        self,
        moving: Tensor,
        fixed: Tensor,
        objective: Objective,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """See :class:`FieldNetwork`; step and noise are drawn by the generators of the pairs."""
        a, b = _centred(moving), _centred(fixed)
        kept: Tensor = self.kept  # type: ignore[assignment]
        steps, noise = self._drawn(b)
        alpha = kept[steps].view(-1, *[1] * (fixed.ndim - 1))
        score = self._noise(a, b, alpha.sqrt() * b + (1 - alpha).sqrt() * noise, steps)
        field = FieldPrediction(self.field(torch.cat([a, score], dim=1)))
        terms = objective.terms(moving, fixed, field, labels)
        own = {name: self.registration * value for name, value in terms.items()}
        return {"diffusion": (score.float() - noise).square().mean(), **own}

    def _drawn(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return a diffusion step and noise for each image of a batch."""
        count, shape = len(self.kept), image.shape[1:]  # type: ignore[arg-type]
        generators = self.generators or [torch.default_generator] * len(image)
        if len(generators) != len(image):
            raise ValueError(f"expected {len(generators)} pairs, got a batch of {len(image)}")
        # On the CPU, whose generators draw the same on every machine.
        steps = torch.stack([torch.randint(0, count, (), generator=g) for g in generators])
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators])
        return steps.to(image.device), noise.to(image)


def _centred(image: Tensor) -> Tensor:
    """Bring an image from [0, 1] to [-1, 1], as diffusion models expect it."""
    return 2 * image - 1
