"""Starting a child process and ending it with all its children, on every system."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .._processes import is_running, start_time
from .._waiting_threads import let_threads_sleep

__all__ = [
    "child_environment",
    "describe_exit",
    "is_running",
    "kill_tree",
    "start_process",
    "start_time",
]

_WINDOWS = sys.platform == "win32"
_TASKKILL_SECONDS = 10


def child_environment(
    environment: Mapping[str, str] | None = None, threads: int | None = None
) -> dict[str, str]:
    """Return the environment in which the worker finds this library.

    Args:
        environment: to start from; None: that of this process.
        threads: with which torch and ITK compute; None: as they like.
    """
    result = dict(os.environ if environment is None else environment)
    library = str(Path(__file__).resolve().parents[2])
    others = filter(None, result.get("PYTHONPATH", "").split(os.pathsep))
    # Absolute: the worker runs in another folder.
    paths = [library, *(str(Path(path).absolute()) for path in others)]
    result["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    result["PYTHONUNBUFFERED"] = "1"
    result["PYTHONIOENCODING"] = "utf-8:backslashreplace"
    # Threads that wait for work without sleeping would take the processor from the windows.
    let_threads_sleep(result)
    result.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if threads is not None:
        result["OMP_NUM_THREADS"] = result["MKL_NUM_THREADS"] = str(threads)
        result["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(threads)
    return result


def start_process(
    command: Sequence[str], environment: Mapping[str, str], directory: Path
) -> subprocess.Popen[bytes]:
    """Start a process with three unbuffered pipes, in a session of its own: no Ctrl-C reaches it.

    Raises:
        OSError: when there is no such program.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=dict(environment),
        cwd=directory,
        start_new_session=not _WINDOWS,
        creationflags=flags,
    )


def kill_tree(process: subprocess.Popen[bytes], worker: int | None = None) -> None:
    """End a process and its children at once.

    A launcher, such as PythonSlicer, starts the real interpreter as a child: ending the launcher
    alone would leave that behind.

    Args:
        process: from :func:`start_process`.
        worker: pid of the real interpreter, where it is known and runs.
    """
    if sys.platform == "win32":
        for pid in dict.fromkeys(filter(None, (process.pid, worker))):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    ["taskkill", "/T", "/F", "/PID", str(pid)],
                    capture_output=True,
                    check=False,
                    timeout=_TASKKILL_SECONDS,
                    creationflags=subprocess.CREATE_NO_WINDOW,
                )
    else:
        # The group outlives its first process, and no other gets its number until it is empty.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if worker is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(worker, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()


def describe_exit(code: int | None) -> str:
    """Return how a process ended, for a user."""
    if code is None:
        return "it ended"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"exit code {code if abs(code) < 2**16 else hex(code & 0xFFFFFFFF)}"
