"""The rungs of the ladder of sharpness: one recording on each, and what is measured there; see `ladder`."""
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from .. import fast_mode, pipeline
from ..model import windows
from ..errors import UserError
from ..music.band import arrange
from ..music.genres import GENRES, load_recipe
from ..music.synthesis import render
from ..music.theory import load_tunes
from ..sound.audio import FORMATS, SAMPLE_RATE, load, normalise
from ..sound.spectrogram import griffin_lim, log_mel
from . import fidelity, likeness
from .comparison import know
from .pieces import SECONDS, choose_targets, choose_tunes, make_piece
from .rivals import decoded

RUNGS = {"truth": "the true recording", "griffin_lim": "its mel, by 64 rounds of Griffin-Lim",
         "vocoder": "its mel, by the vocoder", "autoencoder": "its mel through the autoencoder (picture alone)",
         "decoded": "that picture, by the vocoder", "converter": "converted from another genre"}
COLUMN = windows.COLUMN
LONG = 8.0 if fast_mode() else 60.0               # seconds: several windows of the pipeline
OTHER = "other"                                   # genre of real recordings of which it is not known


@dataclass(frozen=True)
class Job:
    """One recording to climb the ladder: a tune and its genre, or a file; `slow` includes Griffin-Lim."""
    tune: int
    genre: str
    file: str = None
    slow: bool = True


@dataclass
class Row:
    """One rung of one recording; `embeddings` has shape (windows, 64), and is None where no truth is known."""
    rung: str
    genre: str
    tune: int
    figures: dict
    embeddings: np.ndarray = None


def plan(tunes, seed=0, split="test", data=None):
    """What to measure (list of Job): each tune in all ten genres, half of them with Griffin-Lim, which takes half of all time.

    With `data`, any folder of real recordings, ten for each tune instead; GTZAN's genres are known by their folders' names.
    """
    if not data:
        return [Job(number, genre, slow=place % 2 == 0) for place, number in enumerate(choose_tunes(tunes, seed, split))
                for genre in GENRES]
    files = sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in (*FORMATS, ".au"))
    if not files:
        raise UserError(f"There are no recordings in {data}: give a folder with wav, flac, mp3 or ogg files.")
    chosen = [files[number] for number in np.random.default_rng(seed).permutation(len(files))[:10 * tunes]]
    return [Job(place, file.parent.name if file.parent.name in GENRES else OTHER, str(file), place % 2 == 0)
            for place, file in enumerate(chosen)]


@lru_cache(maxsize=1)
def played(number, seed, split):
    """A tune in all ten genres; the jobs of one tune follow each other."""
    return make_piece(number, seed, split)


def excerpt(file, seconds):
    """The middle of a real recording, as loud as the band's; None if it cannot be read or is too short."""
    try:
        audio = load(file)
    except UserError:
        return None
    start = (len(audio) - int(seconds * SAMPLE_RATE)) // 2
    return None if start < 0 else normalise(audio[start:start + int(seconds * SAMPLE_RATE)])


def climb(job, seed=0, split="test"):
    """All rungs of one recording; a list of Row, empty if a file cannot be used."""
    target = job.genre
    if job.file:
        source = truth = excerpt(job.file, SECONDS)
        if truth is None:
            return []
        target = str(np.random.default_rng((seed, job.tune)).choice([genre for genre in GENRES if genre != job.genre]))
    else:
        piece = played(job.tune, seed, split)
        truth = piece.recordings[target]
        source = piece.recordings[piece.source if piece.source != target else choose_targets(piece, 1, seed)[0]]
    pipe, truth, source = pipeline.load_pipeline(), *(audio[:len(audio) // COLUMN * COLUMN] for audio in (truth, source))
    mel, known, rows = log_mel(truth), know(pipe.judge, {target: truth})[target], []
    for rung in RUNGS:
        if rung != "griffin_lim" or job.slow:
            made = climber(pipe, rung, source if rung == "converter" else truth, mel, target, job.tune)()
            if rung == "converter" and job.file:         # nobody knows what it should have become
                rows.append(Row(rung, job.genre, job.tune, defects(made)))
            else:
                rows.append(Row(rung, job.genre, job.tune, *measure(pipe.judge, rung, made, truth, mel, known)))
    return rows


def climber(pipe, rung, audio, mel, target, seed=0):
    """What makes a rung's sound, or picture, from a recording: a function without arguments, so that it can be timed."""
    @torch.no_grad()
    def network(made):
        return made(torch.from_numpy(mel)[None].to(pipe.device))[0].cpu().numpy()
    return {"truth": lambda: audio, "griffin_lim": lambda: griffin_lim(mel), "vocoder": lambda: network(pipe.vocoder),
            "autoencoder": lambda: network(lambda picture: pipe.vae.decode(pipe.vae.encode(picture))),
            "decoded": lambda: decoded(pipe, audio),
            "converter": lambda: pipe(audio, target, generator=torch.Generator().manual_seed(seed)).audio}[rung]


def measure(judge, rung, made, truth, mel, known):
    """Figures of a rung beside the truth, and its embeddings.

    A conversion is another performance than the true recording in its genre, so that only ratios and distances of genre mean
    something there; the autoencoder alone makes no sound.
    """
    picture = made if rung == "autoencoder" else log_mel(made)
    embedded = likeness.mel_embeddings(judge, picture)
    figures = {"embedding_distance": likeness.euclidean(embedded.mean(0), known.embedding)}
    figures |= {name: (value, known.edges[name]) for name, value in likeness.mel_edges(picture).items()}
    if rung != "converter":
        figures["mel_distance"] = likeness.mean_difference(picture, mel)
    if rung != "autoencoder":
        truth = normalise(truth) if rung == "converter" else truth
        for name, band in (("treble_db", fidelity.TREBLE), ("cymbals_db", fidelity.CYMBALS), ("bass_db", fidelity.BASS)):
            figures[name] = fidelity.band_level(made, truth, band)
        if rung != "converter":
            figures["multi_resolution"] = fidelity.multi_resolution_distance(made, truth)
        figures |= defects(made)
    return figures, embedded


def defects(audio):
    """What is wrong in a sound, whatever it should have been."""
    return {"clicks": fidelity.clicks(audio), "offset": fidelity.offset(audio)}


def walk(job, seed=0, split="test"):
    """Where the pipeline's windows meet in a long recording: of each rung pairs (what is there, what is elsewhere).

    `truth`, `decoded` and `converter`: jumps of the spectrum at the edges of what is decoded at once. `blends`: sharpness in time
    of the converter where two of its windows overlap. Empty if a file cannot be used.
    """
    if job.file:
        truth = source = excerpt(job.file, LONG)
        if truth is None:
            return {}
    else:
        tune, other = load_tunes(split)[job.tune], GENRES[GENRES.index(job.genre) - 1]
        truth, source = (render(arrange(tune, load_recipe(genre), seed + job.tune, duration=LONG, intro=0, ending=False))
                         for genre in (job.genre, other))
    pipe, target = pipeline.load_pipeline(), job.genre if job.genre in GENRES else GENRES[job.tune % len(GENRES)]
    edges = range(windows.WINDOW * COLUMN, len(truth), windows.WINDOW * COLUMN)
    sounds = {rung: climber(pipe, rung, audio, None, target, job.tune)()
              for rung, audio in (("truth", truth), ("decoded", truth), ("converter", source))}
    gradient = np.square(np.diff(log_mel(sounds["converter"]))).mean(0)
    columns = np.arange(len(gradient)) // windows.FOLD
    step = windows.WINDOW - windows.OVERLAP         # a window's first columns are its neighbour's last ones
    shared = (columns >= step) & (columns % step < windows.OVERLAP)
    return {rung: fidelity.seams(audio, edges) for rung, audio in sounds.items()} | {
        "blends": [(float(gradient[shared].mean()), float(gradient[~shared].mean()))] if shared.any() else []}


def speeds(seed=0, split="test", repeats=3):
    """Seconds of work for a second of sound on each rung, with all cores: the best of a few times."""
    pipe, piece = pipeline.load_pipeline(), make_piece(choose_tunes(1, seed, split)[0], seed, split, alone=True)
    audio = np.tile(piece.recordings[piece.source], 3)
    audio, found = audio[:len(audio) // COLUMN * COLUMN], {}
    mel, target = log_mel(audio), choose_targets(piece, 1, seed)[0]
    for rung in list(RUNGS)[1:]:
        make, times = climber(pipe, rung, audio, mel, target), []
        for _ in range(1 if rung == "griffin_lim" else repeats + 1):          # the first time, much is still cold
            began = time.perf_counter()
            make()
            times.append(time.perf_counter() - began)
        found[rung] = float(f"{min(times) * SAMPLE_RATE / len(audio):.3g}")
    return found


def true_and_decoded(seconds=5.0, seed=0, split="test"):
    """One tune in all ten genres, as recorded and as autoencoder and vocoder give it back: genre to two sounds of `seconds`."""
    pipe, piece = pipeline.load_pipeline(), make_piece(choose_tunes(1, seed, split)[0], seed, split)
    begin, end = int(0.5 * SAMPLE_RATE), int((0.5 + seconds) * SAMPLE_RATE)
    return {genre: (audio[begin:end], decoded(pipe, audio)[begin:end]) for genre, audio in piece.recordings.items()}
