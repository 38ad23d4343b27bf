"""One line for the user from what a reader says: the role, the file, the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError, LDMRegError

__all__ = ["one_line"]

_VERBS = ("is ", "cannot ", "holds ", "begins ", "has ")


@contextlib.contextmanager
def one_line(role: str, path: str | Path) -> Iterator[None]:
    """Put the role and the path before what a reader says."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if text.startswith(f"{role}"):
            raise
        begin = "" if text.startswith(_VERBS) else ":"
        raise InputError(f"{role} {path}{begin} {text}") from error
    except LDMRegError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{role} {path}: it does not fit into the memory; crop or downsample it"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{role} {path}: cannot be opened ({reason})") from error
    except Exception as error:  # a file that is damaged in a way that no reader names
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{role} {path}: cannot be read ({type(error).__name__}: {reason}); the file is "
            "damaged: copy or download it again"
        ) from error
