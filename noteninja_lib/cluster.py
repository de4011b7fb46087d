"""Much work: piece by piece, or spread over the processes of one machine or the workers of a Dask cluster.

Dask's own variable ``DASK_SCHEDULER_ADDRESS`` says which: an address such as ``tcp://desk:8786``, or
``local`` for a cluster on this machine with a dashboard; without it, plain processes do the work. A worker
does one task at a time, and a task's bytes do not depend on where it ran. Files are named by paths, in a
folder that all machines share, or by URLs that fsspec knows. Whoever reaches a scheduler can run code on it:
where others share the network, it needs TLS (https://distributed.dask.org/en/stable/tls.html). Lesson:
07_training_on_gtzan.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any

from tqdm import tqdm

from noteninja_lib.errors import UserError, notices, readable, unexpected

ADDRESS = "DASK_SCHEDULER_ADDRESS"
LOCAL = "local"
RETRIES = 3  # of a task that failed; one whose worker died is done again anyway
PATIENCE = 10  # seconds to wait for a scheduler's answer
BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"

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
                try:
                    yield pool
                except BaseException:
                    pool.shutdown(wait=False)  # nobody waits for what is no longer wanted
                    raise
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


# ---- many songs in one call ------------------------------------------------------------------------------


class Skipped(str):
    """What is told of a song with which nothing is done, since it was done before."""


class _Teller:
    """Tells of songs: a bar over all of them where there is a terminal, a line for each, and a summary."""

    def __init__(self, songs, where):
        self.songs, self.where, self.begun, self.made, self.skipped, self.failed = songs, where, 0, 0, 0, []
        self.began = time.monotonic()
        look = {"unit": "%", "bar_format": BAR, "dynamic_ncols": True, "smoothing": 0.1, "file": sys.stderr}
        self.bar = tqdm(total=100 * len(songs), disable=None, **look)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()
        if len(self.songs) == 1:
            return
        took = tqdm.format_interval(time.monotonic() - self.began)
        left = len(self.songs) - self.done
        counts = {
            "made": self.made,
            "there already": self.skipped,
            "failed": len(self.failed),
            "not done": left,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        print(f"{len(self.songs)} songs in {took}: {told}; {self.where}.", file=sys.stderr)
        for sentence in self.failed:
            print(f"  {sentence}", file=sys.stderr)

    @property
    def done(self):
        return self.made + self.skipped + len(self.failed)

    def begin(self, song):
        self.begun += 1
        number = f"song {self.begun} of {len(self.songs)}, " if len(self.songs) > 1 else ""
        self.bar.set_description_str(number + readable(Path(song).name[:30]))

    def progress(self, fraction, what):
        self.bar.set_postfix_str(what, refresh=False)
        self.bar.update(100 * (self.done + fraction) - self.bar.n)

    def end(self, line, sentences):
        if line is None:
            self.failed += sentences
        elif isinstance(line, Skipped):
            self.skipped += 1
        else:
            self.made += 1
        if line is not None and len(self.songs) > 1 and sentences:  # one line a song
            more = {"notices": sentences}
            line, sentences = (
                line | more if isinstance(line, dict) else " ".join([f"{line}.", *sentences]),
                [],
            )
        for sentence in sentences:
            tqdm.write(f"noteninja: {sentence}", file=sys.stderr)
        if line is not None:
            text = json.dumps(line, ensure_ascii=False) if isinstance(line, dict) else line
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()
        self.progress(0.0, "")


def tried(song: str | Path, work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What some work on a song gives, None if it can't be done; and sentences about it for the user."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        try:
            found = work()
        except BrokenExecutor:
            raise UserError(
                "A process ended in the middle, for want of memory perhaps: take fewer."
            ) from None
        except Exception as problem:
            sentence = str(problem) if isinstance(problem, UserError) else f"{song}: {unexpected(problem)}"
            return None, [sentence]
    return found, notices(told, song)


def one_by_one(songs: Sequence[str | Path], work: Callable, where: str = "") -> int:
    """Print what `work(song, progress)` gives for each song, a line or a dict; how many can't be used."""
    with _Teller(songs, where) as teller:
        for song in songs:
            teller.begin(song)
            teller.end(*tried(song, partial(work, song, teller.progress)))
    return len(teller.failed)


def at_once(
    songs: Sequence[str | Path],
    work: Callable,
    prepare: Callable[[str | Path], AbstractContextManager],
    where: str = "",
    *,
    workers: int,
    shared: Any = None,
) -> int:
    """The same, spread as `executor` does it.

    Parameters
    ----------
    songs : sequence of str or pathlib.Path
    work : callable
        A module's function that takes what `prepare` gives, and returns what `tried` does; a dashboard shows
        its name.
    prepare : callable
        Called here with a song before its work begins; a context, which ends when the work has. It may give
        `Skipped`.
    where : str
        For the summary: where the results are.
    workers, shared
        As `executor` takes them.
    """
    waiting, running = iter(songs), {}
    try:
        with executor(workers, shared, "spawn") as pool, _Teller(songs, where) as teller:
            while True:
                cluster = getattr(pool, "_client", None)  # whose workers come and go
                most = 2 * (max(1, len(cluster.nthreads())) if cluster else workers)
                while len(running) < most and (song := next(waiting, None)) is not None:
                    teller.begin(song)
                    held = ExitStack()
                    job, sentences = tried(song, partial(held.enter_context, prepare(song)))
                    if job is None or isinstance(job, Skipped):
                        held.close()
                        teller.end(job, sentences)
                    else:
                        running[pool.submit(work, job)] = song, held
                if not running:
                    return len(teller.failed)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    song, held = running.pop(future)
                    with held:
                        found, sentences = tried(song, future.result)
                    teller.end(*(found or (None, sentences)))
    finally:  # nothing works any more
        for _, held in running.values():
            held.close()


# ---- songs and results that are URLs ---------------------------------------------------------------------


def is_url(name: str | Path) -> bool:
    """Whether a song or a place is a URL for fsspec, such as s3://bucket/song.mp3 or memory://song.mp3."""
    return "://" in str(name)


@contextmanager
def _file_system(url):
    """(file system, path in it) of a URL; what goes wrong with it is told in one sentence."""
    from fsspec.core import url_to_fs

    try:
        yield url_to_fs(url)
    except FileNotFoundError:
        raise UserError(f"There is no file {url}.") from None
    except (OSError, ImportError, ValueError, NotImplementedError) as problem:
        known = f"{str(problem).rstrip('.') or type(problem).__name__}: correct the URL, or give a path"
        raise UserError(f"{url} can't be used. {known}.") from problem


@contextmanager
def fetched(song: str | Path) -> Iterator[Path]:
    """The file of a song; of a URL a copy, for as long as it is needed."""
    if not is_url(song):
        yield Path(song)
        return
    with tempfile.TemporaryDirectory(prefix="noteninja-") as folder:
        with _file_system(str(song)) as (files, path):
            place = Path(folder) / path.rpartition("/")[2]
            files.get_file(path, str(place))
        yield place


def deliver(made: Iterable[Path], url: str) -> None:
    """Copy files to the folder that a URL names, in their order, each whole or not at all."""
    with _file_system(url) as (files, path):
        files.makedirs(path, exist_ok=True)
        for file in made:
            with files.transaction, open(file, "rb") as source:
                with files.open(f"{path}/{file.name}", "wb") as target:
                    shutil.copyfileobj(source, target)


def stand_in(url: str, folder: Path) -> None:
    """Fill a folder with what one at a URL holds: its JSON files, and a few bytes for each of the others."""
    with _file_system(url) as (files, path):
        there = files.find(path, maxdepth=1) if files.exists(path) else []
        for one in there:
            text = files.cat_file(one) if one.endswith(".json") else b"at the URL"
            (folder / one.rpartition("/")[2]).write_bytes(text)
