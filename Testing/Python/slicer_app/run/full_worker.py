"""A worker on a machine with little memory: the network gets none where it computes in float32.

``full_worker.py PRECISIONS ...``, the precisions that fail with commas between them.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

import torch

FULL = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
PRECISIONS = sys.argv[1].split(",")
real = torch.nn.functional.conv2d


def conv2d(*arguments: Any, **options: Any) -> torch.Tensor:
    now = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
    if now in PRECISIONS:
        raise RuntimeError(FULL)
    return real(*arguments, **options)


torch.nn.functional.conv2d = conv2d
sys.argv = sys.argv[3:]
runpy.run_module("SlicerLDMRegLib.worker", run_name="__main__", alter_sys=True)
