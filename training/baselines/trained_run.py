"""A finished training run as a method of the comparison: the network alone, without a model folder.

Any stage whose network registers can be compared: LDM-Morph, textSCF, the learned baselines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.networks import FieldPrediction, Regions, build_network
from SlicerLDMRegLib.text import label_scheme

from ..datasets.evaluation import EvaluationPair
from ..datasets.layouts.halving import double_displacement, halve_image, halve_labels
from ..datasets.region_tables import coordinate_regions
from .complexity import counted, parameters
from .method import Method, Registered
from .networks import build_baseline

__all__ = ["Segment", "is_run", "run_method", "takes_regions"]

_NETWORKS = {"registration": "ldm-morph", "textscf": "textscf"}
#: From a pair to label map and confidence of the fixed image, on its lattice.
Segment = Callable[[EvaluationPair], tuple[np.ndarray, np.ndarray | None]]


def is_run(folder: str | Path) -> bool:
    """Whether a folder holds a finished run, and not a model."""
    folder = Path(folder)
    names = ("config.json", "best.pt")
    return all((folder / n).is_file() for n in names) and not (folder / "metadata.json").exists()


def takes_regions(run: str | Path) -> bool:
    """Whether the network of a run needs the regions of the fixed image."""
    config = _config(Path(run))
    filters = config["network"].get("filters", "blended")
    return bool(config["stage"] == "textscf" and filters != "none")


def run_method(
    run: str | Path,
    device: str = "auto",
    seed: int = 0,
    masks: str | None = None,
    segment: Callable[[str], Segment] | None = None,
) -> Method:
    """Return the network of a run as a method.

    Seconds are those of the network: from images in memory to the field, segmentation included
    where it is predicted. Parameters and multiply-adds are counted at the first call.

    Args:
        run: folder with ``best.pt`` and ``config.json``.
        device: "cpu", "cuda" or "auto".
        seed: of LDM-Morph's noise.
        masks: regions of textSCF: "reference", the labels of the fixed image; "no"; "predicted".
        segment: makes the segmenter of "predicted", given the device; picklable.

    Raises:
        ModelError: when the run does not register.
    """
    run = Path(run)
    place = _device(device)
    config = _config(run)
    network = _network(run, config).to(place).requires_grad_(False).eval()
    own = segment(place) if masks == "predicted" and segment is not None else None
    if masks == "predicted" and own is None:
        raise InputError(f"{run}: predicted masks need a segmenter; name one by --segmenter")
    rows = _rows(config) if takes_regions(run) else {}
    cell = _cell(config) if takes_regions(run) else 0
    halve = bool(config["data"].get("options", {}).get("halve"))
    weights = parameters(network)
    operations: list[float] = []

    found: dict[str, np.ndarray] = {}

    def predict(pair: EvaluationPair) -> tuple[Tensor, dict[str, float]]:
        stages: dict[str, float] = {}
        regions = None
        if cell:
            shape = halve_image(pair.fixed).shape if halve else pair.fixed.shape
            regions = Regions(torch.from_numpy(coordinate_regions(shape, cell)[0])[None, None])
        elif rows and masks != "no":
            begin = time.perf_counter()
            labels, confidence = _labels(pair, own)
            regions = _regions(labels, confidence, rows, halve)
            stages["segment"] = time.perf_counter() - begin
            found["labels"] = labels
        moving, fixed = (_tensor(a, halve).to(place) for a in (pair.moving, pair.fixed))
        begin = time.perf_counter()
        field = _call(network, moving, fixed, seed, regions, place)
        _wait(place)
        stages["predict"] = time.perf_counter() - begin
        if halve:
            field = double_displacement(field, pair.fixed.shape)
        return field, stages

    @torch.no_grad()
    def method(pair: EvaluationPair) -> Registered:
        if not operations:
            with counted() as complexity:
                predict(pair)
            operations.append(float(complexity.multiply_adds or 0))
        if place != "cpu":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        field, stages = predict(pair)
        vectors = field[0].double().cpu().numpy()
        seconds = time.perf_counter() - start
        gpu = None if place == "cpu" else torch.cuda.max_memory_allocated() / 2**20
        return Registered(
            DisplacementField.from_voxels(vectors, pair.lattice),
            seconds,
            stages,
            gpu,
            weights,
            operations[0],
            _accuracy(pair, found.get("labels")),
        )

    return method


def _config(run: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{run}: expected a run with its config.json: {error}") from error
    return config


def _network(run: Path, config: dict[str, Any]) -> nn.Module:
    stage = config["stage"]
    if stage == "baseline":
        network: nn.Module = build_baseline(config["network"])
    elif stage in _NETWORKS:
        network = build_network(_NETWORKS[stage], dict(config["network"]))
    else:
        raise ModelError(
            f"{run}: expected a run that registers ({', '.join([*_NETWORKS, 'baseline'])}), got "
            f"one of the stage {stage!r}"
        )
    weights = torch.load(run / "best.pt", weights_only=True, map_location="cpu")
    network.load_state_dict(weights)
    return network


def _call(
    network: Any, moving: Tensor, fixed: Tensor, seed: int, regions: Regions | None, place: str
) -> Tensor:
    """Return the displacement for images of any size, repeated at their ends."""
    size = fixed.shape[2:]
    margins = [w for n in reversed(size) for w in (0, -n % network.divisor)]
    own = (..., *(slice(0, n) for n in size))
    if any(margins):
        moving, fixed = (F.pad(t, margins, mode="replicate") for t in (moving, fixed))
    options: dict[str, Any] = {}
    if regions is not None:
        labels, confidence = (
            None if t is None else F.pad(t, margins).to(place) for t in regions[:2]
        )
        assert labels is not None
        options = {"regions": Regions(labels, confidence)}
    elif hasattr(network, "latent_features"):
        options = {"seed": seed}
    found: FieldPrediction = network(moving, fixed, **options)
    return found.displacement[own].float()


def _cell(config: dict[str, Any]) -> int:
    """Return the edge of the cells of a network of coordinates; 0: it has none."""
    text = config["text"]
    return int(text.get("cell", 8)) if text.get("encoder") == "coordinates" else 0


def _rows(config: dict[str, Any]) -> dict[int, int]:
    """Return the row of the filter table of each label number."""
    scheme = config["text"].get("scheme") or "freesurfer35"
    if not isinstance(scheme, str):
        scheme = {int(number): name for number, name in scheme.items()}
    return {int(number): row for row, number in enumerate(sorted(label_scheme(scheme)), start=1)}


def _labels(pair: EvaluationPair, segment: Segment | None) -> tuple[np.ndarray, np.ndarray | None]:
    if segment is not None:
        return segment(pair)
    if pair.fixed_labels is None:
        raise InputError(f"pair {pair.name}: reference masks need labels of the fixed image")
    return pair.fixed_labels, None


def _regions(
    labels: np.ndarray, confidence: np.ndarray | None, rows: dict[int, int], halve: bool
) -> Regions:
    labels = np.ascontiguousarray(halve_labels(labels) if halve else labels)
    table = np.zeros(max(int(labels.max()), *rows) + 1, np.int64)
    for number, row in rows.items():
        table[number] = row
    certain = None if confidence is None else _tensor(confidence, halve)
    return Regions(torch.from_numpy(table[labels])[None, None], certain)


def _accuracy(pair: EvaluationPair, labels: np.ndarray | None) -> dict[str, float]:
    """Return the mean Dice of the regions with the labels of the fixed image, where both exist."""
    if labels is None or pair.fixed_labels is None:
        return {}
    known = set(np.unique(pair.fixed_labels).tolist()) - {0}
    overlap = metrics.dice(pair.fixed_labels, labels, known)
    return {"accuracy": float(np.mean(list(overlap.values())))} if overlap else {}


def _tensor(array: np.ndarray, halve: bool) -> Tensor:
    values = np.ascontiguousarray(array, np.float32)
    return torch.from_numpy(np.ascontiguousarray(halve_image(values) if halve else values))[
        None, None
    ]


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def _wait(place: str) -> None:
    if place.startswith("cuda"):
        torch.cuda.synchronize()
