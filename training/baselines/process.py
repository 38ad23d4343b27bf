"""A method in a process of its own: what it takes of the memory is its own."""

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
    """A method failed, or its process was ended."""


class MethodProcess:
    """Prepares a method in a fresh process, which then registers one pair after the other.

    It idles while its answers are scored here, so that nothing disturbs its times. Use it as a
    context manager.

    Args:
        prepare: returns the method; it is called in the new process, so it must be picklable.
        threads: of the method.
        seed: of the method.
    """

    def __init__(self, prepare: Callable[[], Method], threads: int, seed: int) -> None:
        # A fork would begin with the memory of this process.
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
        """Return the answer of the method and the peak of its process so far in MiB.

        Raises:
            MethodError: when the method fails or its process is gone.
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
    """Answer pairs with fields until nobody asks any more."""
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
