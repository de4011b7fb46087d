"""Can the seams of a passage that was made anew be found? Command: `python -m benchmarks redo`. Lesson: 00."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.harness import cell, check_folder, finish, interval, measure, prepare, table
from benchmarks.options import Out, Split, Tunes
from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, levels
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel
from noteninja_lib.evaluation import metrics
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music.piano_roll import sounding, strongest_octave
from noteninja_lib.pipeline import Conversion, load_pipeline

PASSAGES, PLACES = 4, 60  # in each conversion: made anew, and ordinary places that seams are compared with
LASTS, ENDS = (2.0, 5.0), 1.5  # seconds of a passage, and at both ends of a piece without a seam
FIRST, OTHER = 0, 100  # seeds
LAPS = 0.3  # seconds after an edge in which old and new go over into each other
NEAR, WIDE = 0.2, 0.5  # seconds around a seam that are looked at
#: Seams are larger, or the same as elsewhere: what is measured, in words.
STATISTICS = {
    "attack": "largest growth of the spectrum", "level": "step of the level",
    "dip": "softest moment beside its surroundings", "timbre": "step of the spectrum",
    "click": "largest fourth difference beside the usual one",
}  # fmt: skip


def statistics(audio: np.ndarray) -> Callable[[float, int], list[float]]:
    """A function of a place in seconds and of the way into the passage (1: later, -1: earlier), which gives
    each of `STATISTICS` there, in mono sound."""
    flux, mel, level = metrics.flux(audio), log_mel(audio), levels(audio, 220)
    rough = np.abs(np.diff(audio.astype(np.float64), 4))

    def part(values, rate, first, last):
        return values[..., max(0, round(first * rate)) : max(1, round(last * rate))]

    def at(place, way):
        inner = sorted((place + way * LAPS, place + way * (LAPS + WIDE)))
        sides = (sorted((place - way * WIDE, place)), inner)
        means = [part(mel, SAMPLE_RATE / HOP_LENGTH, *side).mean(-1) for side in sides]
        steps = [part(level, SAMPLE_RATE / 220, *side).mean() for side in sides]
        around = (place - NEAR, place + NEAR)
        usual = np.median(part(rough, SAMPLE_RATE, place - WIDE, place + WIDE)) + 1e-9
        timbre = (means[0] - means[0].mean()) - (means[1] - means[1].mean())
        return [
            part(flux, SAMPLE_RATE / 128, *around).max(),
            abs(steps[0] - steps[1]),
            np.mean(steps) - part(level, SAMPLE_RATE / 220, *around).min(),
            np.abs(timbre).mean(),
            part(rough, SAMPLE_RATE, place - 0.01, place + LAPS / 2).max() / usual,
        ]

    return at


def kept(result: Conversion, first: float, last: float) -> float:
    """For how much of its time a result's tune is heard between two seconds of it; NaN where there is none."""
    frames = slice(*(round(one * SAMPLE_RATE / HOP_LENGTH) for one in (first, last)))
    tune, inside = (
        result.piano_roll[frames].melody_notes(),
        slice(*(HOP_LENGTH * one for one in (frames.start, frames.stop))),
    )
    heard = transcribe(np.ascontiguousarray(result.mono()[inside]), onsets=False)
    return sounding(tune, strongest_octave(heard[1])) if tune else np.nan


@cache
def bundled() -> list[Path]:
    """The songs that come with the course."""
    return sorted((data_folder() / "songs").glob("*.mp3"))


def measure_song(job: tuple[str, int, str | None], seed: int, split: str) -> dict:
    """One song in one genre, with passages at random made anew; `job`: its kind, number and genre."""
    kind, number, genre = job
    if kind == "song":
        pipe, song = load_pipeline(), bundled()[number]
    else:
        pipe, piece, _, (genre,) = prepare(number, seed, split)
        song = piece.audio

    def convert(of=FIRST, **options: Any):
        began = perf_counter()
        made = pipe(song, genre, generator=torch.Generator().manual_seed(of), **options)
        return made, perf_counter() - began

    rng = np.random.default_rng((seed, number, GENRES.index(genre)))
    convert()  # what takes long for the first time only
    (first, whole), (other, _) = convert(), convert(OTHER)
    long, rate = len(first.audio) / first.sample_rate, first.sample_rate
    usual, sound = statistics(first.mono()), first.mono()
    places = [
        usual(place, way) for place, way in zip(rng.uniform(ENDS, long - ENDS, PLACES), [1, -1] * PLACES)
    ]
    found: dict[str, Any] = {"genre": genre, "name": getattr(song, "stem", f"tune {number}"), "passages": []}
    for turn in range(PASSAGES):
        lasts = rng.uniform(*LASTS)
        start = float(rng.uniform(ENDS, long - ENDS - lasts))
        passage = (start, start + lasts)
        made, seconds = convert(redone=[(*passage, OTHER)])
        edges = slice(*(round(one * rate) for one in passage))
        apart = np.abs(made.audio - first.audio).max(1)
        apart[edges] = 0
        cut = first.audio.copy()  # what a careless hand would do
        cut[edges] = other.audio[edges]
        inside = slice(*(round(one * SAMPLE_RATE) for one in passage))
        ranks = {}
        for name, audio in (("redone", made.audio), ("cut", cut), ("untouched", first.audio)):
            look = statistics(metrics_mono(audio))
            seams = np.array([look(passage[0], 1), look(passage[1], -1)])
            ranks[name] = [
                [
                    float(np.mean([(one > two) + 0.5 * (one == two) for two in column]))
                    for one, column in zip(row, np.array(places).T)
                ]
                for row in seams
            ]
        spectra = {
            name: metrics.spectral_distance(one.mono()[inside], sound[inside])
            for name, one in (("anew", made), ("seeds", other))
        }
        tunes = {
            name: kept(one, *passage) for name, one in (("before", first), ("anew", made), ("seeds", other))
        }
        found["passages"].append(
            {
                "outside": float(apart.max()),
                "ranks": ranks,
                "spectra": spectra,
                "tunes": tunes,
                "time": seconds / whole,
            }
        )
    return found


def metrics_mono(audio: np.ndarray) -> np.ndarray:
    """Mono, as the metrics hear it."""
    from noteninja_lib.audio.io import mono

    return mono(audio)


def summarise(rows: list[dict]) -> dict:
    """Figures of what `measure_song` gave; intervals by songs."""
    passages = [(place, one) for place, row in enumerate(rows) for one in row["passages"]]
    groups = [place for place, _ in passages]
    figures: dict[str, Any] = {
        "conversions": len(rows),
        "passages": len(passages),
        "largest_difference_outside": max(one["outside"] for _, one in passages),
    }
    for name in ("anew", "seeds"):
        figures[f"spectral_distance_{name}"] = metrics.bootstrap(
            [one["spectra"][name] for _, one in passages], groups
        )
    for name in ("before", "anew", "seeds"):
        sung = [(place, one["tunes"][name]) for place, one in passages if np.isfinite(one["tunes"]["before"])]
        figures[f"tune_{name}"] = metrics.bootstrap(
            [value for _, value in sung], [place for place, _ in sung]
        )
    figures["time_of_a_conversion"] = metrics.bootstrap([one["time"] for _, one in passages], groups)
    figures["auc"] = {}
    for name in ("redone", "cut", "untouched"):
        seams = np.array([one["ranks"][name] for _, one in passages])  # passages, 2, statistics
        figures["auc"][name] = {
            statistic: metrics.bootstrap(seams[..., number].ravel(), np.repeat(groups, 2))
            for number, statistic in enumerate(STATISTICS)
        }
    return figures


def lines(figures: dict) -> list[str]:
    """How well a passage made anew fits in, in Markdown."""
    told = [
        f"A passage made anew, {figures['passages']} of 2 to 5 s in {figures['conversions']} conversions: largest difference "
        f"outside {figures['largest_difference_outside']:g}; spectral distance to the passage before "
        f"{interval(figures['spectral_distance_anew'])}, of two seeds {interval(figures['spectral_distance_seeds'])}; the tune "
        f"sounds for {interval(figures['tune_anew'])} of its time, before for {interval(figures['tune_before'])}; "
        f"{cell(figures['time_of_a_conversion'])} times as long as a conversion. How often a seam is larger than an ordinary place:"
    ]
    rows = [
        [words, *(interval(figures["auc"][name][one]) for name in ("redone", "untouched", "cut"))]
        for one, words in STATISTICS.items()
    ]
    return told + table(["", "made anew", "the same places before", "another seed's passage pasted in"], rows)


def report(tunes: Tunes = 8, out: Out = None, split: Split = "test", seed: int = 0) -> dict:
    """Measure whether a passage made anew fits in: the rest equal, another sound, and no seams."""
    from noteninja_lib.evaluation.baselines import choose_tunes

    check_folder(out)
    jobs: list = [("song", place, genre) for place in range(len(bundled())) for genre in ("jazz", "metal")]
    jobs += [("tune", number, None) for number in choose_tunes(tunes, seed, split)]
    rows = measure(measure_song, jobs, "songs", seed=seed, split=split)
    figures = {"seed": seed, "split": split} | summarise(rows)
    return finish(figures, lines(figures), out, "redo", split == "test")
