"""Packages of classical methods that are not installed by default."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from SlicerLDMRegLib.errors import InputError

__all__ = ["MissingPackageError", "installed", "require"]

#: Distribution on the package index and method, by module.
_PACKAGES = {
    "ants": ("antspyx", "SyN"),
    "picsl_greedy": ("picsl-greedy", "Greedy"),
    "itk": ("itk-elastix", "elastix"),
}


class MissingPackageError(InputError, ImportError):
    """A method whose package is not installed."""


def installed(module: str) -> bool:
    """Whether a package is there, without importing it."""
    try:
        return find_spec(module) is not None
    except ValueError:  # None in sys.modules: imports are blocked
        return False


def require(module: str) -> ModuleType:
    """Return the module of an optional package.

    Raises:
        MissingPackageError: when it is not installed; the text says how to install it.
    """
    package, method = _PACKAGES[module]
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{method}: expected the package {package}, it is not installed; "
            f"pip install {package}, or all of them with pip install './training[baselines]', or "
            "leave the method out by --methods"
        ) from error
