"""Execution of a method in its own process, to measure its peak memory."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ..datasets.evaluation import EvaluationPair
from ..machine import peak_memory, use_threads
from .method import Method, Registered

__all__ = ["MethodError", "MethodProcess"]


class MethodError(RuntimeError):
    """Failure of a method or end of its process."""


class MethodProcess:
    """Fresh process that prepares a method and registers pairs with it, one after the other.

    It idles while results are scored in the calling process, so that nothing disturbs its times.
    Use it as a context manager.

    Args:
        prepare: returns the method; called in the new process, so it must be picklable.
        threads: number of threads of the method.
        seed: seed of the method.
    """

    def __init__(self, prepare: Callable[[], Method], threads: int, seed: int) -> None:
        # A forked process would inherit the memory of this one.
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, prepare, threads, seed), daemon=True
        )
        self._other = other

    def __enter__(self) -> MethodProcess:
        self._process.start()
        self._other.close()  # the end of the process is the end of the connection
        self._receive()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join(10)
        self._process.kill()

    def register(self, pair: EvaluationPair) -> tuple[Registered, float | None]:
        """Return the result of the method and the peak memory of its process so far in MiB.

        Raises:
            MethodError: when the method fails or its process has ended.
        """
        self._connection.send(pair.for_methods())
        found: tuple[Registered, float | None] = self._receive()
        return found

    def _receive(self) -> Any:
        try:
            answer = self._connection.recv()
        except EOFError:
            self._process.join(10)
            code = self._process.exitcode
            raise MethodError(f"its process ended with code {code}; out of memory?") from None
        if isinstance(answer, str):
            raise MethodError(answer)
        return answer


def _serve(connection: Connection, prepare: Callable[[], Method], threads: int, seed: int) -> None:
    """Register received pairs until the connection is closed."""
    use_threads(threads, seed)
    try:
        method = prepare()
        connection.send(None)
        while True:
            found = method(connection.recv())
            connection.send((found, peak_memory()))
    except (EOFError, KeyboardInterrupt):
        return
    except Exception:
        connection.send(traceback.format_exc())
