"""Adaptation of a model to pairs of one's own: ``ldmreg-train finetune MODEL MANIFEST``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.model_store import (
    ModelCard,
    TrainingData,
    find_model,
    load_network,
    user_models_dir,
    verify,
    write_model_folder,
)
from SlicerLDMRegLib.model_store.folder import check_outside
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph
from SlicerLDMRegLib.text import structure_words

from . import lineage
from .config import StageConfig
from .datasets.layouts import open_data_set
from .datasets.layouts.manifest import ManifestData
from .export import learn_familiarity
from .loop import run
from .stages import build_stage

__all__ = ["configuration", "finetune", "main"]

_STAGES = {"ldm-morph": "registration", "textscf": "textscf"}
# Not tuned: few steps at a tenth of the rate that the models were trained with keep what they know.
_STEPS = 300
_RATE = 0.1
_VALIDATIONS = 10
_EPILOG = """\
examples:
  a line of the manifest for each image: image, labels, label_names, subject, phase, split
    ldmreg-train data check mine.csv
    ldmreg-train finetune ldm-morph-cardiac-mr mine.csv
  under another name and longer; brains must be aligned affinely before:
    ldmreg-train finetune textscf-brain-mr brains.csv --id textscf-our-brains --steps 1000

Labels are optional. Where there are some, their numbers and names must be those of a model that
knows structures. The panel and ldmreg models list have the new model at once, in the user's folder
of models. Whether it is better tells
  ldmreg-train evaluate --data manifest --root mine.csv --models A B --output results
"""


def configuration(
    card: ModelCard, manifest: Path, steps: int = _STEPS, rate: float | None = None
) -> StageConfig:
    """Return how a model is adapted to a manifest: as it was trained, for a short time.

    Args:
        card: of the model.
        manifest: images or pairs, with or without labels.
        steps: optimiser steps.
        rate: learning rate; None: a tenth of that of the training.

    Raises:
        ModelError: when the model does not tell how it was trained, or is no registration model.
        InputError: for a manifest that cannot be used, or labels that the model does not know.
    """
    if card.method not in _STAGES or card.training.get("stage") != _STAGES[card.method]:
        raise ModelError(
            f"model {card.id!r}: expected a registration model that tells how it was trained, got "
            f"{card.method!r} without it; an imported checkpoint cannot be adapted yet"
        )
    options: dict[str, Any] = {
        "size": list(card.grid.size),
        "spacing": card.grid.spacing,
    }
    if card.intensity.window is not None:
        options["window"] = list(card.intensity.window)
    else:
        ends = card.intensity.lower_percentile, card.intensity.upper_percentile
        options["percentiles"] = list(ends)
    data = open_data_set("manifest", manifest, **options)
    assert isinstance(data, ManifestData)
    if data.dimension != card.spatial_dims:
        raise InputError(
            f"{manifest}: expected {card.spatial_dims}D images for {card.id}, got {data.dimension}D"
        )
    labels = dict(data.labels)
    if card.method == "textscf" and card.label_scheme:
        _check_names(labels, card, manifest)
    stored = {k: v for k, v in card.training.items() if k in StageConfig.__dataclass_fields__}
    section: dict[str, Any] = {"set": "manifest", "root": str(manifest), "options": options}
    old = stored.get("data", {})
    section |= {k: old[k] for k in ("augment", "masks") if k in old}
    losses = dict(stored.get("losses", {}))
    if not labels:
        losses["dice"] = 0.0
    text = dict(stored.get("text", {}))
    if card.method == "textscf" and card.label_scheme:
        text["scheme"] = card.label_names
    return StageConfig(
        **{
            **stored,
            "betas": tuple(stored.get("betas", (0.9, 0.999))),
            "title": f"{card.id}, adapted",
            "steps": steps,
            "learning_rate": rate or _RATE * float(stored.get("learning_rate", 1e-4)),
            "warmup_steps": min(20, steps // 10),
            "schedule": "cosine",
            "epoch_steps": 0,
            "validate_every": max(1, steps // _VALIDATIONS),
            "data": section,
            "losses": losses,
            "text": text,
        }
    )


def finetune(
    card: ModelCard,
    config: StageConfig,
    output: Path,
    model_id: str,
    run_folder: Path,
    device: str = "auto",
) -> ModelCard:
    """Adapt a model and write the model folder.

    Args:
        card: of the model, read from its folder.
        config: of :func:`configuration`.
        output: the new model folder; one of an earlier adaptation is replaced.
        model_id: its id.
        run_folder: receives checkpoints and curves.
        device: of Lightning Fabric: auto, cpu, cuda or mps.

    Returns:
        The card of the new model, without measured results.
    """
    verify(card.weights_path.parent)
    network = build_network(card.method, dict(card.network))
    expected = network.state_dict()
    stored = read_safetensors(card.weights_path)
    state = {name: tensor.to(expected[name].dtype) for name, tensor in stored.items()}
    run_folder.mkdir(parents=True, exist_ok=True)
    start = run_folder / "start.pt"
    own = {k: v for k, v in state.items() if not k.startswith("familiarity.")}
    torch.save(own, start)
    fabric = Fabric(accelerator=device, devices=1, precision=config.precision)  # type: ignore[arg-type]
    fabric.seed_everything(config.seed, verbose=False)
    run(build_stage(config, fabric, start), config, fabric, run_folder, False, start)
    best = torch.load(run_folder / "best.pt", weights_only=True, map_location="cpu")
    network.load_state_dict({**state, **best})
    if isinstance(network, LDMMorph) and network.familiarity is not None:
        learn_familiarity(network, config.data)
    network.eval()
    # The weights that the run began with are those of the model, whose digest is its own.
    made = {k: v for k, v in lineage.for_card(run_folder).items() if k != "init"}
    assert card.weights is not None
    known = ", ".join(f"{k} pairs {v}" for k, v in _counts(config).items())
    adapted = replace(
        card,
        id=model_id,
        title=f"{card.title}, adapted",
        description=f"{card.description} Adapted from {card.id} to images of its user.",
        version="1.0.0",
        changelog={"1.0.0": f"adapted from {card.id} {card.version}"},
        training={**config.to_dict(), **made, "adapted_from": _origin(card)},
        training_data=(
            *card.training_data,
            TrainingData(f"Images of the user, {known}", "that of the images", ""),
        ),
        results={},
        weights=None,
        folder=None,
    )
    licence = (card.weights_path.parent / "LICENSE").read_text(encoding="utf-8")
    written = write_model_folder(
        output,
        adapted,
        network.state_dict(),
        licence,
        dtype=card.weights.dtype,
        overwrite=output.exists(),
    )
    load_network(written)
    return written


def _origin(card: ModelCard) -> dict[str, Any]:
    """Return id, version and digest of a model, and what it was itself made of."""
    assert card.weights is not None
    origin = {"id": card.id, "version": card.version, "sha256": card.weights.sha256}
    before = {k: card.training[k] for k in ("adapted_from", "init") if card.training.get(k)}
    return {**origin, **before}


def _counts(config: StageConfig) -> dict[str, int]:
    data = open_data_set("manifest", config.data["root"], **config.data["options"])
    return {split: len(data.pairings[split]) for split in ("train", "validation")}


def _check_names(labels: Mapping[int, str], card: ModelCard, manifest: Path) -> None:
    """Refuse labels whose numbers mean something else to a model."""
    known = card.label_names
    for number, name in labels.items():
        if number not in known or structure_words(known[number]) != structure_words(name):
            expected = f"{known[number]!r}" if number in known else "a label that it knows"
            raise InputError(
                f"{manifest}: expected the labels of {card.id}, for {number} {expected}, got "
                f"{name!r}; ldmreg models show {card.id} lists them"
            )


def main(argv: Sequence[str] | None = None, prog: str = "python -m training.finetune") -> None:
    """Adapt a model from the command line; ``prog``: the program in its help."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Adapt a registration model to images of your own.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="id or folder of a registration model")
    add("manifest", type=Path, metavar="MANIFEST", help="CSV or JSON file of images or pairs")
    add("--id", metavar="ID", help="of the new model; default MODEL-adapted")
    add("--output", type=Path, metavar="DIR", help=(
        "the model folder to write; default ID in the user's folder of models"))  # fmt: skip
    add("--run", type=Path, metavar="DIR", help="checkpoints and curves; default runs/ID")
    add("--steps", type=int, default=_STEPS, help=f"optimiser steps, default {_STEPS}")
    add("--rate", type=float, help="learning rate; default a tenth of the training's")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help=(
        "change an option, as of ldmreg-train train"))  # fmt: skip
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--threads", type=int, help="CPU threads")
    add("--overwrite", action="store_true", help="replace an earlier adaptation")
    arguments = parser.parse_args(argv)
    if arguments.steps < 1:
        parser.error(f"--steps: expected at least 1, got {arguments.steps}")
    card = find_model(arguments.model, "registration")
    model_id = arguments.id or f"{card.id}-adapted"
    replace(card, id=model_id)  # checks the id before hours of training
    output = arguments.output or user_models_dir() / model_id
    run_folder = arguments.run or Path("runs") / model_id
    for folder in (output, run_folder):
        if folder.exists() and not arguments.overwrite:
            parser.error(f"{folder} is there already; pass --overwrite or choose another --id")
    check_outside(output, [card.weights_path.parent, arguments.manifest])
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    config = configuration(card, arguments.manifest, arguments.steps, arguments.rate)
    config = config.changed(arguments.set)
    written = finetune(card, config, output, model_id, run_folder, arguments.device)
    print(f"{written.id}: {written.folder}\nldmreg register --model {written.id} ... uses it")


if __name__ == "__main__":
    main()
