"""Is the tempo what was asked for? Command: `noteninja steering --only tempo`. Lesson: 09."""

from dataclasses import replace

import librosa
import numpy as np

from benchmarks import all_measures
from benchmarks.harness import Run, hears, interval, intervals, means, played, prepare, rounded, table
from noteninja_lib.arranger.performance import Note
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music import style
from noteninja_lib.music.beats import hear_rhythm
from noteninja_lib.music.piano_roll import tune_likeness

NEAR = 0.02  # of the asked-for tempo
CANDIDATES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 400))  # half a percent apart
TEMPO_NAMES = {"stretched": "stretched content", "vocoded": "phase vocoder", "plain": "own tempo"}
#: Columns of the table: measure and heading.
COLUMNS = {"tempo_right": "tempo, by the known score", "tracked_right": "by a beat tracker"}
COLUMNS |= {"note_f1": "note F1, octaves counted", "judge": "judge", "sharpness_in_time": "sharp in time"}


def rate_heard(melody: list[Note], audio: np.ndarray) -> float:
    """How much faster than its score (at the source's tempo) a tune is heard, by where most notes are met."""
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


def folded(ratio: float) -> float:
    """A ratio of tempi in the octave around 1: a tracker may count every other beat. 0 stays 0."""
    return ratio * 2.0 ** -round(np.log2(ratio)) if ratio else 0.0


def measure_tune(number: int, seed: int = 0, split: str = "test") -> dict:
    """Convert one tune at a tempo between half and twice its own; see `summarise`."""
    pipe, piece, heard, (target,) = prepare(number, seed, split)
    rate = float(np.exp(np.random.default_rng((seed, number, 3)).uniform(*np.log(style.RATES))))
    plans = (style.plan(heard.piano_roll, target, rate=one, samples=len(piece.audio)) for one in (1.0, rate))
    plain, stretched = (played(pipe, plan, number) for plan in plans)
    made = {"plain": plain, "stretched": stretched, "vocoded": librosa.effects.time_stretch(plain, rate=rate)}
    found = {"rate": rate, "own_tempo": folded(heard.piano_roll.tempo / piece.tempo)}
    for name, audio in made.items():
        asked = 1.0 if name == "plain" else rate
        melody, sharpness = (
            quickened(piece.melody, asked),
            all_measures.edges(audio)["sharpness_in_time"] / asked,
        )
        found[name] = {"judge": hears(pipe, audio, target), "sharpness": sharpness}
        found[name]["rate"] = rate_heard(piece.melody, audio) / asked
        found[name]["tracked"] = folded(tracked_tempo(audio) / (piece.tempo * asked))
        found[name]["note_f1"] = all_measures.note_f1(melody, all_measures.hear(audio), octaves=True)
    return found


def summarise(rows: list[dict]) -> dict:
    """How often the tempo is right (within 2 %), how the pitches fare, and how sharp the sound is."""

    def near(ratios):
        return all_measures.bootstrap([abs(ratio - 1) <= NEAR for ratio in ratios])

    rates = [row["rate"] for row in rows]
    figures = {"conversions": len(rows), "rates": rounded([min(rates), max(rates)], 2)}
    figures["beats_a_minute_right"] = near(row["own_tempo"] * row["stretched"]["rate"] for row in rows)
    for name, label in TEMPO_NAMES.items():
        some = [row[name] for row in rows]
        sharpness = [(row[name]["sharpness"], row["plain"]["sharpness"]) for row in rows]
        figures[label] = {"tempo_right": near(row["rate"] for row in some)}
        figures[label]["tracked_right"] = near(row["tracked"] for row in some)
        figures[label] |= intervals(some, names=("note_f1", "judge"))
        figures[label]["sharpness_in_time"] = all_measures.bootstrap(sharpness)
    return figures


def report(count: int, run: Run) -> dict:
    """Measure `count` conversions; returns all figures."""
    return summarise(run.measure(measure_tune, run.tunes(count), "tempi"))


def lines(figures: dict) -> list[str]:
    """Whether the tempo is what was asked for, in Markdown."""
    slowest, fastest = figures["rates"]
    rows = ([label, *means(figures[label], COLUMNS)] for label in TEMPO_NAMES.values())
    return [
        f"*Tempo* ({figures['conversions']} conversions at {slowest} to {fastest} of their own; by beats a "
        f"minute {interval(figures['beats_a_minute_right'], '.0%')} are right):",
        *table(["", *COLUMNS.values()], rows),
    ]
