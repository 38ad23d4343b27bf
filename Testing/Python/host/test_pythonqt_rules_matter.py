"""The rules of PythonQt are tested by tests that bare PySide6 does not pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import BARE


@pytest.mark.slow
def test_bare_pyside6_fails_every_rule(running_host: Any) -> None:
    rules = Path(__file__).parent / "test_pythonqt.py"
    written = len(re.findall(r"^def test_", rules.read_text(), re.MULTILINE))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(rules)]
    # The host leaves its choice of integers for enumerations in the environment.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYSIDE6_OPTION")}
    result = subprocess.run(
        command,
        env={**environment, BARE: "1", "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{written} failed" in result.stdout, result.stdout[-3000:]
    assert "passed" not in result.stdout.splitlines()[-1], result.stdout[-3000:]
