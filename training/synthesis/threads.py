"""Reproducible matrix products, independent of the number of threads."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded"]

#: Decorator that limits BLAS to one thread. With several, the order of summation and so the last
#: digit differ, which may change a label; processes that load data would also wait for each other.
single_threaded = ThreadpoolController().wrap(limits=1, user_api="blas")
