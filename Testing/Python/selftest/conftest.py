"""The self-tests of the module, and a stand-in for Slicer's executable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from Testing.Host.fixtures import host, running_host
from Testing.Python.extension.conftest import built, cmake

__all__ = ["REPOSITORY", "built", "cmake", "host", "running_host"]

REPOSITORY = Path(__file__).resolve().parents[3]


def program(path: Path, text: str) -> Path:
    """Write a shell script that can be executed."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable that takes Slicer's arguments and runs their script in the host."""
    monkeypatch.setenv("DISPLAY", ":0")  # else it would be started under xvfb-run
    script = Path(__file__).with_name("stand_in.py")
    return program(tmp_path / "Slicer", f'exec "{sys.executable}" "{script}" "$@"')
