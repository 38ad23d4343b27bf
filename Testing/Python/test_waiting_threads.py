"""Threads that wait: the command lines and the worker tell torch's OpenMP how, before it loads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from SlicerLDMRegLib._waiting_threads import let_threads_sleep


def _said(command: str, **more: str) -> str:
    """Return what OpenMP says of its settings when a command line has run and torch is loaded."""
    own = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-c", f"{command}; import torch"],
        env={**environment, "OMP_DISPLAY_ENV": "VERBOSE", **more},
        capture_output=True,
        text=True,
        check=True,
    )
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("torch of this computer does not wait by GNU's OpenMP")
    return done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "from SlicerLDMRegLib.cli import main; main(['models', 'list'])",
        "from training.cli import main; main([])",
    ],
)
def test_command_lines_tell_openmp_in_time(command: str) -> None:
    assert "GOMP_SPINCOUNT = '5000'" in _said(command)


def test_what_the_user_says_stays() -> None:
    command = "from SlicerLDMRegLib.cli import main; main(['models', 'list'])"
    assert "GOMP_SPINCOUNT = '17'" in _said(command, GOMP_SPINCOUNT="17")
    given = {"OMP_WAIT_POLICY": "ACTIVE"}
    let_threads_sleep(given)
    assert given == {"OMP_WAIT_POLICY": "ACTIVE"}
