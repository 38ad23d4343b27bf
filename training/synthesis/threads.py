"""Matrix products that give the same result on every machine's number of threads."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded"]

#: Decorator: let BLAS use one thread within the function. With several it adds up in another order,
#: and a last digit that differs may move a label; the processes that load data would also wait for
#: each other.
single_threaded = ThreadpoolController().wrap(limits=1, user_api="blas")
