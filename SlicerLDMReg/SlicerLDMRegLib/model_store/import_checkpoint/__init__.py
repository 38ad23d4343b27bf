"""Import of the authors' released checkpoints as model folders."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ..card import ModelCard
from .ldm_morph import import_ldm_morph
from .textscf import import_textscf

__all__ = ["CHECKPOINT_FILES", "import_checkpoint", "import_ldm_morph", "import_textscf"]

# Files of an import by method, in the order of the importer's arguments.
CHECKPOINT_FILES: dict[str, tuple[str, ...]] = {
    "ldm-morph": ("ldm", "registration"),
    "textscf": ("checkpoint",),
}
_IMPORTERS: dict[str, Callable[..., ModelCard]] = {
    "ldm-morph": import_ldm_morph,
    "textscf": import_textscf,
}


def import_checkpoint(
    method: str,
    files: Mapping[str, Path | str],
    output: Path | str,
    model_id: str,
    title: str,
    **options: Any,
) -> ModelCard:
    """Import the checkpoints of a method's authors as a model folder.

    Args:
        method: ``"ldm-morph"`` or ``"textscf"``.
        files: checkpoint files, with the keys ``CHECKPOINT_FILES[method]``, e.g.
            ``{"ldm": "ldm.ckpt", "registration": "dsc0.88.pth.tar"}``.
        output: the model folder to write.
        model_id: id of the model.
        title: displayed name of the model.
        options: keyword arguments of the method's importer, e.g. ``use_ema=True``.

    Returns:
        The card of the model.

    Raises:
        ModelError: for an unknown method or option, missing files, or unsuitable checkpoints.
    """
    if method not in _IMPORTERS:
        raise ModelError(f"unknown method {method!r}; importers exist for {sorted(_IMPORTERS)}")
    needed = CHECKPOINT_FILES[method]
    if set(files) != set(needed):
        raise ModelError(
            f"import of {method!r} needs the files {', '.join(needed)}, got {', '.join(files)}"
        )
    importer = _IMPORTERS[method]
    parameters = inspect.signature(importer).parameters.values()
    known = sorted(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ModelError(
            f"import of {method!r} has no option {', '.join(unknown)}; its options are "
            f"{', '.join(known)}"
        )
    return importer(*(files[name] for name in needed), output, model_id, title, **options)
