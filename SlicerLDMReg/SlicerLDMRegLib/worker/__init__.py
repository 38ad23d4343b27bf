"""Registration in a process of its own, which keeps models in memory and the caller's window alive.

:class:`WorkerClient` starts the process and talks to it; :class:`Runner` is what the process does
with a request, and does it in the caller's own process just as well. Neither imports torch where
the client runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .errors import WorkerError

if TYPE_CHECKING:
    from .client import WorkerClient
    from .job import Job
    from .runner import Runner

__all__ = ["Job", "Runner", "WorkerClient", "WorkerError"]

__getattr__ = lazy_names(__name__, {"Job": "job", "Runner": "runner", "WorkerClient": "client"})
