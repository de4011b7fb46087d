"""Can a passage that was made anew be found? Command: `python -m benchmarks redo`."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks import all_measures
from benchmarks.harness import cell, check_folder, finish, interval, measure, prepare, table
from benchmarks.options import Out, Split, Tunes
from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, levels, mono
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel
from noteninja_lib.evaluation.baselines import choose_tunes
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music.piano_roll import sounding, strongest_octave
from noteninja_lib.pipeline import Conversion, load_pipeline

PASSAGES, PLACES = 4, 60  # in each conversion: made anew, and ordinary places that seams are compared with
LASTS, ENDS = (2.0, 5.0), 1.5  # seconds of a passage, and at both ends of a piece without a seam
FIRST, OTHER = 0, 100  # seeds
LAPS = 0.3  # seconds after an edge in which old and new go over into each other
NEAR, WIDE = 0.1, 0.5  # seconds around these that are looked at
STEP = 220  # samples to a level: 10 ms
#: What is measured at a seam, in words.
STATISTICS = {
    "attack": "largest growth of the spectrum", "level": "step of the level",
    "dip": "softest moment beside its surroundings", "timbre": "step of the spectrum",
    "click": "largest fourth difference beside the usual one",
}  # fmt: skip
#: What has such places: the result, the first one, and the first one with another seed's passage pasted in.
KINDS = {"anew": "made anew", "before": "the same places before", "pasted": "pasted from another seed"}


def statistics(audio: np.ndarray) -> Callable[[float, int], list[float]]:
    """A function of a place in seconds and of the way into the passage (1: later, -1: earlier), which gives
    each of `STATISTICS` there, in mono sound."""
    flux, mel, level = all_measures.flux(audio), log_mel(audio), levels(audio, STEP)
    rough = np.abs(np.diff(audio.astype(np.float64), 4))

    def part(values, rate, first, last):
        return values[..., max(0, round(first * rate)) : max(1, round(last * rate))]

    def at(place, way):
        sides = ((place - way * WIDE, place), (place + way * LAPS, place + way * (LAPS + WIDE)))
        means = [part(mel, SAMPLE_RATE / HOP_LENGTH, *sorted(side)).mean(-1) for side in sides]
        steps = [part(level, SAMPLE_RATE / STEP, *sorted(side)).mean() for side in sides]
        around = sorted((place - way * NEAR, place + way * (LAPS + NEAR)))
        usual = np.median(part(rough, SAMPLE_RATE, place - WIDE, place + WIDE)) + 1e-9
        timbre = (means[0] - means[0].mean()) - (means[1] - means[1].mean())
        return [
            part(flux, SAMPLE_RATE / all_measures.FLUX_STEP, *around).max(),
            abs(steps[0] - steps[1]),
            np.mean(steps) - part(level, SAMPLE_RATE / STEP, *around).min(),
            np.abs(timbre).mean(),
            part(rough, SAMPLE_RATE, *around).max() / usual,
        ]

    return at


def tune_heard(result: Conversion, first: float, last: float) -> float:
    """For how much of its time the tune is heard between two seconds of a result; NaN where there is none."""
    start, stop = (round(one * SAMPLE_RATE / HOP_LENGTH) for one in (first, last))
    tune = result.piano_roll[start:stop].melody_notes()
    heard = transcribe(result.mono()[start * HOP_LENGTH : stop * HOP_LENGTH], onsets=False)
    return sounding(tune, strongest_octave(heard[1])) if tune else np.nan


def measure_song(job: tuple[str, int, str], seed: int, split: str) -> list[dict]:
    """Passages at random of one song in one genre, made anew; a dict for each.

    Parameters
    ----------
    job : (str, int, str)
        "song" or "tune", its number, and for a song the genre.
    seed, split
        Of the tunes.
    """
    kind, number, genre = job
    if kind == "song":
        pipe, song = load_pipeline(), sorted((data_folder() / "songs").glob("*.mp3"))[number]
    else:
        pipe, piece, _, (genre,) = prepare(number, seed, split)
        song = piece.audio

    def convert(of=FIRST, **options: Any):
        began = perf_counter()
        made = pipe(song, genre, generator=torch.Generator().manual_seed(of), **options)
        return made, perf_counter() - began

    rng, found = np.random.default_rng((seed, number, GENRES.index(genre))), []
    convert(redone=[(ENDS, ENDS + 2, OTHER)])  # what takes long for the first time only
    (first, whole), (other, _) = convert(), convert(OTHER)
    rate, last = first.sample_rate, len(first.audio) / first.sample_rate - ENDS
    usual = statistics(first.mono())
    places = zip(rng.uniform(ENDS, last, PLACES), [1, -1] * PLACES)
    ordinary = np.array([usual(*place) for place in places])
    for _ in range(PASSAGES):
        lasts = rng.uniform(*LASTS)
        start = float(rng.uniform(ENDS, last - lasts))
        end = start + lasts
        made, seconds = convert(redone=[(start, end, OTHER)])
        inside, pasted = slice(round(start * rate), round(end * rate)), first.audio.copy()
        pasted[inside] = other.audio[inside]
        apart = np.abs(made.audio - first.audio)
        apart[inside] = 0
        row = {"outside": float(apart.max()), "time": seconds / whole, "ranks": {}}
        for name, audio in zip(KINDS, (made.audio, first.audio, pasted)):
            look = statistics(mono(audio))
            seams = np.array([look(start, 1), look(end, -1)])
            row["ranks"][name] = (seams[:, None] > ordinary).mean(1)  # a share of the places, by statistic
        part, *parts = (one.mono()[inside.start // 2 : inside.stop // 2] for one in (first, made, other))
        row["distance"] = [all_measures.spectral_distance(one, part) for one in parts]
        row["tune"] = [tune_heard(one, start, end) for one in (first, made)]
        found.append(row)
    return found


def summarise(songs: list[list[dict]]) -> dict:
    """Figures of what `measure_song` gave; intervals by songs, since passages of one song are alike."""
    rows, groups = sum(songs, []), [place for place, song in enumerate(songs) for _ in song]
    tunes = [(row["tune"], group) for row, group in zip(rows, groups) if np.isfinite(row["tune"][0])]
    figures: dict[str, Any] = {"conversions": len(songs), "passages": len(rows), "seams": 2 * len(rows)}
    figures["largest_difference_outside"] = max(row["outside"] for row in rows)
    for place, name in enumerate(("anew", "of_two_seeds")):
        distances = [row["distance"][place] for row in rows]
        figures[f"spectral_distance_{name}"] = all_measures.bootstrap(distances, groups)
    for place, name in enumerate(("before", "anew")):
        heard, of = zip(*((tune[place], group) for tune, group in tunes))
        figures[f"tune_{name}"] = all_measures.bootstrap(heard, of)
    figures["time_of_a_conversion"] = all_measures.bootstrap([row["time"] for row in rows], groups)
    ranks = {name: np.concatenate([row["ranks"][name] for row in rows]) for name in KINDS}
    ranks["anew_less_before"] = ranks["anew"] - ranks["before"]
    figures["auc"] = {
        name: {
            one: all_measures.bootstrap(column, np.repeat(groups, 2)) for one, column in zip(STATISTICS, of.T)
        }
        for name, of in ranks.items()
    }
    return figures


def lines(figures: dict) -> list[str]:
    """How well a passage made anew fits in, in Markdown."""
    one, two, before, anew = (
        interval(figures[name])
        for name in ("spectral_distance_anew", "spectral_distance_of_two_seeds", "tune_before", "tune_anew")
    )
    outside, seams = figures["largest_difference_outside"], figures["seams"]
    told = (
        f"One passage again: {figures['passages']} passages of 2 to 5 s in {figures['conversions']} "
        f"conversions. Largest difference outside: {outside:g}. Spectral distance to what was there before, "
        f"in nats: {one}; of two seeds: {two}. The tune is heard for {anew} of its time, before for "
        f"{before}. It takes {cell(figures['time_of_a_conversion'])} times as long as a conversion. How "
        f"often something is larger at one of the {seams} seams than at an ordinary place (0.5: they are not "
        "to be found):"
    )
    columns = KINDS | {"anew_less_before": "made anew, less before"}
    rows = [
        [words, *(interval(figures["auc"][name][one]) for name in columns)]
        for one, words in STATISTICS.items()
    ]
    return [told, *table(["", *columns.values()], rows)]


def report(tunes: Tunes = 12, out: Out = None, split: Split = "test", seed: int = 0) -> dict:
    """Measure whether a passage made anew fits in: the rest equal, another sound, and no seams."""
    check_folder(out)
    songs = len(sorted((data_folder() / "songs").glob("*.mp3")))
    jobs: list = [("song", number, genre) for number in range(songs) for genre in ("jazz", "metal")]
    jobs += [("tune", number, "") for number in choose_tunes(tunes, seed, split)]
    found = measure(measure_song, jobs, "songs", seed=seed, split=split)
    figures = {"seed": seed, "split": split} | summarise(found)
    return finish(figures, lines(figures), out, "redo", split == "test")
