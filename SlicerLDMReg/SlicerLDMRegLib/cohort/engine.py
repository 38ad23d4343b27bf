"""Batches on a cluster of Dask: handed out few at a time, and again where they were lost."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from .._outputs import uninterrupted
from ..errors import InputError
from .batch import Batch, Outcome, register_batch, register_batch_text
from .clusters import Cluster

__all__ = ["run_here", "run_on_cluster"]

Told = Callable[[Outcome], None]
_POLL_SECONDS = 0.2
_AHEAD = 2  # batches for each process: one that it does and one that waits
_WAIT_SECONDS = 900.0  # for a scheduler that is gone to come back
_RETRY_SECONDS = 2.0
_EMPTY_SECONDS = 60.0
_MOST_ERRORS = 5  # of the cluster itself at one batch


def run_here(batches: Sequence[Batch], told: Told) -> None:
    """Register batches in this process, one after the other."""
    for batch in batches:
        register_batch(batch, told)


def run_on_cluster(
    batches: Sequence[Batch],
    cluster: Cluster,
    told: Told,
    tick: Callable[[], None],
    note: Callable[[str], None],
) -> None:
    """Register batches on a cluster, until there is an outcome of every pair.

    A batch whose process ended is done again by another one, where pairs that are complete stay as
    they are. When the scheduler is gone, it is waited for, and what it was given is handed out
    again.

    Args:
        batches: in the order in which they are handed out.
        cluster: does them.
        told: told what became of each pair, once or more often.
        tick: called again and again while there is nothing to do.
        note: told what happens to the cluster.

    Raises:
        InputError: when the scheduler does not come back, or its processes cannot run LDMReg.
    """
    _Hand(batches, cluster, told, tick, note).run()


class _Hand:
    """Hands batches out, and takes them back."""

    def __init__(
        self,
        batches: Sequence[Batch],
        cluster: Cluster,
        told: Told,
        tick: Callable[[], None],
        note: Callable[[str], None],
    ) -> None:
        self._queue = deque(batches)
        self._cluster, self._told, self._tick, self._note = cluster, told, tick, note
        self._topic = f"ldmreg-{batches[0].run}" if batches else ""
        self._given: dict[Any, Batch] = {}
        self._events: deque[Any] = deque()  # filled by the thread of the client
        self._errors: dict[tuple[str, ...], int] = {}
        self._client: Any = None
        self._number = 0
        self._workers, self._looked = 0, 0.0
        self._empty_since = time.monotonic()

    def run(self) -> None:
        try:
            while self._queue or self._given:
                self._connect()
                # Raised in the middle of Dask, such as in a finaliser, Ctrl-C could be swallowed.
                with uninterrupted("cancelled"):
                    with contextlib.suppress(_Lost):
                        self._give()
                        self._take()
                    self._hear()
                    self._tick()
                time.sleep(_POLL_SECONDS)
        finally:
            self._leave()

    def _connect(self) -> None:
        """Have a client that is connected; what a lost scheduler had been given is given anew."""
        if self._client is not None and self._client.status == "running":
            return
        lost = self._client is not None
        if lost:
            self._note(f"the scheduler {self._cluster.address} is gone; waiting for it")
            self._take_back()
            self._close()
        deadline = time.monotonic() + (_WAIT_SECONDS if lost else 0.0)
        while True:
            try:
                self._client = self._cluster.connect()
                break
            except InputError:
                if time.monotonic() > deadline:
                    raise
            self._tick()
            time.sleep(_RETRY_SECONDS)
        self._client.subscribe_topic(self._topic, self._events.append)
        self._looked = 0.0
        if lost:
            self._note("the scheduler is there again")

    def _hear(self) -> None:
        while self._events:
            _, event = self._events.popleft()  # when it came, and what
            self._told(Outcome(**event["outcome"]))

    def _give(self) -> None:
        now = time.monotonic()
        if now - self._looked > 1.0:
            self._looked = now
            with _losing():
                self._workers = sum(self._client.nthreads().values())
            self._tell_of_workers(now)
        while self._queue and len(self._given) < max(1, _AHEAD * self._workers):
            batch = self._queue.popleft()
            self._number += 1
            key = f"register-{batch.run}-{self._number}"
            try:
                with _losing():
                    future = self._client.submit(
                        register_batch_text, batch.to_json(), key=key, pure=False
                    )
            except _Lost:
                self._queue.appendleft(batch)
                raise
            self._given[future] = batch

    def _tell_of_workers(self, now: float) -> None:
        """Tell once when a cluster has no processes for a while."""
        if self._workers:
            self._empty_since = now
        elif now - self._empty_since > _EMPTY_SECONDS:
            self._empty_since = now + 1e9
            self._note(f"the scheduler {self._cluster.address} has no workers; waiting for some")

    def _take(self) -> None:
        for future, batch in list(self._given.items()):
            status = future.status
            if status == "pending":
                continue
            if status == "finished":
                with _losing():
                    outcomes = json.loads(future.result(timeout=60))
                del self._given[future]
                for outcome in outcomes:
                    self._told(Outcome(**outcome))
                continue
            if self._client.status != "running":
                raise _Lost
            del self._given[future]
            if status == "error":
                self._count(batch, future)
            self._queue.append(batch)  # cancelled or lost, with its process or its scheduler

    def _count(self, batch: Batch, future: Any) -> None:
        """Count an error that is none of the pairs: those are outcomes."""
        count = self._errors[batch.ids] = self._errors.get(batch.ids, 0) + 1
        try:
            error: Any = future.exception(timeout=60)
        except Exception as other:
            error = other
        self._note(f"the cluster could not do a batch: {type(error).__name__}: {error}")
        if count >= _MOST_ERRORS:
            raise InputError(
                f"processes of the cluster cannot register ({type(error).__name__}: {error}); "
                "they need the same LDMReg, installed as here, and the same folders"
            )

    def _take_back(self) -> None:
        self._queue.extendleft(reversed(list(self._given.values())))
        self._given.clear()

    def _leave(self) -> None:
        client = self._client
        if client is None:
            return
        if self._given and client.status == "running":
            with contextlib.suppress(Exception):
                client.cancel(list(self._given), force=True)
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.close(timeout=5)
        self._client = None


class _Lost(Exception):
    """The connection to the scheduler was lost."""


@contextlib.contextmanager
def _losing() -> Any:
    """Tell errors of a lost connection from others."""
    from concurrent.futures import CancelledError

    from distributed.comm import CommClosedError

    try:
        yield
    except (CommClosedError, OSError, TimeoutError, CancelledError, RuntimeError) as error:
        raise _Lost from error
