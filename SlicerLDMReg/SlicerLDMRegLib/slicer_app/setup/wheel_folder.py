"""A folder of wheels for a computer without Internet: what it holds, and what it lacks."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ...errors import InputError
from . import dependencies
from .dependencies import Package

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.version import Version

__all__ = ["WheelFolder", "download_command"]

_MOST_METADATA = 2_000_000  # bytes


@dataclass(frozen=True)
class _Wheel:
    name: str
    version: Version
    path: Path


class WheelFolder:
    """The wheels of a folder that fit this Python and this computer.

    Args:
        path: the folder.

    Raises:
        InputError: when it cannot be read, or holds no wheel that fits.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            files = sorted(path.glob("*.whl"))
        except OSError as error:
            raise InputError(
                _("{folder} cannot be read ({reason})").format(folder=path, reason=error.strerror)
            ) from error
        self._wheels = _fitting(files)
        if not self._wheels:
            raise InputError(
                _(
                    "{folder} has no wheels for this computer, of {count} wheels in all; on a"
                    " computer with Internet, run: {command}"
                ).format(folder=path, count=len(files), command=download_command())
            )

    def lacking(self, packages: Sequence[Package]) -> list[str]:
        """Return the requirements that neither the folder nor this Python satisfies.

        Those of the wheels are asked as well, and of those in turn.

        Args:
            packages: that are to be installed.
        """
        from packaging.requirements import Requirement

        open_, seen, lacking = [Requirement(p.requirement) for p in packages], set(), []
        alone = set(dependencies.WITHOUT_DEPENDENCIES)
        while open_:
            wanted = open_.pop(0)
            if str(wanted) in seen:
                continue
            seen.add(str(wanted))
            if self._is_installed(wanted):
                continue
            wheel = self._best(wanted)
            if wheel is None:
                lacking.append(str(wanted))
            elif wanted.name not in alone:
                open_ += _needs(wheel.path, wanted.extras)
        return lacking

    def _is_installed(self, wanted: Requirement) -> bool:
        version = dependencies.installed_version(wanted.name)
        return version is not None and wanted.specifier.contains(version, prereleases=True)

    def _best(self, wanted: Requirement) -> _Wheel | None:
        from packaging.utils import canonicalize_name

        name = canonicalize_name(wanted.name)
        fitting = [
            wheel
            for wheel in self._wheels
            if wheel.name == name and wanted.specifier.contains(wheel.version, prereleases=True)
        ]
        return max(fitting, key=lambda wheel: wheel.version, default=None)


def download_command() -> str:
    """Return the command that fills a folder on a computer with Internet, for this computer."""
    platforms = {
        "win32": ["win_amd64"],
        "darwin": ["macosx_14_0_arm64"],
    }.get(sys.platform, ["manylinux_2_28_x86_64", "manylinux2014_x86_64"])
    wanted = [dependencies.TORCH, *(p.requirement for p in dependencies.check_setup().packages)]
    parts = [
        "python -m pip download --dest wheels --only-binary :all:",
        f"--python-version {sys.version_info.major}.{sys.version_info.minor}",
        *(f"--platform {platform}" for platform in platforms),
        *(f'"{requirement}"' for requirement in wanted),
    ]
    return " ".join(parts)


def _fitting(files: Sequence[Path]) -> list[_Wheel]:
    from packaging.tags import sys_tags
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    tags, wheels = set(sys_tags()), []
    for file in files:
        try:
            name, version, _build, own = parse_wheel_filename(file.name)
        except InvalidWheelFilename:
            continue
        if own & tags:
            wheels.append(_Wheel(name, version, file))
    return wheels


def _needs(wheel: Path, extras: set[str]) -> list[Requirement]:
    """Return what a wheel asks for here, by its metadata.

    Raises:
        InputError: for a file that is no wheel.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        with zipfile.ZipFile(wheel) as archive:
            named = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
            with archive.open(named[0]) as file:
                text = file.read(_MOST_METADATA).decode("utf-8", "replace")
        needs = [
            Requirement(line) for line in HeaderParser().parsestr(text).get_all("Requires-Dist", [])
        ]
    except (OSError, zipfile.BadZipFile, IndexError, InvalidRequirement) as error:
        raise InputError(_("{file} is damaged; download it again").format(file=wheel)) from error
    return [need for need in needs if _applies(need, extras)]


def _applies(need: Requirement, extras: set[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": name}) for name in ("", *extras))
