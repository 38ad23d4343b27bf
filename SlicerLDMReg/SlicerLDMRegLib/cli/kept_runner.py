"""Runner of this process, which keeps models between commands where there are several."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..pipeline import Runner

__all__ = ["kept_runner"]


@lru_cache(maxsize=1)
def kept_runner() -> Runner:
    """Return the runner."""
    from ..pipeline import Runner

    return Runner()
