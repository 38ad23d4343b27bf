"""Slicer without the application, for the examples of the documents."""

from Testing.Host.fixtures import host, running_host

__all__ = ["host", "running_host"]
