"""Import of one module of MONAI without the rest of MONAI, which stays complete for all others.

Two things make ``import monai`` slow. The ``__init__`` of MONAI imports all its modules (that of
``monai.networks.nets`` all networks), and many of these import optional packages at once, by
``optional_import``. The first is avoided by *sleeping* packages, the second, where it remains, by
:mod:`.deferred`.

:func:`import_alone` imports a module as usual, except that the ``__init__`` of each package above
it, and above what it imports in turn, does not run: the package sleeps. Asked for a name, such as
``Convolution`` in ``from monai.networks.blocks import Convolution``, a sleeping package takes it
from the module from which its ``__init__`` would import it, read off its source.

Others in the process use MONAI too: the training, another extension in the same Slicer. So the
sleeping packages are in :data:`sys.modules` only while :func:`import_alone` works; the modules in
them stay. Whoever imports MONAI later has Python import its packages: then their ``__init__`` run
as ever, from ``monai`` downwards, with all locks of the import system, in the module objects that
slept. So MONAI is as complete as without us: nothing was hidden from it, every class exists once.
Another thread that imports MONAI while :func:`import_alone` works may get a sleeping package, which
finds all names, but does not list them.

Where MONAI is imported completely already, that one is used. Where a module of a future MONAI
cannot be imported alone, all of MONAI is imported, which is slow but right.
"""

from __future__ import annotations

import ast
import importlib.abc
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module, metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from types import ModuleType
from typing import Any, cast

from .deferred import defer_large_packages, end_deferring

__all__ = ["import_alone"]

_TOP = "monai"


def import_alone(name: str) -> ModuleType:
    """Import a module such as ``monai.networks.nets.swin_unetr`` without all the rest of MONAI.

    Raises:
        ImportError: as ``import`` does.
    """
    if not _finder.monai_is_imported():
        try:
            with _finder.packages_asleep():
                return import_module(name)
        except (ImportError, AttributeError):
            if _finder.at_work:  # it is for the import around this one
                raise
            import_module(_TOP)
    return import_module(name)


class SleepingPackage(ModuleType):
    """A package of MONAI whose ``__init__`` has not run."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__" and self.__name__ == _TOP:
            return metadata.version(_TOP)
        if not name.startswith("__"):
            if name in (origins := _origins(self.__name__, _spec(self).loader)):
                module, original = origins[name]
                value = getattr(import_alone(module), original)
                setattr(self, name, value)
                return value
            child = f"{self.__name__}.{name}"
            if PathFinder.find_spec(child, self.__path__):
                return import_alone(child)
            if not _finder.at_work and not _finder.monai_is_imported():
                import_module(_TOP)
                return getattr(self, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the packages of MONAI that are to sleep, and those that sleep and are to wake.

    Attributes:
        sleeping: the packages that sleep, by name.
        at_work: calls of :func:`import_alone`, in all threads, one inside another included.
    """

    def __init__(self) -> None:
        self.sleeping: dict[str, ModuleType] = {}
        self.at_work = 0
        self._lock = threading.Lock()  # of the two; never held while something is imported

    def monai_is_imported(self) -> bool:
        """Whether somebody has imported, or is importing, MONAI as a whole."""
        return _TOP in sys.modules and _TOP not in self.sleeping

    @contextmanager
    def packages_asleep(self) -> Iterator[None]:
        """Let the packages sleep that are imported inside, and large optional packages wait."""
        with self._lock:
            self.at_work += 1
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)
        try:
            defer_large_packages(import_module(f"{_TOP}.utils.module"), lambda: self.at_work > 0)
            yield
        finally:
            with self._lock:
                self.at_work -= 1
                if not self.at_work:
                    for name in list(self.sleeping):
                        sys.modules.pop(name, None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _TOP:
            return None
        falls_asleep = self.at_work > 0 and not self.monai_is_imported()
        if not falls_asleep and fullname not in self.sleeping:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.submodule_search_locations is None:
            return None
        spec.loader = _Loader(spec.loader, wakes=not falls_asleep)
        return spec


class _Loader(importlib.abc.Loader):
    """Makes a package without its ``__init__``, or runs that in the module object that slept.

    Args:
        loader: the usual one.
        wakes: run the ``__init__``.
    """

    def __init__(self, loader: importlib.abc.Loader, wakes: bool) -> None:
        self._loader, self._wakes = loader, wakes

    def get_source(self, fullname: str) -> str | None:
        """Return the source of the ``__init__``, for another thread that asks a name meanwhile."""
        return cast("importlib.abc.InspectLoader", self._loader).get_source(fullname)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _finder.sleeping.setdefault(spec.name, SleepingPackage(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        _spec(module).loader = module.__loader__ = self._loader
        if not self._wakes:
            return
        del _finder.sleeping[name]
        try:
            self._loader.exec_module(module)
        except BaseException:
            _finder.sleeping[name] = module
            raise
        module.__class__ = ModuleType
        if name == _TOP:
            end_deferring(_TOP)
        if not _finder.sleeping:  # it is to be asked no more
            # A new list: another thread may be going through the present one.
            sys.meta_path = [other for other in sys.meta_path if other is not _finder]


@cache
def _origins(package: str, loader: importlib.abc.Loader) -> dict[str, tuple[str, str]]:
    """Return, by name, what an ``__init__`` imports from MONAI: the module and the name there."""
    source = cast("importlib.abc.InspectLoader", loader).get_source(package)
    found = {}
    for statement in ast.parse(source or "").body:
        if isinstance(statement, ast.ImportFrom):
            module = resolve_name("." * statement.level + (statement.module or ""), package)
            if module.partition(".")[0] == _TOP:
                for alias in statement.names:
                    found[alias.asname or alias.name] = (module, alias.name)
    return found


def _spec(module: ModuleType) -> ModuleSpec:
    assert module.__spec__ is not None
    return module.__spec__


def _installed_finder() -> _Finder:
    """Return the finder of this process: after a reload of the library that of its first copy."""
    for finder in sys.meta_path:
        if (type(finder).__module__, type(finder).__qualname__) == (__name__, _Finder.__qualname__):
            return cast("_Finder", finder)
    return _Finder()


_finder = _installed_finder()
