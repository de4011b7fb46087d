"""Do the mood sliders move what can be heard in a conversion, as they do in what the band plays (see `mood`)?

Command: `noteninja steering --only mood`. Lesson: 09_tempo_mood_and_length.
"""

from dataclasses import replace
from functools import partial

import librosa
import numpy as np
from scipy.stats import spearmanr

from benchmarks.arrangements import GRID, correlations
from benchmarks.controls.morphing import noises
from noteninja_lib import STEPS
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import Heard, choose_tunes, make_piece
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.music.style import BASS, QUICKER, chords_of, segments_of
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan

#: Measure to what it is.
MEASURES = {
    "onset_rate": "onsets a second",
    "loudness": "dB before normalisation",
    "brightness": "spectral centroid, Hz",
    "major_share": "share of the chords that are heard as major",
    "register": "mean pitch heard under the tune, without the bass",
}
STAYS = 0.1  # of the tune, by which a mood may change it


def measures_of(audio, plan):
    """What is heard in a conversion before its loudness is evened out, as a dict, and its content."""
    level, audio = float(10 * np.log10(np.mean(np.square(audio)) + 1e-12)), normalise(audio.copy())
    heard = metrics.hear(audio)
    frames = min(heard.notes.shape[-1], plan.piano_roll.rhythm.shape[-1])
    heard.notes, heard.melody, heard.rhythm = (
        heard.notes[..., :frames],
        heard.melody[..., :frames],
        plan.piano_roll.rhythm[:, :frames],
    )
    under = [note.pitch for note in heard.accompaniment() if note.pitch >= BASS]
    onsets = librosa.onset.onset_detect(y=audio, sr=SAMPLE_RATE)
    return {
        "onset_rate": len(onsets) * SAMPLE_RATE / len(audio),
        "loudness": level,
        "brightness": float(librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean()),
        "major_share": float(np.mean(chords_of(heard, segments_of(heard)) < 12)),
        "register": float(np.mean(under)) if under else np.nan,
    }, heard


def walk(job, seed=0, split="test"):
    """One tune in one genre through 5 x 5 moods; a dict as `mood.walk` gives it, with note F1 by mood."""
    number, genre = job
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    heard, cells = Heard(piece.recordings[piece.source]), []
    for valence in GRID:
        for arousal in GRID:
            plan = Plan(heard.piano_roll, (valence, arousal), samples=len(heard.audio))
            (noise,) = noises(pipe, plan.piano_roll, number)
            latents = pipe.denoise(
                None,
                plan.piano_roll,
                pipe.styles_for(genre, plan),
                1.0,
                STEPS,
                2.0,
                None,
                noise=noise,
                neutral=plan.neutral,
            )
            made = plan.dynamics(pipe.sound(latents)[: plan.samples])
            found, roll = measures_of(made, plan)
            rate = 1 + QUICKER * arousal
            melody = [replace(note, start=note.start / rate, end=note.end / rate) for note in piece.melody]
            cells.append(
                {
                    "valence": valence,
                    "arousal": arousal,
                    **found,
                    "note_f1": metrics.note_f1(melody, roll),
                    "judge": pipe.judge_genre(normalise(made))[genre],
                }
            )
    return {"genre": genre, "cells": cells}


def own_mean(one, name):
    """Mean of a measure over all moods of a walk."""
    return np.nanmean([cell[name] for cell in one["cells"]])


def summarise(walks):
    """Spearman's correlations, each measure at the ends of its slider, and the tune.

    Returns
    -------
    dict
        `correlations`: of each slider with each measure over the 25 settings, each setting being the mean of all walks;
        `by_walk`: the mean of the same over single walks, each tune against its own mean; `ends`: each measure at both ends and in the middle of the slider that should move it, mean of all; `kept`: note F1
        beside that of the neutral mood, at its worst of the 25 (mean over tunes), and the judge's share beside the neutral one's.
    """
    genres = sorted({one["genre"] for one in walks})
    tables = [correlations([one for one in walks if one["genre"] == genre]) for genre in genres]
    single = {
        slider: {
            name: round(
                float(np.mean([row[slider][name] for row in tables if row[slider][name] is not None])), 3
            )
            for name in MEASURES
        }
        for slider in ("valence", "arousal")
    }
    settings = [
        {"valence": v, "arousal": a}
        | {
            name: float(np.nanmean([one["cells"][place][name] - own_mean(one, name) for one in walks]))
            for name in MEASURES
        }
        for place, (v, a) in enumerate((v, a) for v in GRID for a in GRID)
    ]
    together = {
        slider: {
            name: round(float(spearmanr(*([cell[key] for cell in settings] for key in (slider, name)))[0]), 3)
            for name in MEASURES
        }
        for slider in ("valence", "arousal")
    }
    ends = {
        name: {
            f"{at:g}": round(
                float(
                    np.nanmean([cell[name] for one in walks for cell in one["cells"] if cell[slider] == at])
                ),
                3,
            )
            for at in GRID
        }
        for name, slider in (
            ("onset_rate", "arousal"),
            ("loudness", "arousal"),
            ("brightness", "arousal"),
            ("major_share", "valence"),
            ("register", "valence"),
        )
    }
    by_mood = {
        (v, a): [
            cell for one in walks for cell in one["cells"] if (cell["valence"], cell["arousal"]) == (v, a)
        ]
        for v in GRID
        for a in GRID
    }
    f1, judge = (
        {mood: float(np.mean([cell[name] for cell in cells])) for mood, cells in by_mood.items()}
        for name in ("note_f1", "judge")
    )
    return {
        "walks": len(walks),
        "correlations": together,
        "by_walk": single,
        "ends": ends,
        "kept": round(min(f1.values()) / f1[0.0, 0.0], 3),
        "note_f1_neutral": round(f1[0.0, 0.0], 3),
        "judge": {"neutral": round(judge[0.0, 0.0], 3), "lowest": round(min(judge.values()), 3)},
    }


def measure(count=10, seed=0, split="test", workers=1):
    """All figures, with a progress bar: `count` tunes, each in the next of the genres."""
    jobs = [
        (number, GENRES[place % len(GENRES)]) for place, number in enumerate(choose_tunes(count, seed, split))
    ]
    return summarise(spread(partial(walk, seed=seed, split=split), jobs, workers, " walks"))


def table(figures):
    """The figures as lines of text."""
    lines = [
        f"{'Spearman, ' + slider:22}" + "".join(f"{name} {value:6.2f}   " for name, value in row.items())
        for slider, row in figures["correlations"].items()
    ]
    lines += [
        f"{'of single walks':22}" + "".join(f"{name} {value:6.2f}   " for name, value in row.items())
        for row in figures["by_walk"].values()
    ]
    lines += [
        f"{name:22}" + "".join(f"{value:10.2f}" for value in row.values())
        for name, row in figures["ends"].items()
    ]
    return lines + [
        f"tune kept at the worst mood: {figures['kept']:.3f} of the neutral one's {figures['note_f1_neutral']:.3f}; judge "
        f"{figures['judge']['neutral']:.2f}, at the worst {figures['judge']['lowest']:.2f}"
    ]
