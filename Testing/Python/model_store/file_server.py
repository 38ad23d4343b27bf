"""A web server on this computer that has one file, and can behave badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """What the server has, how it behaves, and what it was asked for.

    Attributes:
        content: the file.
        break_after: the connection breaks after so many bytes of each of the next answers.
        ranges: whether it can send a part.
        shift: begins so many bytes beside what it was asked for.
        statuses: of the next answers, instead of the file.
        redirect: where the file is said to be.
        drip: seconds between two pieces of an answer, of so many bytes; True: its head, too.
    reason: in words, of the answers that are errors.
    stall: answers come without their end for as long as it is not set.
        paths, asked: the path and the ``Range`` of each request, and its other header fields.
    """

    content: bytes = b""
    break_after: list[int] = field(default_factory=list)
    ranges: bool = True
    shift: int = 0
    statuses: list[int] = field(default_factory=list)
    redirect: str = ""
    told_length: int | str | None = None
    drip: tuple[float, int, bool] | None = None
    reason: str | None = None
    stall: threading.Event | None = None
    paths: list[str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/model.zip"


@contextmanager
def serving(state: FileServer) -> Iterator[FileServer]:
    """Serve for a while."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.paths.append(self.path)
            state.asked.append(self.headers["Range"])
            state.headers.append(dict(self.headers))
            if state.redirect:
                self.send_response(302)
                self.send_header("Location", state.redirect)
                self.end_headers()
            elif state.statuses:
                self.send_error(state.statuses.pop(0), state.reason)
            else:
                self._send_file()

        def do_CONNECT(self) -> None:
            state.paths.append(self.path)
            self.send_error(403)

        def _send_file(self) -> None:
            start = 0
            if state.ranges and (wanted := self.headers["Range"]):
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) + state.shift  # type: ignore[index]
                if start >= len(state.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                end = len(state.content)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            else:
                self.send_response(200)
            rest = state.content[start:]
            told = len(rest) if state.told_length is None else state.told_length
            self.send_header("Content-Length", str(told))
            self.end_headers()
            if state.break_after:
                self.wfile.write(rest[: state.break_after.pop(0)])
                self.close_connection = True
            elif state.stall is not None:
                self.wfile.write(rest[: len(rest) // 2])
                state.stall.wait(30)
            elif state.drip is not None:
                self._drip(rest)
            else:
                self.wfile.write(rest)

        def _drip(self, data: bytes) -> None:
            assert state.drip is not None
            seconds, size, _ = state.drip
            for start in range(0, len(data), size):
                self.wfile.write(data[start : start + size])
                if state.ended.wait(seconds):
                    return

        def flush_headers(self) -> None:
            if state.drip is not None and state.drip[2]:
                head, self._headers_buffer = b"".join(self._headers_buffer), []
                self._drip(head)
            else:
                super().flush_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        state.ended.set()
        if state.stall is not None:
            state.stall.set()
        server.shutdown()
        server.server_close()
        thread.join()
