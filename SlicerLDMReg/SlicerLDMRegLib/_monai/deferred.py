"""Optional packages of MONAI that are imported when they are used, not when MONAI asks for them.

A module of MONAI gets an optional package by ``pandas, has_pandas = optional_import("pandas")``,
which imports it there and then. While LDMReg imports such a module, it gets a stand-in that imports
pandas when it is first used, and "has" is whether pandas is installed. To hide pandas instead would
make "has" false for ever, and for all who use that module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["DeferredImport", "defer_large_packages", "end_deferring"]

# The large ones that the modules which LDMReg uses ask for in MONAI 1.6: pandas and nibabel
# (monai.data.utils), scipy and skimage (monai.transforms.utils), requests (monai.apps.utils),
# torch_tensorrt (monai.networks.utils).
_LARGE = frozenset(("nibabel", "pandas", "requests", "scipy", "skimage", "torch_tensorrt"))


class DeferredImport:
    """Stands for a module, class or function that is not imported yet.

    Args:
        load: imports it.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    @cached_property
    def imported(self) -> Any:
        """The thing itself, imported when this is first asked."""
        return self._load()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.imported, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.imported(*args, **kwargs)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.imported)


class _Deferring:
    """``optional_import`` of MONAI, which does not import large packages while it is active."""

    def __init__(
        self, original: Callable[..., tuple[Any, bool]], is_active: Callable[[], bool]
    ) -> None:
        self.original = original
        self.is_active = is_active

    def __call__(self, module: str, *args: Any, **kwargs: Any) -> tuple[Any, bool]:
        package = module.partition(".")[0]
        if (
            package in _LARGE
            and self.is_active()
            and package not in sys.modules
            and find_spec(package) is not None
        ):
            return DeferredImport(lambda: self.original(module, *args, **kwargs)[0]), True
        return self.original(module, *args, **kwargs)


def defer_large_packages(utils: ModuleType, is_active: Callable[[], bool]) -> None:
    """Defer the large packages for the modules of MONAI that are imported from now on.

    Args:
        utils: ``monai.utils.module``, which defines ``optional_import``.
        is_active: whether to defer them at the moment.
    """
    if not isinstance(utils.optional_import, _Deferring):
        deferring = _Deferring(utils.optional_import, is_active)
        utils.optional_import = deferring  # type: ignore[attr-defined]


def end_deferring(top: str) -> None:
    """Put the real things into the modules of a package, in place of what stands for them."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{top}."):
            for key, value in list(vars(module).items()):
                if isinstance(value, DeferredImport):
                    setattr(module, key, value.imported)
                elif isinstance(value, _Deferring):
                    setattr(module, key, value.original)
