"""A response of a web server, read in a thread, so that nobody has to wait for the server."""

from __future__ import annotations

import contextlib
import functools
import http.client
import queue
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .catalogue import check_url

__all__ = ["SlowServerError", "receive"]

_CHUNK = 1 << 18  # bytes
_WAITING = 8  # chunks that may wait for who writes them
_LOOK_SECONDS = 0.1  # between two looks at what else there is to do
# A server that drips one byte now and then would otherwise be waited for without end. The slowest
# lines for which a download makes sense bring ten times as much.
_WINDOW_SECONDS = 30.0
_LEAST_SPEED = 1000  # bytes a second, over the window


class SlowServerError(ConnectionError):
    """The server sends next to nothing."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirect handler that follows only to allowed addresses."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connections:
    """Opens addresses, and can hang up."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def opener(self) -> urllib.request.OpenerDirector:
        """Return an opener; proxies are taken from the environment."""
        connections = self

        class Plain(urllib.request.HTTPHandler):
            def http_open(self, req: urllib.request.Request) -> Any:
                return self.do_open(connections._known(http.client.HTTPConnection), req)

        class Secure(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> Any:
                kind = functools.partial(
                    connections._known(http.client.HTTPSConnection),
                    context=ssl.create_default_context(),
                )
                return self.do_open(kind, req)

        return urllib.request.build_opener(_Redirects, Plain, Secure)

    def hang_up(self) -> None:
        """End every connection; a thread that waits for one gets an error."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _known(self, kind: Any) -> Any:
        """Return a class of connections whose sockets are known here."""
        sockets = self._sockets

        class Connection(kind):
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        return Connection


@contextmanager
def receive(
    request: urllib.request.Request, silence: float, check: Callable[[], object]
) -> Iterator[tuple[Any, Iterator[bytes]]]:
    """Send a request; yield the head of its response, and its body in pieces.

    Args:
        request: to an allowed address; it is redirected to such addresses only.
        silence: seconds without data, after which a connection counts as broken.
        check: called ten times a second; what it raises ends the connection.

    Raises:
        SlowServerError: when hardly any data come.
        OSError, http.client.HTTPException: when the connection fails.
    """
    connections, stop = _Connections(), threading.Event()
    pieces: queue.Queue[Any] = queue.Queue(_WAITING)

    def put(piece: Any) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                pieces.put(piece, timeout=_LOOK_SECONDS)
                return

    def read() -> None:
        try:
            with connections.opener().open(request, timeout=silence) as response:
                put(response)
                while (chunk := response.read1(_CHUNK)) and not stop.is_set():
                    put(chunk)
                put(b"")
        except BaseException as error:  # for the thread that waits
            put(error)

    threading.Thread(target=read, name="download", daemon=True).start()
    arriving = _arriving(pieces, check)
    try:
        yield next(arriving), arriving
    finally:
        stop.set()
        connections.hang_up()


def _arriving(pieces: queue.Queue[Any], check: Callable[[], object]) -> Iterator[Any]:
    """Yield the head and the chunks as they arrive, as long as enough of them do."""
    begin, received = time.monotonic(), 0
    while True:
        check()
        if time.monotonic() - begin > _WINDOW_SECONDS:
            if received < _LEAST_SPEED * _WINDOW_SECONDS:
                raise SlowServerError(
                    f"the server sends less than {_LEAST_SPEED / 1000:g} kB a second"
                )
            begin, received = time.monotonic(), 0
        try:
            piece = pieces.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if isinstance(piece, BaseException):
            raise piece
        if piece == b"":
            return
        if isinstance(piece, bytes):
            received += len(piece)
        yield piece
