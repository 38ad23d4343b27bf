"""The program ``PythonSlicer`` of the host, and its pip, which installs nothing.

Modules start child processes with ``PythonSlicer``, Slicer's Python. Here it is the Python that
runs the tests. Only ``-m pip`` is taken out: it writes down what it was asked to do.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

__all__ = ["Pip", "install"]

_SCRIPT = """#!{python}
import json, os, sys
arguments = sys.argv[1:]
if arguments[:2] != ["-m", "pip"]:
    os.execv({python!r}, [{python!r}, *arguments])
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments[2:]) + "\\n")
for name in arguments[3:]:
    if not name.startswith("-"):
        print("Collecting", name, flush=True)
sys.exit(int(open({exit_code!r}).read()) if os.path.exists({exit_code!r}) else 0)
"""


class Pip:
    """The calls of pip."""

    def __init__(self, folder: Path) -> None:
        self._log, self._exit_code = folder / "pip.jsonl", folder / "pip-exit-code"

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of each call, e.g. ``["install", "monai>=1.6", "-c", "limits.txt"]``."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def fail_with(self, code: int) -> None:
        """Let pip fail from now on; 0 lets it succeed again."""
        self._exit_code.write_text(str(code))

    def clear(self) -> None:
        """Forget the calls, and succeed."""
        for file in (self._log, self._exit_code):
            file.unlink(missing_ok=True)


def install(folder: Path) -> Pip:
    """Write the program into a folder and put the folder in front of PATH."""
    folder.mkdir()
    pip = Pip(folder)
    program = folder / "PythonSlicer"
    program.write_text(
        _SCRIPT.format(python=sys.executable, log=str(pip._log), exit_code=str(pip._exit_code))
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return pip
