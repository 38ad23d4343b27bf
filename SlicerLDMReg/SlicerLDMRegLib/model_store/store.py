"""Search for bundled models and for models in the user's model store."""

from __future__ import annotations

import difflib
import errno
import logging
import os
import stat
from pathlib import Path

from .._outputs import recover
from .._user_folders import user_folder
from ..errors import ADVICE, InputError, ModelError
from ..resources import bundled_models_dir
from .card import METADATA_FILE, ModelCard

__all__ = [
    "MODELS_VARIABLE",
    "automatic_models",
    "choose_model",
    "find_model",
    "list_models",
    "user_models_dir",
]

MODELS_VARIABLE = "LDMREG_MODELS"

_logger = logging.getLogger(__name__)
_told: set[str] = set()


def user_models_dir() -> Path:
    """Return the user's model store, which need not exist.

    The environment variable ``LDMREG_MODELS``, else ``ldmreg/models`` in the platform's cache
    folder.
    """
    return user_folder("models", "cache", MODELS_VARIABLE)


def list_models(broken: list[ModelError] | None = None, kind: str | None = None) -> list[ModelCard]:
    """Return the installed models, the bundled ones first, each group sorted by id.

    A user's model replaces the bundled one with the same id. Only metadata and the length of the
    weights are read; see :func:`SlicerLDMRegLib.model_store.verify` for the files.

    Args:
        broken: receives one error for each folder that cannot be used; None: they are logged as
            warnings.
        kind: ``"registration"`` or ``"segmentation"``; None: all.
    """
    cards, errors = _installed()
    if broken is not None:
        broken.extend(errors.values())
    else:
        for problem in errors.values():
            _warn(problem)
    return [card for card in cards.values() if kind in (None, card.kind)]


def _installed() -> tuple[dict[str, ModelCard], dict[Path, ModelError]]:
    """Return the models by id, and why folders that look like models are none."""
    errors: dict[Path, ModelError] = {}
    cards: dict[str, ModelCard] = {}
    own = user_models_dir()
    recover(own)
    for store in (_bundled(), own):
        for folder in _model_folders(store, errors):
            try:
                card = ModelCard.from_folder(folder)
                _check_weights(card)
            except ModelError as error:
                errors[folder] = error
            else:
                cards[card.id] = card
    return cards, errors


def _warn(problem: ModelError) -> None:
    """Log a problem once, however often the models are looked through."""
    if str(problem) not in _told:
        _told.add(str(problem))
        _logger.warning("%s", problem)


def _check_weights(card: ModelCard) -> None:
    """Raise a ModelError when the weights are cut off; without them, a model is only described."""
    path, weights = card.weights_path, card.weights
    assert weights is not None
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(f"{path} cannot be read ({reason}); get the model again") from error
    if size != weights.bytes:
        raise ModelError(f"{path} must have {weights.bytes} bytes, got {size}; get the model again")


def find_model(model: str | Path, kind: str | None = None) -> ModelCard:
    """Return a model by its id or the path of its folder.

    Args:
        model: id of an installed model, or a path.
        kind: required kind, ``"registration"`` or ``"segmentation"``; None: either.

    Raises:
        ModelError: when there is none, or it is of another kind; the text names similar ids.
    """
    card = _find(model, kind)
    if kind not in (None, card.kind):
        others = ", ".join(sorted(other.id for other in list_models([], kind)))
        raise ModelError(
            f"model {card.id!r} is for {card.kind}, expected one for {kind}; "
            f"{f'known ones: {others}' if others else 'none is installed'}"
        )
    return card


def _find(model: str | Path, kind: str | None) -> ModelCard:
    cards, errors = _installed()
    for folder, error in errors.items():
        if folder.name == str(model) and model not in cards:
            raise error
        _warn(error)
    if isinstance(model, str) and model in cards:
        return cards[model]
    # Suggest only models of the required kind.
    cards = {name: card for name, card in cards.items() if kind in (None, card.kind)}
    path = Path(os.path.expanduser(model))  # noqa: PTH111 (a home that does not exist stays)
    # Treat everything that looks like a path as one, so that the error names the path.
    if os.path.isdir(path) or isinstance(model, Path) or len(path.parts) > 1:  # noqa: PTH112
        return ModelCard.from_folder(path)
    near = difflib.get_close_matches(str(model), cards, n=3, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    elif cards:
        hint = f"known models: {', '.join(sorted(cards))}"
    else:
        hint = f"no model is installed; put model folders into {user_models_dir()}"
    raise ModelError(f"unknown model {str(model)!r}; {hint}")


def automatic_models(dimension: int, slicewise: bool = False) -> list[ModelCard]:
    """Return the cards among which the images choose where no model is named, at least one.

    These are the shipped models for the dimension, or where there is none, the user's first one.
    Without a 3D model, a volume goes slice by slice through a 2D one.

    Args:
        dimension: of the images, 2 or 3.
        slicewise: whether slices of a volume were asked for, which need a 2D model.

    Raises:
        ModelError: when there is no such model.
    """
    cards = list_models(kind="registration")
    bundled = _bundled()
    for dims in (3, 2) if dimension == 3 and not slicewise else (2,):
        fitting = [card for card in cards if card.spatial_dims == dims]
        # A user's model of the same id stands for the shipped one.
        shipped = [c for c in fitting if bundled is not None and (bundled / c.id).is_dir()]
        if fitting:
            return shipped or fitting[:1]
    raise ModelError(
        f"no registration model for {dimension}D images is installed; "
        f"name a model folder, put one into {user_models_dir()}, or register without a model"
    )


def choose_model(
    model: str | Path | ModelCard, dimension: int, slicewise: bool = False
) -> ModelCard | None:
    """Return the card of the registration model to use; None: no model.

    Args:
        model: ``"auto"``, ``"none"``, an id, the path of a model folder, or a card. ``"auto"`` is
            the first of :func:`automatic_models`.
        dimension: of the images, 2 or 3.
        slicewise: whether slices of a volume were asked for, which need a 2D model.

    Raises:
        ModelError: when there is no such model.
        InputError: when it does not fit the dimension of the images.
    """
    if model == "none":
        return None
    if model == "auto":
        return automatic_models(dimension, slicewise)[0]
    card = model if isinstance(model, ModelCard) else find_model(model, "registration")
    if card.spatial_dims > dimension:
        raise InputError(
            f"model {card.id!r} registers 3D images, the images are 2D or have one slice; "
            f"use {ADVICE}, or a model for 2D images",
            option="model",
            value="none",
        )
    if card.spatial_dims == 3 and slicewise:
        raise InputError(
            f"model {card.id!r} registers 3D images, not slices; leave {ADVICE} out",
            option="slices",
        )
    return card


def _bundled() -> Path | None:
    try:
        return bundled_models_dir()
    except FileNotFoundError:
        return None


def _model_folders(store: Path | None, errors: dict[Path, ModelError]) -> list[Path]:
    """Return the model folders in a store; hidden ones are still being written."""
    if store is None:
        return []
    try:
        entries = sorted(store.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        errors[store] = ModelError(f"the folder of models {store} cannot be read ({reason})")
        return []
    return [f for f in entries if not f.name.startswith(".") and _is_model(f, errors)]


def _is_model(folder: Path, errors: dict[Path, ModelError]) -> bool:
    try:
        # Also where it is no file: then reading it tells.
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
        return is_folder and any(entry.name == METADATA_FILE for entry in folder.iterdir())
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            errors[folder] = ModelError(f"{folder} cannot be read ({error.strerror})")
        return False
