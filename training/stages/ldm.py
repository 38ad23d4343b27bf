"""Stage 2: latent diffusion model on frozen latents (LDM-Morph, Equations 1 to 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from SlicerLDMRegLib.networks.ldm_morph import DenoisingUNet, noise_schedule
from SlicerLDMRegLib.networks.ldm_morph.autoencoder import ImageEncoder
from SlicerLDMRegLib.networks.ldm_morph.diffusion import TRAIN_STEPS

from ..config import StageConfig
from ..datasets.pairs import build_pairs, to_tensors
from ..loop import Step
from ..panels import image_panel
from ..randomness import item_generators, item_noise
from .common import EMA, holds, load_weights, optimise, read_weights, stream_length
from .latent_scale import SCALE, measured_scale, network_config

__all__ = ["LDMStage"]

_FEATURES, _REGISTRATION = "latent_features.", "registration."  # names within a whole model
_FIRST_VALIDATION = 100  # purpose of the first validation's random numbers


class LDMStage:
    """Training of the noise prediction in latents, with the frozen encoder of stage 1.

    With ``network.latent_scale: data`` the latents are scaled to a standard deviation of 1 on the
    training images, as latent diffusion models do. Those of LDM-Morph's autoencoder are far below
    it, so that the noise of the first steps is no small part of them.

    Weights of a whole model are a start, too: the U-Net goes on from its own, and its registration
    network is handed on to stage 3 as it is.
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(config.data, stream_length(config, fabric), config.seed)
        self.stream = pairs.stream
        validation = [to_tensors(pair, pairs.classes) for pair in pairs.validation]
        network = network_config(config.network)
        encoder = ImageEncoder(network).requires_grad_(False).eval()
        is_whole = holds(init, _REGISTRATION)
        self.prefix = _FEATURES if is_whole else ""
        load_weights(encoder, init, f"{self.prefix}encoder.")
        self.encoder = fabric.to_device(encoder)
        self.scale = network.latent_scale
        if config.network.get("latent_scale") == "data":
            self.scale = measured_scale(self._encode, self.stream)
            config.network = {**config.network, "latent_scale": self.scale}
        unet = DenoisingUNet(network)
        self.registration: dict[str, Tensor] = {}
        if is_whole:
            load_weights(unet, init, f"{self.prefix}unet.")
            found = read_weights(init)
            self.registration = {k: v for k, v in found.items() if k.startswith(_REGISTRATION)}
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
            self.validation = self.scale * self._encode(images)

    def _encode(self, images: Tensor) -> Tensor:
        return self.encoder(self.fabric.to_device(images))

    def _loss(
        self, model: torch.nn.Module, latent: Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        drawn = [torch.randint(0, TRAIN_STEPS, (), generator=g) for g in generators]
        steps, noise = torch.stack(drawn), item_noise(latent.shape[1:], generators)
        steps, noise = self.fabric.to_device((steps, noise))
        noised = self.schedule.add_noise(latent.float(), noise, steps)
        with self.fabric.autocast():
            predicted = model(noised, steps)
        return F.mse_loss(predicted.float(), noise)

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on moving and fixed images alike."""
        self.model.train()
        with torch.no_grad():
            latent = self.scale * self._encode(torch.cat([batch["fixed"], batch["moving"]]))
        # Both images of a pair have noise of their own.
        generators = [
            g for image in (0, 1) for g in item_generators(self.config.seed, batch["item"], image)
        ]
        loss = self._loss(self.model, latent, generators)
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        self.ema.update(step)
        return {"loss": loss.item(), "latent_std": latent.std().item()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the loss on the validation latents, with fixed diffusion steps and noise."""
        model = self.ema.module.eval()
        images = range(len(self.validation))
        losses = [
            self._loss(model, self.validation, item_generators(self.config.seed, images, d)).item()
            for d in range(_FIRST_VALIDATION, _FIRST_VALIDATION + 8)
        ]
        loss = sum(losses) / len(losses)
        return {"score": -loss, "loss": loss}

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the first validation latent, noised half-way, and what the U-Net makes of it."""
        model = self.ema.module.eval()
        latent = self.validation[:1].float()
        noise = item_noise(latent.shape[1:], item_generators(self.config.seed, [0], 0))
        noise, step = self.fabric.to_device((noise, torch.tensor([TRAIN_STEPS // 2])))
        noised = self.schedule.add_noise(latent, noise, step)
        alpha = self.schedule.alphas_cumprod[TRAIN_STEPS // 2].to(latent)
        with self.fabric.autocast():
            predicted = model(noised, step).float()
        clean = (noised - (1 - alpha).sqrt() * predicted) / alpha.sqrt()
        low, high = latent.amin(), latent.amax()
        shown = [(z[0, 0] - low) / (high - low).clamp(min=1e-6) for z in (latent, noised, clean)]
        return {"denoising": image_panel(*shown)}

    def state(self) -> dict[str, Any]:
        """Return model, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of encoder and (averaged) U-Net, named as in ``LatentFeatures``.

        With them are the scale of the latents, for the stage that goes on, and the registration
        network of a whole model; the names are then those of ``LDMMorph``.
        """
        parts = {"encoder": self.encoder, "unet": self.ema.module}
        named = {
            f"{self.prefix}{part}.{k}": v
            for part, module in parts.items()
            for k, v in module.state_dict().items()
        }
        return {**named, **self.registration, SCALE: torch.tensor(self.scale, dtype=torch.float64)}
