"""The texts about installing packages: before, and when it failed."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from slicer.i18n import tr as _

from .dependencies import Package, SetupStatus, install_place, older_wanted, requirements_file

__all__ = ["explain_failure", "folder_question", "question"]


def question(status: SetupStatus, missing: Sequence[Package]) -> str:
    """Return what is asked before anything is installed: what, how large, where.

    Args:
        status: what there is.
        missing: what will be installed.
    """
    paragraphs = [
        _("Registering needs Python packages that Slicer does not have: {names}.").format(
            names=", ".join(package.name for package in missing)
        )
    ]
    if not status.torch.present:
        if status.torch.version is not None:
            paragraphs.append(
                _("torch {old} is replaced by a newer version, for all modules.").format(
                    old=status.torch.version
                )
            )
        paragraphs.append(
            _(
                "PyTorch is a download of about 0.2 GB, with an NVIDIA GPU of about 3 GB, and"
                " takes up to 7 GB on the disk. Slicer hardly responds while it is installed,"
                " for some minutes."
            )
        )
    paragraphs += _replaced(missing)
    if any(not package.present for package in status.packages):
        paragraphs.append(_("The packages beside PyTorch are a download of about 20 MB."))
    if set(missing) & set(status.encoder):
        paragraphs.append(
            _("The text encoder for new names of structures is a download of about 100 MB.")
        )
    paragraphs.append(_place())
    proxy = _proxy()
    if proxy:
        paragraphs.append(_("The download goes through the proxy {proxy}.").format(proxy=proxy))
    paragraphs.append(_("Install them now?"))
    return "\n\n".join(paragraphs)


def folder_question(folder: Path, missing: Sequence[Package]) -> str:
    """Return what is asked before packages of a folder of wheels are installed.

    Args:
        folder: of the wheels.
        missing: what will be installed.
    """
    paragraphs = [
        _("These packages are installed from {folder}, and nothing is downloaded: {names}.").format(
            folder=folder, names=", ".join(package.name for package in missing)
        ),
        *_replaced(missing),
        _place(),
        _("Install them now?"),
    ]
    return "\n\n".join(paragraphs)


def _place() -> str:
    """Return where packages go."""
    return _(
        "They are installed into Slicer's Python, {folder}. The packages that Slicer ships are not"
        " changed."
    ).format(folder=install_place())


def _replaced(missing: Sequence[Package]) -> list[str]:
    """Return what older packages are replaced, and what other extensions lose by it."""
    texts = []
    for package in missing:
        if package.version is None or package.name == "torch":  # torch is told of by itself
            continue
        texts.append(
            _("{name} {old} is replaced by a newer version, for all modules.").format(
                name=package.name, old=package.version
            )
        )
    for package in missing:
        asking = [] if package.version is None else older_wanted(package.requirement)
        if asking:
            texts.append(
                _(
                    "These packages of other extensions ask for an older {name}, and may work no"
                    " more: {packages}."
                ).format(name=package.name, packages=", ".join(asking))
            )
    return texts


def _proxy() -> str:
    """Return the address of the proxy that pip uses, without a password; empty: none."""
    address = urllib.request.getproxies().get("https", "")
    return re.sub(r"//[^/@]*@", "//", address)


def explain_failure(log: str) -> str:
    """Return what the output of pip means and what to do about it."""
    for pattern, text in _causes():
        if re.search(pattern, log, re.IGNORECASE):
            return text
    return _("pip could not install the packages. Its output is below and in Slicer's log.")


def _causes() -> tuple[tuple[str, str], ...]:
    # The first that fits counts: a full disk also breaks connections, and so does a certificate.
    return (
        (
            r"No space left on device|Errno 28|not enough space on the disk",
            _("The disk is full: make room in {folder} and install again.").format(
                folder=install_place()
            ),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError",
            _(
                "The certificate of the package server cannot be checked. If your network"
                " inspects connections, let the environment variable PIP_CERT name the file with"
                " its certificates, restart Slicer and install again."
            ),
        ),
        (
            r"NewConnectionError|NameResolutionError|getaddrinfo|name resolution"
            r"|Name or service not known|Network is unreachable|Max retries exceeded|Timeout"
            r"|ProxyError|Tunnel connection failed|Connection (refused|reset|broken|aborted)",
            _(
                "The package server cannot be reached. Check the connection to the Internet; if"
                " it goes through a proxy, set the environment variable HTTPS_PROXY, restart"
                " Slicer and install again. Without a connection, copy the wheels of the packages"
                " below into a folder and run: PythonSlicer -m pip install --no-index"
                " --find-links FOLDER -r {file}"
            ).format(file=f'"{requirements_file()}"'),
        ),
        (
            r"Permission denied|Access is denied|Errno 13|WinError (5|32)\b|Read-only file system",
            _(
                "Files cannot be written to {folder}: they are in use, or the folder is not"
                " yours. Restart Slicer and install before you use other modules; if that does"
                " not help, install Slicer into a folder that you may write to."
            ).format(folder=install_place()),
        ),
        (
            r"ResolutionImpossible|conflicting dependencies|No matching distribution"
            r"|Could not find a version",
            _(
                "No version of the packages fits those that are installed, which Slicer and other"
                " extensions need. Nothing was changed. Update Slicer and its extensions and"
                " install again."
            ),
        ),
    )
