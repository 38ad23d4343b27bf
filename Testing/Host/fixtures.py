"""Fixtures for pytest. A folder of tests gets them by importing them in its ``conftest.py``.

Tests that use them are skipped where PySide6 or slicer-core is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["host", "running_host"]

_NEEDED = ("PySide6", "slicer_core", "vtk")


@pytest.fixture(scope="session")
def running_host() -> Any:
    """The host of this process."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: pip install -e .[slicer-host]")
    from .host import SlicerHost

    try:
        return SlicerHost()
    except ImportError as error:  # e.g. libEGL.so.1, which a bare system may lack
        pytest.skip(f"the host does not start: {error}")


@pytest.fixture
def host(running_host: Any) -> Iterator[Any]:
    """The host with an empty scene and no module; fails the test where a slot raised.

    A test that expects such an error takes it out of ``host.errors``.
    """
    running_host.reset()
    yield running_host
    errors, unused = list(running_host.errors), running_host.dialogs.unused
    running_host.reset()
    assert not errors, "exceptions in slots and callbacks:\n" + "\n".join(errors)
    assert not unused, f"no dialog came for the answers {unused}"
