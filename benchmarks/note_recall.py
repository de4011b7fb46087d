"""How much of a tune is left in its piano roll? Command: `noteninja hearing`. Lesson: 11."""

from collections import namedtuple
from itertools import permutations

import numpy as np

from benchmarks import all_measures
from benchmarks.harness import finish, grouped, intervals, means, measure, rounded_mean, table
from benchmarks.options import CORES, Out, Tunes, Workers
from noteninja_lib import fast_mode
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.augmentation import through_mp3
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.music.piano_roll import PianoRoll, tune_likeness
from noteninja_lib.music.tunes import load_tunes

SECONDS = 6.0 if fast_mode() else 12.0
TEMPI = (80, 100, 120, 140, 160)  # few, so that a tune cannot be told by its tempo alone
ENOUGH = 0.6  # a genre below this is not worth training on
MP3_RATE = 44100  # Hz: songs are written at this rate
CODINGS = {"recording": None, "mp3_128": 128}  # kbit/s
MEASURES = {"note_f1": "melody note F1, any octave", "note_f1_octave": "melody note F1, right octave"}
MEASURES |= {"pitch_class": "pitch-class accuracy", "likeness": "tune among all notes"}


#: One recording to make and to hear: a tune, a genre, and how it is played.
Job = namedtuple("Job", "tune genre seed tempo swing")


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
    """How much of a known melody a piano roll holds, by the names of `MEASURES`."""
    notes = (all_measures.note_f1(melody, heard, octaves=octaves) for octaves in (False, True))
    pitch = all_measures.raw_pitch_accuracy(melody, heard, octaves=False)
    return dict(zip(MEASURES, (*notes, pitch, tune_likeness(melody, heard.notes))))


def hear(job: Job) -> dict[str, tuple]:
    """Play, hear and measure one recording: coding to (measures, onset chroma)."""
    performance = excerpt(job.tune, job.genre, job.seed, SECONDS, tempo=job.tempo, swing=job.swing)
    audio, found = render(performance), {}
    for coding, kilobits in CODINGS.items():
        heard = all_measures.hear(through_mp3(audio, kilobits, MP3_RATE) if kilobits else audio)
        found[coding] = measures_of(performance.melody, heard), all_measures.onset_chroma(heard.notes[0])
    return found


def retrieval(chroma: dict[str, np.ndarray]) -> dict:
    """How often a tune in one genre is the nearest in another, by onset chroma (tunes, n) of each genre."""
    rates, count = {}, len(next(iter(chroma.values())))
    for pair in permutations(chroma, 2):
        queries, recordings = (chroma[genre] for genre in pair)
        rates[pair] = float(np.mean((queries @ recordings.T).argmax(1) == np.arange(count)))
    worst, mean = min(rates, key=rates.get), rounded_mean(rates.values())
    return {"among": count, "mean": mean, "worst": round(rates[worst], 4), "worst_pair": list(worst)}


def summarise(jobs: list[Job], results: list[dict]) -> dict:
    """Figures of all recordings, by coding: each measure together (mean, low, high) and by genre (mean)."""
    figures, by_genre = {}, grouped(zip(jobs, results), lambda pair: pair[0].genre)
    for coding in CODINGS:
        rows, chroma, genres = {}, {}, {}
        for genre in GENRES:
            rows[genre], found = zip(*(result[coding] for _, result in by_genre[genre]))
            chroma[genre] = np.stack(found)
            genres[genre] = {name: rounded_mean(row[name] for row in rows[genre]) for name in MEASURES}
        tunes = [number for some in rows.values() for number in range(len(some))]
        together = intervals([row for some in rows.values() for row in some], tunes, MEASURES)
        figures[coding] = {"together": together, "genres": genres, "retrieval": retrieval(chroma)}
    return figures


def lines(figures: dict) -> list[str]:
    """What the piano roll can carry, by genre, in Markdown."""
    found, rows, f1 = figures["recording"]["retrieval"], [], "melody note F1"
    shown = [("recording", "note_f1", f1), ("recording", "pitch_class", "pitch-class accuracy")]
    for coding, name, words in [*shown, ("mp3_128", "note_f1", f"{f1} through 128 kbit/s mp3")]:
        rows.append([words, *(f"{one[name]:.2f}" for one in figures[coding]["genres"].values())])
    return [
        f"Heard before any conversion ({figures['tunes']} test tunes a genre); the same tune is the nearest "
        f"of {found['among']} in another genre in {found['mean']:.0%}:",
        *table(["", *figures["recording"]["genres"]], rows),
    ]


def by_genre(figures: dict) -> list[str]:
    """All measures of both codings as tables in Markdown, genres below 60 % marked."""
    found = []
    for coding in CODINGS:
        part, rows = figures[coding], []
        for genre, row in (part["genres"] | {"together": part["together"]}).items():
            low = genre in GENRES and min(row["note_f1"], row["pitch_class"]) < ENOUGH
            rows.append([genre, *means(row, MEASURES, ".3f"), "below 60 %" if low else ""])
        worst = f"worst pair {' to '.join(part['retrieval']['worst_pair'])}: {part['retrieval']['worst']:.3f}"
        found += [*table([coding, *MEASURES, ""], rows), f"same tune nearest in another genre, {worst}"]
    return found


def report(tunes: Tunes = 24, out: Out = None, seed: int = 0, workers: Workers = CORES) -> dict:
    """Measure how much of a tune the piano roll holds, by genre and through mp3."""
    jobs = plan(tunes, seed)
    results = measure(hear, jobs, "recordings", workers)
    of = {"tunes": len(jobs) // len(GENRES), "seconds": SECONDS, "seed": seed, "measures": MEASURES}
    figures = of | summarise(jobs, results)
    return finish(figures, by_genre(figures) + lines(figures), out, "hearing")
