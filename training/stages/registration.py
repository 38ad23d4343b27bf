"""Stage 3: registration network with a frozen latent diffusion model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from SlicerLDMRegLib.functional import jacobian_determinant, warp
from SlicerLDMRegLib.losses import mse, smoothness, soft_dice_loss
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig

from ..config import StageConfig
from ..datasets.pairs import build_pairs, to_tensors
from .common import EMA, holds, load_weights, optimise

__all__ = ["RegistrationStage"]


class RegistrationStage:
    """Training with LDM-Morph's hierarchical loss (Equations 13 to 16) and soft Dice of labels.

    ``losses``: ``beta`` weighs pixels against latents, ``smoothness`` the field, ``dice`` the
    labels. With ``latent_grad: false`` the latent term is measured but has no gradient, as in the
    authors' released code.
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(
            config.data, config.steps * config.batch_size * fabric.world_size, config.seed
        )
        self.stream = pairs.stream
        self.scored = [label - 1 for label in pairs.scored]
        found = [to_tensors(p, pairs.classes) for p in pairs.validation]
        if config.data.get("validate_both", True):
            found += [_swapped(t) for t in found]
        self.validation = {k: torch.stack([t[k] for t in found]) for k in found[0]}
        model = LDMMorph(LDMMorphConfig.from_dict(config.network))
        if holds(init, "registration."):  # a run of this stage, or a whole model
            load_weights(model.registration, init, "registration.")
            load_weights(model.latent_features, init, "latent_features.")
        else:
            load_weights(model.latent_features, init, "")
        optimizer = torch.optim.Adam(
            model.registration.parameters(),
            config.learning_rate,
            config.betas,
            amsgrad=bool(config.amsgrad),
            fused=True,
        )
        # Only the trained part is wrapped: the frozen part has no gradients to synchronise.
        registration, self.optimizer = fabric.setup(model.registration, optimizer)
        self.ema = EMA(registration.module, config.ema_decay)
        model.registration = registration
        self.model = fabric.to_device(model)

    def step(self, batch: dict[str, Tensor], step: int) -> dict[str, float]:
        """Do one step on a batch of pairs."""
        # Set at each step: the released code never returns to training mode, and thus to stochastic
        # depth, after its first validation.
        self.model.train()
        weights = self.config.losses
        moving, fixed = batch["moving"], batch["fixed"]
        with self.fabric.autocast():
            features, fixed_latent = self._features(moving, fixed)
            prediction = self.model.predict(moving, fixed, *features)
        field = prediction.displacement.float()
        warped = warp(moving, field)
        pixels = mse(warped, fixed)
        with self.fabric.autocast(), torch.set_grad_enabled(weights["latent_grad"]):
            warped_latent = self.model.latent_features.encode(warped)
        latents = mse(warped_latent.float(), fixed_latent.float())
        regularised = field if prediction.velocity is None else prediction.velocity
        smooth = smoothness(regularised.float())
        loss = weights["beta"] * pixels + (1 - weights["beta"]) * latents
        loss = loss + weights["smoothness"] * smooth
        log = {"pixels": pixels.item(), "latents": latents.item(), "smoothness": smooth.item()}
        if weights.get("dice", 0):
            dice = soft_dice_loss(warp(batch["moving_labels"], field), batch["fixed_labels"])
            loss = loss + weights["dice"] * dice
            log["dice_loss"] = dice.item()
        optimise(self.fabric, loss, self.model.registration, self.optimizer, self.config, step)
        self.ema.update(step)
        return {"loss": loss.item(), **log}

    def _features(self, moving: Tensor, fixed: Tensor) -> tuple[list[list[Tensor]], Tensor]:
        frozen = self.model.latent_features
        with torch.no_grad():
            latents = frozen.encode(torch.cat([moving, fixed]))
            features = frozen.features(frozen.noised(latents, self.config.seed))
        chunks = [f.chunk(2) for f in features]
        return [[c[0] for c in chunks], [c[1] for c in chunks]], latents.chunk(2)[1]

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return Dice and folds of the validation pairs.

        The Dice of a pair is the mean over the labels that count and that either image holds.
        Without labels the score is the negative squared difference of the images.
        """
        trained, self.model.registration = self.model.registration, self.ema.module
        self.model.eval()
        dice: list[float] = []
        folds: list[float] = []
        errors: list[float] = []
        v = {k: self.fabric.to_device(t) for k, t in self.validation.items()}
        for i in range(0, len(v["fixed"]), 8):
            batch = {k: t[i : i + 8] for k, t in v.items()}
            field = self.model(batch["moving"], batch["fixed"], self.config.seed).displacement
            if self.scored:
                warped = warp(batch["moving_labels"][:, self.scored], field, mode="nearest")
                dice += _mean_dice(warped, batch["fixed_labels"][:, self.scored])
            errors += _squared_differences(warp(batch["moving"], field), batch["fixed"])
            folds += (jacobian_determinant(field) <= 0).flatten(1).float().mean(1).tolist()
        self.model.registration = trained
        error = sum(errors) / len(errors)
        measured = {"mse": error, "fold_percent": 100 * sum(folds) / len(folds)}
        if not dice:
            return {"score": -error, **measured}
        score = sum(dice) / len(dice)
        return {"score": score, "dice": score, **measured}

    def state(self) -> dict[str, Any]:
        """Return trained part, optimiser and averaged weights."""
        return {
            "model": self.model.registration,
            "optimizer": self.optimizer,
            **self.ema.state(),
        }

    def weights(self) -> dict[str, Tensor]:
        """Return all weights of the network, named as in :class:`LDMMorph`."""
        frozen = self.model.latent_features.state_dict()
        trained = self.ema.module.state_dict()
        return {f"latent_features.{k}": v for k, v in frozen.items()} | {
            f"registration.{k}": v for k, v in trained.items()
        }


def _mean_dice(warped: Tensor, truth: Tensor) -> list[float]:
    """Return the mean Dice of each pair with labels, over those that either map holds."""
    overlap = (warped * truth).flatten(2).sum(2)
    total = (warped + truth).flatten(2).sum(2)
    present = total > 0
    dice = torch.where(present, 2 * overlap / total.clamp(min=1), 0.0)
    counted = present.sum(1)
    return (dice.sum(1)[counted > 0] / counted[counted > 0]).tolist()


def _squared_differences(warped: Tensor, fixed: Tensor) -> list[float]:
    return (warped.float() - fixed).square().flatten(1).mean(1).tolist()


def _swapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    other = {"fixed": "moving", "moving": "fixed"}
    return {k: tensors[k.replace(k.split("_")[0], other[k.split("_")[0]], 1)] for k in tensors}
