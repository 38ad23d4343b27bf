"""``slicer.packaging``: Python packages of modules, installed by pip into Slicer's Python."""

from __future__ import annotations

import importlib.metadata
import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError

import slicer.util
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

__all__ = [
    "isPipInstallInProgress",
    "load_pyproject_dependencies",
    "load_requirements",
    "pip_check",
    "pip_ensure",
    "pip_install",
    "pip_uninstall",
]

_Requirements = str | Requirement | list[str | Requirement]
_in_progress = False


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements of a file; comments, options and blank lines are left out."""
    lines = (line.strip() for line in Path(path).read_text().splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """The dependencies of a pyproject.toml.

    Raises:
        KeyError: when the file has no table ``project``.
    """
    import tomllib

    project = tomllib.loads(Path(path).read_text())["project"]
    return [Requirement(text) for text in project.get("dependencies", [])]


def _as_list(requirements: _Requirements) -> list[Requirement]:
    if isinstance(requirements, Requirement):
        return [requirements]
    if isinstance(requirements, list):
        return [r if isinstance(r, Requirement) else Requirement(r) for r in requirements]
    if not isinstance(requirements, str):
        raise TypeError(f"Expected str, Requirement, or list, got {type(requirements).__name__}")
    try:
        return [Requirement(requirements)]
    except InvalidRequirement:
        return [Requirement(text) for text in requirements.split()]


def pip_check(req: _Requirements, _seen: set[tuple[str, frozenset[str]]] | None = None) -> bool:
    """Whether packages are installed, with the packages that their extras ask for."""
    seen = set() if _seen is None else _seen
    return all(_is_satisfied(one, seen) for one in _as_list(req))


def _is_satisfied(requirement: Requirement, seen: set[tuple[str, frozenset[str]]]) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
    if key in seen:
        return True
    seen.add(key)
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    if version not in requirement.specifier:
        return False
    for text in importlib.metadata.requires(requirement.name) or []:
        needed = Requirement(text)
        marker, needed.marker = needed.marker, None
        asked = marker is not None and any(
            marker.evaluate({"extra": extra}) for extra in requirement.extras
        )
        if asked and not _is_satisfied(needed, seen):
            return False
    return True


def isPipInstallInProgress() -> bool:
    """Whether an installation that does not block is going on."""
    return _in_progress


def pip_ensure(
    requirements: _Requirements,
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> list[str] | None:
    """Install what is missing, after asking.

    Raises:
        RuntimeError: when the user declines.
        subprocess.CalledProcessError: when pip fails.
    """
    missing = [requirement for requirement in _as_list(requirements) if not pip_check(requirement)]
    if not missing:
        return None
    names = [str(requirement) for requirement in missing]
    if skip_in_testing and slicer.app.testingEnabled():
        logging.info("Testing mode is enabled: skipping pip_ensure for %s", names)
        return None
    title = f"{requester} - Install Python Packages" if requester else "Install Python Packages"
    if prompt_install:
        count = (
            "1 Python package needs" if len(names) == 1 else f"{len(names)} Python packages need"
        )
        text = (
            f"{count} to be installed.\n\nThis will modify Slicer's Python environment. Continue?"
        )
        details = "\n".join(f"- {name}" for name in names)
        if not slicer.util.confirmOkCancelDisplay(text, title, detailedText=details):
            raise RuntimeError("User declined package installation")
    before = _versions()
    skipped = pip_install(
        names,
        constraints=constraints,
        skip_packages=skip_packages,
        show_progress=show_progress,
        requester=requester,
    )
    changed = _changed_imports(before, _versions())
    if prompt_restart and changed and not slicer.app.testingEnabled():
        title = f"{requester} - Restart Recommended" if requester else "Restart Recommended"
        text = "Updated packages were already loaded. Would you like to restart now?"
        if slicer.util.confirmYesNoDisplay(text, title, detailedText="\n".join(changed)):
            slicer.util.restart()
    return skipped


def _versions() -> dict[str, str]:
    importlib.invalidate_caches()
    return {
        canonicalize_name(found.metadata["Name"]): found.version
        for found in importlib.metadata.distributions()
    }


def _changed_imports(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Packages that were replaced while their modules are loaded."""
    imported = {
        canonicalize_name(distribution)
        for module, distributions in importlib.metadata.packages_distributions().items()
        if module in sys.modules
        for distribution in distributions
    }
    return [name for name in after if after[name] != before.get(name) and name in imported]


def pip_install(
    requirements: str | list[str],
    constraints: str | Path | None = None,
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> list[str] | None:
    """Run ``pip install`` in Slicer's Python.

    Raises:
        subprocess.CalledProcessError: when pip fails and ``blocking`` is true.
        ValueError: when ``skip_packages`` is used together with ``no_deps_requirements`` or
            without blocking.
        RuntimeError: when another installation is going on.
    """
    global _in_progress
    if skip_packages is not None:
        if no_deps_requirements is not None:
            raise ValueError("skip_packages and no_deps_requirements are mutually exclusive")
        if not blocking:
            raise ValueError("skip_packages requires blocking=True")
        raise NotImplementedError("the host does not install with skip_packages")
    steps = [_arguments(requirements, constraints)]
    if no_deps_requirements is not None:
        steps.insert(0, [*_arguments(no_deps_requirements, None), "--no-deps"])
        if constraints is not None:
            steps[0] += ["-c", str(constraints)]
    if blocking or slicer.app.testingEnabled():
        _install_blocking(steps, requester)
        return None
    if _in_progress:
        raise RuntimeError("A non-blocking pip_install is already in progress")
    _in_progress = True

    def next_step(code: int = 0) -> None:
        global _in_progress
        if code == 0 and steps:
            slicer.util.executePythonModule(
                "pip",
                steps.pop(0),
                blocking=False,
                logCallback=logCallback,
                completedCallback=next_step,
            )
            return
        _in_progress = False
        if completedCallback is not None:
            completedCallback(code)

    next_step()
    return None


def _install_blocking(steps: list[list[str]], requester: str | None) -> None:
    log: list[str] = []
    try:
        for arguments in steps:
            slicer.util.executePythonModule("pip", arguments, blocking=True, logCallback=log.append)
    except CalledProcessError:
        if not slicer.app.testingEnabled():
            title = f"{requester} - Installation Failed" if requester else "Installation Failed"
            slicer.util.errorDisplay(
                "Package installation failed.", windowTitle=title, detailedText="\n".join(log)
            )
        raise


def _arguments(requirements: str | list[str], constraints: str | Path | None) -> list[str]:
    if not isinstance(requirements, str | list):
        raise ValueError("pip_install requirement input must be string or list")
    names = shlex.split(requirements) if isinstance(requirements, str) else requirements
    return ["install", *names, *(["-c", str(constraints)] if constraints is not None else [])]


def pip_uninstall(
    requirements: str | list[str],
    blocking: bool = True,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> None:
    """Run ``pip uninstall`` in Slicer's Python."""
    names = shlex.split(requirements) if isinstance(requirements, str) else requirements
    slicer.util.executePythonModule(
        "pip",
        ["uninstall", *names, "--yes"],
        blocking=blocking,
        logCallback=logCallback,
        completedCallback=completedCallback,
    )
