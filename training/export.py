"""Model folders of finished runs: ``ldmreg-train export RUN --card CARD``."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import (
    Anatomy,
    Grid,
    Intensity,
    ModelCard,
    TrainingData,
    load_network,
    write_model_folder,
)
from SlicerLDMRegLib.model_store.folder import check_outside
from SlicerLDMRegLib.model_store.json_fields import Fields
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph
from SlicerLDMRegLib.text import TEMPLATES, label_scheme

from . import lineage
from .datasets.pairs import build_pairs

__all__ = ["export", "learn_familiarity", "main", "measured_results", "update_results"]

#: Column of a comparison, title in the card, digits; by dimension of the images.
_COLUMNS = {
    2: (
        ("dice", "Dice", 3),
        ("dice_sd", "sd", 3),
        ("folds_percent", "folds (%)", 3),
        ("hd95", "HD95 (pixels)", 2),
        ("ncc", "NCC", 3),
        ("seconds", "s", 3),
    ),
    3: (
        ("dice", "Dice", 3),
        ("dice_sd", "sd", 3),
        ("hd95", "HD95 (mm)", 2),
        ("confidence", "confidence", 3),
        ("accuracy", "correct voxels", 3),
        ("sdlogj_learn2reg", "SDlogJ", 3),
        ("folds_percent", "folds (%)", 4),
        ("seconds_predict", "network (s)", 2),
        ("seconds", "s", 2),
        ("peak_mib", "MiB", 0),
    ),
}
#: Fields of the card that are made of the sections of the file.
_PARTS = ("intensity", "limits", "label_scheme", "anatomy")
#: Network of each training stage.
_METHODS = {"registration": "ldm-morph", "textscf": "textscf", "segmentation": "unet"}
# Training pairs, and principal directions of their features, for the distance to the training
# images. There must be more than two images per direction; more directions describe the images more
# closely. Not tuned.
_FAMILIAR_PAIRS = 200
_FAMILIAR_DIRECTIONS = 20
_REPOSITORY = Path(__file__).resolve().parents[1]
_EPILOG = """
The model folder of a run, and the results of a later evaluation put into its card:

  ldmreg-train export runs/registration --card training/configs/ldm-morph-cardiac-mr/card.yaml
  ldmreg-train export Resources/Models/ldm-morph-cardiac-mr --results results/eval/results.json

A card of your own says what the model is for, on which grid it works and which data made it; begin
with a copy of one in training/configs.
"""


def _card(path: Path, config: dict[str, Any], results: dict[str, Any]) -> ModelCard:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    grid = values.pop("grid")
    data = tuple(TrainingData(**d) for d in values.pop("training_data"))
    network, own = dict(config["network"]), dict[str, Any]()
    if config["stage"] == "registration":
        network["familiarity_directions"] = _FAMILIAR_DIRECTIONS
    scheme = values.get("label_scheme")
    if config["stage"] == "textscf" and network.get("filters") != "none":
        scheme = scheme or config["text"].get("scheme")
        text = {"background": "svd", **config["text"]}
        own["text"] = {k: text[k] for k in ("encoder", "template", "background")}
        template = own["text"]["template"]
        own["text"]["template"] = TEMPLATES.get(template, template)
    return ModelCard(
        **own,
        **{k: v for k, v in values.items() if k not in _PARTS},
        method=_METHODS[config["stage"]],
        spatial_dims=len(grid["size"]),
        network=network,
        grid=Grid(**{**grid, "size": tuple(grid["size"])}),
        intensity=_intensity(values.get("intensity", {})),
        anatomy=Anatomy.from_fields(Fields(values.get("anatomy", {}), "anatomy")),
        label_scheme={} if scheme is None else label_scheme(_numbered(scheme)),
        training=config,
        training_data=data,
        limits=tuple(values.get("limits", ())),
        results=results,
    )


def _intensity(values: dict[str, Any]) -> Intensity:
    window = values.get("window")
    return Intensity(**{**values, "window": None if window is None else tuple(window)})


def _numbered(scheme: str | dict[Any, str]) -> str | dict[int, str]:
    """Return names by label number, of JSON's texts, too."""
    return scheme if isinstance(scheme, str) else {int(n): name for n, name in scheme.items()}


def measured_results(path: Path) -> dict[str, Any]:
    """Return the table of ``results.json`` for the card of a model.

    The file is written by :mod:`training.evaluate` or :mod:`training.evaluate_segmenter`.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    run, rows = values["run"], values["summary"]
    patients = f", patients of the {run['split']} split" if run.get("split") else ""
    threads = run["machine"]["threads"]
    pairs = f"{rows[0]['pairs']} {run.get('what', 'pairs')}"
    table: dict[str, Any] = {
        "description": f"{pairs} of {run['data']}{patients}; means, median time, "
        f"{run['machine']['cpu']} with {threads} thread{'s' if threads > 1 else ''}."
    }
    for row in rows:
        table[row["method"]] = {
            title: round(row[name], digits)
            for name, title, digits in _COLUMNS[run.get("dimension", 2)]
            if row.get(name) is not None
        }
    return table


def learn_familiarity(network: LDMMorph, data: dict[str, Any]) -> None:
    """Fit the network's distance to its training images: real and similar generated pairs."""
    own = {name: weight for name, weight in data.get("mixture", {}).items() if weight}
    if own and "real" not in own:
        mixture = {name: weight for name, weight in own.items() if name != "shapes"}
    elif set(own) - {"real"}:
        # Generated hearts, where training saw them, too, fill the gaps between the few real ones.
        mixture = {"real": 0.75, "cardiac": 0.25}
    else:
        mixture = {"real": 1.0}
    stream = build_pairs({**data, "mixture": mixture}, _FAMILIAR_PAIRS, seed=4).stream
    features = []
    for index in range(_FAMILIAR_PAIRS):
        pair = stream[index]
        features.append(network.features(torch.stack([pair["moving"], pair["fixed"]]))[0])
    assert network.familiarity is not None
    network.familiarity.fit(torch.cat(features))


def export(run: Path, card_file: Path, output: Path, results: Path | None, dtype: str) -> ModelCard:
    """Write the model folder of a run and load it once as a check.

    Args:
        run: folder of the registration stage, of textSCF or of a segmenter, with ``best.pt`` and
            ``config.json``; by ``lineage.json`` the card tells the step and the digest of the
            weights, and the same of all runs that they began with.
        card_file: YAML file with the manually written part of the card.
        output: the model folder; an older one of the same model is replaced.
        results: ``results.json`` written by ``training.evaluate``, or None.
        dtype: number format of the weights.
    """
    check_outside(output, [run, card_file, *([] if results is None else [results])])
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    config |= lineage.for_card(run)
    measured = measured_results(results) if results else {}
    card = _card(card_file, config, measured)
    network = build_network(card.method, dict(card.network))
    weights = torch.load(run / "best.pt", weights_only=True, map_location="cpu")
    # Only the buffers that are fitted here may be missing from the weights of the run.
    mismatch = network.load_state_dict(weights, strict=False)
    if any(not name.startswith("familiarity.") for name in [*mismatch[0], *mismatch[1]]):
        raise ModelError(f"{run / 'best.pt'} does not fit its configuration: {mismatch}")
    if isinstance(network, LDMMorph):
        learn_familiarity(network, config["data"])
    network.eval()
    licence = (_REPOSITORY / "LICENSE.txt").read_text(encoding="utf-8")
    card = write_model_folder(
        output, card, network.state_dict(), licence, dtype=dtype, overwrite=output.exists()
    )
    load_network(card)
    return card


def update_results(folder: Path, results: Path) -> ModelCard:
    """Rewrite a model folder with the results of ``training.evaluate`` and the same weights."""
    from safetensors.torch import load_file

    check_outside(folder, [results])
    card = ModelCard.from_folder(folder)
    measured = measured_results(results)
    assert card.weights is not None
    dtype, state = card.weights.dtype, load_file(card.weights_path)
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    card = replace(card, results=measured)
    return write_model_folder(folder, card, state, licence, dtype=dtype, overwrite=True)


def main(argv: list[str] | None = None, prog: str = "python -m training.export") -> None:
    """Export from the command line; ``prog``: the program in its help."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Make a model folder of a finished run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run, or a model folder")
    parser.add_argument("--card", type=Path, help="YAML file with title, use, licences, limits")
    parser.add_argument("--output", type=Path, help="model folder; default Resources/Models/<id>")
    parser.add_argument("--results", type=Path, help="results.json of an evaluation")
    parser.add_argument("--dtype", default="float16", choices=["float16", "float32"])
    arguments = parser.parse_args(argv)
    if (arguments.run / "metadata.json").exists():
        if arguments.results is None:
            parser.error("RUN is a model folder already: pass --results to put them into its card")
        card = update_results(arguments.run, arguments.results)
    else:
        if arguments.card is None:
            parser.error("--card is needed to export a run")
        model_id = yaml.safe_load(arguments.card.read_text(encoding="utf-8"))["id"]
        output = arguments.output or _REPOSITORY / "Resources" / "Models" / model_id
        card = export(arguments.run, arguments.card, output, arguments.results, arguments.dtype)
    assert card.weights is not None
    print(
        f"{card.folder}: {card.weights.parameters:,} parameters, {card.weights.bytes / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
