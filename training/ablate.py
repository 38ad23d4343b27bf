"""Train variants of a network and compare them: ``python -m training.ablate --config FILE``."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store import build_segmenter
from SlicerLDMRegLib.networks import Regions
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig

from .ablation_config import Ablation, TableRow, TableSpec
from .config import StageConfig
from .datasets.brain_streams import BrainStreamOptions
from .datasets.evaluation import EvaluationPair
from .datasets.evaluation_volumes import brain_mr
from .datasets.region_tables import coordinate_regions
from .loop import run
from .machine import describe_machine, use_threads
from .result_files import markdown_table, write_json
from .scores import Row, compare, score, summarise
from .stages import build_stage
from .stages.field_scores import mean_dice
from .synthesis.brain_anatomy import REGION_NUMBERS

__all__ = ["evaluate_row", "main", "train"]

#: Splits by the name of their column.
_SPLITS: dict[str, str | Sequence[int]] = {"validation": "validation", "test": "test"}
_EPILOG = """
Every variant is trained with the same data, seed and number of steps. A stopped run goes on where
it was, and variants may be trained in several processes:

  A="--config training/configs/textscf-brain-mr/ablation.yaml --output runs/ablation"
  python -m training.ablate $A --train one-hot minilm --threads 1
  python -m training.ablate $A --train coordinates no-text --threads 1
  python -m training.ablate $A
"""
#: Segments the fixed image of a pair.
SegmentsFixed = Callable[[EvaluationPair], Regions]
_ROW = np.zeros(256, np.int64)
_ROW[list(REGION_NUMBERS)] = np.arange(1, len(REGION_NUMBERS) + 1)


def train(config: StageConfig, folder: Path, device: str = "auto") -> Path:
    """Train a configuration in a folder; resume an unfinished run, keep a finished one.

    Returns:
        Path of the best weights.

    Raises:
        ValueError: when the folder holds a run of another configuration.
    """
    stored, wanted = folder / "config.json", json.loads(json.dumps(config.to_dict()))
    if stored.exists() and json.loads(stored.read_text(encoding="utf-8")) != wanted:
        raise ValueError(f"{folder} holds a run of another configuration; choose another --output")
    if not _finished(config, folder):
        fabric = Fabric(accelerator=device, devices=1, precision=config.precision)
        fabric.seed_everything(config.seed, verbose=False)
        run(build_stage(config, fabric, None), config, fabric, folder, resume=True)
    return folder / "best.pt"


def _finished(config: StageConfig, folder: Path) -> bool:
    log = folder / "progress.jsonl"
    if not log.exists() or not (folder / "best.pt").exists():
        return False
    return json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["step"] >= config.steps


def evaluate_row(
    row: TableRow,
    config: StageConfig | None,
    weights: Path | None,
    pairs: Sequence[EvaluationPair],
    segment: SegmentsFixed | None = None,
    device: torch.device | str = "cpu",
) -> list[Row]:
    """Register pairs under the conditions of a table row and score them.

    Args:
        row: conditions of the evaluation.
        config: configuration of the training; None: no registration.
        weights: weights of the network.
        pairs: on the grid of the network.
        segment: segments the fixed image, for predicted masks.
        device: device of the network.
    """
    if config is None or weights is None:
        return [
            {"method": row.title, "pair": p.name, **score(p, DisplacementField.identity(p.lattice))}
            for p in pairs
        ]
    network = TextSCF(TextSCFConfig.from_dict(config.network))
    network.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    network.to(device).eval()
    rows = []
    for pair in pairs:
        moving, fixed = (
            torch.from_numpy(image)[None, None].to(device) for image in (pair.moving, pair.fixed)
        )
        regions = _regions(row, config, pair, segment) if network.uses_regions else None
        if regions is not None:
            confidence = regions.confidence
            confidence = None if confidence is None else confidence.to(device)
            regions = Regions(regions.labels.to(device), confidence)
        with torch.no_grad():
            found = network(moving, fixed, regions=regions).displacement[0].cpu()
        field = DisplacementField.from_voxels(found, pair.lattice)
        rows.append({"method": row.title, "pair": pair.name, **score(pair, field)})
    return rows


def _regions(
    row: TableRow,
    config: StageConfig,
    pair: EvaluationPair,
    segment: SegmentsFixed | None,
) -> Regions | None:
    """Return the regions of the fixed image that guide the network."""
    if config.text.get("encoder") == "coordinates":
        cells = coordinate_regions(pair.fixed.shape, config.text.get("cell", 8))[0]
        return Regions(torch.from_numpy(cells)[None, None])
    if row.masks == "no":
        return None
    if row.masks == "predicted":
        assert segment is not None
        found = segment(pair)
        labels, confidence = found.labels, found.confidence
    else:
        assert pair.fixed_labels is not None
        labels = torch.from_numpy(_ROW[pair.fixed_labels])[None, None]
        confidence = torch.ones(labels.shape)
    unnamed = torch.isin(labels, torch.from_numpy(_ROW[list(row.background)]))
    return Regions(labels.masked_fill(unnamed, 0), confidence)


def _segmenter(model: str, device: torch.device | str) -> SegmentsFixed:
    segmenter = build_segmenter(model, device)

    def segment(pair: EvaluationPair) -> Regions:
        found = segmenter.segment(pair.images[0])
        assert found.confidence is not None
        labels = _ROW[sitk.GetArrayFromImage(found.labels)]
        confidence = sitk.GetArrayFromImage(found.confidence)
        return Regions(
            torch.from_numpy(labels)[None, None], torch.from_numpy(confidence)[None, None]
        )

    return segment


def _pairs(ablation: Ablation, split: str | Sequence[int]) -> list[EvaluationPair]:
    data = next(iter(ablation.variants.values())).data
    options = BrainStreamOptions.from_mapping(data["images"])
    cache = Path(options.cache) if options.cache else None
    return brain_mr(
        Path(data["root"]), split, size=options.size, spacing=options.spacing, cache=cache
    )


def _dice_of_masks(pairs: Sequence[EvaluationPair], segment: SegmentsFixed) -> float:
    """Return the mean Dice of the predicted masks, each image once."""
    images = {pair.name.rpartition("-")[2]: pair for pair in pairs}
    found = []
    for pair in images.values():
        labels = segment(pair).labels
        assert pair.fixed_labels is not None
        truth = torch.from_numpy(_ROW[pair.fixed_labels])[None, None]
        found.append(mean_dice(labels, truth, len(REGION_NUMBERS) + 1))
    return float(np.mean(found))


def _table(
    table: TableSpec,
    ablation: Ablation,
    weights: Mapping[str, Path],
    pairs: Mapping[str, Sequence[EvaluationPair]],
    segment: SegmentsFixed | None,
    device: torch.device | str,
) -> dict[str, Any]:
    """Evaluate all rows of a table on all splits."""
    scores: dict[str, list[Row]] = {split: [] for split in pairs}
    rows = [row for row in table.rows if row.variant is None or row.variant in weights]
    for row in tqdm(rows, desc=table.title):
        config = None if row.variant is None else ablation.variants[row.variant]
        path = None if row.variant is None else weights[row.variant]
        for split, own in pairs.items():
            found = evaluate_row(row, config, path, own, segment, device)
            scores[split] += [_with_groups(r, table.structures) for r in found]
    summaries = {split: summarise(found) for split, found in scores.items()}
    return {
        "title": table.title,
        "note": table.note,
        "structures": list(table.structures),
        "rows": [vars(row) for row in rows],
        "summary": summaries,
        "comparison": {split: compare(found, rows[0].title) for split, found in scores.items()},
        "pairs": scores,
    }


def _with_groups(row: Row, structures: Sequence[int]) -> Row:
    """Return the row with the mean Dice of some structures and of all others."""
    if not structures:
        return row
    own = {f"dice_{number}" for number in structures}
    named = [value for key, value in row.items() if key in own]
    others = [v for k, v in row.items() if k.startswith("dice_") and k not in own]
    return {**row, "of_named": float(np.mean(named)), "of_others": float(np.mean(others))}


def _markdown(table: dict[str, Any]) -> str:
    columns = [("validation_dice", "Dice, validation", 3), ("dice", "Dice, test", 3)]
    if table["structures"]:
        numbers = ", ".join(map(str, table["structures"]))
        columns += [("of_named", f"Dice of {numbers}", 3), ("of_others", "Dice of the others", 3)]
    columns += [("hd95", "HD95 (mm)", 2), ("sdlogj_learn2reg", "SDlogJ", 3)]
    columns += [("folds_percent", "Folded voxels (%)", 4)]
    validation = {row["method"]: row["dice"] for row in table["summary"]["validation"]}
    rows = [
        {**row, "validation_dice": validation[row["method"]]} for row in table["summary"]["test"]
    ]
    text = f"## {table['title']}\n\n{markdown_table(rows, columns, ('method', 'Variant', 0))}"
    return text + (f"\n{table['note']}\n" if table["note"] else "")


def main(argv: list[str] | None = None) -> None:
    """Run an ablation from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.ablate",
        description="Train variants of a network and compare them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the ablation")
    parser.add_argument("--output", type=Path, required=True, help="folder of runs and results")
    parser.add_argument("--root", help="folder of the label maps, instead of the one in the config")
    parser.add_argument("--steps", type=int, help="of every training, instead of the config's")
    parser.add_argument("--train", nargs="+", metavar="VARIANT", help="train these and stop")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, help="CPU threads")
    arguments = parser.parse_args(argv)
    overrides = [] if arguments.root is None else [f"data.root={json.dumps(arguments.root)}"]
    overrides += [] if arguments.steps is None else [f"steps={arguments.steps}"]
    ablation = Ablation.load(arguments.config, overrides)
    configs = ablation.variants
    unknown = sorted(set(arguments.train or ()) - set(configs))
    if unknown:
        parser.error(f"--train: variants are {', '.join(configs)}, got {', '.join(unknown)}")
    if arguments.threads:
        use_threads(arguments.threads, 1)
    # A variant that is named must be there; of all, those that are.
    absent = {} if arguments.train else ablation.absent()
    for name, reason in absent.items():
        print(f"{name}: left out: {reason}")
    if len(absent) == len(configs):
        raise InputError(f"{arguments.config}: no variant can be trained; {absent.popitem()[1]}")
    weights = {}
    for name in arguments.train or [name for name in configs if name not in absent]:
        print(f"{name}: {arguments.output / name}")
        weights[name] = train(configs[name], arguments.output / name, arguments.device)
    if not arguments.train:
        given = arguments.config, ablation, weights, absent, arguments.output, arguments.device
        print(_write(*given))


def _write(
    config: Path,
    ablation: Ablation,
    weights: Mapping[str, Path],
    absent: Mapping[str, str],
    output: Path,
    accelerator: str,
) -> str:
    """Evaluate the rows of all variants that are there; write ``ablation.json`` and ``.md``."""
    device = Fabric(accelerator=accelerator, devices=1).device
    pairs = {name: _pairs(ablation, split) for name, split in _SPLITS.items()}
    segment, masks = None, {}
    if ablation.segmenter is not None:
        segment = _segmenter(ablation.segmenter, device)
        masks = {split: _dice_of_masks(own, segment) for split, own in pairs.items()}
    tables = [_table(table, ablation, weights, pairs, segment, device) for table in ablation.tables]
    shutil.copyfile(config, output / "ablation.yaml")
    machine = describe_machine()
    first = next(iter(ablation.variants.values()))
    content = {
        "machine": machine,
        "configs": {name: own.to_dict() for name, own in ablation.variants.items()},
        "left_out": dict(absent),
        "segmenter_dice": masks,
        "tables": tables,
    }
    write_json(output / "ablation.json", content)
    size = " x ".join(map(str, pairs["test"][0].lattice.size))
    text = (
        f"# Ablation\n\nEvery variant: {first.steps} steps of {first.batch_size}, seed "
        f"{first.seed}, {size} voxels of {pairs['test'][0].lattice.spacing[0]:g} mm; "
        f"{len(pairs['validation'])} validation and {len(pairs['test'])} test pairs, "
        "no refinement. Mean ± standard deviation over the pairs.\n"
    )
    if masks:
        text += f"The predicted masks themselves have a Dice of {masks['test']:.3f} (test).\n"
    text += "\n" + "\n".join(_markdown(table) for table in tables)
    left_out = [
        f"- {row.title}: left out: {absent[row.variant]}\n"
        for table in ablation.tables
        for row in table.rows
        if row.variant is not None and row.variant in absent
    ]
    text += "\n" + "".join(left_out) if left_out else ""
    (output / "ablation.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    main()
