"""Weights that a run began with and those that it made, by digest, back to the first training.

``lineage.json`` of a run has two entries: ``init``, the weights that it began with, with the
configuration and the lineage of the run that made them; and ``weights``, those of its ``best.pt``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.model_store import find_model
from SlicerLDMRegLib.model_store.verify import sha256_of

from .checkpoint import CHECKPOINT, written

__all__ = ["begin", "checked_init", "for_card", "record_weights", "run_of"]

_FILE = "lineage.json"


def checked_init(folder: Path, init: Path | None, resume: bool) -> Path | None:
    """Return the weights that a run begins with; of one that goes on, those that it began with.

    Raises:
        InputError: when a run goes on, and its weights are gone or others.
    """
    recorded = _read(folder).get("init") if resume and (folder / CHECKPOINT).exists() else None
    if recorded is None:
        return init
    path = Path(recorded["path"]) if init is None else init
    if not path.is_file():
        raise InputError(
            f"{folder} began with {path}, which is gone; name the same weights as --init"
        )
    digest = sha256_of(path)
    if digest != recorded["sha256"]:
        raise InputError(
            f"--init: expected the weights that {folder} began with, SHA-256 "
            f"{recorded['sha256'][:12]}..., got {digest[:12]}... of {path}"
        )
    return path


def begin(folder: Path, init: Path | None) -> None:
    """Record the weights that a run begins with."""
    content: dict[str, Any] = {"init": None}
    if init is not None:
        entry = {"path": str(init.resolve()), "file": init.name, "sha256": sha256_of(init)}
        content["init"] = {**entry, **run_of(init)}
    _write(folder, content)


def run_of(weights: Path) -> dict[str, Any]:
    """Return ``step``, ``training`` and ``init`` of the run that made weights; empty if unknown.

    Weights of a model have its ``model`` and ``version`` instead of the step. A record beside the
    weights may be of another run: only what has their digest is theirs.
    """
    if weights.suffix == ".safetensors":
        return _of_model(weights)
    record = _read(weights.parent)
    made, config = record.get("weights"), weights.parent / "config.json"
    if made is None or not config.is_file() or made["sha256"] != sha256_of(weights):
        return {}
    training = json.loads(config.read_text(encoding="utf-8"))
    return {"step": made["step"], "training": training, "init": record["init"]}


def _of_model(weights: Path) -> dict[str, Any]:
    try:
        card = find_model(weights.parent)
    except ModelError:
        return {}
    if card.weights is None or card.weights.sha256 != sha256_of(weights):
        return {}
    training = {k: v for k, v in card.training.items() if k != "init"}
    own = {"model": card.id, "version": card.version, "training": training}
    return {**own, "init": card.training.get("init")}


def record_weights(folder: Path, step: int, score: float) -> None:
    """Record the digest of ``best.pt``, the step that it is of and its score."""
    weights = {"step": step, "score": score, "sha256": sha256_of(folder / "best.pt")}
    _write(folder, {**_read(folder), "weights": weights})


def for_card(folder: Path) -> dict[str, Any]:
    """Return ``weights`` and ``init`` of a run for the card of a model, without paths.

    Empty for a run that is older than this record.

    Raises:
        ModelError: when ``best.pt`` is not the file that the run wrote.
    """
    content = _read(folder)
    if "weights" not in content:
        return {}
    digest = sha256_of(folder / "best.pt")
    if digest != content["weights"]["sha256"]:
        raise ModelError(
            f"{folder / 'best.pt'}: expected the file that the run wrote, SHA-256 "
            f"{content['weights']['sha256'][:12]}..., got {digest[:12]}...; put it back, or train "
            f"from it: --init {folder / 'best.pt'}"
        )
    return {"weights": content["weights"], "init": _without_paths(content["init"])}


def _without_paths(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    kept = {k: v for k, v in entry.items() if k != "path"}
    return {**kept, "init": _without_paths(kept["init"])} if "init" in kept else kept


def _read(folder: Path) -> dict[str, Any]:
    path = folder / _FILE
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    with written(folder / _FILE) as new:
        new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
