"""Fixtures for the tests of the text branch."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest

from SlicerLDMRegLib.text import WEIGHTS_VARIABLE


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text encoder may use the network, nor weights that happen to lie around."""

    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        pytest.fail(f"the network was used: {arguments}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
