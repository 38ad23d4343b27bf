"""Slicer before 5.12: without ``slicer.packaging`` and without processes in the background."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["without_packaging"]

_NEW_OPTIONS = ("blocking", "logCallback", "completedCallback")


@contextmanager
def without_packaging(slicer: Any) -> Iterator[None]:
    """Take away what came with 5.12."""
    util, packaging = slicer.util, slicer.packaging
    names = ("pip_install", "pip_uninstall", "executePythonModule", "launchConsoleProcess")
    saved = {name: getattr(util, name) for name in names}
    run, launch = saved["executePythonModule"], saved["launchConsoleProcess"]

    def arguments(command: str, requirements: str | list[str]) -> list[str]:
        if not isinstance(requirements, str | list):
            raise ValueError(f"{command} requirement input must be string or list")
        return shlex.split(requirements) if isinstance(requirements, str) else requirements

    def pip_install(requirements: str | list[str]) -> None:
        run("pip", ["install", *arguments("pip_install", requirements)])

    def pip_uninstall(requirements: str | list[str]) -> None:
        run("pip", ["uninstall", *arguments("pip_uninstall", requirements), "--yes"])

    def launchConsoleProcess(args: list[str], *rest: Any, **options: Any) -> Any:
        new = [name for name in _NEW_OPTIONS if name in options]
        if new:
            raise TypeError(f"launchConsoleProcess() got an unexpected keyword argument '{new[0]}'")
        return launch(args, *rest, **options)

    util.pip_install, util.pip_uninstall = pip_install, pip_uninstall
    util.launchConsoleProcess = launchConsoleProcess
    del util.executePythonModule
    del slicer.packaging
    sys.modules["slicer.packaging"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(util, name, value)
        slicer.packaging = sys.modules["slicer.packaging"] = packaging
