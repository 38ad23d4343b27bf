"""textSCF stage: joint training of backbone, implicit function and head."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from SlicerLDMRegLib.functional import identity_grid, jacobian_determinant, sample, warp
from SlicerLDMRegLib.losses import mse, sampled_label_dice_loss, segmentation_loss, smoothness
from SlicerLDMRegLib.networks import Regions
from SlicerLDMRegLib.networks.backbones import BackboneOutput
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig

from ..config import StageConfig
from ..datasets.degraded_masks import degrade
from ..datasets.region_tables import coordinate_regions
from ..datasets.volumes import build_pairs, region_embeddings
from ..synthesis.brain_anatomy import REGION_NUMBERS
from .common import EMA, load_weights, optimise

__all__ = ["TextSCFStage"]


class _Trainee(nn.Module):
    """Network with tensors as input and output, as Fabric needs it, and an auxiliary output.

    Besides the field it returns a segmentation of both images, by a linear layer on the features.
    Features that separate the structures are learned much sooner than fields, and the fields need
    them. The layer is not part of the model.
    """

    def __init__(self, network: TextSCF, classes: int) -> None:
        super().__init__()
        self.network = network
        channels = network.backbone.out_channels
        self.structures = nn.Conv3d(channels, 2 * classes, 1) if classes else None

    def forward(
        self, moving: Tensor, fixed: Tensor, labels: Tensor, confidence: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        output = self.network.backbone(moving, fixed)
        field = self.network.field(output, fixed, Regions(labels, confidence))
        features = output.features if isinstance(output, BackboneOutput) else output
        return field, None if self.structures is None else self.structures(features)


class TextSCFStage:
    """Training with textSCF's loss (Section 3.4): similarity, Dice of structures, smoothness.

    ``losses``: ``similarity`` weighs the squared difference of noise-free renderings of both label
    maps in one contrast, which synthesis provides and which do not depend on the contrasts of the
    input; ``dice`` the structures; ``smoothness`` the displacement, or the velocity if there is
    one; ``structures`` the auxiliary segmentation (0, as in the paper: none).
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path | None = None) -> None:
        self.config, self.fabric = config, fabric
        length = config.steps * config.batch_size * fabric.world_size
        self.stream, self.validation = build_pairs(config.data, length, config.seed)
        self.classes = len(REGION_NUMBERS) + 1
        self.cells: Tensor | None = None
        network = TextSCF(TextSCFConfig.from_dict(config.network))
        if network.uses_regions:
            shape = tuple(self.validation[0]["fixed"].shape[1:])
            network.embeddings.copy_(region_embeddings(config.text, shape))
            if config.text["encoder"] == "coordinates":
                cells = coordinate_regions(shape, config.text.get("cell", 8))[0]
                self.cells = torch.from_numpy(cells)[None, None]
        if init is not None:
            load_weights(network, init, "")
        network = network.to(memory_format=torch.channels_last_3d)
        trainee = _Trainee(network, self.classes if config.losses.get("structures") else 0)
        optimizer = torch.optim.Adam(
            trainee.parameters(), config.learning_rate, config.betas, amsgrad=True, fused=True
        )
        self.model, self.optimizer = fabric.setup(trainee, optimizer)
        self.ema = EMA(self.model.module, config.ema_decay)

    def step(self, batch: dict[str, Tensor], step: int) -> dict[str, float]:
        """Do one step on a batch of pairs."""
        self.model.train()
        weights = self.config.losses
        rng = np.random.default_rng((self.config.seed, step, self.fabric.global_rank))
        regions = self._regions(batch["fixed_labels"], self.config.data.get("masks", {}), rng)
        confidence = regions.confidence
        assert confidence is not None
        network = self.model.module.network
        field, structures = self.model(batch["moving"], batch["fixed"], regions.labels, confidence)
        field, size = field.float(), batch["fixed"].shape[2:]
        displacement = network.displacement(field, size)
        # A quarter of the voxels, another one at each step, at a quarter of the cost.
        part = (
            ...,
            *(slice(int(first), None, 2) for first in rng.integers(2, size=2)),
            slice(None),
        )
        points = (identity_grid(size, field.device) + displacement)[part]
        dice = sampled_label_dice_loss(
            batch["moving_labels"], batch["fixed_labels"][part], points, self.classes
        )
        warped = sample(batch["moving_canonical"], points)
        similarity = mse(warped, batch["fixed_canonical"][part])
        # A step on the feature grid is ``stride`` voxels of the images.
        smooth = smoothness(field) / network.stride**2
        loss = weights["dice"] * dice + weights["similarity"] * similarity
        loss = loss + weights["smoothness"] * smooth
        log = {}
        if structures is not None:
            coarse = (..., *[slice(None, None, network.stride)] * 3)
            found = sum(
                segmentation_loss(logits, batch[f"{name}_labels"][coarse])
                for name, logits in zip(("moving", "fixed"), structures.chunk(2, 1), strict=True)
            )
            loss = loss + weights["structures"] * found
            log["structures"] = found.item()
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        self.ema.update(step)
        return {
            "loss": loss.item(),
            "dice_loss": dice.item(),
            "similarity": similarity.item(),
            "smoothness": smooth.item(),
            **log,
        }

    def _regions(
        self,
        labels: Tensor,
        masks: Mapping[str, Any] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Regions:
        """Return the regions for the network: from the labels, or cells of the lattice."""
        if self.cells is not None:
            cells = self.fabric.to_device(self.cells).expand(labels.shape)
            return Regions(cells, torch.ones(labels.shape, device=labels.device))
        return degrade(labels, masks or {}, rng or np.random.default_rng(0))

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return Dice and folds of the validation pairs, with reference masks."""
        network = self.ema.module.network
        network.eval()
        dice: list[float] = []
        folds: list[float] = []
        for pair in self.validation:
            p = {k: self.fabric.to_device(v[None]) for k, v in pair.items()}
            labels = p["fixed_labels"].long()
            with self.fabric.autocast():
                prediction = network(p["moving"], p["fixed"], regions=self._regions(labels))
            field = prediction.displacement.float()
            warped = warp(p["moving_labels"], field, mode="nearest").long()
            dice.append(mean_dice(warped, labels, self.classes))
            folds.append(float((jacobian_determinant(field) <= 0).float().mean()))
        score = sum(dice) / len(dice)
        return {"score": score, "dice": score, "fold_percent": 100 * sum(folds) / len(folds)}

    def state(self) -> dict[str, Any]:
        """Return network, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, named as in :class:`TextSCF`."""
        network = self.ema.module.network
        network.eval()
        return {k: v.contiguous() for k, v in network.state_dict().items()}


def mean_dice(a: Tensor, b: Tensor, classes: int) -> float:
    """Return the mean Dice of the classes 1 to ``classes - 1`` present in either map."""
    a, b = a.flatten(), b.flatten()
    overlap = torch.bincount(a[a == b], minlength=classes)
    total = torch.bincount(a, minlength=classes) + torch.bincount(b, minlength=classes)
    present = total[1:] > 0
    return float((2 * overlap[1:][present] / total[1:][present]).mean())
