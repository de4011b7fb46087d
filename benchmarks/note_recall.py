"""What the piano roll can carry: how much of a tune is left in it, genre by genre, before any converter is trained.

A converter sees a song only through its piano roll. Here test tunes are played by the band in instruments that no
network was trained on, heard, and compared with the known score: from the recording itself and from an mp3 of it.
Command: `noteninja hearing`. Lesson: 11_judging_a_converter.
"""

import json
from dataclasses import dataclass
from functools import partial

import numpy as np

from noteninja_lib import fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.augmentation import through_mp3
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap, note_f1, onset_chroma, raw_pitch_accuracy
from noteninja_lib.evaluation.metrics import hear as hear_tune
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.tunes import load_tunes

SECONDS = 6.0 if fast_mode() else 12.0
TEMPI = (80, 100, 120, 140, 160)  # few, so that a tune cannot be told by its tempo alone
ENOUGH = 0.6  # a genre below this is not worth training on
MP3_RATE = 44100  # Hz: songs are written at this rate
CODINGS = {"recording": None, "mp3_128": 128}
MEASURES = {
    "note_f1": "melody note F1, any octave",
    "note_f1_octave": "melody note F1, right octave",
    "pitch_class": "pitch-class accuracy",
    "likeness": "tune among all notes",
}


@dataclass(frozen=True)
class Job:
    """One recording to make and to hear: a tune, a genre, and how it is played."""

    tune: object
    genre: str
    seed: int
    tempo: float
    swing: float


def plan(count, seed=0, split="test"):
    """Tunes of different families, each to be played in step in all ten genres (list of Job)."""
    rng, tunes, families, jobs = np.random.default_rng(seed), load_tunes(split), set(), []
    for number in rng.permutation(len(tunes)):
        tune = tunes[number]
        if tune.family in families or len(families) == count:
            continue
        families.add(tune.family)
        tempo, swing = float(rng.choice(TEMPI)), float(rng.choice([0, 0, rng.uniform(0.4, 1)]))
        jobs += [Job(tune, genre, int(rng.integers(1e6)), tempo, swing) for genre in GENRES]
    return jobs


def measure(melody, heard):
    """How much of a known melody a piano roll holds.

    Parameters
    ----------
    melody : list of Note
    heard : PianoRoll

    Returns
    -------
    dict
        `note_f1` and `note_f1_octave`: F-measure of the lead's notes, onsets within 50 ms, pitch folded into one octave or
        not. `pitch_class`: raw chroma accuracy (Salamon et al. 2014, doi 10.1109/MSP.2013.2271648), the share of the
        columns in which the melody sounds where the surest sustained pitch of the lead is of its pitch class.
        `likeness`: share of the melody found among all notes, less what chance would give; it does not depend on the lead.
    """
    return {
        "note_f1": note_f1(melody, heard),
        "note_f1_octave": note_f1(melody, heard, octaves=True),
        "pitch_class": raw_pitch_accuracy(melody, heard, octaves=False),
        "likeness": tune_likeness(melody, heard.notes),
    }


def hear(job, soundfont=None):
    """Play, hear and measure one recording in each coding.

    Returns
    -------
    dict
        Coding to (measures, onset chroma).
    """
    played = arrange(
        job.tune,
        load_recipe(job.genre),
        job.seed,
        tempo=job.tempo,
        swing=job.swing,
        duration=SECONDS,
        intro=0,
        ending=False,
    )
    audio, found = render(played, soundfont), {}
    for coding, kilobits in CODINGS.items():
        heard = hear_tune(audio if kilobits is None else through_mp3(audio, kilobits, MP3_RATE))
        found[coding] = measure(played.melody, heard), onset_chroma(heard.notes[0])
    return found


def retrieval(chroma):
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
    rates = {}
    for first, queries in chroma.items():
        for second, recordings in chroma.items():
            if first != second:
                nearest = (queries @ recordings.T).argmax(1)
                rates[first, second] = float(np.mean(nearest == np.arange(len(queries))))
    worst = min(rates, key=rates.get)
    return {
        "among": len(next(iter(chroma.values()))),
        "mean": round(float(np.mean(list(rates.values()))), 4),
        "worst": round(rates[worst], 4),
        "worst_pair": list(worst),
    }


def summarise(jobs, results):
    """Figures of all recordings, by coding: each measure together (mean, low, high) and by genre (mean)."""
    figures = {}
    for coding in CODINGS:
        rows = {
            genre: [result[coding] for job, result in zip(jobs, results) if job.genre == genre]
            for genre in GENRES
        }
        tunes = [number for row in rows.values() for number in range(len(row))]
        together = {
            name: bootstrap([values[name] for row in rows.values() for values, _ in row], tunes)
            for name in MEASURES
        }
        genres = {
            genre: {name: round(float(np.mean([values[name] for values, _ in row])), 4) for name in MEASURES}
            for genre, row in rows.items()
        }
        chroma = {genre: np.stack([vector for _, vector in row]) for genre, row in rows.items()}
        figures[coding] = {"together": together, "genres": genres, "retrieval": retrieval(chroma)}
    return figures


def table(figures):
    """The figures as lines of text, genres below 60 % marked."""
    lines = []
    for coding in CODINGS:
        part = figures[coding]
        lines += ["", f"{coding:12}" + "".join(f"{name:>16}" for name in MEASURES)]
        for genre, row in part["genres"].items():
            low = min(row["note_f1"], row["pitch_class"]) < ENOUGH
            lines.append(
                f"{genre:12}" + "".join(f"{value:16.3f}" for value in row.values()) + "   below 60 %" * low
            )
        lines.append(
            f"{'together':12}" + "".join(f"{mean:16.3f}" for mean, _, _ in part["together"].values())
        )
        found = part["retrieval"]
        lines.append(
            f"same tune nearest among {found['among']} in another genre: {found['mean']:.3f}; "
            f"worst pair {' to '.join(found['worst_pair'])}: {found['worst']:.3f}"
        )
    return lines[1:]


def report(tunes, seed=0, soundfont=None, workers=1, out=None):
    """Hear test tunes in all genres with a progress bar; print the figures and write them as JSON.

    Returns
    -------
    dict
    """
    jobs = plan(tunes, seed)
    results = spread(partial(hear, soundfont=soundfont), jobs, workers, " recordings")
    figures = {
        "tunes": len(jobs) // len(GENRES),
        "seconds": SECONDS,
        "seed": seed,
        "measures": MEASURES,
        **summarise(jobs, results),
    }
    print("\n".join(table(figures)))
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
