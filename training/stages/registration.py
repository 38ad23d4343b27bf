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
from ..loop import Step
from ..panels import registration_panel
from ..randomness import item_generators, item_noise
from ..stochastic_depth import StochasticDepth
from .common import EMA, holds, load_weights, mean_over_items, optimise, stream_length
from .latent_scale import SCALE, inherited_scale

__all__ = ["RegistrationStage"]

_NOISE, _DEPTH = 0, 1  # purposes of an item's random numbers


class RegistrationStage:
    """Training with LDM-Morph's hierarchical loss (Equations 13 to 16) and soft Dice of labels.

    ``losses``: ``beta`` weighs pixels against latents, ``smoothness`` the field, ``dice`` the
    labels. With ``latent_grad: false`` the latent term is measured but has no gradient, as in the
    authors' released code.
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(config.data, stream_length(config, fabric), config.seed)
        self.stream = pairs.stream
        self.scored = [label - 1 for label in pairs.scored]
        self.labelled = [label - 1 for label in pairs.labels]
        found = [to_tensors(p, pairs.classes) for p in pairs.validation]
        if config.data.get("validate_both", True):
            found += [_swapped(t) for t in found]
        self.validation = {k: torch.stack([t[k] for t in found]) for k in found[0]}
        config.network = {**config.network, "latent_scale": inherited_scale(config.network, init)}
        model = LDMMorph(LDMMorphConfig.from_dict(config.network))
        if holds(init, "registration."):  # a run of this stage, or a whole model
            load_weights(model.registration, init, "registration.")
            load_weights(model.latent_features, init, "latent_features.")
        else:
            load_weights(model.latent_features, init, "", without=(SCALE,))
        optimizer = torch.optim.Adam(
            model.registration.parameters(),
            config.learning_rate,
            config.betas,
            amsgrad=bool(config.amsgrad),
            fused=True,
        )
        self.depth = StochasticDepth(model.registration)
        # Only the trained part is wrapped: the frozen part has no gradients to synchronise.
        registration, self.optimizer = fabric.setup(model.registration, optimizer)
        self.ema = EMA(registration.module, config.ema_decay)
        model.registration = registration
        self.model = fabric.to_device(model)

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on a batch of pairs."""
        # Set at each step: the released code never returns to training mode, and thus to stochastic
        # depth, after its first validation.
        self.model.train()
        weights = self.config.losses
        moving, fixed = batch["moving"], batch["fixed"]
        self.depth.generators = item_generators(self.config.seed, batch["item"], _DEPTH)
        with self.fabric.autocast():
            features, fixed_latent = self._features(moving, fixed, batch["item"])
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
            warped_labels = warp(batch["moving_labels"], field)
            dice = mean_over_items(soft_dice_loss, warped_labels, batch["fixed_labels"])
            loss = loss + weights["dice"] * dice
            log["dice_loss"] = dice.item()
        optimise(self.fabric, loss, self.model.registration, self.optimizer, self.config, step)
        self.ema.update(step)
        return {"loss": loss.item(), **log}

    def _features(
        self, moving: Tensor, fixed: Tensor, items: Tensor
    ) -> tuple[list[list[Tensor]], Tensor]:
        """Return the features of both images, and the latent of the fixed one.

        Each pair has noise of its own in every step, the same for both of its images. One map for
        all steps would be learned by heart, and another one at the registration be strange.
        """
        frozen = self.model.latent_features
        with torch.no_grad():
            latents = frozen.encode(torch.cat([moving, fixed]))
            generators = item_generators(self.config.seed, items, _NOISE)
            noise = item_noise(latents.shape[1:], generators).repeat(2, 1, 1, 1)
            features = frozen.features(frozen.noised(latents, noise=noise))
        chunks = [f.chunk(2) for f in features]
        return [[c[0] for c in chunks], [c[1] for c in chunks]], latents.chunk(2)[1]

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return Dice and folds of the validation pairs.

        The Dice of a pair is the mean over the labels that count and that either image holds; the
        log also has that of each label, over the pairs that hold it.
        Without labels the score is the negative squared difference of the images.
        """
        trained, self.model.registration = self.model.registration, self.ema.module
        self.model.eval()
        dice: list[float] = []
        single: dict[int, list[float]] = {label: [] for label in self.labelled}
        folds: list[float] = []
        errors: list[float] = []
        v = {k: self.fabric.to_device(t) for k, t in self.validation.items()}
        for i in range(0, len(v["fixed"]), 8):
            batch = {k: t[i : i + 8] for k, t in v.items()}
            field = self.model(batch["moving"], batch["fixed"], self.config.seed).displacement
            if self.scored:
                warped = warp(batch["moving_labels"], field, mode="nearest")
                dice += _mean_dice(warped[:, self.scored], batch["fixed_labels"][:, self.scored])
                for label, own in single.items():
                    one = slice(label, label + 1)
                    own += _mean_dice(warped[:, one], batch["fixed_labels"][:, one])
            errors += _squared_differences(warp(batch["moving"], field), batch["fixed"])
            folds += (jacobian_determinant(field) <= 0).flatten(1).float().mean(1).tolist()
        self.model.registration = trained
        error = sum(errors) / len(errors)
        measured = {"mse": error, "fold_percent": 100 * sum(folds) / len(folds)}
        if not dice:
            return {"score": -error, **measured}
        score = sum(dice) / len(dice)
        of_each = {f"dice_{n + 1}": sum(own) / len(own) for n, own in single.items() if own}
        return {"score": score, "dice": score, **of_each, **measured}

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the first validation pair: images, difference and determinant."""
        trained, self.model.registration = self.model.registration, self.ema.module
        self.model.eval()
        moving, fixed = (self.fabric.to_device(self.validation[k][:1]) for k in ("moving", "fixed"))
        field = self.model(moving, fixed, self.config.seed).displacement.float()
        self.model.registration = trained
        warped = warp(moving, field)
        shown = (t[0, 0] for t in (moving, fixed, warped))
        return {"registration": registration_panel(*shown, field[0])}

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
