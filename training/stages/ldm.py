"""Stage 2: latent diffusion model on frozen latents (LDM-Morph, Equations 1 to 6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from SlicerLDMRegLib.networks.ldm_morph import DenoisingUNet, LDMMorphConfig, noise_schedule
from SlicerLDMRegLib.networks.ldm_morph.autoencoder import ImageEncoder
from SlicerLDMRegLib.networks.ldm_morph.diffusion import TRAIN_STEPS

from ..config import StageConfig
from ..datasets.pairs import build_pairs, to_tensors
from .common import EMA, load_weights, optimise

__all__ = ["LDMStage"]


class LDMStage:
    """Training of the noise prediction in latents, with the frozen encoder of stage 1."""

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(
            config.data, config.steps * config.batch_size * fabric.world_size, config.seed
        )
        self.stream = pairs.stream
        validation = [to_tensors(pair, pairs.classes) for pair in pairs.validation]
        network = LDMMorphConfig.from_dict(config.network)
        encoder = ImageEncoder(network).requires_grad_(False).eval()
        load_weights(encoder, init, "encoder.")
        self.encoder = fabric.to_device(encoder)
        unet = DenoisingUNet(network)
        self.model, self.optimizer = fabric.setup(
            unet,
            torch.optim.AdamW(
                unet.parameters(), config.learning_rate, config.betas, amsgrad=bool(config.amsgrad)
            ),
        )
        self.ema = EMA(self.model.module, config.ema_decay)
        self.schedule = noise_schedule()
        images = torch.cat([torch.stack([t["fixed"], t["moving"]]) for t in validation])
        with torch.no_grad():
            self.validation = self.encoder(fabric.to_device(images))

    def _loss(self, model: torch.nn.Module, latent: Tensor, generator: torch.Generator) -> Tensor:
        steps = torch.randint(0, TRAIN_STEPS, (len(latent),), generator=generator)
        noise = torch.randn(latent.shape, generator=generator)
        steps, noise = self.fabric.to_device((steps, noise))
        noised = self.schedule.add_noise(latent.float(), noise, steps)
        with self.fabric.autocast():
            predicted = model(noised, steps)
        return F.mse_loss(predicted.float(), noise)

    def step(self, batch: dict[str, Tensor], step: int) -> dict[str, float]:
        """Do one step on moving and fixed images alike."""
        self.model.train()
        with torch.no_grad():
            latent = self.encoder(torch.cat([batch["fixed"], batch["moving"]]))
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        loss = self._loss(self.model, latent, generator)
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        self.ema.update(step)
        return {"loss": loss.item(), "latent_std": latent.std().item()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the loss on the validation latents, with fixed diffusion steps and noise."""
        model = self.ema.module.eval()
        generator = torch.Generator().manual_seed(self.config.seed)
        losses = [self._loss(model, self.validation, generator).item() for _ in range(8)]
        loss = sum(losses) / len(losses)
        return {"score": -loss, "loss": loss}

    def state(self) -> dict[str, Any]:
        """Return model, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of encoder and (averaged) U-Net, named as in ``LatentFeatures``."""
        encoder = {f"encoder.{k}": v for k, v in self.encoder.state_dict().items()}
        return encoder | {f"unet.{k}": v for k, v in self.ema.module.state_dict().items()}
