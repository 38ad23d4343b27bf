"""Standard output and error, to which no text of a file can say more than letters."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from .._printable import printable

__all__ = ["safe_streams"]


class _SafeStream:
    """A stream of text in which control characters become visible escapes.

    What the stream's encoding does not have becomes an escape, too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def unsafe(self) -> TextIO:
        """The stream itself, for what writes control characters on purpose."""
        return self._stream

    def write(self, text: str) -> int:
        safe = printable(text, lines=True)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with contextlib.suppress(LookupError):
            safe = safe.encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(safe)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Let everything that is printed inside the block go through safe streams."""
    with (
        contextlib.redirect_stdout(_SafeStream(sys.stdout)),
        contextlib.redirect_stderr(_SafeStream(sys.stderr)),
    ):
        yield
