"""Trainings in processes of their own that may be killed at a given moment.

A job is an object

    argv       arguments of ``ldmreg-train train``
    processes  that train together, by gloo; default 1
    kill       {"step": K, "at": MOMENT}: SIGKILL at a moment of the step K, see ``_MOMENTS``, or
               with "after": SECONDS that long after its beginning
    signal     {"step": K}: SIGTERM at the beginning of step K, to the processes that read data, too
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from training import lineage, loop
from training.cli import main

__all__ = ["train_forked"]

_PATIENCE = 300.0  # seconds; processes that wait for each other for ever tell where, and end


def train_forked(job: dict[str, Any]) -> list[int]:
    """Run a job, see above; return the exit codes of its processes, as ``subprocess`` has them.

    They are forks of this process, which has the packages in memory.
    """
    world = job.get("processes", 1)
    common: dict[str, str] = {}
    if world > 1:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        # As torchrun starts them.
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
        common |= {"LOCAL_WORLD_SIZE": str(world), "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "1"}
    children = [
        _fork(job, {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} if common else {})
        for rank in range(world)
    ]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _half(path: Any, *_: Any) -> None:
    """Leave half of a checkpoint behind."""
    torch.save(torch.zeros(10_000), path)
    with Path(path).open("rb+") as file:
        file.truncate(5_000)
    _die()


#: Object and name of the function at whose call a process dies.
_MOMENTS = {
    "beginning of the step": (loop, "seed_step"),
    "best.pt written, its record not": (lineage, "record_weights"),
    "logs written, checkpoint not": (loop, "save"),
    "half of the checkpoint written": (Fabric, "save"),
}


def _prepare(kill: dict[str, Any] | None, stop: dict[str, Any] | None) -> None:
    """Let this process die at a moment of a step."""
    step = -1
    seed = loop.seed_step

    def counted(own: int, number: int, rank: int) -> None:
        nonlocal step
        step = number
        if kill is not None and number == kill["step"] and "after" in kill:
            threading.Timer(kill["after"], _die).start()
        if stop is not None and number == stop["step"]:
            # As schedulers do, from a process of their own: PyTorch's readers obey their parent.
            order = ["kill", "-TERM", "--", f"-{os.getpgrp()}"]
            subprocess.run(order, start_new_session=True, check=True)
        seed(own, number, rank)

    loop.seed_step = counted
    if kill is None or "after" in kill:
        return
    owner, name = _MOMENTS[kill["at"]]
    true = getattr(owner, name)

    def fatal(*arguments: Any, **named: Any) -> Any:
        if name == "seed_step":
            true(*arguments, **named)
        if step == kill["step"]:
            _half(*arguments[1:]) if owner is Fabric else _die()
        return None if name == "seed_step" else true(*arguments, **named)

    setattr(owner, name, fatal)


def _fork(job: dict[str, Any], environment: dict[str, str]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    os.setpgid(0, 0)
    try:
        sys.stdout = sys.__stdout__
        sys.stderr = sys.__stderr__
        os.environ.update(environment)
        # Threads of a pool that this process has used are not there after a fork.
        torch.set_num_threads(1)
        path = job["argv"][job["argv"].index("--output") + 1] + ".log"
        log = Path(path).open("a")  # noqa: SIM115 - until the end of the process
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
        faulthandler.dump_traceback_later(_PATIENCE, exit=True, file=log)
        _prepare(job.get("kill"), job.get("signal"))
        code = main(["train", *job["argv"]])
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
