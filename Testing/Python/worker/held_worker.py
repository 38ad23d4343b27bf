"""A worker that waits where two threads could meet: ``held_worker.py -m SlicerLDMRegLib.worker``.

The message of a job says where, ``"hold": [WHEN, STAGE]``. ``before`` or ``after`` the job begins
the stage, it logs ``held`` and goes on when it is cancelled; ``answered``: it is answered while the
cancel is heard; ``exchanged``: from then on the models change whenever another thread looks.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from SlicerLDMRegLib.worker import server

PATIENCE = 600.0


class Jobs(dict[Any, Any]):
    """Open jobs; whoever asks for one the long way waits until it is answered."""

    def __init__(self) -> None:
        self.asked, self.answered = threading.Event(), threading.Event()

    def __contains__(self, id_: object) -> bool:
        found = super().__contains__(id_)
        if found and threading.current_thread().name == "listen":
            self.asked.set()
            self.answered.wait(PATIENCE)
        return found

    def pop(self, *arguments: Any) -> Any:
        job = super().pop(*arguments)
        self.answered.set()
        return job


class Models(OrderedDict[Any, Any]):
    """Models that a job exchanges while another thread looks at them."""

    def values(self) -> Iterator[Any]:  # type: ignore[override]
        for model in super().values():
            yield model
            if threading.current_thread() is not threading.main_thread():
                self[object()] = model


class Reporter(server._Reporter):
    """Reports, and waits before or after it."""

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        when, where = self._job.message.get("hold", ("", ""))
        if where != stage:
            return super().__call__(stage, fraction, message)
        if when == "answered":
            jobs = Jobs()
            jobs.update(self._server._open)
            self._server._open = jobs
            self.hold(jobs.asked)
        if when == "before":
            self.hold()
        super().__call__(stage, fraction, message)
        if when == "after":
            self.hold()
        if when == "exchanged":
            cache = self._server._runner.cache
            cache._models = Models(cache._models)

    def hold(self, asked: threading.Event | None = None) -> None:
        self._server.send(type="log", level="info", text="held")
        while not self._job.cancelled.wait(0.01) and not (asked and asked.is_set()):
            pass


server._Reporter = Reporter  # type: ignore[misc]
sys.exit(server.main(sys.argv[3:]))
