"""The oldest versions that pyproject.toml allows, as constraints of pip: ``make test-oldest``."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def oldest() -> list[str]:
    """Return ``name==version`` for each run-time dependency."""
    text = PROJECT.read_text(encoding="utf-8")  # Python 3.10 has no reader of TOML
    block = text.split("\ndependencies = [", 1)[1].split("\n]", 1)[0]
    return [f"{name}=={version}" for name, version in re.findall(r'"([\w-]+)>=([\d.]+)"', block)]


if __name__ == "__main__":
    print("\n".join(oldest()))
