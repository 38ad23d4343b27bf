"""The report of a result, drawn in a process of its own: it takes seconds, and windows stay alive.

``python -m SlicerLDMRegLib.worker.report FOLDER REPORT`` is that process. Threads would not do:
drawing holds the lock of the interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._outputs import check_place, recover, whole_file
from ..errors import CancelledError, LDMRegError
from .errors import WorkerError
from .folders import make_folder, remove_folder
from .processes import child_environment, describe_exit, kill_tree, start_process
from .transfer import read_result, write_result

if TYPE_CHECKING:
    from ..pipeline import RegistrationResult

__all__ = ["ReportWriter"]

# The report does not need the inverse, the largest part of a result beside the field.
_UNUSED = "inverse"


class ReportWriter:
    """Writes one report; :meth:`write` waits for it, so call it in a thread.

    Args:
        python: the interpreter that has matplotlib, and its arguments; a launcher, such as
            PythonSlicer, will do. None: the one that runs this.
        environment: of the process; None: that of this process.
    """

    def __init__(
        self, python: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._python = [sys.executable] if python is None else list(python)
        self._environment = child_environment(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False
        self._lock = threading.Lock()

    def write(self, result: RegistrationResult, path: str | os.PathLike[str]) -> Path:
        """Write the report as one file, HTML or PDF, all of it or nothing, for its owner alone.

        Args:
            result: of a registration.
            path: of the file, .html or .pdf, in an existing folder; an existing file is replaced.

        Returns:
            The absolute path.

        Raises:
            InputError: when the file cannot be written.
            OSError: when the result cannot be handed over, or Python cannot be started.
            WorkerError: when the process says why it wrote no report, or dies.
            CancelledError: after :meth:`cancel`.
        """
        target = check_place(Path(path), "report")
        folder = make_folder()
        try:
            write_result(result, folder, {_UNUSED: getattr(result, _UNUSED)}, self._check)
            command = [*self._python, "-m", __name__, str(folder), str(target)]
            with self._lock:
                self._check()
                self._process = start_process(command, self._environment, folder)
            _, said = self._process.communicate()
            self._check()
            if self._process.returncode != 0:
                lines = said.decode("utf-8", "replace").strip().splitlines()
                reason = lines[-1] if lines else describe_exit(self._process.returncode)
                raise WorkerError(reason, "\n".join(lines))
        finally:
            remove_folder(folder)
            recover(target.parent)  # what a process that was ended has left
        return target

    def cancel(self) -> None:
        """End the process at once."""
        with self._lock:
            self._cancelled = True
            if self._process is not None and self._process.poll() is None:
                kill_tree(self._process)

    def _check(self) -> None:
        if self._cancelled:
            raise CancelledError("the report was cancelled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw a report from the files of a result; the last line of an error is for the user."""
    folder, target = map(Path, sys.argv[1:] if arguments is None else arguments)
    try:
        from ..report import write_report

        result = read_result(folder, {_UNUSED: None})
        with whole_file(target, private=True) as new:
            write_report(result, new, None if result.slices is None else result.slices.axis)
    except (LDMRegError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        remove_folder(folder)  # also where nobody waits for this process any more
    return 0


if __name__ == "__main__":
    sys.exit(main())
