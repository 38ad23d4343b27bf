"""Segmentation stage, on images synthesised from label maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from SlicerLDMRegLib.losses import segmentation_loss
from SlicerLDMRegLib.networks.segmenter import UNetSegmenter

from ..config import StageConfig
from ..datasets.volumes import build_images
from ..loop import Step
from ..panels import image_panel, label_colours
from .common import EMA, load_weights, mean_over_items, optimise, stream_length
from .field_scores import mean_dice

__all__ = ["SegmentationStage"]


class SegmentationStage:
    """Training of a segmenter with cross-entropy and soft Dice of all structures."""

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path | None = None) -> None:
        self.config, self.fabric = config, fabric
        length = stream_length(config, fabric)
        self.stream, self.validation = build_images(config.data, length, config.seed)
        network = UNetSegmenter.from_dict(config.network)
        if init is not None:
            load_weights(network, init, "")
        network = network.to(memory_format=torch.channels_last_3d)
        optimizer = torch.optim.Adam(
            network.parameters(),
            config.learning_rate,
            config.betas,
            amsgrad=bool(config.amsgrad),
            fused=True,
        )
        self.model, self.optimizer = fabric.setup(network, optimizer)
        self.ema = EMA(self.model.module, config.ema_decay)

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on a batch of images."""
        self.model.train()
        logits = self.model(batch["image"])
        # A quarter of the voxels, another one at each step: a softmax of 36 classes over all voxels
        # would take as long as the network.
        first, second = np.random.default_rng((self.config.seed, step.number)).integers(2, size=2)
        part = (slice(None), slice(None), slice(first, None, 2), slice(second, None, 2))
        loss = mean_over_items(segmentation_loss, logits[part], batch["labels"][part])
        optimise(self.fabric, loss, self.model, self.optimizer, self.config, step)
        self.ema.update(step)
        return {"loss": loss.item()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the Dice of the structures on the validation images."""
        network = self.ema.module.eval()
        dice = []
        for item in self.validation:
            with self.fabric.autocast():
                logits = network(self.fabric.to_device(item["image"][None]))
            labels = self.fabric.to_device(item["labels"][None]).long()
            dice.append(mean_dice(logits.argmax(1), labels, self.config.network["classes"]))
        score = sum(dice) / len(dice)
        return {"score": score, "dice": score, "worst": min(dice)}

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the middle slice of the first validation image, its labels and those found."""
        item = self.validation[0]
        image = self.fabric.to_device(item["image"][None])
        with self.fabric.autocast():
            found = self.ema.module.eval()(image).argmax(1)
        shown = (label_colours(item["labels"][0]), label_colours(found[0]))
        return {"segmentation": image_panel(item["image"][0], *shown)}

    def state(self) -> dict[str, Any]:
        """Return network, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, named as in :class:`UNetSegmenter`."""
        return {k: v.contiguous() for k, v in self.ema.module.state_dict().items()}
