"""Text of files, servers and users made safe to show: on a terminal, in a report, on the panel.

Control characters (the terminal's escape codes among them), characters that turn the direction of
writing around, invisible ones and halves of surrogate pairs become visible escapes such as
``\\x1b`` and ``\\u202e``. Joiners (U+200C, U+200D) stay: some scripts are written with them.
"""

from __future__ import annotations

import re
import reprlib
from typing import Any

__all__ = ["json_safe", "one_line", "printable", "shown"]

_UNSAFE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_LINES = re.compile(f"[{_UNSAFE}]")
_IN_A_LINE = re.compile(rf"[\t\n{_UNSAFE}]")
_MOST = 2000  # characters of a message; the longest of ours has 400 without names of files
_SHOWN = 60  # characters of a value in a message


def printable(text: object, lines: bool = False) -> str:
    """Return a text whose unsafe characters are visible escapes.

    Args:
        text: anything; other things than text as ``str`` makes them.
        lines: whether line ends and tabs stay.
    """
    return (_IN_LINES if lines else _IN_A_LINE).sub(_escape, str(text))


def one_line(text: object, most: int = _MOST) -> str:
    """Return a text as one safe line: its white space as one space, of a long text the two ends.

    Args:
        text: anything; other things than text as ``str`` makes them.
        most: characters of the line.
    """
    line = printable(" ".join(str(text).split()))
    if len(line) <= most:
        return line
    half = most // 2 - 3
    return f"{line[:half]} ... {line[-half:]}"


def json_safe(text: str) -> str:
    """Return JSON text with unsafe characters as escapes of JSON, which mean the same characters.

    Args:
        text: of ``json.dumps``: outside of its texts there are only line ends and spaces.
    """
    return _IN_LINES.sub(_json_escape, text)


def shown(value: Any) -> str:
    """Return a value as Python writes it, in one short safe line, however large or deep it is."""
    try:
        text = _short.repr(value)
    except Exception:  # of other people's classes, and of integers that are too long to be written
        text = f"a {type(value).__name__}"
    return one_line(text, _SHOWN)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = _SHOWN
_short.maxdict = _short.maxlist = _short.maxtuple = _short.maxset = 4
_short.maxlevel = 3


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))
