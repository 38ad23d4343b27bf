"""Resumable download of one file over HTTP."""

from __future__ import annotations

import errno
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CancelledError, ModelError
from .catalogue import check_url
from .http_stream import SlowServerError, receive

__all__ = ["fetch"]

# Patience with bad connections; larger values wait longer before an error. Not tuned.
_SILENCE_SECONDS = 20.0  # without data, after which a connection counts as broken
_TRIES = 4  # consecutive attempts without new data
_WAIT_SECONDS = 0.5  # after the first failure; doubled after each further one
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)  # HTTP errors that may be temporary
_OUR_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)  # no use to try again
_NOT_SATISFIABLE = 416
_PARTIAL = 206


def fetch(
    url: str,
    part: Path,
    size: int,
    progress: Callable[[int], object],
    cancelled: Callable[[], bool],
) -> None:
    """Download a file, or the missing rest of it.

    After a broken connection only the rest is requested; a server without support for that sends
    everything again. Proxies are taken from the environment (``HTTPS_PROXY``, ``NO_PROXY``). Only
    the request for the file leaves this computer.

    A server that sends next to nothing counts as a broken connection, too.

    Args:
        url: https, or http on this computer.
        part: the partial file; kept after a failure or cancellation.
        size: size of the whole file in bytes.
        progress: called with the number of bytes received.
        cancelled: called several times a second; true cancels.

    Raises:
        ModelError: when the download fails, or the server's file has another size.
        CancelledError: when ``cancelled`` returns true.
        OSError: when the file cannot be written.
    """
    check_url(url)
    farthest, failures = _length(part), 0
    while (length := _length(part)) != size:
        _check(cancelled)
        if length > size:
            part.unlink()
            length = 0
        try:
            _receive(url, part, length, size, progress, cancelled)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == _NOT_SATISFIABLE and length:
                    part.unlink()  # the part is of another file: start again
                elif error.code not in _TRY_AGAIN:
                    raise _failure(url, f"{error.code} {error.reason}") from error
            problem: Exception = error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
                raise _failure(
                    url,
                    "its certificate cannot be checked; if your network inspects connections, let "
                    "SSL_CERT_FILE name its certificates",
                ) from error
            if isinstance(error, OSError) and error.errno in _OUR_DISK:
                raise
            problem = error
        else:
            continue
        if _length(part) > farthest and not isinstance(problem, SlowServerError):
            farthest, failures = _length(part), 0
        failures += 1
        if failures >= _TRIES:
            raise _failure(
                url,
                f"{getattr(problem, 'reason', problem) or type(problem).__name__}; check the "
                "connection (proxies are taken from HTTPS_PROXY) and try again: it goes on where "
                "it stopped",
            ) from problem
        _wait(_WAIT_SECONDS * 2 ** (failures - 1), cancelled)


def _receive(
    url: str,
    part: Path,
    length: int,
    size: int,
    progress: Callable[[int], object],
    cancelled: Callable[[], bool],
) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "ldmreg"})
    if length:
        request.add_header("Range", f"bytes={length}-")
    with receive(request, _SILENCE_SECONDS, lambda: _check(cancelled)) as (response, chunks):
        start, whole = _range(response)
        if whole not in (None, size):
            raise ModelError(f"{url} has {whole} bytes, expected {size}; update LDMReg")
        if start not in (0, length):
            raise ConnectionError("the server sent another part than it was asked for")
        progress(start)
        with part.open("ab" if start else "wb") as file:
            for chunk in chunks:
                start += len(chunk)
                if start > size:
                    raise ModelError(f"{url} has more than {size} bytes; update LDMReg")
                file.write(chunk)
                progress(start)
                _check(cancelled)
    if start < size:
        raise ConnectionError("the connection broke")


def _range(response: Any) -> tuple[int, int | None]:
    """Return the offset of a response in the file and the size of the file, None if unknown."""
    if response.status == _PARTIAL:
        match = re.match(
            r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)",
            response.headers.get("Content-Range", ""),
        )
        if match is None:
            raise ConnectionError("the server did not say which part it sent")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    told = response.headers.get("Content-Length", "")
    return 0, int(told) if re.fullmatch("[0-9]{1,18}", told) else None


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise CancelledError("the download was cancelled; what is there is kept for the next try")


def _wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _check(cancelled)
        time.sleep(min(left, 0.1))


def _failure(url: str, reason: str) -> ModelError:
    return ModelError(f"{url} cannot be downloaded: {reason}")
