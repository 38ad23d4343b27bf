"""Waiting of threads that compute together. Set before torch is loaded, or not at all."""

from __future__ import annotations

from collections.abc import MutableMapping

__all__ = ["let_threads_sleep"]

# Rounds of waiting after which a thread of GNU's OpenMP, that of torch on Linux, sleeps. On two
# cores a registration of 64^3 voxels took 9.8 s with its own 300,000, 9.1 s with 5,000 and 14.9 s
# with none, on which the policy PASSIVE amounts to; with both cores busy one of 35 x 51 x 35 voxels
# took 23, 11.4 and 11.7 s.
_ROUNDS = "5000"


def let_threads_sleep(environment: MutableMapping[str, str]) -> None:
    """Let threads sleep soon when they wait, unless the user has said how they wait.

    Threads that wait without sleeping take the processor from others on a busy computer; those that
    sleep at once wake too late for the next of many short operations.

    Args:
        environment: of this process before it loads torch, or of a child; changed.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", _ROUNDS)
