"""Do the mood sliders move what is heard in a conversion, as they move what the arranger plays?

Command: `noteninja steering --only mood`. Lesson: 09_tempo_mood_and_length.
"""

from dataclasses import replace
from itertools import product

import librosa
import numpy as np
from scipy.stats import spearmanr

from benchmarks.arrangements import GRID, MOVES, correlations, mean_correlations
from benchmarks.controls.tempo import quickened
from benchmarks.harness import means, measure, play, table
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import choose_tunes, make_piece
from noteninja_lib.music import style
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.style import BASS, QUICKER, chords_of, segments_of
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

#: Measure to what it is.
MEASURES = {
    "onset_rate": "onsets a second",
    "loudness": "dB before normalisation",
    "brightness": "spectral centroid, Hz",
    "major_share": "share of the chords that are heard as major",
    "register": "mean pitch heard under the tune, without the bass",
}
MOODS = list(product(GRID, GRID))  # valence, arousal


def measures_of(audio: np.ndarray, plan: style.Plan) -> tuple[dict[str, float], PianoRoll]:
    """What is heard in a conversion before its loudness is evened out, and its piano roll."""
    level, audio = float(10 * np.log10(np.mean(np.square(audio)) + 1e-12)), normalise(audio.copy())
    heard = replace(metrics.hear(audio), beats=plan.piano_roll.beats)
    under = [note.pitch for note in heard.accompaniment() if note.pitch >= BASS]
    onsets = librosa.onset.onset_detect(y=audio, sr=SAMPLE_RATE)
    return {
        "onset_rate": len(onsets) * SAMPLE_RATE / len(audio),
        "loudness": level,
        "brightness": float(librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean()),
        "major_share": float(np.mean(chords_of(heard, segments_of(heard)) < 12)),
        "register": float(np.mean(under)) if under else np.nan,
    }, heard


def measure_tune(job: tuple[int, str], seed: int = 0, split: str = "test") -> dict:
    """One tune in one genre through 5 x 5 moods, as from `measure_moods`, with note F1 by mood."""
    number, genre = job
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    roll, cells = read_source(piece.audio).piano_roll, []
    for mood in MOODS:
        plan = style.plan(roll, genre, mood, samples=len(piece.audio))
        made = style.shape_dynamics(play(pipe, plan, number), plan)
        found, heard = measures_of(made, plan)
        melody = quickened(piece.melody, 1 + QUICKER * mood[1])
        found |= {
            "note_f1": metrics.note_f1(melody, heard),
            "judge": pipe.judge_genre(normalise(made))[genre],
        }
        cells.append(dict(zip(("valence", "arousal"), mood)) | found)
    return {"genre": genre, "cells": cells}


def summarise(walks: list[dict]) -> dict:
    """Spearman's correlations, each measure at the ends of its slider, and the tune.

    Returns
    -------
    dict
        `correlations`: of each slider with each measure over the 25 settings, each setting being the mean of
        all tunes; `by_walk`: the mean of the same over single genres, each tune against its own mean; `ends`:
        each measure at both ends and in the middle of the slider that should move it, mean of all; `kept`:
        note F1 beside that of the neutral mood, at its worst of the 25 (mean over tunes), and the share for
        the genre beside the neutral one's.
    """
    values = {
        name: np.array([[cell[name] for cell in one["cells"]] for one in walks], float) for name in MEASURES
    }
    alone = {name: np.nanmean(some - np.nanmean(some, 1, keepdims=True), 0) for name, some in values.items()}
    sliders = dict(zip(("valence", "arousal"), np.transpose(MOODS)))
    genres = sorted({one["genre"] for one in walks})
    tables = [correlations([one for one in walks if one["genre"] == genre]) for genre in genres]
    single = mean_correlations(tables)
    ends = {}
    for slider in ("arousal", "valence"):
        for name in MOVES[slider]:
            at = {f"{place:g}": values[name][:, sliders[slider] == place] for place in GRID}
            ends[name] = {place: round(float(np.nanmean(some)), 3) for place, some in at.items()}
    note_f1, judge = (
        np.mean([[cell[name] for cell in one["cells"]] for one in walks], 0) for name in ("note_f1", "judge")
    )
    neutral = MOODS.index((0.0, 0.0))
    return {
        "walks": len(walks),
        "correlations": {
            slider: {name: round(float(spearmanr(place, alone[name])[0]), 3) for name in MEASURES}
            for slider, place in sliders.items()
        },
        "by_walk": {slider: single[slider] for slider in sliders},
        "ends": ends,
        "kept": round(float(note_f1.min() / note_f1[neutral]), 3),
        "note_f1_neutral": round(float(note_f1[neutral]), 3),
        "judge": {"neutral": round(float(judge[neutral]), 3), "lowest": round(float(judge.min()), 3)},
    }


def report(count: int = 10, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure with a progress bar, `count` tunes, each in the next of the genres; returns all figures."""
    tunes = choose_tunes(count, seed, split)
    jobs = [(number, GENRES[place % len(GENRES)]) for place, number in enumerate(tunes)]
    return summarise(measure(measure_tune, jobs, "tunes in 25 moods", workers, seed=seed, split=split))


def lines(figures: dict) -> list[str]:
    """What the mood sliders move, in Markdown."""
    valence, arousal, ends = (
        figures["correlations"]["valence"],
        figures["correlations"]["arousal"],
        figures["ends"],
    )
    single, judge = figures["by_walk"]["valence"], figures["judge"]

    def between(name, form):
        return f"{ends[name]['-1']:{form}} to {ends[name]['1']:{form}}"

    return [
        f"*Mood* ({figures['walks']} tunes through 5 × 5 settings; Spearman's correlation over the "
        f"settings' means): arousal with onset rate {arousal['onset_rate']:.2f} "
        f"({between('onset_rate', '.1f')} a second), loudness {arousal['loudness']:.2f}, brightness "
        f"{arousal['brightness']:.2f}; valence with the share of major chords {valence['major_share']:.2f} "
        f"({between('major_share', '.2f')}) and register {valence['register']:.2f} "
        f"({between('register', '.1f')}). Of single tunes, where a few chords decide, valence has only "
        f"{single['major_share']:.2f} and {single['register']:.2f}. The tune keeps {figures['kept']:.0%} of "
        f"its note F1 at the worst setting; the judge's share falls from {judge['neutral']:.2f} to "
        f"{judge['lowest']:.2f} there.",
        "",
        *table(
            ["at the slider's", *next(iter(ends.values()))],
            ([name, *means(row, row)] for name, row in ends.items()),
        ),
    ]
