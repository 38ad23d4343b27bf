"""As PythonSlicer: the real interpreter is a child that has the streams of this process."""

from __future__ import annotations

import subprocess
import sys

sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))
