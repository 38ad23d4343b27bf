"""Configuration of a training stage, a YAML file that is stored with the weights."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from SlicerLDMRegLib.errors import InputError

from .schema import AtLeast, check_section, options_of
from .sections import check_sections

__all__ = ["CONFIGS", "StageConfig", "find_config", "named_configs"]

#: Folder of the configurations that have names.
CONFIGS = Path(__file__).resolve().parent / "configs"


@dataclass
class StageConfig:
    """Configuration of one training stage.

    Args:
        stage: ``"vqgan"``, ``"ldm"`` or ``"registration"`` (LDM-Morph), ``"textscf"``,
            ``"segmentation"`` or ``"baseline"``.
        steps: optimiser steps.
        batch_size: pairs (or images) per batch and process.
        accumulate: batches per step and process, whose gradients are averaged.
        network: options of the network, as in a model folder, or the name of a YAML file beside
            this one that holds them.
        data: ``root`` of the images, ``mixture`` of sources, ``augment`` ranges, ``size``.
        losses: weights and switches of the stage.
        text: ``encoder``, ``template`` and ``background`` of textSCF's embeddings, and the label
            ``scheme`` of the regions.
        learning_rate, betas: of Adam.
        warmup_steps: steps of linear rise of the learning rate.
        schedule: after the warm-up ``"constant"``, ``"cosine"`` to zero, or ``"polynomial"``:
            ``(1 - progress) ** power``.
        power: of the polynomial schedule.
        epoch_steps: steps for which the schedule stays as it is, an epoch's; 0: it changes in each.
        amsgrad: whether Adam takes the largest second moment so far; None: as the released code of
            the stage, true for textSCF.
        gradient_clip: maximum norm of the gradient, 0 for no limit.
        ema_decay: decay of the averaged weights, which are validated and shipped; 0: no averaging.
        precision: of Lightning Fabric, for example ``"32-true"`` or ``"bf16-mixed"``.
        validate_every: steps between validations, each with a checkpoint.
        save_every: steps between further checkpoints, 0: none. What a killed run did since its last
            checkpoint is done again.
        checkpoint: weights that ``best.pt`` holds, of the ``"best"`` or of the ``"last"``
            validation.
        seed: of everything random.
        workers: processes that load data.
        title: a line about the configuration, for lists.
    """

    stage: str
    steps: Annotated[int, AtLeast(1)]
    batch_size: Annotated[int, AtLeast(1)]
    network: dict[str, Any]
    data: dict[str, Any]
    losses: dict[str, Any] = field(default_factory=dict)
    text: dict[str, Any] = field(default_factory=dict)
    accumulate: Annotated[int, AtLeast(1)] = 1
    learning_rate: Annotated[float, AtLeast(0)] = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: Annotated[int, AtLeast(0)] = 0
    schedule: Literal["constant", "cosine", "polynomial"] = "constant"
    power: Annotated[float, AtLeast(0)] = 0.9
    epoch_steps: Annotated[int, AtLeast(0)] = 0
    amsgrad: bool | None = None
    gradient_clip: Annotated[float, AtLeast(0)] = 0.0
    ema_decay: Annotated[float, AtLeast(0)] = 0.0
    precision: str = "32-true"
    validate_every: Annotated[int, AtLeast(1)] = 500
    save_every: Annotated[int, AtLeast(0)] = 0
    checkpoint: Literal["best", "last"] = "best"
    seed: Annotated[int, AtLeast(0)] = 0
    workers: Annotated[int, AtLeast(0)] = 0
    title: str = ""

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] | None = None) -> StageConfig:
        """Read a YAML file and apply overrides such as ``losses.latent_grad=false``.

        ``base`` in the file names another one beside it, whose options it changes, section by
        section; ``null`` takes an option away.

        Raises:
            InputError: for an option that does not exist at any depth, with the nearest that does;
                for a value of another kind, or an override that is not ``key=value``.
        """
        return cls._of(_read(path), overrides or (), str(path))

    def changed(self, overrides: Sequence[str]) -> StageConfig:
        """Return the configuration with overrides, checked as :meth:`load` does."""
        return self._of(copy.deepcopy(self.to_dict()), overrides, "")

    @classmethod
    def _of(cls, values: dict[str, Any], overrides: Sequence[str], source: str) -> StageConfig:
        for override in overrides:
            name, separator, text = override.partition("=")
            if not separator:
                raise InputError(f"an override reads key=value, got {override!r}")
            *parents, last = name.split(".")
            target = values
            for parent in parents:
                target = target.setdefault(parent, {})
                if not isinstance(target, dict):
                    raise InputError(f"{override}: {parent} is no section, it is {target!r}")
            target[last] = yaml.safe_load(text)
        check_section(values, options_of(cls), "", source)
        check_sections(values, source)
        values["betas"] = tuple(values.get("betas", (0.9, 0.999)))
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for storage with checkpoints and models."""
        return {**asdict(self), "betas": list(self.betas)}


def find_config(name: str | Path) -> Path:
    """Return the file of a configuration: a path, or a name such as ``textscf-abdomen-paper``.

    Raises:
        InputError: when there is neither; names the nearest.
    """
    path = Path(name)
    if path.is_file():
        return path
    own = CONFIGS / f"{name}.yaml"
    if own.is_file():
        return own
    known = named_configs()
    if str(name) in known:
        return known[str(name)]
    near = difflib.get_close_matches(str(name), known, 3, 0.5)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InputError(
        f"configuration: expected a YAML file or a name, got {str(name)!r}{meant} "
        "(ldmreg-train train --list has all names)"
    )


def named_configs() -> dict[str, Path]:
    """Return the configurations of stages that belong to the code, by name, sorted."""
    found = {}
    for path in sorted(CONFIGS.glob("**/*.yaml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "stage" in values or ("base" in values and "variants" not in values):
            found[path.relative_to(CONFIGS).with_suffix("").as_posix()] = path
    return found


def _read(path: Path) -> dict[str, Any]:
    """Return the options of a file, with those of its base and of its network."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected options, got {values!r}")
    if isinstance(values.get("network"), str):
        values["network"] = _read(path.parent / values["network"])
    base = values.pop("base", None)
    return values if base is None else _merged(_read(path.parent / base), values)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        result[name] = _merged(base[name], value) if both else value
        if value is None:
            del result[name]
    return result
