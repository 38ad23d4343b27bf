"""Registration in a process of its own, which keeps models in memory and the caller's window alive.

:class:`WorkerClient` starts the process and talks to it; :class:`Runner` is what the process does
with a request, and does it in the caller's own process just as well. Neither imports torch where
the client runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import WorkerError

if TYPE_CHECKING:
    from .client import WorkerClient
    from .job import Job
    from .runner import Runner

__all__ = ["Job", "Runner", "WorkerClient", "WorkerError"]


def __getattr__(name: str) -> Any:
    if name == "Job":
        from .job import Job

        return Job
    if name == "Runner":
        from .runner import Runner

        return Runner
    if name == "WorkerClient":
        from .client import WorkerClient

        return WorkerClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
