"""A worker in bad company: ``noisy_worker.py -m SlicerLDMRegLib.worker ...``.

It prints to standard output whatever it can, as launchers and libraries do, and gets a limit of
memory while the file named by ``MEMORY_LIMIT_FILE`` exists: so many bytes more than it has now.
"""

from __future__ import annotations

import os
import resource
import runpy
import sys
import threading
import time
from pathlib import Path


def chatter() -> None:
    while True:
        print("a library prints", "ünïcode " * 20)
        os.write(1, b"native code prints")
        time.sleep(0.2)


def limit_memory(file: Path) -> None:
    limited = False
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    while True:
        if file.exists() != limited and (limited or file.read_text()):
            limited = not limited
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            soft = used + int(file.read_text()) if limited else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
            (file.with_suffix(".set").touch if limited else file.with_suffix(".set").unlink)()
        time.sleep(0.02)


print("a launcher prints a whole line,")
print('{"type": 5} and begins one', end="", flush=True)
threading.Thread(target=chatter, daemon=True).start()
place = Path(os.environ["MEMORY_LIMIT_FILE"])
threading.Thread(target=limit_memory, args=(place,), daemon=True).start()
sys.argv = sys.argv[2:]
runpy.run_module("SlicerLDMRegLib.worker", run_name="__main__", alter_sys=True)
