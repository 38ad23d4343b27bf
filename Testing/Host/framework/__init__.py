"""The Python part of Slicer that modules build on, as far as the host needs it.

slicer-core brings MRML and ``slicer.util`` only. The files of this folder take the place of
Slicer's own (module base classes, parameter nodes, packaging, translation, sample data): the same
names and behaviour, written for these tests. Where ``SLICER_SOURCE`` names a Slicer checkout,
:func:`install` takes Slicer's own files instead, so that a second run of the same tests shows that
both agree.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import slicer

__all__ = ["install"]

_SUBMODULES = ("i18n", "testing", "packaging", "parameterNodeWrapper", "ScriptedLoadableModule")
_TOP_LEVEL = ("Modules/Scripted/SampleData", "Base/Python")


def install(source: Path | None) -> None:
    """Register the modules, Slicer's own from ``source`` or else the host's.

    Raises:
        FileNotFoundError: when ``source`` is no Slicer checkout.
    """
    own = Path(__file__).parent
    folder = own if source is None else source / "Base/Python/slicer"
    if not (folder / "ScriptedLoadableModule.py").is_file():
        raise FileNotFoundError(f"SLICER_SOURCE={source} is no checkout of Slicer")
    if source is not None:
        _load("slicer.util", folder / "util.py")
    for name in _SUBMODULES:
        path = folder / name
        _load(f"slicer.{name}", path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    # These need the application, which needs the others: they are found when first imported.
    for place in _TOP_LEVEL if source is not None else ():
        sys.path.append(str(source / place))
    if source is None:
        sys.path.append(str(own / "modules"))


def _load(name: str, path: Path) -> ModuleType:
    """Load a submodule of ``slicer`` from a file and set it on the package."""
    locations = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    setattr(slicer, name.removeprefix("slicer."), module)
    spec.loader.exec_module(module)
    return module
