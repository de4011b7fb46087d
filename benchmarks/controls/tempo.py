"""Is the tempo what was asked for, with drums as crisp as before and every pitch in its place?

Command: `noteninja steering --only tempo`. Lesson: 09_tempo_mood_and_length.
"""

from dataclasses import replace
from functools import partial

import librosa
import numpy as np

from benchmarks.controls.morphing import noises, played
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import Heard, choose_targets, choose_tunes, make_piece
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.music.beats import rhythm_of
from noteninja_lib.music.piano_roll import PianoRoll, transcribe, tune_likeness
from noteninja_lib.music.time_warp import tempo_of
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import RATES, Plan

NEAR = 0.02  # of the asked-for tempo
CANDIDATES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 400))  # half a percent apart


def rate_heard(melody, audio):
    """How much faster than its score a tune is heard: the rate at which most of its notes are met.

    Parameters
    ----------
    melody : list of Note
        The known score, at the tempo of the source.
    audio : numpy.ndarray, shape (samples,)
    """
    notes = transcribe(audio)
    met = np.array([tune_likeness(quickened(melody, rate), notes) for rate in CANDIDATES])
    return float(CANDIDATES[met >= met.max() - 1e-9].mean())


def quickened(melody, rate):
    """The notes of a tune at another tempo."""
    return [replace(note, start=note.start / rate, end=note.end / rate) for note in melody]


def measure_tune(number, seed=0, split="test"):
    """Convert one tune at a tempo drawn from half to twice its own; see `summarise`."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    draw = np.random.default_rng((seed, number, 3))
    rate, target = float(np.exp(draw.uniform(*np.log(RATES)))), choose_targets(piece, 1, seed)[0]
    heard, made = Heard(piece.recordings[piece.source]), {}
    for name, one in (("plain", 1.0), ("stretched", rate)):
        plan = Plan(heard.piano_roll, rate=one, samples=len(heard.audio))
        (noise,) = noises(pipe, plan.piano_roll, number)
        made[name] = played(pipe, plan, target, noise)
    made["vocoded"] = librosa.effects.time_stretch(made["plain"], rate=rate)
    found = {"rate": rate, "own_tempo": folded(tempo_of(heard.piano_roll) / piece.tempo)}
    for name, audio in made.items():
        asked = 1.0 if name == "plain" else rate
        found[name] = {
            "rate": rate_heard(piece.melody, audio) / asked,
            "tracked": folded(tempo_of(PianoRoll(None, None, rhythm_of(audio))) / (piece.tempo * asked)),
            "note_f1": metrics.note_f1(quickened(piece.melody, asked), metrics.hear(audio), octaves=True),
            "judge": next(iter(pipe.judge_genre(audio))) == target,
            "sharpness": metrics.edges(audio)["sharpness_in_time"] / asked,
        }
    return found


def folded(ratio):
    """A ratio of tempi in the octave around 1: a tracker may count every other beat. 0 stays 0."""
    return ratio * 2.0 ** -round(np.log2(ratio)) if ratio else 0.0


TEMPO_NAMES = {"stretched": "stretched content", "vocoded": "phase vocoder", "plain": "own tempo"}


def summarise(rows):
    """How often the tempo is right (within 2 %), how the tune and its pitches fare, how sharp the sound is.

    `tempo_right` goes by the known score: the rate at which the heard notes meet it. `tracked_right` goes by a beat tracker, which
    errs by itself on clips of ten seconds (see it at the own tempo). `beats_a_minute_right` is what one gets who asks in beats a
    minute, since the song's own tempo has to be found first. The sharpness in time is a share of that at the own tempo, times the
    rate, since a slower piece has fewer onsets a second whatever plays it: 1 where stretching costs nothing.
    """

    def near(of):
        return bootstrap([abs(of(row) - 1) <= NEAR for row in rows])

    figures = {
        "conversions": len(rows),
        "rates": [round(extreme(row["rate"] for row in rows), 2) for extreme in (min, max)],
        "beats_a_minute_right": near(lambda row: row["own_tempo"] * row["stretched"]["rate"]),
    }
    for name, label in TEMPO_NAMES.items():
        figures[label] = {
            "tempo_right": near(lambda row: row[name]["rate"]),
            "tracked_right": near(lambda row: row[name]["tracked"]),
            "note_f1": bootstrap([row[name]["note_f1"] for row in rows]),
            "judge": bootstrap([row[name]["judge"] for row in rows]),
            "sharpness_in_time": bootstrap(
                [(row[name]["sharpness"], row["plain"]["sharpness"]) for row in rows]
            ),
        }
    return figures


def measure(count=60, seed=0, split="test", workers=1):
    """All figures, with a progress bar."""
    return summarise(
        spread(
            partial(measure_tune, seed=seed, split=split), choose_tunes(count, seed, split), workers, " tempi"
        )
    )


def table(figures):
    """The figures as lines of text."""
    lines = [
        f"{figures['conversions']} conversions at {figures['rates'][0]} to {figures['rates'][1]} of their tempo; asked in beats a minute "
        f"right in {figures['beats_a_minute_right'][0]:.3f}"
    ]
    return lines + [
        f"{label:18}"
        + ", ".join(
            f"{name} {value:.3f} [{low:.3f}, {high:.3f}]"
            for name, (value, low, high) in figures[label].items()
        )
        for label in TEMPO_NAMES.values()
    ]
