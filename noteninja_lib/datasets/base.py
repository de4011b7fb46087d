"""What all data sets of the course have in common: an index, sound, what was heard in it, and a report of faults."""

import copy
import os
import signal
import tempfile
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, parent_process
from os import _exit
from pathlib import Path

import numpy as np
import soundfile
import torch

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES, style_vector
from noteninja_lib.audio.augmentation import degrade
from noteninja_lib.audio.io import SILENCE, load
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError
from noteninja_lib.music import piano_roll
from noteninja_lib.music.beats import rhythm_of

WHOLE = 4 * HOP_LENGTH  # samples of one column of latents: recordings are cut to a multiple of it


@dataclass(frozen=True)
class Recording:
    """An entry of a data set's index.

    Attributes
    ----------
    file : str
        Path below the data set's folder, with forward slashes.
    genre : str
        One of the ten.
    """

    file: str
    genre: str

    def style(self):
        """Style vector: the genre as one of ten; no mood is known."""
        return style_vector(self.genre)


@dataclass(frozen=True)
class Problem:
    """Something that cannot be used: `file`, `kind` ("missing", "corrupt", "short", "silent") and `why` in words."""

    file: str
    kind: str
    why: str


@dataclass
class Report:
    """What `validate` found; printed, it can be read.

    Attributes
    ----------
    usable : int
        Number of recordings that can be used.
    problems : list of Problem
    """

    usable: int
    problems: list = field(default_factory=list)

    def line(self):
        """The report in one line; empty if nothing is wrong."""
        kinds = Counter(problem.kind for problem in self.problems)
        worst = next(
            (p for p in self.problems if p.kind != "missing"), self.problems[0] if self.problems else None
        )
        return (
            worst
            and (
                f"{self.usable} recordings can be used; left out: "
                f"{', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))} "
                f"(such as {worst.file}: {worst.why})"
            )
            or ""
        )

    def __str__(self):
        lines = [f"{self.usable} recordings can be used."]
        for kind in sorted({problem.kind for problem in self.problems}):
            found = [problem for problem in self.problems if problem.kind == kind]
            lines.append(f"{kind}: {len(found)}")
            lines += [f"  {problem.file}: {problem.why}" for problem in found[:10]]
            if len(found) > 10:
                lines.append(f"  and {len(found) - 10} more")
        return "\n".join(lines)


def inspect(path, shortest):
    """What is wrong with a recording: (kind, why), or None. Reads all of it, and raises nothing.

    Parameters
    ----------
    path : Path
    shortest : float
        Seconds that are needed.
    """
    try:
        if path.stat().st_size == 0:
            return "corrupt", "the file is empty"
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except FileNotFoundError:
        return "missing", "there is no such file"
    except (soundfile.SoundFileError, OSError, TypeError, ValueError):
        return "corrupt", "this is no recording that can be read"
    if not np.isfinite(samples).all():
        return "corrupt", "it holds samples that are not finite numbers"
    if len(samples) < shortest * rate:
        return "short", f"only {len(samples) / rate:.2f} s of {shortest:g} s"
    if np.abs(samples).max(initial=0) < SILENCE:
        return "silent", "there is no sound in it"
    return None


def cache_folder(name):
    """A folder for what can be made again: below data/, or the system's temporary folder where that is read-only."""
    root = data_folder()
    return (root if os.access(root, os.W_OK) else Path(tempfile.gettempdir()) / "noteninja") / name


class DataSet:
    """Recordings with genres; `GTZAN` and `SyntheticSet` are the two kinds.

    Parameters
    ----------
    root : path
    index : list of Recording

    Attributes
    ----------
    has_scores : bool
        Whether the notes that sound are known.
    """

    has_scores = False

    def __init__(self, root, index):
        self.root, self.index = Path(root), index

    def __len__(self):
        return len(self.index)

    @property
    def labels(self):
        """Genre of each recording (list of str)."""
        return [recording.genre for recording in self.index]

    def path(self, number):
        """Where a recording lies."""
        return self.root / self.index[number].file

    def audio(self, number):
        """Sound of a recording: float32, mono, 22,050 Hz, cut to whole columns of the latents."""
        samples = load(self.path(number))
        return samples[: len(samples) // WHOLE * WHOLE]

    def heard(self, number, degraded=False):
        """What Basic Pitch and the beat tracker hear in a recording, kept on disk after the first time.

        Parameters
        ----------
        number : int
        worn : bool
            Hear it as from a worn source: through mp3, in a room, with noise; see `audio.augmentation.wear`.

        Returns
        -------
        numpy.ndarray, uint8, shape (181, frames)
            Onset and sustain of 88 notes (0..255), then rhythm (-127..127 stored with 128 added).
        """
        return listen(self, number, self._kept(number), degraded)

    def is_heard(self, number):
        """Whether what is heard in a recording is on disk already."""
        return self._kept(number).exists()

    def _kept(self, number):
        below = (
            self.root if os.access(self.root, os.W_OK) else cache_folder("heard") / self.root.resolve().name
        )
        return (below / "heard" / self.index[number].file).with_suffix(".npz")

    def part(self, numbers):
        """The same data set with some of its recordings only, numbered anew."""
        smaller = copy.copy(self)
        smaller.index = [self.index[number] for number in numbers]
        return smaller

    def splits(self):
        """Numbers of the recordings for `train`, `validation` and `test`, as a dict of lists."""
        raise NotImplementedError

    def training(self):
        """Numbers of the recordings that a network may learn from."""
        return self.splits()["train"]

    def summary(self):
        """A few lines of text: how much of what there is."""
        counts = Counter(self.labels)
        lines = [
            f"{self.root}: {len(self)} recordings",
            "genres: " + ", ".join(f"{genre} {counts[genre]}" for genre in GENRES if counts[genre]),
        ]
        if len(self):
            seconds = [soundfile.info(self.path(number)).duration for number in range(len(self))]
            lines.append(
                f"sound: {sum(seconds) / 3600:.2f} hours, {min(seconds):.1f} to {max(seconds):.1f} s each"
            )
            lines.append(
                "splits: " + ", ".join(f"{name} {len(part)}" for name, part in self.splits().items())
            )
        return "\n".join(lines)


def require_folder(root):
    """The folder as a Path; a UserError if there is none."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise UserError(f"There is no folder {root}.")
    return root


# What Basic Pitch and the beat tracker hear in a data set, once and for all: training reads it thousands of times.

_shared = None  # what the processes of `processes` work on


def listen(data, number, path, degraded=False):
    """What is heard in a recording, from the file at `path` if it is there; see `DataSet.heard`."""
    if not path.exists():
        audio = data.audio(number)
        if degraded:
            audio = degrade(audio, np.random.default_rng((number, len(audio))))
        notes, rhythm = piano_roll.transcribe(audio), rhythm_of(audio)
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


def _hear_one(number, degraded):
    torch.set_num_threads(1)  # one process a core
    _shared.heard(number, degraded)


def hear_all(data, workers=1, share=1.0, degraded=0.0, seed=0):
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
        for done, _ in enumerate(
            pool.map(_hear_one, numbers, [bool(draws[1, n] < degraded) for n in numbers], chunksize=8), 1
        ):
            yield done, len(numbers)


@contextmanager
def processes(workers, shared=None):
    """Processes that share the work, and end with the caller, however it ends; `shared` is handed to each but once."""
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=[shared]) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)  # what has begun is finished, nothing else begins


def _begin(shared):
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller, who then ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller():
    connection.wait([parent_process().sentinel])
    _exit(1)
