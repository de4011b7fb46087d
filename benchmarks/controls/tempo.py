"""Is the tempo what was asked for, with drums as crisp as before and every pitch in its place?

Command: `noteninja steering --only tempo`. Lesson: 09_tempo_mood_and_length.
"""

from dataclasses import replace

import librosa
import numpy as np

from benchmarks.harness import interval, means, measure, played, table
from noteninja_lib.arranger.performance import Note
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import choose_targets, choose_tunes, make_piece
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music import style
from noteninja_lib.music.beats import hear_rhythm
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.style import RATES
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

NEAR = 0.02  # of the asked-for tempo
CANDIDATES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 400))  # half a percent apart
TEMPO_NAMES = {"stretched": "stretched content", "vocoded": "phase vocoder", "plain": "own tempo"}


def rate_heard(melody: list[Note], audio: np.ndarray) -> float:
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


def quickened(melody: list[Note], rate: float) -> list[Note]:
    """The notes of a tune at another tempo."""
    return [replace(note, start=note.start / rate, end=note.end / rate) for note in melody]


def tracked_tempo(audio: np.ndarray) -> float:
    """Beats a minute that a beat tracker finds in a recording."""
    gaps = np.diff(hear_rhythm(audio)[1])
    return 60 / float(np.median(gaps)) if len(gaps) else 0.0


def measure_tune(number: int, seed: int = 0, split: str = "test") -> dict:
    """Convert one tune at a tempo between half and twice its own; see `summarise`."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    rng, target = np.random.default_rng((seed, number, 3)), choose_targets(piece, 1, seed)[0]
    rate, roll, made = float(np.exp(rng.uniform(*np.log(RATES)))), read_source(piece.audio).piano_roll, {}
    for name, one in (("plain", 1.0), ("stretched", rate)):
        plan = style.plan(roll, target, rate=one, samples=len(piece.audio))
        made[name] = played(pipe, plan, number)
    made["vocoded"] = librosa.effects.time_stretch(made["plain"], rate=rate)
    found = {"rate": rate, "own_tempo": folded(roll.tempo / piece.tempo)}
    for name, audio in made.items():
        asked = 1.0 if name == "plain" else rate
        found[name] = {
            "rate": rate_heard(piece.melody, audio) / asked,
            "tracked": folded(tracked_tempo(audio) / (piece.tempo * asked)),
            "note_f1": metrics.note_f1(quickened(piece.melody, asked), metrics.hear(audio), octaves=True),
            "judge": next(iter(pipe.judge_genre(audio))) == target,
            "sharpness": metrics.edges(audio)["sharpness_in_time"] / asked,
        }
    return found


def folded(ratio: float) -> float:
    """A ratio of tempi in the octave around 1: a tracker may count every other beat. 0 stays 0."""
    return ratio * 2.0 ** -round(np.log2(ratio)) if ratio else 0.0


def summarise(rows: list[dict]) -> dict:
    """How often the tempo is right (within 2 %), how the tune and its pitches fare, how sharp the sound is.

    `tempo_right` goes by the known score: the rate at which the heard notes meet it. `tracked_right` goes by
    a beat tracker, which errs by itself on clips of ten seconds (see it at the own tempo).
    `beats_a_minute_right` is what one gets who asks in beats a minute, since the song's own tempo has to be
    found first. The sharpness in time is a share of that at the own tempo, times the rate, since a slower
    piece has fewer onsets a second whatever plays it: 1 where stretching costs nothing.
    """

    def near(ratios):
        return bootstrap([abs(ratio - 1) <= NEAR for ratio in ratios])

    rates = [row["rate"] for row in rows]
    figures = {
        "conversions": len(rows),
        "rates": [round(min(rates), 2), round(max(rates), 2)],
        "beats_a_minute_right": near(row["own_tempo"] * row["stretched"]["rate"] for row in rows),
    }
    for name, label in TEMPO_NAMES.items():
        some, plain = [row[name] for row in rows], [row["plain"] for row in rows]
        figures[label] = {
            "tempo_right": near(row["rate"] for row in some),
            "tracked_right": near(row["tracked"] for row in some),
            "note_f1": bootstrap([row["note_f1"] for row in some]),
            "judge": bootstrap([row["judge"] for row in some]),
            "sharpness_in_time": bootstrap([(a["sharpness"], b["sharpness"]) for a, b in zip(some, plain)]),
        }
    return figures


def report(count: int = 60, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure with a progress bar; returns all figures."""
    tunes = choose_tunes(count, seed, split)
    return summarise(measure(measure_tune, tunes, "tempi", workers, seed=seed, split=split))


def lines(figures: dict) -> list[str]:
    """Whether the tempo is what was asked for, in Markdown."""
    names = ("tempo_right", "tracked_right", "note_f1", "judge", "sharpness_in_time")
    headings = (
        "",
        "tempo, by the known score",
        "by a beat tracker",
        "note F1, octaves counted",
        "judge",
        "sharp in time",
    )
    slowest, fastest = figures["rates"]
    return [
        f"*Tempo* ({figures['conversions']} conversions at {slowest} to {fastest} of their own; right is "
        "what lies within 2 %; asked for in beats a minute, which takes finding the song's own tempo first, "
        f"{interval(figures['beats_a_minute_right'], '.0%')} are right):",
        "",
        *table(headings, ([label, *means(figures[label], names)] for label in TEMPO_NAMES.values())),
    ]
