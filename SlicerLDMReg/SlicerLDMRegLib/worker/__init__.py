"""Registration in a process of its own, which keeps models in memory and the caller's window alive.

:class:`WorkerClient` starts the process and talks to it; there a
:class:`~SlicerLDMRegLib.pipeline.Runner` does what it is asked for. No torch is imported where the
client runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .errors import WorkerError

if TYPE_CHECKING:
    from .client import WorkerClient
    from .job import Job

__all__ = ["Job", "WorkerClient", "WorkerError"]

__getattr__ = lazy_names(__name__, {"Job": "job", "WorkerClient": "client"})
