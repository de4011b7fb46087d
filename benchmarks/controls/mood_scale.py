"""Do the mood sliders move what is heard? Command: `noteninja steering --only mood`. Lesson: 09."""

from dataclasses import replace
from itertools import product

import librosa
import numpy as np
from scipy.stats import spearmanr

from benchmarks import all_measures, arrangements
from benchmarks.arrangements import GRID, MEASURES, MOVES, correlations_by_genre
from benchmarks.controls.tempo import quickened
from benchmarks.harness import Run, means, play, prepare, rounded, table
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.music import style
from noteninja_lib.music.style import BASS, QUICKER, chords_of, segments_of

MOODS = list(product(GRID, GRID))  # valence, arousal


def measure_tune(job: tuple[int, str], seed: int = 0, split: str = "test") -> dict:
    """One (tune, genre) through 5 x 5 moods; loudness is taken before it is evened out, the rest is heard."""
    number, genre = job
    (pipe, piece, source, _), cells = prepare(number, seed, split), []
    for mood in MOODS:
        plan = style.plan(source.piano_roll, genre, mood, samples=len(piece.audio))
        made = style.shape_dynamics(play(pipe, plan, number), plan)
        audio, sliders = normalise(made.copy()), dict(zip(("valence", "arousal"), mood))
        heard = replace(all_measures.hear(audio), beats=plan.piano_roll.beats)
        onsets = librosa.onset.onset_detect(y=audio, sr=SAMPLE_RATE)
        under = [note.pitch for note in heard.accompaniment() if note.pitch >= BASS]
        found = {
            "onset_rate": len(onsets) * SAMPLE_RATE / len(audio),
            "judge": pipe.judge_genre(audio)[genre],
        }
        found["major_share"] = float(np.mean(chords_of(heard, segments_of(heard)) < 12))
        found["register"] = arrangements.mean_or_nan(under)
        found["note_f1"] = all_measures.note_f1(quickened(piece.melody, 1 + QUICKER * mood[1]), heard)
        cells.append(sliders | found | arrangements.sound_measures(audio, made))
    return {"genre": genre, "cells": cells}


def summarise(walks: list[dict]) -> dict:
    """Spearman's correlations over means of all tunes, each measure at its slider's ends, and the tune."""

    def values(name):
        return np.array([[cell[name] for cell in one["cells"]] for one in walks], float)

    sliders, found, ends = dict(zip(("valence", "arousal"), np.transpose(MOODS))), {}, {}
    taken = {name: values(name) for name in MEASURES}
    alone = {name: np.nanmean(some - np.nanmean(some, 1, keepdims=True), 0) for name, some in taken.items()}
    for slider, places in sliders.items():
        found[slider] = {name: rounded(spearmanr(places, alone[name])[0], 3) for name in MEASURES}
    for slider, names in MOVES.items():
        at = {f"{place:g}": sliders[slider] == place for place in GRID}
        for name in names:
            ends[name] = {place: rounded(np.nanmean(taken[name][:, one]), 3) for place, one in at.items()}
    note_f1, judge = (values(name).mean(0) for name in ("note_f1", "judge"))
    neutral, by_walk = MOODS.index((0.0, 0.0)), correlations_by_genre(walks)["together"]
    figures = {"walks": len(walks), "correlations": found, "by_walk": by_walk, "ends": ends}
    figures["kept"] = rounded(note_f1.min() / note_f1[neutral], 3)
    figures["note_f1_neutral"] = rounded(note_f1[neutral], 3)
    return figures | {"judge": {"neutral": rounded(judge[neutral], 3), "lowest": rounded(judge.min(), 3)}}


def report(count: int, run: Run) -> dict:
    """Measure `count` tunes, each in the next of the genres; returns all figures."""
    jobs = [(number, GENRES[place % len(GENRES)]) for place, number in enumerate(run.tunes(count))]
    return summarise(run.measure(measure_tune, jobs, "tunes in 25 moods"))


def lines(figures: dict) -> list[str]:
    """What the mood sliders move, in Markdown."""
    ends, single, judge = figures["ends"], figures["by_walk"]["valence"], figures["judge"]
    found, told = figures["correlations"], []
    for slider, names in MOVES.items():
        told.append(f"{slider} with " + ", ".join(f"{name} {found[slider][name]:.2f}" for name in names))
    rows = ([name, *means(row, row)] for name, row in ends.items())
    return [
        f"*Mood* ({figures['walks']} tunes; correlation over their means): {'; '.join(told)}; of single "
        f"tunes {single['major_share']:.2f} and {single['register']:.2f}. At worst {figures['kept']:.0%} of "
        f"the note F1 is kept; the judge's share falls from {judge['neutral']:.2f} to {judge['lowest']:.2f}.",
        *table(["at the slider's", *ends["register"]], rows),
    ]
