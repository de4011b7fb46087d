"""What Basic Pitch and the beat tracker hear in a data set, once and for all: training reads it thousands of times."""
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from os import _exit

import numpy as np
import torch

from ..music import content
from ..music.rhythm import rhythm_of
from ..sound.augmentation import wear

_shared = None                   # what the processes of `processes` work on


def listen(data, number, path, worn=False):
    """What is heard in a recording, from the file at `path` if it is there; see `DataSet.heard`."""
    if not path.exists():
        audio = data.audio(number)
        if worn:
            audio = wear(audio, np.random.default_rng((number, len(audio))))
        notes, rhythm = content.transcribe(audio), rhythm_of(audio)
        frames = notes.shape[-1]
        packed = np.concatenate([np.rint(notes.reshape(-1, frames) * 255), np.rint(rhythm * 127) + 128])
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.with_suffix(".part"), "wb") as file:
            np.savez_compressed(file, heard=packed.astype(np.uint8))
        path.with_suffix(".part").replace(path)
    return np.load(path)["heard"]


def unpack(heard):
    """Notes (..., 2, 88, frames) and rhythm (..., 5, frames) of what `heard` gave, as floats or tensors."""
    notes, rhythm = heard[..., :176, :], heard[..., 176:, :]
    return notes.reshape(*notes.shape[:-2], 2, 88, notes.shape[-1]) / 255, (rhythm - 128.0) / 127


def _hear_one(number, worn):
    torch.set_num_threads(1)                               # one process a core
    _shared.heard(number, worn)


def hear_all(data, workers=1, share=1.0, worn=0.0, seed=0):
    """Listen to the recordings of a data set ahead of training; yields (done, all), first (0, all).

    Parameters
    ----------
    data : DataSet
    workers : int
        Processes.
    share : float
        How many of the recordings, drawn by seed: training can learn from a part of them as sources, and from all as targets.
    worn : float
        How many of these are heard through mp3, in a room or with noise.
    """
    draws = np.random.default_rng(seed).random((2, len(data)))
    numbers = [int(number) for number in np.flatnonzero(draws[0] < share)]
    yield 0, len(numbers)
    with processes(workers, data) as pool:
        for done, _ in enumerate(pool.map(_hear_one, numbers, [bool(draws[1, n] < worn) for n in numbers], chunksize=8), 1):
            yield done, len(numbers)


@contextmanager
def processes(workers, shared=None):
    """Processes that share the work, and end with the caller, however it ends; `shared` is handed to each but once."""
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=[shared]) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)             # what has begun is finished, nothing else begins


def _begin(shared):
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)           # Ctrl-C is for the caller, who then ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller():
    connection.wait([parent_process().sentinel])
    _exit(1)
