"""Is the tempo what was asked for, with drums as crisp as before and every pitch in its place?

Command: `noteninja steering --only tempo`. Lesson: 09_tempo_mood_and_length.
"""
from dataclasses import replace
from functools import partial

import librosa
import numpy as np

from ..music.reshaping import tempo_of
from ..music.rhythm import rhythm_of
from ..music.content import Content
from ..pipeline import load_pipeline
from ..songs import RATES, Plan
from . import likeness, tune
from .conversions import Heard
from .interpolation import noises, played
from .pieces import choose_targets, choose_tunes, make_piece
from .statistics import bootstrap
from .workers import spread

NEAR = 0.02        # of the asked-for tempo


def tempo_heard(audio, near):
    """Tempo of a recording in beats a minute, in the octave that lies nearest to the expected one."""
    found = tempo_of(Content(None, None, rhythm_of(audio)))
    return found * 2.0 ** round(np.log2(near / found)) if found else 0.0


def measure_tune(number, seed=0, split="test"):
    """Convert one tune at a tempo drawn from half to twice its own; see `summarise`."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    draw = np.random.default_rng((seed, number, 3))
    rate, target = float(np.exp(draw.uniform(*np.log(RATES)))), choose_targets(piece, 1, seed)[0]
    heard = Heard(piece.recordings[piece.source])
    found = {"rate": rate}
    for name, one in (("plain", 1.0), ("stretched", rate)):
        plan = Plan(heard.content, rate=one, samples=len(heard.audio))
        noise, = noises(pipe, plan.content, number)
        found[name] = played(pipe, plan, target, noise)
    own = tempo_heard(heard.audio, 110.0)
    vocoded = librosa.effects.time_stretch(found["plain"], rate=rate)
    melody = [replace(note, start=note.start / rate, end=note.end / rate) for note in piece.melody]
    return {"rate": rate, "tempo": tempo_heard(found["stretched"], own * rate) / (own * rate) if own else 0.0,
            "plain_tempo": tempo_heard(found["plain"], own) / own if own else 0.0,
            "vocoded_tempo": tempo_heard(vocoded, own * rate) / (own * rate) if own else 0.0,
            "note_f1": tune.note_f1(melody, tune.hear(found["stretched"]), octaves=True),
            "plain_f1": tune.note_f1(piece.melody, tune.hear(found["plain"]), octaves=True),
            "vocoded_f1": tune.note_f1(melody, tune.hear(vocoded), octaves=True),
            "judge": next(iter(pipe.judge_genre(found["stretched"]))) == target,
            "vocoded_judge": next(iter(pipe.judge_genre(vocoded))) == target,
            **{f"{name}_sharpness": likeness.edges(audio)["sharpness_in_time"] for name, audio in (*list(found.items())[1:], ("vocoded", vocoded))}}


def summarise(rows):
    """How often the tempo is right (within 2 %, in any octave), how the tune and its pitches fare, how sharp the sound is.

    The sharpness in time is taken beside that of the same conversion at its own tempo: 1 where stretching costs nothing. A slower
    piece has fewer onsets a second, whatever plays it: so it is also taken times the rate.
    """
    def near(name):
        return bootstrap([abs(row[name] - 1) <= NEAR for row in rows])

    def sharp(name):
        return bootstrap([(row[f"{name}_sharpness"] / row["rate"], row["plain_sharpness"]) for row in rows])
    return {"conversions": len(rows), "rates": [round(min(row["rate"] for row in rows), 2), round(max(row["rate"] for row in rows), 2)],
            "tempo_right": {"stretched content": near("tempo"), "own tempo": near("plain_tempo"), "phase vocoder": near("vocoded_tempo")},
            "largest_error_of_nine_in_ten": round(float(np.quantile([abs(row["tempo"] - 1) for row in rows], 0.9)), 4),
            "note_f1": {name: bootstrap([row[key] for row in rows]) for name, key in (
                ("stretched content", "note_f1"), ("own tempo", "plain_f1"), ("phase vocoder", "vocoded_f1"))},
            "judge": {name: bootstrap([row[key] for row in rows]) for name, key in (
                ("stretched content", "judge"), ("phase vocoder", "vocoded_judge"))},
            "sharpness_in_time": {"stretched content": sharp("stretched"), "phase vocoder": sharp("vocoded")}}


def measure(count=60, seed=0, split="test", workers=1):
    """All figures, with a progress bar."""
    return summarise(spread(partial(measure_tune, seed=seed, split=split), choose_tunes(count, seed, split), workers, " tempi"))


def table(figures):
    """The figures as lines of text."""
    lines = [f"{figures['conversions']} conversions at {figures['rates'][0]} to {figures['rates'][1]} of their tempo"]
    for name in ("tempo_right", "note_f1", "judge", "sharpness_in_time"):
        lines.append(f"{name:20}" + ", ".join(f"{which} {value:.3f} [{low:.3f}, {high:.3f}]"
                                              for which, (value, low, high) in figures[name].items()))
    return lines
