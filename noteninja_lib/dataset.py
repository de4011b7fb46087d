"""A data set in GTZAN's shape, played by the band, and what the networks see of it.

`build` renders the same tunes in several genres, in step with each other, so that each recording is the known right
answer to "this tune in that genre". The files lie as in GTZAN: `genres/jazz/jazz.00012.wav`, 22,050 Hz, mono.
`manifest.jsonl` says of each which tune it is, how it was played and which notes sound in it.
Lesson: 04_gtzan_and_the_band.
"""
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch

from .errors import UserError
from .music import content
from .music.band import Note, arrange
from .music.genres import GENRES, load_recipe, style_vector
from .music.synthesis import default_soundfont, render
from .music.theory import load_tunes
from .sound.audio import SAMPLE_RATE
from .sound.spectrogram import HOP_LENGTH

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Clip:
    """One recording of the band: a line of the manifest.

    Attributes
    ----------
    file : str
        Path of the recording below the data set's folder.
    genre, tune, soundfont : str
    group : int
        Clips of one group are the same tune, in step.
    tempo, swing, valence, arousal : float
        Felt beats a minute; 0 straight to 1 triplets; mood in -1..1.
    transpose, seed : int
    melody, others : list of (start, end, pitch)
        The notes that sound, in seconds and MIDI pitches.
    beats : list of float
        Times of the felt beats in seconds.
    """
    file: str
    genre: str
    tune: str
    soundfont: str
    group: int
    tempo: float
    swing: float
    valence: float
    arousal: float
    transpose: int
    seed: int
    melody: list
    others: list
    beats: list

    def style(self):
        """Style vector: the genre as one of ten, valence, arousal."""
        return style_vector(self.genre, self.valence, self.arousal)

    def notes(self, which="melody"):
        """`melody` or `others` as a list of `Note`."""
        return [Note(start, end, pitch, 90) for start, end, pitch in getattr(self, which)]


def _group(index, split, versions, soundfonts, seed, moods):
    """How the clips of one group are to be played, from seeds alone."""
    rng = np.random.default_rng((seed, index))
    tunes = load_tunes(split)
    tune = tunes[np.random.default_rng(seed + index // len(tunes)).permutation(len(tunes))[index % len(tunes)]]
    tempo, swing = float(rng.uniform(70, 170)), float(rng.choice([0, 0, 0, rng.uniform(0.4, 1)]))
    centre = np.mean([pitch for _, _, pitch in tune.notes])
    transpose = int(rng.integers(max(-6, round(66 - centre) - 6), min(6, round(76 - centre)) + 1)) if 60 < centre < 82 else 0
    for number, genre in enumerate(rng.permutation(GENRES)[:versions]):
        mood = rng.uniform(-1, 1, 2) if rng.random() < moods else np.zeros(2)
        font = soundfonts[0] if len(soundfonts) == 1 or number % 4 != 3 else soundfonts[1 + index % (len(soundfonts) - 1)]
        yield tune, str(genre), tempo, swing, transpose, mood, font, index * 100 + number


def render_group(index, folder, split, seconds, versions, soundfonts, seed, moods):
    """Render one group; returns its manifest lines. Files that are there already are kept."""
    clips = []
    for tune, genre, tempo, swing, transpose, mood, font, play_seed in _group(
            index, split, versions, soundfonts, seed, moods):
        played = arrange(tune, load_recipe(genre), play_seed + seed, tempo=tempo, swing=swing, transpose=transpose,
                         valence=float(mood[0]), arousal=float(mood[1]), duration=seconds)
        path = Path(folder) / "genres" / genre / f"{genre}.{index:05d}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_path = path.with_suffix(".part")
            soundfile.write(partial_path, render(played, font), SAMPLE_RATE, subtype="PCM_16", format="WAV")
            partial_path.rename(path)
        others = [note for part in played.parts if part.name != "melody" and not part.is_drum for note in part.notes]
        listed = [[[round(n.start, 4), round(n.end, 4), int(n.pitch)] for n in notes] for notes in (played.melody, others)]
        clips.append(Clip(str(path.relative_to(folder).as_posix()), genre, tune.name, Path(font).name, index, tempo, swing,
                          *map(float, mood), transpose, play_seed + seed, *listed, [round(float(b), 4) for b in played.beats]))
    return clips


def build(folder, hours, *, split="train", seconds=30.0, versions=10, soundfonts=(), seed=0, moods=0.3, workers=1,
          shard=(0, 1)):
    """Render a data set; a generator, so that the caller can show progress or stop.

    Started again, it carries on where it was stopped. The same arguments give the same bytes on one machine.

    Parameters
    ----------
    folder : path
    hours : float
        Hours of sound.
    split : {'train', 'validation', 'test'}
        Which tunes are played.
    seconds : float
        Length of each clip.
    versions : int
        Genres in which each tune is played (1 to 10), drawn by seed.
    soundfonts : sequence of path
        The first plays three quarters of the clips, the others share the rest.
    moods : float
        Share of the clips whose mood is drawn at random; the others are neutral.
    workers : int
        Processes.
    shard : (int, int)
        This job's number and the number of jobs, where several share the work.

    Yields
    ------
    (int, int)
        Groups done, groups in all.
    """
    soundfonts = [str(font) for font in soundfonts] or [str(default_soundfont())]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    groups = range(shard[0], max(1, round(hours * 3600 / seconds / versions)), shard[1])
    work = partial(render_group, folder=folder, split=split, seconds=seconds, versions=versions,
                   soundfonts=soundfonts, seed=seed, moods=moods)
    lines = []
    with ProcessPoolExecutor(workers) as pool:
        for done, clips in enumerate(pool.map(work, groups), 1):
            lines += [json.dumps(asdict(clip)) for clip in clips]
            yield done, len(groups)
    name = MANIFEST if shard[1] == 1 else f"manifest-{shard[0]:03d}.jsonl"
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


class BandSet:
    """A data set that `build` rendered.

    Parameters
    ----------
    root : path

    Attributes
    ----------
    clips : list of Clip
    """

    def __init__(self, root):
        self.root = Path(root)
        manifests = sorted(self.root.glob("manifest*.jsonl"))
        if not manifests:
            raise UserError(f"{root} holds no data set: make one with `noteninja dataset build --out {root}`.")
        known = {field.name for field in fields(Clip)}
        self.clips = [Clip(**{k: v for k, v in json.loads(line).items() if k in known})
                      for manifest in manifests for line in manifest.read_text(encoding="utf-8").splitlines()]

    def __len__(self):
        return len(self.clips)

    def audio(self, number):
        """Sound of a clip, float32, 22,050 Hz, cut to whole columns of the spectrogram."""
        samples, _ = soundfile.read(self.root / self.clips[number].file, dtype="float32")
        return samples[:len(samples) // (4 * HOP_LENGTH) * 4 * HOP_LENGTH]

    def heard(self, number):
        """What Basic Pitch and the beat tracker hear in a clip, kept on disk after the first time.

        Returns
        -------
        numpy.ndarray, uint8, shape (181, frames)
            Onset and sustain of 88 notes (0..255), then rhythm (-127..127 stored with 128 added).
        """
        path = (self.root / "heard" / self.clips[number].file).with_suffix(".npz")
        if not path.exists():
            audio = self.audio(number)
            notes, rhythm = content.transcribe(audio), content.rhythm_of(audio)
            frames = notes.shape[-1]
            packed = np.concatenate([np.rint(notes.reshape(-1, frames) * 255), np.rint(rhythm * 127) + 128])
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path.with_suffix(".part"), "wb") as file:
                np.savez_compressed(file, heard=packed.astype(np.uint8))
            path.with_suffix(".part").rename(path)
        return np.load(path)["heard"]


def unpack(heard):
    """Notes (..., 2, 88, frames) and rhythm (..., 5, frames) of what `BandSet.heard` stored, as floats or tensors."""
    notes, rhythm = heard[..., :176, :], heard[..., 176:, :]
    return notes.reshape(*notes.shape[:-2], 2, 88, notes.shape[-1]) / 255, (rhythm - 128.0) / 127


def _hear_one(number, data):
    torch.set_num_threads(1)                               # one process a core
    data.heard(number)


def hear_all(data, workers=1):
    """Listen to all clips of a `BandSet` ahead of training; yields (done, all)."""
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(partial(_hear_one, data=data), range(len(data)), chunksize=8), 1):
            yield done, len(data)
