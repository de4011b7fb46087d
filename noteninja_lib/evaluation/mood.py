"""Do the mood sliders do what they say? Valence and arousal against what can be measured in notes and sound.

A grid of moods is played with the same tune and seed, and each slider is correlated with each measure. What should go
with what is known from listening tests: arousal with tempo, loudness and brightness, valence with mode and register
(Gabrielsson and Lindström 2010, in Juslin and Sloboda, Handbook of Music and Emotion). The tune must stay.
Command: `noteninja dataset check`. Lesson: 09_tempo_mood_and_length.
"""
import librosa
import numpy as np
from scipy.stats import spearmanr

from ..music.band import arrange
from ..music.content import transcribe, tune_likeness
from ..music.genres import load_recipe
from ..music.synthesis import render, render_stems
from ..sound.audio import SAMPLE_RATE
from .character import chord_parts

GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)
SECONDS = 8.0
HEARD_AT = ((0.0, 0.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))    # neutral first
MEASURES = {"onset_rate": "notes a second", "loudness": "dB as the instruments play, before the mix evens it out",
            "brightness": "spectral centroid, Hz", "major_share": "major thirds among all thirds of the chords",
            "register": "mean pitch of the chords"}
#: What each slider must move upwards.
MOVES = {"arousal": ("onset_rate", "loudness", "brightness"), "valence": ("major_share", "register")}


def major_share(performance):
    """Share of the time with a major third, of that in which the chord parts play a third over the root at all."""
    sums = np.zeros(2)
    for start, end, root, _ in performance.harmony:
        classes = {(note.pitch - root) % 12 for part in chord_parts(performance) for note in part.notes
                   if note.start < end - 0.05 and note.end > start + 0.05}
        for number, third in enumerate((3, 4)):
            sums[number] += (end - start) * (third in classes)
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def note_measures(performance):
    """What the mood should change in the notes: onset rate, major share, register."""
    pitches = [note.pitch for part in chord_parts(performance) for note in part.notes]
    onsets = sum(len(part.notes) for part in performance.parts)
    return {"onset_rate": onsets / performance.duration, "major_share": major_share(performance),
            "register": float(np.mean(pitches)) if pitches else np.nan}


def tune_unchanged(neutral, moody):
    """Share of the tune's notes that have pitch class and place, in beats, as in the neutral performance."""
    lists = [[(note.start * played.tempo / 60, note.pitch % 12) for note in played.melody] for played in (neutral, moody)]
    pairs = list(zip(*lists))
    return float(np.mean([abs(first[0] - second[0]) < 0.06 and first[1] == second[1] for first, second in pairs])) if pairs else 0.0


def walk(job, soundfont=None):
    """Play one tune in one genre through the grid of moods.

    Parameters
    ----------
    job : (str, Tune, int)
        Genre, tune, seed.

    Returns
    -------
    dict
        `genre`; `cells`, a list of dict with both sliders and all measures; `unchanged`, the smallest share of the tune's
        notes that stayed; `heard`, the tune's likeness at the moods of `HEARD_AT`.
    """
    genre, tune, seed = job
    recipe, cells, unchanged, heard = load_recipe(genre), [], [], {}
    shared = {"duration": SECONDS, "intro": 0, "ending": False}
    neutral = arrange(tune, recipe, seed, **shared)
    for valence in GRID:
        for arousal in GRID:
            played = arrange(tune, recipe, seed, valence=valence, arousal=arousal, **shared)
            dry = sum(render_stems(played, soundfont).values())
            audio = render(played, soundfont)
            cells.append({"valence": valence, "arousal": arousal, **note_measures(played),
                          "loudness": float(10 * np.log10(np.mean(np.square(dry)) + 1e-12)),
                          "brightness": float(librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean())})
            unchanged.append(tune_unchanged(neutral, played))
            if (valence, arousal) in HEARD_AT:
                heard[valence, arousal] = tune_likeness(played.melody, transcribe(audio))
    return {"genre": genre, "cells": cells, "unchanged": min(unchanged), "heard": [heard[mood] for mood in HEARD_AT]}


def correlations(walks):
    """Spearman's rank correlation of each slider with each measure, each tune taken against its own mean.

    Parameters
    ----------
    walks : list of dict
        As from `walk`.

    Returns
    -------
    dict of slider to dict of measure to float or None
        None where the measure does not exist (power chords have no third).
    """
    table = {}
    for slider in MOVES:
        table[slider] = {}
        for name in MEASURES:
            pairs = []
            for one in walks:
                values = np.array([cell[name] for cell in one["cells"]], float)
                if not np.isnan(values).all():
                    pairs += list(zip((cell[slider] for cell in one["cells"]), values - np.nanmean(values)))
            known = np.array([pair for pair in pairs if not np.isnan(pair[1])])
            moving = len(known) > 2 and np.ptp(known[:, 1]) > 1e-9
            table[slider][name] = round(float(spearmanr(*known.T)[0]), 3) if moving else 0.0 if len(known) else None
    return table


def summarise(walks):
    """All figures about mood: correlations by genre and on average, and whether the tune stays.

    Returns
    -------
    dict
        `correlations` (by genre, and their mean as `together`), `tune_unchanged` (smallest share of notes that stayed),
        `heard` (mean likeness of the tune at each mood of `HEARD_AT`) and `heard_change` (the largest share by which it is
        better or worse than in the neutral mood).
    """
    genres = sorted({one["genre"] for one in walks})
    table = {genre: correlations([one for one in walks if one["genre"] == genre]) for genre in genres}
    together = {}
    for slider in MOVES:
        columns = {name: [table[genre][slider][name] for genre in genres] for name in MEASURES}
        known = {name: [value for value in values if value is not None] for name, values in columns.items()}
        together[slider] = {name: round(float(np.mean(values)), 3) if values else None for name, values in known.items()}
    heard = np.mean([one["heard"] for one in walks], 0)
    return {"correlations": {**table, "together": together}, "tune_unchanged": round(min(one["unchanged"] for one in walks), 4),
            "heard": {f"{valence:g} {arousal:g}": round(float(value), 4) for (valence, arousal), value in zip(HEARD_AT, heard)},
            "heard_change": round(float(max(abs(heard[1:] / max(heard[0], 1e-9) - 1))), 4)}
