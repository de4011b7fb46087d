"""What the piano roll can carry: how much of a tune is left in it, by genre, before any training.

A converter sees a song only through its piano roll. Here test tunes are played by the arranger with
instruments that no network was trained on, heard, and compared with the known score: from the recording
itself and from an mp3 of it. Command: `noteninja hearing`. Lesson: 11_judging_a_converter.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from benchmarks.harness import finish, means, measure, rounded_mean, table
from benchmarks.options import CORES, Out, Tunes, Workers
from noteninja_lib import fast_mode
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.augmentation import through_mp3
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.evaluation.metrics import bootstrap, note_f1, raw_pitch_accuracy
from noteninja_lib.music.piano_roll import PianoRoll, tune_likeness
from noteninja_lib.music.tunes import Tune, load_tunes

SECONDS = 6.0 if fast_mode() else 12.0
TEMPI = (80, 100, 120, 140, 160)  # few, so that a tune cannot be told by its tempo alone
ENOUGH = 0.6  # a genre below this is not worth training on
MP3_RATE = 44100  # Hz: songs are written at this rate
CODINGS = {"recording": None, "mp3_128": 128}  # kbit/s
MEASURES = {
    "note_f1": "melody note F1, any octave",
    "note_f1_octave": "melody note F1, right octave",
    "pitch_class": "pitch-class accuracy",
    "likeness": "tune among all notes",
}


@dataclass(frozen=True)
class Job:
    """One recording to make and to hear: a tune, a genre, and how it is played."""

    tune: Tune
    genre: str
    seed: int
    tempo: float
    swing: float


def plan(count: int, seed: int = 0) -> list[Job]:
    """Tunes that are no near-duplicates of each other, each to be played in step in all ten genres."""
    rng, tunes, families, jobs = np.random.default_rng(seed), load_tunes("test"), set(), []
    for number in rng.permutation(len(tunes)):
        tune = tunes[number]
        if tune.family in families or len(families) == count:
            continue
        families.add(tune.family)
        tempo, swing = float(rng.choice(TEMPI)), float(rng.choice([0, 0, rng.uniform(0.4, 1)]))
        jobs += [Job(tune, genre, int(rng.integers(1e6)), tempo, swing) for genre in GENRES]
    return jobs


def measures_of(melody: list[Note], heard: PianoRoll) -> dict[str, float]:
    """How much of a known melody a piano roll holds.

    Returns
    -------
    dict
        `note_f1` and `note_f1_octave`: F-measure of the melody's notes, onsets within 50 ms, pitch folded
        into one octave or not. `pitch_class`: raw chroma accuracy (Salamon et al. 2014, doi
        10.1109/MSP.2013.2271648), the share of the frames in which the melody sounds where its surest
        sustained pitch is of the right pitch class. `likeness`: share of the melody found among all notes,
        less what chance would give; it does not depend on which notes are taken for the melody.
    """
    return {
        "note_f1": note_f1(melody, heard),
        "note_f1_octave": note_f1(melody, heard, octaves=True),
        "pitch_class": raw_pitch_accuracy(melody, heard, octaves=False),
        "likeness": tune_likeness(melody, heard.notes),
    }


def hear(job: Job) -> dict[str, tuple]:
    """Play, hear and measure one recording: coding to (measures, onset chroma)."""
    performance = excerpt(job.tune, job.genre, job.seed, SECONDS, tempo=job.tempo, swing=job.swing)
    audio, found = render(performance), {}
    for coding, kilobits in CODINGS.items():
        heard = metrics.hear(through_mp3(audio, kilobits, MP3_RATE) if kilobits else audio)
        found[coding] = measures_of(performance.melody, heard), metrics.onset_chroma(heard.notes[0])
    return found


def retrieval(chroma: dict[str, np.ndarray]) -> dict:
    """How often a tune heard in one genre is the nearest among all tunes heard in another.

    Parameters
    ----------
    chroma : dict of genre to numpy.ndarray, shape (tunes, n)
        Onset chroma of the same tunes in each genre.

    Returns
    -------
    dict
        `among` (tunes), `mean` over all pairs of different genres, `worst` and `worst_pair`.
    """
    rates, count = {}, len(next(iter(chroma.values())))
    for pair in permutations(chroma, 2):
        queries, recordings = (chroma[genre] for genre in pair)
        rates[pair] = float(np.mean((queries @ recordings.T).argmax(1) == np.arange(count)))
    worst, mean = min(rates, key=rates.get), rounded_mean(rates.values())
    return {"among": count, "mean": mean, "worst": round(rates[worst], 4), "worst_pair": list(worst)}


def summarise(jobs: list[Job], results: list[dict]) -> dict:
    """Figures of all recordings, by coding: each measure together (mean, low, high) and by genre (mean)."""
    figures = {}
    for coding in CODINGS:
        rows = {genre: [] for genre in GENRES}
        for job, result in zip(jobs, results):
            rows[job.genre].append(result[coding])
        tunes = [number for row in rows.values() for number in range(len(row))]
        values = {
            name: {genre: [found[name] for found, _ in row] for genre, row in rows.items()}
            for name in MEASURES
        }
        figures[coding] = {
            "together": {name: bootstrap(sum(some.values(), []), tunes) for name, some in values.items()},
            "genres": {
                genre: {name: rounded_mean(values[name][genre]) for name in MEASURES} for genre in GENRES
            },
            "retrieval": retrieval(
                {genre: np.stack([chroma for _, chroma in row]) for genre, row in rows.items()}
            ),
        }
    return figures


def lines(figures: dict) -> list[str]:
    """What the piano roll can carry, by genre, in Markdown."""
    genres, found = figures["recording"]["genres"], figures["recording"]["retrieval"]
    shown = [
        ("recording", "note_f1", ""),
        ("recording", "pitch_class", ""),
        ("mp3_128", "note_f1", " through 128 kbit/s mp3"),
    ]
    rows = []
    for coding, name, how in shown:
        words = MEASURES[name].removesuffix(", any octave") + how
        rows.append([words, *(f"{one[name]:.2f}" for one in figures[coding]["genres"].values())])
    return [
        f"What is heard of the tune before anything is converted ({figures['tunes']} test tunes in each "
        f"genre, instruments never trained on); the same tune is the nearest of {found['among']} in another "
        f"genre in {found['mean']:.0%}:",
        "",
        *table(["", *genres], rows),
    ]


def by_genre(figures: dict) -> list[str]:
    """All measures of both codings as tables in Markdown, genres below 60 % marked."""
    found = []
    for coding in CODINGS:
        part, rows = figures[coding], []
        for genre, row in part["genres"].items():
            low = min(row["note_f1"], row["pitch_class"]) < ENOUGH
            rows.append([genre, *means(row, MEASURES, ".3f"), "below 60 %" if low else ""])
        rows.append(["together", *means(part["together"], MEASURES, ".3f"), ""])
        worst = f"worst pair {' to '.join(part['retrieval']['worst_pair'])}: {part['retrieval']['worst']:.3f}"
        found += [*table([coding, *MEASURES, ""], rows), f"same tune nearest in another genre, {worst}", ""]
    return found


def report(tunes: Tunes = 24, out: Out = None, seed: int = 0, workers: Workers = CORES) -> dict:
    """Measure how much of a tune the piano roll holds, by genre and through mp3."""
    jobs = plan(tunes, seed)
    results = measure(hear, jobs, "recordings", workers)
    of = {"tunes": len(jobs) // len(GENRES), "seconds": SECONDS, "seed": seed, "measures": MEASURES}
    figures = of | summarise(jobs, results)
    return finish(figures, by_genre(figures) + lines(figures), out, "hearing")
