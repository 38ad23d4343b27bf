"""Clusters of Dask: processes of this computer, a scheduler that runs, SLURM.

Whoever can talk to a scheduler of Dask can run code as its user. That of this computer listens on
the loopback interface alone, and asks for a certificate that is made for the run.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._printable import shown
from .._small_files import DamagedFile, read_text
from ..errors import InputError
from .processes import devices_of_workers

__all__ = ["Cluster", "local_cluster", "running_scheduler", "slurm_cluster"]

_MOST_BYTES = 1_000_000  # of a configuration
_CONNECT_SECONDS = 30.0
#: Packages below Dask that write messages.
_TALKATIVE = ("distributed", "tornado", "asyncio")


class Cluster:
    """A scheduler of Dask, with clients of it.

    Args:
        address: of the scheduler.
        security: certificates; None: none.
        own: whether it is of this run; it ends with it.
    """

    def __init__(self, address: str, security: Any = None, own: bool = True) -> None:
        self.address, self.own = address, own
        self._security = security

    def connect(self, seconds: float = _CONNECT_SECONDS) -> Any:
        """Return a new client.

        Raises:
            InputError: when the scheduler does not answer.
        """
        from distributed import Client

        try:
            return Client(
                self.address, timeout=seconds, security=self._security, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"the scheduler {self.address} does not answer ({error}); is it running?"
            ) from error


@contextmanager
def local_cluster(
    workers: int, device: str, dashboard: str | None, verbose: bool
) -> Iterator[Cluster]:
    """Start worker processes on this computer, and end them with the block.

    A process that ends before its time is started anew.

    Args:
        workers: number of processes.
        device: of the request; with several GPUs each process sees one.
        dashboard: address of Dask's dashboard, such as ``:8787``; None: none.
        verbose: whether messages of Dask are shown.

    Raises:
        InputError: when Dask is not installed, or the number of workers cannot be.
    """
    distributed = _distributed(verbose)
    import dask

    devices = devices_of_workers(device, workers)
    security = distributed.Security.temporary()
    with (
        tempfile.TemporaryDirectory(prefix="ldmreg-cohort-") as scratch,
        dask.config.set(_SETTINGS),
    ):
        options = {
            "nthreads": 1,
            "memory_limit": 0,  # LDMReg looks after its memory by itself
            "host": "127.0.0.1",
            "protocol": "tls://",
            "security": security,
            "local_directory": scratch,
            "dashboard": False,
            "silence_logs": logging.CRITICAL,
        }
        every = {
            n: {
                "cls": distributed.Nanny,
                "options": {**options, "env": {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}},
            }
            for n, gpu in enumerate(devices)
        }
        scheduler = {
            "cls": distributed.Scheduler,
            "options": {
                "host": "127.0.0.1",
                "port": 0,
                "protocol": "tls://",
                "security": security,
                "dashboard": dashboard is not None,
                # Its small server of texts starts in any case; without this on all interfaces.
                "dashboard_address": dashboard or "127.0.0.1:0",
            },
        }
        try:
            cluster = distributed.SpecCluster(
                workers=every,
                scheduler=scheduler,
                security=security,
                silence_logs=False if verbose else logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            raise InputError(f"the workers cannot be started: {error}") from error
        try:
            yield Cluster(cluster.scheduler_address, security)
        finally:
            with contextlib.suppress(Exception):
                cluster.close(timeout=20)


@contextmanager
def running_scheduler(address: str, verbose: bool) -> Iterator[Cluster]:
    """Use a scheduler that runs already, as ``dask scheduler`` starts one.

    Certificates are those of Dask's own configuration.

    Raises:
        InputError: when Dask is not installed.
    """
    distributed = _distributed(verbose)
    security = distributed.Security() if address.startswith("tls://") else None
    yield Cluster(address, security, own=False)


@contextmanager
def slurm_cluster(configuration: Path, verbose: bool) -> Iterator[Cluster]:
    """Ask SLURM for worker processes, and give them back at the end of the block.

    Args:
        configuration: YAML with the arguments of ``dask_jobqueue.SLURMCluster``, such as ``queue``,
            ``account``, ``cores``, ``memory``, ``walltime`` and ``job_extra_directives``, and
            ``jobs``, the number of jobs.
        verbose: whether messages of Dask are shown.

    Raises:
        InputError: when dask-jobqueue is not installed, or the configuration cannot be used.
    """
    _distributed(verbose)
    options = read_configuration(configuration)
    jobs = options.pop("jobs")
    import dask

    with dask.config.set(_SETTINGS):
        cluster = _slurm(options, configuration)
        try:
            cluster.scale(jobs=jobs)
            yield Cluster(cluster.scheduler_address, cluster.security)
        finally:
            with contextlib.suppress(Exception):
                cluster.close(timeout=20)


def _slurm(options: Mapping[str, Any], configuration: Path) -> Any:
    try:
        jobqueue = importlib.import_module("dask_jobqueue")
    except ImportError as error:
        raise InputError(
            "SLURM needs the package dask-jobqueue: pip install dask-jobqueue"
        ) from error
    try:
        return jobqueue.SLURMCluster(**options)
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise InputError(f"SLURM: {configuration}: {error}") from error


def read_configuration(path: Path) -> dict[str, Any]:
    """Read the configuration of a cluster of SLURM.

    One process for each job, with one thread for Dask: a registration takes the job's cores by
    itself.

    Raises:
        InputError: when it is not YAML with the expected values.
    """
    import yaml

    try:
        values = yaml.safe_load(read_text(path, _MOST_BYTES))
    except DamagedFile as error:
        raise InputError(f"SLURM: {path} cannot be read: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"SLURM: {path} is not YAML: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InputError(f"SLURM: {path}: expected names and values such as cores: 4")
    for name, kind, example in (("jobs", int, "8"), ("cores", int, "4"), ("memory", str, "16GB")):
        value = values.get(name)
        good = isinstance(value, kind) and not isinstance(value, bool)
        if not good or (isinstance(value, int) and value < 1):
            raise InputError(
                f"SLURM: {path}: expected {name}, such as {name}: {example}, got {shown(value)}"
            )
    prologue = values.get("job_script_prologue", [])
    if not isinstance(prologue, list):
        raise InputError(
            f"SLURM: {path}: expected job_script_prologue as a list of lines, got {shown(prologue)}"
        )
    return {"processes": 1, **values, "job_script_prologue": [*prologue, _NO_PROFILE]}


# Workers of SLURM do not get the settings below; see there.
_NO_PROFILE = "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False"

#: Settings of Dask for the clusters of a run.
_SETTINGS = {
    # Pairs at which processes end are found by LDMReg, which knows the pair.
    "distributed.scheduler.allowed-failures": 1_000_000,
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.work-stealing": False,
    "distributed.comm.timeouts.connect": "30s",
    "distributed.comm.timeouts.tcp": "60s",
    "distributed.worker.daemon": True,
    # Of every second of work the profiler keeps the stacks that it saw, those of the last 1,000
    # seconds: up to 0.3 MiB a second, and a worker seemed to lose memory.
    "distributed.worker.profile.enabled": False,
}


def _distributed(verbose: bool) -> Any:
    """Return the package distributed, with its messages as they are wanted.

    Raises:
        InputError: when it is not installed.
    """
    try:
        module = importlib.import_module("distributed")
    except ImportError as error:
        raise InputError(
            "worker processes need the package distributed: pip install 'ldmreg[cohort]'; or use "
            "--workers 0, which registers one pair after the other in this process"
        ) from error
    if not verbose:
        # Some below them have a level of their own: that of the client told with its whole stack of
        # calls that a scheduler is gone.
        for name in [*_TALKATIVE, *logging.root.manager.loggerDict]:
            if name.partition(".")[0] in _TALKATIVE:
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return module
