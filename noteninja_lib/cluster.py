"""Work spread over the processes of one machine, or over the workers of a Dask cluster.

Dask's own variable ``DASK_SCHEDULER_ADDRESS`` says which: an address such as ``tcp://desk:8786``, or
``local`` for a cluster on this machine with a dashboard; without it, plain processes do the work. A worker
does one task at a time, and a task's bytes do not depend on where it ran. Files are named by paths, in a
folder that all machines share. Whoever reaches a scheduler can run code on it: where others share the
network, it needs TLS (https://distributed.dask.org/en/stable/tls.html). Lesson: 07_training_on_gtzan.
"""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import Any

from noteninja_lib.errors import UserError

ADDRESS = "DASK_SCHEDULER_ADDRESS"
LOCAL = "local"
RETRIES = 3  # of a task that failed; one whose worker died is done again anyway
PATIENCE = 10  # seconds to wait for a scheduler's answer

_shared: Any = None


def shared() -> Any:
    """What was handed to `executor`, in a process that works for it."""
    return _shared


@contextmanager
def executor(workers: int, shared: Any = None, start: str | None = None) -> Iterator[Executor]:
    """Something whose ``map`` spreads work, results in order; what has not begun ends with the caller.

    Parameters
    ----------
    workers : int
        Processes on this machine; a cluster that is there already has its own.
    shared : object, optional
        Handed to each process once; see `shared`.
    start : {"fork", "forkserver", "spawn"}, optional
        How processes begin; as the system does it if not given.

    Raises
    ------
    UserError
        There is no Dask here, or no scheduler answers.
    """
    address = os.environ.get(ADDRESS)
    if address:
        with _client(address, workers) as client:
            _share_on(client, shared)
            with client.get_executor(pure=False, retries=RETRIES) as pool:
                yield pool
        return
    with ProcessPoolExecutor(workers, get_context(start), _begin, (shared,)) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)  # what has begun is finished, nothing else begins


@contextmanager
def _client(address, workers):
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UserError(
            "Work on a cluster needs Dask: install it with `pip install distributed bokeh`."
        ) from None
    if address == LOCAL:
        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None  # its processes inherit that
        try:
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1")
        finally:
            if main:
                signal.signal(signal.SIGINT, before)
        with cluster, Client(cluster) as client:
            print(f"What each worker does: {client.dashboard_link}", flush=True)
            yield client
        return
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as problem:
        raise UserError(
            f"No scheduler answers at {address}: start one with `dask scheduler`, or correct the address."
        ) from problem
    with client:
        yield client


def _share_on(client, what):
    """Hand something to each worker of a cluster, also to those that join later."""
    from distributed import WorkerPlugin

    class Share(WorkerPlugin):
        name = "noteninja"

        def setup(self, worker):
            from noteninja_lib import cluster

            cluster._shared = what

    client.register_plugin(Share())


def _begin(shared):
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller, who then ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller():
    connection.wait([parent_process().sentinel])
    os._exit(1)
