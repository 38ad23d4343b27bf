"""textSCF stage: joint training of backbone, implicit function and head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import identity_grid, sample, warp
from SlicerLDMRegLib.losses import mse, sampled_label_dice_loss, segmentation_loss, smoothness
from SlicerLDMRegLib.networks import Regions
from SlicerLDMRegLib.networks.backbones import BackboneOutput
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig

from ..config import StageConfig
from ..datasets.degraded_masks import degrade
from ..datasets.region_tables import coordinate_regions
from ..datasets.volumes import build_pairs, region_embeddings
from ..loop import Step
from ..panels import image_panel, label_colours, registration_panel
from ..randomness import item_generators, item_rngs
from ..released_dice import released_dice_loss
from ..stochastic_depth import StochasticDepth
from .common import EMA, holds, load_weights, mean_over_items, optimise, stream_length
from .field_scores import FieldScores

__all__ = ["TextSCFStage"]

_MASKS, _DEPTH = 0, 1  # purposes of an item's random numbers


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

    ``losses``: ``similarity`` weighs the squared difference of the images; of synthetic ones, that
    of noise-free renderings of both label maps in one contrast, which do not depend on the
    contrasts of the input. ``dice`` weighs the structures, in the form ``dice_form``:
    ``"present"``: ``2 sum(ab) / (sum(a) + sum(b))`` of the structures that either image holds, or
    ``"released"``, see :func:`~training.released_dice.released_dice_loss`. ``smoothness`` weighs
    the displacement, or the velocity if there is one; ``structures`` the auxiliary segmentation
    (0, as in the paper: none). ``voxels``: ``"quarter"``: similarity and Dice are those of a
    quarter of the voxels, another one at each step; ``"all"``, as in the paper.
    """

    def __init__(self, config: StageConfig, fabric: Fabric, init: Path | None = None) -> None:
        self.config, self.fabric = config, fabric
        pairs = build_pairs(config.data, stream_length(config, fabric), config.seed, config.text)
        self.stream, self.validation = pairs.stream, pairs.validation
        self.scored = pairs.scored
        self.classes = len(pairs.numbers) + 1
        # Without labels nothing is known of the regions: the common filter learns alone.
        self.masks = config.data.get("masks", {}) if pairs.scored else {"none": 1.0}
        if config.losses["dice"] and not pairs.scored:
            raise InputError("losses.dice: expected 0, for the data set has no labels; set it to 0")
        if "set" in config.data:  # the model card needs the names that the data set has
            config.text = {**config.text, "scheme": dict(pairs.scheme)}
            # As many regions as the data set has labels, unless the network says how many.
            if config.network.get("filters") != "none":
                config.network = {"regions": self.classes, **config.network}
        self.cells: Tensor | None = None
        network = TextSCF(TextSCFConfig.from_dict(config.network))
        if network.uses_regions:
            self._check_regions(network.config.regions)
            shape = tuple(self.validation[0]["fixed"].shape[1:])
            # Those of other weights replace them: no text encoder is needed then.
            if init is None or not holds(init, "embeddings"):
                network.embeddings.copy_(
                    region_embeddings(
                        config.text, shape, pairs.scheme, network.config.text_channels
                    )
                )
            if config.text["encoder"] == "coordinates":
                cells = coordinate_regions(shape, config.text.get("cell", 8))[0]
                self.cells = torch.from_numpy(cells)[None, None]
        if init is not None:
            load_weights(network, init, "")
        network = network.to(memory_format=torch.channels_last_3d)
        trainee = _Trainee(
            network, self.classes if self.scored and config.losses.get("structures") else 0
        )
        optimizer = torch.optim.Adam(
            trainee.parameters(),
            config.learning_rate,
            config.betas,
            amsgrad=config.amsgrad is not False,
            fused=True,
        )
        self.depth = StochasticDepth(network)
        self.model, self.optimizer = fabric.setup(trainee, optimizer)
        self.ema = EMA(self.model.module, config.ema_decay)

    def step(self, batch: dict[str, Tensor], step: Step) -> dict[str, float]:
        """Do one step on a batch of pairs."""
        self.model.train()
        weights = self.config.losses
        seed, items = self.config.seed, batch["item"]
        self.depth.generators = item_generators(seed, items, _DEPTH)
        regions = self._regions(batch["fixed_labels"], self.masks, item_rngs(seed, items, _MASKS))
        confidence = regions.confidence
        assert confidence is not None
        network = self.model.module.network
        field, structures = self.model(batch["moving"], batch["fixed"], regions.labels, confidence)
        field, size = field.float(), batch["fixed"].shape[2:]
        displacement = network.displacement(field, size)
        # A quarter of the voxels, another one at each step, at a quarter of the cost.
        first = np.random.default_rng((seed, step.number)).integers(2, size=2)
        part: tuple[Any, ...] = (...,)
        if weights.get("voxels", "quarter") == "quarter":
            part = (..., *(slice(int(n), None, 2) for n in first), slice(None))
        points = (identity_grid(size, field.device) + displacement)[part]
        released = weights.get("dice_form") == "released"
        dice = points.new_zeros(())
        if weights["dice"]:
            loss_of = released_dice_loss if released else sampled_label_dice_loss
            dice = mean_over_items(
                partial(loss_of, classes=self.classes),
                *(batch["moving_labels"], batch["fixed_labels"][part], points),
            )
        kind = "_canonical" if "fixed_canonical" in batch else ""
        warped = sample(batch[f"moving{kind}"], points)
        similarity = mse(warped, batch[f"fixed{kind}"][part])
        # A step on the feature grid is ``stride`` voxels of the images.
        smooth = smoothness(field) / network.stride**2
        loss = weights["dice"] * dice + weights["similarity"] * similarity
        loss = loss + weights["smoothness"] * smooth
        log = {}
        if structures is not None:
            coarse = (..., *[slice(None, None, network.stride)] * 3)
            found = sum(
                mean_over_items(segmentation_loss, logits, batch[f"{name}_labels"][coarse])
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
        rngs: Sequence[np.random.Generator] = (),
    ) -> Regions:
        """Return the regions for the network: from the labels, or cells of the lattice."""
        if self.cells is not None:
            cells = self.fabric.to_device(self.cells).expand(labels.shape)
            return Regions(cells, torch.ones(labels.shape, device=labels.device))
        rngs = rngs or [np.random.default_rng(0)] * len(labels)
        found = [degrade(labels[i : i + 1], masks or {}, rng) for i, rng in enumerate(rngs)]
        # A map of weights for each; ``degrade`` tells the confidence always.
        confidence = torch.cat([r.confidence for r in found if r.confidence is not None])
        return Regions(torch.cat([r.labels for r in found]), confidence)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return Dice and folds of the validation pairs, with reference masks.

        Pairs at half the resolution are measured on the lattice of their images, with the
        displacement doubled. Without labels the score is the negative squared difference.
        """
        network = self.ema.module.network
        network.eval()
        scores = FieldScores(self.classes, self.scored)
        for pair in self.validation:
            p = {k: self.fabric.to_device(v[None]) for k, v in pair.items()}
            labels = p["fixed_labels"].long()
            with self.fabric.autocast():
                # True masks, as far as there are any.
                regions = self._regions(labels, {} if self.scored else self.masks)
                prediction = network(p["moving"], p["fixed"], regions=regions)
            field = prediction.displacement.float()
            scores.add(p, field, p["moving_labels"], labels)
        return scores.mean()

    def _check_regions(self, regions: int) -> None:
        if self.config.text["encoder"] != "coordinates" and regions != self.classes:
            raise InputError(
                f"network.regions: expected {self.classes}, the labels of the scheme and the "
                f"background, got {regions}"
            )

    @torch.no_grad()
    def panels(self) -> dict[str, Tensor]:
        """Return the middle slices of the first validation pair: images, regions, determinant."""
        network = self.ema.module.network
        network.eval()
        pair = {k: self.fabric.to_device(v[None]) for k, v in self.validation[0].items()}
        regions = self._regions(pair["fixed_labels"].long(), {} if self.scored else self.masks)
        with self.fabric.autocast():
            prediction = network(pair["moving"], pair["fixed"], regions=regions)
        field = prediction.displacement.float()
        shown = (pair["moving"], pair["fixed"], warp(pair["moving"], field))
        return {
            "registration": registration_panel(*(t[0, 0] for t in shown), field[0]),
            "regions": image_panel(label_colours(regions.labels[0, 0])),
        }

    def state(self) -> dict[str, Any]:
        """Return network, optimiser and averaged weights."""
        return {"model": self.model, "optimizer": self.optimizer, **self.ema.state()}

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, named as in :class:`TextSCF`."""
        network = self.ema.module.network
        network.eval()
        return {k: v.contiguous() for k, v in network.state_dict().items()}
