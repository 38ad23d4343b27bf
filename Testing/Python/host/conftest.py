"""Fixtures for the tests of the Slicer host itself."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from Testing.Host.fixtures import host, running_host

__all__ = ["host", "qt", "running_host", "tiny_path"]

BARE = "HOST_TESTS_WITH_BARE_PYSIDE6"


@pytest.fixture
def tiny_path() -> Path:
    """A small module, only for these tests."""
    return Path(__file__).parent / "tiny" / "TinyModule.py"


@pytest.fixture
def qt(request: pytest.FixtureRequest) -> Any:
    """The module ``qt``; bare PySide6 where the environment asks for it."""
    if os.environ.get(BARE):
        from PySide6 import QtCore, QtGui, QtWidgets

        names: dict[str, Any] = {}
        for module in (QtCore, QtGui, QtWidgets):
            names |= {name: getattr(module, name) for name in dir(module)}
        if QtWidgets.QApplication.instance() is None:
            request.config.stash[_application] = QtWidgets.QApplication([])
        return SimpleNamespace(**names)
    return request.getfixturevalue("host").qt


_application = pytest.StashKey[Any]()
