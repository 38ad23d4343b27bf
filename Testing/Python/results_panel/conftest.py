"""Fixtures for the parts of the panel that come after a registration."""

from __future__ import annotations

from Testing.Host.fixtures import host, running_host

__all__ = ["host", "running_host"]
