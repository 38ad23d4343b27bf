"""``slicer.i18n``: translation of texts."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path

__all__ = ["getContext", "tr", "translate"]

_PLACEHOLDER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")
_contexts: dict[str, str] = {}


def translate(context: str, text: str) -> str:
    """A text in the application's language."""
    import slicer

    app = getattr(slicer, "app", None)
    return str(app.translate(context, text)) if app is not None else text


def getContext(path: str) -> str:
    """The context of a source file: its name, preceded by its package where it is in one."""
    if path not in _contexts:
        file = Path(path)
        in_package = (file.parent / "__init__.py").is_file()
        _contexts[path] = f"{file.parent.name}.{file.stem}" if in_package else file.stem
    return _contexts[path]


def tr(text: str) -> str:
    """Translate a text in the context of the calling file."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame is not None else None
    path = caller.f_code.co_filename if caller is not None else ""
    translated = translate(getContext(path), text)
    if set(_PLACEHOLDER.findall(translated)) != set(_PLACEHOLDER.findall(text)):
        logging.warning("the translation of %r lost a placeholder: %r", text, translated)
        return text
    return translated
