"""Training and measurement of what an exhibit shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
import yaml

from SlicerLDMRegLib._outputs import whole_file
from SlicerLDMRegLib._weight_files import read_safetensors
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.model_store import find_model

from ..baselines import CLASSICAL, Method, installed, is_run, ready, run_method
from ..baselines.ldmreg import ldmreg_method
from ..baselines.segment import segment_with
from ..config import CONFIGS, StageConfig, find_config
from ..datasets.evaluation import EvaluationPair
from ..datasets.layouts import LAYOUTS, open_data_set
from ..datasets.region_tables import coordinate_regions
from ..stages.latent_scale import SCALE
from .exhibit import Exhibit, Row, Setting, Stage
from .rehearsal import rehearsed, rehearsed_method

__all__ = ["COMPACT", "Choices", "adapted", "described", "latents", "methods", "pairs_of", "stages"]

#: Folder of the configurations of small networks.
COMPACT = "compact"
# Stages of LDM-Morph whose weights the registration keeps as they are.
_LATENTS = ("vqgan", "ldm")
_PREFIX = "latent_features."
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Choices:
    """Folders and options of a user for the run of an exhibit.

    Attributes:
        runs: folder of the training runs, shared by all exhibits.
        roots: folder of each data set, by the name of its layout.
        rehearse: whether to shrink all networks and train for single steps.
        changes: changes of configurations, by stage.
        taken: run, or id or folder of a model, by title of the row, instead of training.
        segmenters: file of the weights of each segmenter, by its name.
        lungs: folder of the lung CT of textSCF's Table 4.
        embeddings: table of the prompts' vectors of ada-002, of textSCF's Table 1.
        instead: layout that is taken in place of one of the exhibit.
        incomplete: whether to go on without subjects of which files are missing.
        device: of training and measurement.
        devices: of training.
        seed: of LDM-Morph's noise and of the processes.
        threads: of every method.
        compact: whether to train small networks for a CPU, of the configurations ``compact``.
        latents: finished run of the stage ldm, or id or folder of a model, whose autoencoder and
            diffusion model LDM-Morph takes instead of its own.
        folds: parts of a cross-validation by subject, each of which is tested once; 0: the split.
        fold: the one that is trained and measured now, from 1; 0: none yet.
        apart: whether training and methods have processes of their own.
    """

    runs: Path
    roots: Mapping[str, Path]
    rehearse: bool = False
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    taken: Mapping[str, str] = field(default_factory=dict)
    segmenters: Mapping[str, str] = field(default_factory=dict)
    lungs: Path | None = None
    embeddings: Path | None = None
    instead: Mapping[str, str] = field(default_factory=dict)
    incomplete: bool = False
    device: str = "auto"
    devices: int = 1
    seed: int = 1
    threads: int = 1
    compact: bool = False
    latents: str | None = None
    folds: int = 0
    fold: int = 0
    apart: bool = True

    @property
    def data_options(self) -> dict[str, Any]:
        """Options of the data set that is measured."""
        options: dict[str, Any] = {"incomplete": True} if self.incomplete else {}
        return {**options, "folds": self.folds, "fold": self.fold} if self.folds else options


def adapted(exhibit: Exhibit, choices: Choices) -> Exhibit:
    """Return an exhibit on the data sets that the user has.

    A data set taken in place of another one has no printed figures beside it.

    Raises:
        InputError: when no folder of any of its data sets is given.
    """
    settings = []
    printed = dict(exhibit.printed)
    for setting in exhibit.settings:
        data, train = (choices.instead.get(n, n) for n in (setting.data, setting.train))
        if data != setting.data or train != setting.train:
            printed = {k: v for k, v in printed.items() if k[1] != setting.key}
            split = setting.split if data == setting.data else "test"
            setting = replace(
                setting, data=data, train=train, title=LAYOUTS[data].title, split=split
            )
        if data in choices.roots and train in choices.roots:
            settings.append(setting)
    if not settings:
        wanted = sorted({n for s in exhibit.settings for n in (s.data, s.train)})
        raise InputError(
            f"{exhibit.name}: expected the folder of a data set, got none; --root NAME=DIR for "
            f"{', '.join(wanted)}, or --instead NAME=LAYOUT with --root LAYOUT=DIR for another one"
        )
    differences = (*exhibit.differences, *_own_choices(choices))
    return replace(exhibit, settings=tuple(settings), printed=printed, differences=differences)


def _own_choices(choices: Choices) -> list[str]:
    """Return in words what the user has chosen otherwise than the paper."""
    told = [f"{new} in place of {old} (--instead)." for old, new in choices.instead.items()]
    if choices.latents is not None:
        told.append(
            f"LDM-Morph takes the autoencoder and the diffusion model of {choices.latents} "
            "(--latents), whatever images these were trained on."
        )
    told += [f"{title}: not trained here, {run} (--take)." for title, run in choices.taken.items()]
    for stage, changes in choices.changes.items():
        told += [f"{stage}: {change} (--set)." for change in changes]
    if choices.folds:
        told.append(f"{choices.folds} parts by subject, each tested once (--cross-validate).")
    return told


def pairs_of(setting: Setting, choices: Choices) -> Sequence[EvaluationPair]:
    """Return the pairs that a setting measures."""
    data = open_data_set(setting.data, choices.roots[setting.data], **choices.data_options)
    return data.pairs(setting.split)


def stages(row: Row, setting: Setting, choices: Choices) -> list[tuple[Stage, Path, list[str]]]:
    """Return the runs of a row: each stage, its folder and its changes, in their order."""
    if row.recipe is None or row.title in choices.taken:
        return []
    found = []
    for stage in _chosen(row.recipe(setting.train), choices):
        kind = StageConfig.load(find_config(stage.config), ["data.root=."]).stage
        changes = [*stage.overrides, *choices.changes.get(kind, ())]
        if choices.folds:
            changes += [f"data.options.folds={choices.folds}", f"data.options.fold={choices.fold}"]
        table = None if choices.embeddings is None else f"table:{choices.embeddings.resolve()}"
        files = {"LUNGS": choices.lungs, "EMBEDDINGS": table}
        for word, file in files.items():
            if file is not None:
                changes = [change.replace(word, json.dumps(str(file))) for change in changes]
        if choices.rehearse:
            changes = list(rehearsed(stage, tuple(changes)))
        place = choices.runs / ("rehearsal" if choices.rehearse else "")
        place = place / ("compact" if choices.compact else "") / setting.train
        if choices.folds:
            place /= f"fold-{choices.fold}-of-{choices.folds}"
        found.append((stage, place / stage.folder, changes))
    return found


def _chosen(recipe: Sequence[Stage], choices: Choices) -> list[Stage]:
    """Return the stages of a recipe as the user chose them: small ones, or without the first two.

    Raises:
        InputError: for a network without a small configuration.
    """
    kept = []
    for stage in recipe:
        if choices.latents is not None and Path(stage.folder).name in _LATENTS:
            continue
        kept.append(_compact(stage) if choices.compact else stage)
    return kept


def _compact(stage: Stage) -> Stage:
    """Return a stage with the small configuration, whose steps are those of all of them."""
    folder, _, name = stage.config.partition("/")
    # The data sets of the paper have configurations of their own: registration-acdc.
    own = name if folder.startswith("baselines") else name.partition("-")[0]
    config = f"{COMPACT}/{own}"
    if not (CONFIGS / f"{config}.yaml").is_file():
        raise InputError(
            f"--compact: there is no small configuration of {stage.config}; leave --compact out, "
            "or these rows by --only"
        )
    kept = tuple(c for c in stage.overrides if not c.startswith(("steps=", "validate_every=")))
    return replace(stage, config=config, overrides=kept)


def methods(
    exhibit: Exhibit, setting: Setting, choices: Choices, only: Sequence[str] | None = None
) -> tuple[dict[str, Callable[[], Method]], dict[str, str]]:
    """Train what is not trained yet; return the preparation of each method, by its title.

    Args:
        exhibit: of :func:`adapted`.
        setting: of the exhibit.
        choices: of the user.
        only: titles of rows; None: all.

    Returns:
        The methods, and the rows that are left out, with the reason.
    """
    found: dict[str, Callable[[], Method]] = {}
    left_out: dict[str, str] = {}
    for row in exhibit.rows:
        if only is not None and row.title not in only:
            continue
        reason = _missing(row, choices)
        if reason:
            left_out[row.title] = reason
            continue
        if row.method is not None:
            method = (
                rehearsed_method(row.method) if choices.rehearse else CLASSICAL[row.method].method
            )
            found[row.title] = partial(ready, method)
            continue
        run: str | Path
        if row.title in choices.taken:
            run = choices.taken[row.title]
        else:
            run = _trained(row, setting, choices)
        found[row.title] = _prepare(run, row, choices)
    return found, left_out


def _prepare(run: str | Path, row: Row, choices: Choices) -> Callable[[], Method]:
    named = row.masks not in (None, "reference", "no")
    masks = "predicted" if named else row.masks
    if not is_run(run):
        return partial(ldmreg_method, run, False, choices.device, choices.seed, masks)
    segment = partial(segment_with, choices.segmenters[str(row.masks)]) if named else None
    return partial(run_method, run, choices.device, choices.seed, masks, segment)


def _missing(row: Row, choices: Choices) -> str:
    """Return why a row cannot be measured here; empty where it can."""
    if row.title in choices.taken:
        return ""
    if row.method is not None:
        package = CLASSICAL[row.method].package
        if package is not None and not installed(package):
            return f"needs the package of {CLASSICAL[row.method].title}; see ldmreg-train evaluate"
        return ""
    if row.masks not in (None, "reference", "no") and row.masks not in choices.segmenters:
        return f"needs a segmenter: --segmenter {row.masks}=FILE with SwinUNETR's public weights"
    if choices.lungs is None and _asks_for(row, "LUNGS"):
        return "needs lung CT: --lungs DIR"
    if choices.embeddings is None and _asks_for(row, "EMBEDDINGS"):
        return "needs its vectors of the prompts: --embeddings FILE, a table as JSON"
    return ""


def _asks_for(row: Row, word: str) -> bool:
    """Whether a change of a row names a file that the user gives."""
    stages = row.recipe("abdomen-ct") if row.recipe is not None else ()
    return any(word in change for stage in stages for change in stage.overrides)


def _trained(row: Row, setting: Setting, choices: Choices) -> Path:
    """Train the stages of a row that are not finished; return the folder of the last."""
    last = choices.runs
    for stage, folder, changes in stages(row, setting, choices):
        changes = [*changes, *_cells(stage, setting, choices)]
        root = choices.roots[setting.train]
        wanted = StageConfig.load(
            find_config(stage.config), [*changes, f"data.root={json.dumps(str(root))}"]
        )
        if not _finished(folder, wanted):
            init = None
            if stage.init is not None and Path(stage.init).name in _LATENTS and choices.latents:
                init = latents(choices.latents, choices.runs)
            elif stage.init is not None:
                init = folder.parents[len(Path(stage.folder).parts) - 1] / stage.init / "best.pt"
            _train(stage, folder, changes, root, init, choices)
        last = folder
    return last


def latents(source: str, runs: Path) -> Path:
    """Return the weights of the frozen part, of a run or written from those of a model.

    Raises:
        InputError: when there is no such run, or the model is another network.
    """
    if is_run(source):
        return Path(source) / "best.pt"
    card = find_model(source)
    if card.method != "ldm-morph":
        raise InputError(f"--latents: expected a model of ldm-morph, got {source}, {card.method}")
    file = runs / "latents" / f"{card.id}.pt"
    if not file.is_file():
        stored = read_safetensors(card.weights_path)
        own = {
            name.removeprefix(_PREFIX): tensor.float()
            for name, tensor in stored.items()
            if name.startswith(_PREFIX)
        }
        scale = float(card.network.get("latent_scale", 1.0))
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as new:
            torch.save({**own, SCALE: torch.tensor(scale, dtype=torch.float64)}, new)
    return file


def _cells(stage: Stage, setting: Setting, choices: Choices) -> list[str]:
    """Return the number of SCP's cells on the lattice of the training images."""
    if not stage.cells:
        return []
    options = {"halve": True} if setting.train == "abdomen-ct" else {}
    data = open_data_set(setting.train, choices.roots[setting.train], True, **options)
    shape = data.pairs("train")[0].fixed.shape
    regions = int(coordinate_regions(shape, stage.cells)[0].max()) + 1
    return [f"network.regions={regions}", f"text.cell={stage.cells}"]


def _finished(folder: Path, wanted: StageConfig) -> bool:
    """Whether a run is done.

    Raises:
        InputError: when the folder holds another run.
    """
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
        done = json.loads(lines[-1])["step"] if lines else 0
    except (OSError, ValueError):
        return False
    expected = json.loads(json.dumps(wanted.to_dict()))
    differing = [
        name
        for name in expected
        # Sections that a stage completes from its data, and what does not change the weights.
        if name not in ("text", "network", "data", "workers", "title")
        and name in stored
        and stored[name] != expected[name]
    ]
    if differing:
        name = differing[0]
        raise InputError(
            f"{folder}: expected a run with {name} {expected[name]!r}, got one with "
            f"{stored[name]!r}; choose another folder by --runs, or move it away"
        )
    return done >= wanted.steps and (folder / "best.pt").is_file()


def _train(
    stage: Stage,
    folder: Path,
    changes: Sequence[str],
    root: Path,
    init: Path | None,
    choices: Choices,
) -> None:
    arguments = [str(find_config(stage.config)), "--output", str(folder), "--root", str(root)]
    arguments += ["--device", choices.device, "--devices", str(choices.devices), "--resume"]
    arguments += ["--incomplete"] if choices.incomplete else []
    arguments += [] if init is None else ["--init", str(init)]
    for change in changes:
        arguments += ["--set", change]
    print(f"{folder}: training", flush=True)
    if not choices.apart:
        from ..train import main

        main(arguments)
        return
    path = os.pathsep.join(filter(None, [str(_REPOSITORY), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "training.train", *arguments, "--threads", str(choices.threads)],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode:
        raise InputError(
            f"{folder}: its training ended with code {done.returncode}; the same command goes on "
            "where it was"
        )


def described(exhibit: Exhibit, choices: Choices) -> list[dict[str, Any]]:
    """Return the runs of an exhibit without training any, each once."""
    result: dict[Path, dict[str, Any]] = {}
    turns = [replace(choices, fold=n + 1) for n in range(choices.folds)] or [choices]
    for turn, setting, row in product(turns, exhibit.settings, exhibit.rows):
        for stage, folder, changes in stages(row, setting, turn):
            root = choices.roots.get(setting.train, Path("DIR"))
            full = [*changes, f"data.root={yaml.safe_dump(str(root)).strip()}"]
            wanted = StageConfig.load(find_config(stage.config), full)
            result[folder] = {
                "run": str(folder),
                "config": stage.config,
                "changes": changes,
                "steps": wanted.steps,
                "finished": _finished(folder, wanted),
            }
    return list(result.values())
