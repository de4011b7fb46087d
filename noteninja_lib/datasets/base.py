"""What all data sets have in common: an index, sound, what is heard in it, a report of faults."""

import copy
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES, style_vector
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.augmentation import change_speed, degrade
from noteninja_lib.audio.decoding import blocks, opened
from noteninja_lib.audio.io import SAMPLE_RATE, SHORTEST, SILENCE, load, mono, stream
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.cluster import executor, shared
from noteninja_lib.errors import UserError, make_folder, whole
from noteninja_lib.models.basic_pitch import PITCHES
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.source import read_source

Tell = Callable[[str], Any] | None  # what is given a sentence for the user
WHOLE = 4 * HOP_LENGTH  # samples of one frame of latents: recordings are cut to a multiple of it


@dataclass(frozen=True)
class Recording:
    """An entry of a data set's index: `file` (path below the data set's folder, with /) and `genre`."""

    file: str
    genre: str

    def style(self) -> np.ndarray:
        """Style vector: the genre as one of ten; no mood is known."""
        return style_vector(self.genre)


@dataclass(frozen=True)
class Problem:
    """A `file` that is of no use, the `kind` ("missing", "corrupt", "short", "silent"), and `why`."""

    file: str
    kind: str
    why: str


@dataclass
class Report:
    """The number of `usable` recordings, and the `problems`; printed, it can be read."""

    usable: int
    problems: list[Problem] = field(default_factory=list)

    def line(self) -> str:
        """The report in one line; empty if nothing is wrong."""
        if not self.problems:
            return ""
        kinds = sorted(Counter(problem.kind for problem in self.problems).items(), key=by_use)
        worst = next((one for one in self.problems if one.kind != "missing"), self.problems[0])
        left_out = ", ".join(f"{count} {kind}" for kind, count in kinds)
        example = f"such as {worst.file}: {worst.why}"
        return f"{self.usable} recordings can be used; left out: {left_out} ({example})"

    def __str__(self):
        lines = [f"{self.usable} recordings can be used."]
        for kind, _ in sorted(Counter(problem.kind for problem in self.problems).items(), key=by_use):
            found = [problem for problem in self.problems if problem.kind == kind]
            lines += [f"{kind}: {len(found)}", *(f"  {one.file}: {one.why}" for one in found[:10])]
            lines += [f"  and {len(found) - 10} more"] * (len(found) > 10)
        return "\n".join(lines)


def by_use(kind: tuple[str, int]) -> tuple[bool, str]:
    """Order of the kinds of problems: what can be mended first, then what is not there at all."""
    return kind[0] == "missing", kind[0]


def inspect(path: Path, shortest: float) -> tuple[str, str] | None:
    """What is wrong with a recording that needs `shortest` seconds, as (kind, why); raises nothing."""
    seconds, peak = 0.0, 0.0
    try:
        if path.stat().st_size == 0:
            return "corrupt", "the file is empty"
        with opened(path) as files:
            for file in files:
                for block in blocks(file):
                    seconds += len(block) / file.samplerate
                    peak = max(peak, float(np.abs(block).max()))
                    if not np.isfinite(block).all():
                        return "corrupt", "it holds samples that are not finite numbers"
    except FileNotFoundError:
        return "missing", "there is no such file"
    except (UserError, OSError):
        return "corrupt", "this is no recording that can be read"
    if seconds < shortest - 1e-6:
        return "short", f"only {seconds:.2f} s of {shortest:g} s"
    return ("silent", "there is no sound in it") if peak < SILENCE else None


def find_problems(root: Path, seconds: dict[str, float]) -> list[Problem]:
    """Read files below `root`, each with the `seconds` that it needs, and say which cannot be used."""
    with ThreadPoolExecutor(4) as pool:
        work = pool.map(lambda file: inspect(root / file, seconds[file]), seconds)
        faults = list(tqdm(work, f"reading {root.name}", len(seconds), delay=2, leave=False))
    return [Problem(file, *fault) for file, fault in zip(seconds, faults) if fault]


def cache_folder(name: str) -> Path:
    """A folder for what can be made again: below data/, or a temporary one where that is read-only."""
    root = data_folder()
    return (root if os.access(root, os.W_OK) else Path(tempfile.gettempdir()) / "noteninja") / name


def require_folder(root: str | Path) -> Path:
    """The folder as a Path; a UserError if there is none."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise UserError(f"There is no folder {root}.")
    return root


class DataSet:
    """Recordings with genres; `GTZAN` and `SyntheticSet` are the two kinds.

    Parameters
    ----------
    root : path
    index : list of Recording
    problems : list of Problem
        What had to be left out.
    tell : callable, optional
        Is given one line if anything was left out.

    Attributes
    ----------
    has_scores : bool
        Whether the notes that sound are known.
    """

    has_scores = False

    def __init__(self, root: Path, index: list, problems: list[Problem], tell: Tell = None):
        self.root, self.index, self.problems = root, index, problems
        if not index:
            worst = next((one for one in problems if one.kind != "missing"), None)
            why = f", such as {worst.file}: {worst.why}" if worst else ""
            raise UserError(f"{root} holds no recording that can be used{why}.")
        if problems and tell:
            tell(Report(len(index), problems).line())

    def __len__(self):
        return len(self.index)

    @property
    def labels(self) -> list[str]:
        """Genre of each recording."""
        return [recording.genre for recording in self.index]

    def path(self, number: int) -> Path:
        """Where a recording lies."""
        return self.root / self.index[number].file

    def audio(self, number: int) -> np.ndarray:
        """Sound of a recording: float32, mono, 22,050 Hz, cut to whole frames of the latents."""
        samples = self._read(self.path(number))
        return samples[: len(samples) // WHOLE * WHOLE]

    def stereo(self, number: int) -> np.ndarray:
        """The same in stereo at 44,100 Hz: float32, shape (samples, 2), twice as many samples as `audio`."""
        parts = list(stream(self.path(number), STEREO_RATE, stereo=True))
        samples = np.concatenate(parts)
        return samples[: len(samples) // (2 * WHOLE) * 2 * WHOLE]

    def _read(self, path):
        return load(path)

    def heard(self, number: int, degraded: bool = False) -> np.ndarray:
        """What networks and beat tracker hear in a recording, kept on disk after the first time.

        That first time it may be heard `degraded`: through mp3, in a room, with noise. As in a conversion, a
        singer is taken out of it first.

        Returns
        -------
        numpy.ndarray, uint8, shape (181, frames)
            Onset and sustain of 88 notes (0..255), then rhythm (-127..127 stored with 128 added).
        """
        self._hear(number, degraded)
        return np.load(self.kept(number))["heard"]

    def sung(self, number: int) -> np.ndarray | None:
        """The tune that is sung, uint8, shape (2, 88, frames; 0..255); None where nobody sings."""
        self._hear(number)
        kept = np.load(self.kept(number))
        return kept["sung"] if "sung" in kept else None

    def _hear(self, number, degraded=False):
        path = self.kept(number)
        if path.exists():
            return
        audio = self.audio(number)
        if degraded:
            audio = degrade(audio, np.random.default_rng((number, len(audio))))
        source = read_source(audio)
        stored = as_stored(source.piano_roll[: len(audio) // HOP_LENGTH])
        layers = {"heard": stored[2 * PITCHES :]}
        if source.voice and source.voice.notes:
            layers["sung"] = stored[: 2 * PITCHES].reshape(2, PITCHES, -1)
        make_folder(path.parent)
        with whole(path) as fresh, open(fresh, "wb") as file:
            np.savez_compressed(file, **layers)

    def is_heard(self, number: int) -> bool:
        """Whether what is heard in a recording is on disk already."""
        return self.kept(number).exists()

    def kept(self, number: int) -> Path:
        """Where what is heard in a recording is kept."""
        writable = os.access(self.root, os.W_OK)
        root = self.root if writable else cache_folder("heard") / self.root.resolve().name
        return (root / "heard" / self.index[number].file).with_suffix(".npz")

    def part(self, numbers: list[int]) -> "DataSet":
        """The same data set with some of its recordings only, numbered anew."""
        smaller = copy.copy(self)
        smaller.index = [self.index[number] for number in numbers]
        return smaller

    def pairs(self) -> list[tuple[int, int]]:
        """(source, target) for training: here each recording and itself."""
        return [(number, number) for number in range(len(self))]

    def validate(self) -> Report:
        """What cannot be used, and why; reads what was not read when the data set was opened."""
        found = find_problems(self.root, self._unread())
        return Report(len(self) - len(found), self.problems + found)

    def _unread(self):
        return {}

    def splits(self) -> dict[str, list[int]]:
        """Numbers of the recordings for `train`, `validation` and `test`."""
        raise NotImplementedError

    def training(self) -> list[int]:
        """Numbers of the recordings that a network may learn from."""
        return self.splits()["train"]

    def summary(self) -> str:
        """A few lines of text: how much of what there is."""
        genres = Counter(self.labels)
        counts = ", ".join(f"{genre} {genres[genre]}" for genre in GENRES if genre in genres)
        lines = [f"{self.root}: {len(self)} recordings", f"genres: {counts}"]
        if len(self):
            lengths = [soundfile.info(self.path(number)).duration for number in range(len(self))]
            hours, low, high = sum(lengths) / 3600, min(lengths), max(lengths)
            parts = ", ".join(f"{name} {len(part)}" for name, part in self.splits().items())
            lines += [f"sound: {hours:.2f} hours, {low:.1f} to {high:.1f} s each", f"splits: {parts}"]
        return "\n".join(lines)


class Records(DataSet):
    """Recordings of any kind in a folder, and in the folders below it; no genres are known.

    Parameters
    ----------
    root : path
        Holds files that can be read: .wav, .flac, .ogg, .mp3 and all else that libsndfile knows.
    tell : callable, optional
        Is given one line if something is left out.
    """

    def __init__(self, root: str | Path, tell: Tell = None):
        root = require_folder(root)
        kinds = {f".{kind.lower()}" for kind in soundfile.available_formats()} - {".raw"} | {".aif"}
        files = sorted(path for path in root.rglob("[!.]*") if path.suffix.lower() in kinds)
        names = [path.relative_to(root).as_posix() for path in files]
        problems = find_problems(root, dict.fromkeys(names, SHORTEST))
        faulty = {problem.file for problem in problems}
        index = [Recording(name, "") for name in names if name not in faulty]
        super().__init__(root, index, problems, tell)

    def splits(self) -> dict[str, list[int]]:
        """All are for training: nothing is known of them."""
        return {"train": list(range(len(self))), "validation": [], "test": []}


class Sounds:
    """All recordings of a data set in memory, as 16-bit samples; random excerpts of them."""

    def __init__(self, data: DataSet):
        self.samples = [(data.audio(n) * 32767).astype(np.int16) for n in range(len(data))]

    def excerpt(
        self,
        rng: np.random.Generator,
        batch_size: int,
        frames: int,
        speed: float = 0.0,
        chances: np.ndarray | None = None,
    ):
        """Excerpts (batch, frames * 256) as float32, with the recordings' numbers, drawn by their `chances`.

        Loudness varies by +-6 dB, and speed by +-`speed` (.06 is a semitone), as far as the recordings are
        long enough; a UserError if one is shorter than the excerpts.
        """
        wanted = frames * HOP_LENGTH
        numbers = rng.choice(len(self.samples), batch_size, p=chances)
        lengths = np.array([len(self.samples[number]) for number in numbers])
        require_length(lengths, wanted)
        speeds = np.minimum(1 + rng.uniform(-speed, speed, batch_size), lengths / wanted)
        taken = np.minimum(np.ceil(wanted * speeds).astype(int), lengths)
        starts = rng.integers(lengths - taken + 1)
        parts = [self.samples[n][start : start + length] for n, start, length in zip(numbers, starts, taken)]
        gains = 10 ** (rng.uniform(-6, 6, (batch_size, 1)) / 20)
        sounds = change_speed(parts, speeds, wanted) if speed else np.stack(parts)
        return (sounds / 32767 * gains).astype(np.float32), numbers


class StereoSounds:
    """All recordings of a data set in memory, in stereo and as the networks see them; random excerpts.

    Both are 16-bit samples: (samples, 2) at 44,100 Hz, and half as many, mono, at 22,050 Hz.
    """

    def __init__(self, data: DataSet):
        self.stereo = [(data.stereo(n) * 32767).astype(np.int16) for n in range(len(data))]
        self.mono = [(mono(one / 32767, STEREO_RATE) * 32767).astype(np.int16) for one in self.stereo]

    def excerpt(self, rng: np.random.Generator, batch_size: int, frames: int):
        """Excerpts in stereo (batch, 2, frames * 512) and mono (batch, frames * 256), float32.

        Loudness varies by +-6 dB, left and right are the recording's. A UserError if a recording is shorter.
        """
        wanted = frames * HOP_LENGTH
        numbers = rng.integers(len(self.mono), size=batch_size)
        lengths = np.array([len(self.mono[number]) for number in numbers])
        require_length(lengths, wanted)
        starts, gains = rng.integers(lengths - wanted + 1), 10 ** (rng.uniform(-6, 6, batch_size) / 20)
        both, single = [], []
        for number, start, gain in zip(numbers, starts, gains / 32767):
            both.append(self.stereo[number][2 * start : 2 * (start + wanted)].T * gain)
            single.append(self.mono[number][start : start + wanted] * gain)
        return np.stack(both).astype(np.float32), np.stack(single).astype(np.float32)


def require_length(lengths: np.ndarray, wanted: int) -> None:
    """A UserError where a recording is shorter than the excerpts of it."""
    if lengths.min() < wanted:
        raise UserError(
            f"A recording is shorter than the {wanted / SAMPLE_RATE:.1f} s that training looks at: make "
            f"longer ones with `noteninja dataset build --seconds`."
        )


def as_stored(roll: PianoRoll) -> np.ndarray:
    """The networks' input (357, frames) as uint8: notes as 0..255, rhythm -127..127 with 128 added."""
    layers = roll.network_input()
    layers[: 4 * PITCHES] *= 255
    layers[4 * PITCHES :] = layers[4 * PITCHES :] * 127 + 128
    return np.rint(layers).astype(np.uint8)


def unpack(heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Notes (..., 2, 88, frames; 0..1) and rhythm (..., 5, frames; -1..1) of what `DataSet.heard` gave."""
    notes, rhythm = heard[..., : 2 * PITCHES, :], heard[..., 2 * PITCHES :, :]
    return notes.reshape(*notes.shape[:-2], 2, PITCHES, notes.shape[-1]) / 255, (rhythm - 128.0) / 127


def hear_all(
    data: DataSet, workers: int = 1, share: float = 1.0, degraded: float = 0.0, seed: int = 0
) -> Iterator[tuple[int, int]]:
    """Listen to the recordings of a data set ahead of training; yields (done, all), first (0, all).

    With several processes (`workers`). Only a `share` is heard, drawn by seed: training then takes these as
    sources, and all as targets. `degraded` is the share of these that are heard as `DataSet.heard` says.
    """
    drawn, degrading = np.random.default_rng(seed).random((2, len(data)))
    numbers = np.flatnonzero(drawn < share).tolist()
    yield 0, len(numbers)
    with executor(workers, data) as pool:
        for done, _ in enumerate(pool.map(_hear, numbers, degrading[numbers] < degraded, chunksize=8), 1):
            yield done, len(numbers)


def _hear(number, degraded):
    torch.set_num_threads(1)  # one process a core
    shared().heard(number, bool(degraded))
