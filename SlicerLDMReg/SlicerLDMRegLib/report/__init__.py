"""The report of a registration: ``overview.png``, ``report.html`` and ``report.json``."""

from __future__ import annotations

from .source import ReportSource

__all__ = ["ReportSource"]
