"""``report.json``: metrics, verdict, timings and provenance as strict JSON."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._printable import json_safe
from .result_protocol import ReportSource
from .verdict import judge

__all__ = ["render_json", "to_plain"]


def to_plain(value: Any) -> Any:
    """Convert nested data to strict JSON values.

    NaN and infinity become None, NumPy scalars and arrays numbers and lists, paths, dates and keys
    text.

    Raises:
        TypeError: for other objects, whose ``repr`` would only look like data.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic | np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [to_plain(item) for item in value]
    if isinstance(value, Path | datetime.date):
        return str(value)
    raise TypeError(f"cannot write a {type(value).__name__} to report.json; convert it first")


def render_json(result: ReportSource, version: str) -> str:
    """Return ``report.json`` of a result, with the keys in their order."""
    document = {
        "format": 1,
        "ldmreg_version": version,
        "verdict": judge(result.metrics).to_dict(),
        "metrics": result.metrics,
        "timings": result.timings,
        "provenance": result.provenance,
    }
    text = json.dumps(to_plain(document), indent=2, allow_nan=False, ensure_ascii=False)
    return json_safe(text) + "\n"
