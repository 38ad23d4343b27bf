"""``python -m SlicerLDMRegLib.worker``: the process that registers; see :mod:`.protocol`."""

from __future__ import annotations

import sys

from .server import main

if __name__ == "__main__":
    sys.exit(main())
