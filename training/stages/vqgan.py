"""Stage 1: VQ-GAN autoencoder (Esser et al. 2021, with the loss weights of LDM-Morph)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from monai.networks.nets import PatchDiscriminator
from torch import Tensor

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.networks.ldm_morph import VQAutoencoder

from ..config import StageConfig
from ..datasets.pairs import build_pairs, to_tensors
from ..loop import Step
from ..panels import image_panel
from ..perceptual import LPIPS
from ..processes import mean_of_all
from ..shared_batch_norm import share_batch_norms
from .common import optimise, stream_length
from .latent_scale import network_config

__all__ = ["VQGANStage"]


class VQGANStage:
    """Training with L1, codebook and, from ``discriminator_start``, adaptive adversarial losses.

    The paper's perceptual term needs weights that the user names: with ``perceptual_weight`` above
    0 (default 0), ``vgg_weights`` and ``lpips_weights`` of :class:`~training.perceptual.LPIPS`.
    """

    def __init__(self, config: StageConfig, fabric: Fabric) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(config.data, stream_length(config, fabric), config.seed)
        self.stream = pairs.stream
        validation = [to_tensors(pair, pairs.classes) for pair in pairs.validation]
        self.validation = torch.cat([torch.stack([t["fixed"], t["moving"]]) for t in validation])
        self.network = network = VQAutoencoder(network_config(config.network))
        self.model, self.optimizer = fabric.setup(
            network,
            torch.optim.Adam(
                network.parameters(),
                config.learning_rate,
                config.betas,
                amsgrad=bool(config.amsgrad),
            ),
        )
        discriminator = PatchDiscriminator(
            spatial_dims=2,
            channels=config.losses.get("discriminator_channels", 64),
            in_channels=1,
            num_layers_d=3,
        )
        if fabric.world_size > 1:
            share_batch_norms(discriminator)
        self.discriminator, self.discriminator_optimizer = fabric.setup(
            discriminator,
            torch.optim.Adam(discriminator.parameters(), config.learning_rate, config.betas),
        )
        self.perceptual: LPIPS | None = None
        if config.losses.get("perceptual_weight", 0):
            files = [config.losses.get(name) for name in ("vgg_weights", "lpips_weights")]
            if None in files:
                raise InputError(
                    "losses.perceptual_weight: expected the files of its weights with it; name "
                    "torchvision's vgg16-397923af.pth as losses.vgg_weights and LPIPS' vgg.pth as "
                    "losses.lpips_weights, or set it to 0"
                )
            self.perceptual = fabric.to_device(LPIPS(*(Path(str(file)) for file in files)))

    def _reconstruction_loss(self, image: Tensor, reconstruction: Tensor) -> Tensor:
        loss = F.l1_loss(reconstruction.float(), image)
        if self.perceptual is not None:
            weight = self.config.losses["perceptual_weight"]
            loss = loss + weight * self.perceptual(reconstruction.float(), image)
        return loss

    def _adversarial_weight(self, reconstruction_loss: Tensor, generator_loss: Tensor) -> Tensor:
        # Both terms get equal gradient norms at the last layer (VQ-GAN, Equation 7).
        by_reconstruction = self._gradient(reconstruction_loss)
        by_generator = self._gradient(generator_loss)
        ratio = by_reconstruction.norm() / (by_generator.norm() + 1e-4)
        return ratio.clamp(0, 1e4).detach() * self.config.losses["discriminator_weight"]

    def _gradient(self, loss: Tensor) -> Tensor:
        weight = self.network.decoder.last_weight
        return mean_of_all(torch.autograd.grad(loss, weight, retain_graph=True)[0])

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on moving and fixed images alike."""
        self.model.train()
        image = torch.cat([batch["fixed"], batch["moving"]])
        reconstruction, quantized = self.model(image)
        reconstruction_loss = self._reconstruction_loss(image, reconstruction)
        loss = reconstruction_loss + quantized.loss
        log = {"l1": reconstruction_loss.item(), "codebook": quantized.loss.item()}
        adversarial = step.number >= self.config.losses["discriminator_start"]
        if adversarial:
            self.discriminator.requires_grad_(False)
            # Not the module that waits for gradients of all processes: here it gets none.
            with self.fabric.autocast():
                logits = self.discriminator.module(reconstruction)[-1].float()
            self.discriminator.requires_grad_(True)
            generator_loss = -logits.mean()
            weight = self._adversarial_weight(reconstruction_loss, generator_loss)
            loss = loss + weight * generator_loss
            log["generator"] = generator_loss.item()
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        if adversarial:
            fake = self.discriminator(reconstruction.detach())[-1].float()
            real = self.discriminator(image)[-1].float()
            loss = 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
            optimise(
                self.fabric,
                loss,
                self.discriminator,
                self.discriminator_optimizer,
                self.config,
                step,
            )
            log["discriminator"] = loss.item()
        return log

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return reconstruction L1 and number of used entries on the validation images."""
        self.model.eval()
        error, used = 0.0, set()
        for image in self.validation.split(16):
            reconstruction, quantized = self.model(self.fabric.to_device(image))
            error += F.l1_loss(reconstruction.float(), self.fabric.to_device(image)).item() * len(
                image
            )
            used.update(quantized.indices.unique().tolist())
        error /= len(self.validation)
        return {"score": -error, "l1": error, "codebook_used": float(len(used))}

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the first validation image, its reconstruction and their difference."""
        self.model.eval()
        image = self.fabric.to_device(self.validation[:1])
        found = self.model(image)[0].float()
        shown = (image[0, 0], found[0, 0], (found - image)[0, 0].abs())
        return {"reconstruction": image_panel(*shown)}

    def state(self) -> dict[str, Any]:
        """Return models and optimisers."""
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the autoencoder."""
        return dict(self.model.state_dict())
