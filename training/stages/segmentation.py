"""Segmentation stage: of volumes synthesised from label maps, or of 2D images and their pairs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from SlicerLDMRegLib.losses import segmentation_loss
from SlicerLDMRegLib.networks.segmenter import UNetSegmenter

from ..config import StageConfig
from ..datasets.structure_images import UNKNOWN, build_structure_images
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
        network = UNetSegmenter.from_dict(config.network)
        self.flat = network.spatial_dims == 2
        build = build_structure_images if self.flat else build_images
        self.stream, self.validation = build(config.data, length, config.seed)
        if init is not None:
            load_weights(network, init, "")
        layout = torch.channels_last if self.flat else torch.channels_last_3d
        network = network.to(memory_format=layout)
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
        part: tuple[slice, ...] = ()
        if not self.flat:
            # A quarter of the voxels, another one at each step: a softmax of 36 classes over all
            # voxels would take as long as the network.
            rng = np.random.default_rng((self.config.seed, step.number))
            first, second = rng.integers(2, size=2)
            part = (slice(None), slice(None), slice(first, None, 2), slice(second, None, 2))
        of_image = partial(segmentation_loss, unknown=UNKNOWN if self.flat else None)
        loss = mean_over_items(of_image, logits[part], batch["labels"][part])
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
            found = logits.argmax(1)
            if self.flat and bool((labels == UNKNOWN).any()):
                labels = labels.masked_fill(labels == UNKNOWN, 0)
                found = found * torch.isin(found, labels)
            dice.append(mean_dice(found, labels, self.config.network["classes"]))
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
