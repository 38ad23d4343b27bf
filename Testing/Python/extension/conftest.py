"""The extension, configured, built and installed with stand-ins for Slicer's CMake macros."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from Testing.Host.fixtures import host, running_host

__all__ = ["Built", "built", "cmake", "host", "running_host"]

REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = Path("lib/Slicer-5.13/qt-scripted-modules")


@dataclass(frozen=True)
class Built:
    """Where the built and the installed extension lie, and what CMake said."""

    build: Path
    install: Path
    configured: str

    @property
    def modules(self) -> Path:
        """The installed folder of scripted modules."""
        return self.install / MODULES

    def files(self) -> set[str]:
        """All installed files, relative to the folder of scripted modules."""
        files = (path for path in self.install.rglob("*") if path.is_file())
        return {path.relative_to(self.modules).as_posix() for path in files}


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if found is None:
        pytest.skip(f"needs {name}: pip install {name}")
    return found


@pytest.fixture(scope="session")
def cmake() -> list[str]:
    """The command that configures with Ninja or make, whichever there is."""
    program = _program("cmake")
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler, as every CMake project")
    generator = "Unix Makefiles" if shutil.which("make") else "Ninja"
    return [program, "-G", generator]


def run(*command: str | Path) -> str:
    """Run a command; its output.

    Raises:
        AssertionError: when it fails, with the output.
    """
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


def configure(cmake: list[str], source: Path, build: Path) -> str:
    """Configure an extension's source with the stand-ins."""
    stand_ins = REPOSITORY / "Testing" / "Host" / "cmake"
    python = f"-DPython3_EXECUTABLE={sys.executable}"
    return run(*cmake, "-S", source, "-B", build, f"-DSlicer_DIR={stand_ins}", python)


@pytest.fixture(scope="session")
def built(cmake: list[str], tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("extension")
    build, install = folder / "build", folder / "install"
    configured = configure(cmake, REPOSITORY, build)
    run(cmake[0], "--build", build)
    component = ("--component", "RuntimeLibraries")
    run(cmake[0], "--install", build, "--prefix", install, *component)
    return Built(build, install, configured)
