"""Which Python packages registering needs, which of them are there, and why installing failed.

Nothing is imported to find out: packages are known by what pip wrote down about them.
"""

from __future__ import annotations

import importlib.metadata
import re
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..errors import LDMRegError
from ..resources import resources_dir

__all__ = [
    "EXTENSION",
    "FROZEN",
    "TORCH",
    "Package",
    "SetupStatus",
    "check_setup",
    "constraints_text",
    "explain_failure",
    "install_place",
    "installed_version",
    "require_packages",
    "requirements_file",
]

#: The extension that installs torch, under its name in the Extensions Manager.
EXTENSION = "PyTorch"
TORCH = "torch>=2.8"
#: What an installation never changes: Slicer ships the first four, the extension installs the rest.
FROZEN = ("numpy", "scipy", "SimpleITK", "vtk", "torch", "torchvision")


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
    """What is there and what is not.

    Attributes:
        torch: the package that the PyTorch extension installs.
        packages: the others, of ``Resources/requirements.txt``.
        has_extension: whether the PyTorch extension is loaded.
        extension_waits: whether it is installed, but Slicer was not restarted since.
    """

    torch: Package
    packages: tuple[Package, ...]
    has_extension: bool
    extension_waits: bool

    @property
    def missing(self) -> tuple[Package, ...]:
        """What has to be installed, in this order."""
        return tuple(p for p in (self.torch, *self.packages) if not p.present)

    @property
    def is_ready(self) -> bool:
        """Whether one can register."""
        return not self.missing

    @property
    def needs_extension(self) -> bool:
        """Whether the PyTorch extension has to come first."""
        return not self.torch.present and not self.has_extension


def requirements_file() -> Path:
    """Return the list of packages beside torch."""
    return resources_dir() / "requirements.txt"


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
    manager = slicer.app.extensionsManagerModel()
    has_extension = hasattr(slicer.modules, "pytorchutils")
    lines = (line.strip() for line in requirements_file().read_text("utf-8").splitlines())
    return SetupStatus(
        torch=_package(TORCH),
        packages=tuple(_package(line) for line in lines if line and not line.startswith("#")),
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


def require_packages() -> None:
    """Check that one can register, for scripts, which see no panel.

    Raises:
        LDMRegError: naming the packages that are missing and how they are installed.
    """
    missing = check_setup().missing
    if missing:
        raise LDMRegError(
            _(
                "Python packages are missing: {packages}. Open the module LDM Registration and"
                " install them in its section Setup."
            ).format(packages=", ".join(package.requirement for package in missing))
        )


def constraints_text() -> str:
    """Return the lines that keep pip from replacing what others rely on (``pip -c``)."""
    versions = ((name, installed_version(name)) for name in FROZEN)
    return "".join(f"{name}=={version}\n" for name, version in versions if version is not None)


def explain_failure(log: str) -> str:
    """Return what the output of pip means and what to do about it."""
    for pattern, text in _causes():
        if re.search(pattern, log, re.IGNORECASE):
            return text()
    return _("pip could not install the packages. Its output is below and in Slicer's log.")


def _causes() -> tuple[tuple[str, Callable[[], str]], ...]:
    # The first that fits counts: a full disk also breaks connections, and so does a certificate.
    return (
        (
            r"No space left on device|Errno 28|not enough space on the disk",
            lambda: _("The disk is full: make room in {folder} and install again.").format(
                folder=install_place()
            ),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError",
            lambda: _(
                "The certificate of the package server cannot be checked. If your network"
                " inspects connections, let the environment variable PIP_CERT name the file with"
                " its certificates, restart Slicer and install again."
            ),
        ),
        (
            r"NewConnectionError|NameResolutionError|getaddrinfo|name resolution"
            r"|Name or service not known|Network is unreachable|Max retries exceeded|Timeout"
            r"|ProxyError|Tunnel connection failed|Connection (refused|reset|broken|aborted)",
            lambda: _(
                "The package server cannot be reached. Check the connection to the Internet; if"
                " it goes through a proxy, set the environment variable HTTPS_PROXY, restart"
                " Slicer and install again. Without a connection, copy the wheels of the packages"
                " below into a folder and run: PythonSlicer -m pip install --no-index"
                " --find-links FOLDER -r {file}"
            ).format(file=f'"{requirements_file()}"'),
        ),
        (
            r"Permission denied|Access is denied|Errno 13|WinError (5|32)\b|Read-only file system",
            lambda: _(
                "Files cannot be written to {folder}: they are in use, or the folder is not"
                " yours. Restart Slicer and install before you use other modules; if that does"
                " not help, install Slicer into a folder that you may write to."
            ).format(folder=install_place()),
        ),
        (
            r"ResolutionImpossible|conflicting dependencies|No matching distribution"
            r"|Could not find a version",
            lambda: _(
                "No version of the packages fits those that are installed, which Slicer and other"
                " extensions need. Nothing was changed. Update Slicer and its extensions and"
                " install again."
            ),
        ),
    )
