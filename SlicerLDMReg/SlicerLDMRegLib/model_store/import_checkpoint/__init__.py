"""Import of the authors' released checkpoints as model folders."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ..card import ModelCard
from ..folder import check_outside, write_model_folder
from .ldm_morph import read_ldm_morph
from .textscf import read_textscf

__all__ = ["import_checkpoint"]

# Reader by method, and its files in the order of its arguments.
_METHODS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "ldm-morph": (read_ldm_morph, ("ldm", "registration")),
    "textscf": (read_textscf, ("checkpoint",)),
}
_LICENCE = """These weights were imported from files that their user supplied.
Their licence is that of those files; it is not known to LDMReg. Do not pass them on without it.
"""


def import_checkpoint(
    method: str,
    files: Mapping[str, Path | str],
    output: Path | str,
    model_id: str,
    title: str,
    *,
    use: str | None = None,
    licence: str = _LICENCE,
    dtype: str = "float32",
    overwrite: bool = False,
    **options: Any,
) -> ModelCard:
    """Import the checkpoints of a method's authors as a model folder.

    Args:
        method: ``"ldm-morph"`` or ``"textscf"``.
        files: checkpoint files: ``"ldm"`` and ``"registration"`` of LDM-Morph, ``"checkpoint"`` of
            textSCF, e.g. ``{"ldm": "ldm.ckpt", "registration": "dsc0.88.pth.tar"}``.
        output: the model folder to write.
        model_id: id of the model.
        title: displayed name of the model.
        use: intended images, one line; None: images like those of the authors' training.
        licence: text for the file ``LICENSE``.
        dtype: ``"float32"`` as released, or ``"float16"``.
        overwrite: replace an existing model folder.
        options: keyword arguments of :func:`~.ldm_morph.read_ldm_morph` or
            :func:`~.textscf.read_textscf`, e.g. ``use_ema=True``.

    Returns:
        The card of the model.

    Raises:
        ModelError: for an unknown method or option, missing files, or unsuitable checkpoints.
        InputError: when a checkpoint lies in the folder to write, or text embeddings or label names
            are unreadable or do not match.
    """
    if method not in _METHODS:
        raise ModelError(f"unknown method {method!r}; importers exist for {sorted(_METHODS)}")
    read, needed = _METHODS[method]
    if set(files) != set(needed):
        raise ModelError(
            f"import of {method!r} needs the files {', '.join(needed)}, got {', '.join(files)}"
        )
    known = sorted({*_keywords(import_checkpoint), *_keywords(read)})
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ModelError(
            f"import of {method!r} has no option {', '.join(unknown)}; its options are "
            f"{', '.join(known)}"
        )
    check_outside(Path(output), [*files.values(), *map(Path, _paths(options))])
    described, state = read(*(files[name] for name in needed), **options)
    if use is not None:
        described["use"] = use
    owners = f"the authors of the imported checkpoint{'s' if len(files) > 1 else ''}"
    card = ModelCard(
        id=model_id,
        title=title,
        method=method,
        spatial_dims=len(described["grid"].size),
        authors=owners,
        copyright=owners,
        **described,
    )
    return write_model_folder(output, card, state, licence, dtype=dtype, overwrite=overwrite)


def _paths(options: Mapping[str, Any]) -> list[Any]:
    values = (options.get(name) for name in ("text_embeddings", "text_weights"))
    return [value for value in values if value is not None]


def _keywords(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
