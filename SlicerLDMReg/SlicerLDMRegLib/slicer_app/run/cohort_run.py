"""Many pairs from the panel: the command ``ldmreg cohort`` beside Slicer, and how far it is.

The command is the same as on the shell, in Slicer's Python, so that its folder can be gone on with
there, and the other way round.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...cohort.folder import CohortFolder
from ...errors import InputError
from ...worker.processes import child_environment, kill_tree
from ..texts import tr as _

__all__ = ["CohortProgress", "CohortRun", "cohort_command"]

_CANCEL_SECONDS = 30.0  # for the pairs that are going on; then the processes are ended
_LAST_LINES = 12
_MOST_LOG = 20_000  # bytes of the output that are read
_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class CohortProgress:
    """Counts of a run.

    Attributes:
        pairs, done, failed: numbers of pairs; 0 before they are known.
        end: when it probably ends, seconds since the epoch; None before it is known.
    """

    pairs: int = 0
    done: int = 0
    failed: int = 0
    end: float | None = None


def cohort_command(
    source: Path, output: Path, pairing: str | None, options: Mapping[str, Any]
) -> list[str]:
    """Return the command that registers many pairs.

    Args:
        source: a table, or the folder of a BIDS data set.
        output: folder of the cohort.
        pairing: how images make pairs, as ``--pairs`` has it; None for a table of pairs.
        options: fields of a request that all pairs have in common, as the panel has them.
    """
    python = shutil.which("PythonSlicer") or sys.executable
    command = [python, "-m", "SlicerLDMRegLib", "cohort", str(source), "--output", str(output)]
    if pairing is not None:
        command += ["--pairs", pairing]
    for name in ("model", "align", "device", "precision", "seed"):
        value = options.get(name)
        if value not in (None, ""):
            command += [f"--{name}", str(getattr(value, "method", value))]
    refine = options.get("refine")
    if isinstance(refine, Mapping):
        for name in ("similarity", "smoothness", "iterations"):
            value = refine.get(name)
            if value not in (None, ""):
                text = value if isinstance(value, str) else None
                if text is None and isinstance(value, Sequence):
                    text = ",".join(map(str, value))
                command += [f"--refine-{name}", text or str(value)]
        refine = refine.get("enabled")
    if refine is not None:
        command.append("--refine" if refine else "--no-refine")
    if options.get("diffeomorphic") is not None:
        command.append("--diffeomorphic" if options["diffeomorphic"] else "--no-diffeomorphic")
    if importlib.util.find_spec("distributed") is None:
        command += ["--workers", "0"]
    return command


class CohortRun:
    """A cohort that is registered beside Slicer.

    Args:
        command: of :func:`cohort_command`.
        output: folder of the cohort.

    Raises:
        InputError: when the command cannot be started.
    """

    def __init__(self, command: Sequence[str], output: Path) -> None:
        self.folder = CohortFolder(output)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._cancelled_at: float | None = None
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=not _WINDOWS,
                creationflags=flags,
            )
        except OSError as error:
            self._log.close()
            raise InputError(
                _("the command cannot be started: {error}").format(error=error)
            ) from error

    @property
    def running(self) -> bool:
        """Whether it goes on; what was cancelled for long is ended here."""
        if self._process.poll() is not None:
            return False
        begun = self._cancelled_at
        if begun is not None and time.monotonic() - begun > _CANCEL_SECONDS:
            kill_tree(self._process)
        elif begun is not None:
            self._end_run()  # it may have begun after the cancel
        return True

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled_at is not None

    @property
    def code(self) -> int | None:
        """The exit code: 0, 8 where some pairs failed, or of an error."""
        return self._process.poll()

    def progress(self) -> CohortProgress:
        """Return how far it is, as far as it has told."""
        told = self.folder.told()
        if not told.get("pairs"):
            return CohortProgress()
        end = told.get("end")
        return CohortProgress(
            int(told["pairs"]),
            int(told.get("done", 0)),
            int(told.get("failed", 0)),
            float(end) if isinstance(end, int | float) else None,
        )

    def cancel(self) -> None:
        """End it after the pairs that are going on; those that are complete stay."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._end_run()

    def last_lines(self) -> str:
        """Return the end of what the command said."""
        self._log.seek(0, 2)
        self._log.seek(max(0, self._log.tell() - _MOST_LOG))
        lines = self._log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def close(self) -> None:
        """End it at once, with its processes."""
        if self._process.poll() is None:
            kill_tree(self._process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._log.close()

    def _end_run(self) -> None:
        # Each process of a run looks for this file, on every system.
        with contextlib.suppress(OSError):
            self.folder.run_file.unlink(missing_ok=True)
