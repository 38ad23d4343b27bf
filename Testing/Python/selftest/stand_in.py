#!/usr/bin/env python
"""In place of Slicer's executable: takes its arguments, and runs the script in the host.

What Slicer does with them: it loads every module in the folders of ``--additional-module-paths``,
runs the script as ``__main__`` with the script's folder in ``sys.path``, and ends with status 1
where the script raised. STAND_IN_LACKS names packages that it shall lack, STAND_IN_VERSION is its
version.
"""

import argparse
import os
import sys
import traceback
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--testing", "--no-splash", "--no-main-window"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--additional-module-paths", nargs="*", default=[])
    parser.add_argument("--python-script", required=True)
    options = parser.parse_args()
    for name in ("PYTHONPATH", "PYTHONHOME"):
        if name in os.environ:
            print(f"{name} is set: Slicer's Python would not start", file=sys.stderr)
            return 2
    # Slicer's Python has no library but that of the module; an installed one would come first.
    sys.path = [place for place in sys.path if not (Path(place) / "SlicerLDMRegLib").is_dir()]
    sys.path.insert(0, str(REPOSITORY))
    major, minor = map(int, os.environ.get("STAND_IN_VERSION", "5.13").split("."))

    from Testing.Host import SlicerHost
    from Testing.Slicer.absent import hide_packages

    hide_packages(os.environ.get("STAND_IN_LACKS", "").split())
    host = SlicerHost()
    for folder in options.additional_module_paths:
        sys.path.append(folder)
        for file in sorted(Path(folder).glob("*.py")):
            host.load_module(file)
    with host.version(major, minor), host.testing():
        return _run(Path(options.python_script))


def _run(script: Path) -> int:
    sys.path.insert(0, str(script.parent))
    variables = {"__name__": "__main__", "__file__": str(script)}
    try:
        exec(compile(script.read_text("utf-8"), str(script), "exec"), variables)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
