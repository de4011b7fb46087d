"""Can one hear where a long piece was put together? And does an extended clip keep key and tempo?

Command: `noteninja steering --only length`. Lesson: 09_tempo_mood_and_length.
"""

import numpy as np

from benchmarks.controls.tempo import folded, tracked_tempo
from benchmarks.harness import interval, measure, play, played
from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import choose_tunes, excerpt
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models.flow_matching import CHUNK, FOLD, HOP, OVERLAP, spans
from noteninja_lib.music import style
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import extend
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.time_warp import cut
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import read_source

SECONDS = 40.0 if fast_mode() else 180.0  # of a long piece
CLIP, EXTENDED = 20.0, 40.0 if fast_mode() else 120.0
AROUND = int(1.5 * SAMPLE_RATE)  # samples that the classifier hears on either side of an edge


def concatenated(pipe: NoteNinjaPipeline, roll: PianoRoll, genre: str, seed: int) -> np.ndarray:
    """The same piece with each window by itself, with its own noise: what the seams are measured beside."""
    parts = []
    for number, window in enumerate(spans(roll.frames // FOLD, CHUNK, 0)):
        start, stop = (FOLD * edge / FRAME_RATE for edge in (window.start, window.stop))
        parts.append(play(pipe, style.plan(cut(roll, start, stop), genre), seed + number))
    return normalise(np.concatenate(parts))


def edges_of(samples: int, step: int) -> list[int]:
    """Samples at which a new window begins, away from both ends."""
    edges = range(step * HOP, samples, step * HOP)
    return [edge for edge in edges if 2 * AROUND < edge < samples - 2 * AROUND]


def judged(pipe: NoteNinjaPipeline, audio: np.ndarray, genre: str, edges: list[int]) -> list[list[float]]:
    """The share for a genre around each edge, and halfway between them."""
    shares = []
    for shift in (0, (edges[1] - edges[0]) // 2 if len(edges) > 1 else 4 * AROUND):
        places = [edge + shift for edge in edges if edge + shift + AROUND < len(audio)]
        shares.append([pipe.judge_genre(audio[place - AROUND : place + AROUND])[genre] for place in places])
    return shares


def own_and_target(number: int, seed: int, part: int) -> list[str]:
    """A tune's own genre, and the one to which it is converted."""
    rng = np.random.default_rng((seed, number, part))
    return [str(genre) for genre in rng.choice(GENRES, 2, replace=False)]


def measure_piece(number: int, seed: int = 0, split: str = "test") -> dict[str, dict]:
    """Convert a long piece in windows, and in concatenated windows: what is at the edges, and elsewhere."""
    own, target = own_and_target(number, seed, 4)
    song = render(excerpt(load_tunes(split)[number], own, number, SECONDS))
    pipe, found = load_pipeline(), {}
    plan = style.plan(read_source(song).piano_roll, target, samples=len(song))
    alone = concatenated(pipe, plan.piano_roll, target, number)[: len(song)]
    sounds = {
        "windows": (played(pipe, plan, number), CHUNK - OVERLAP),
        "concatenated": (alone, CHUNK),
    }
    for name, (made, step) in sounds.items():
        edges = edges_of(len(made), step)
        found[name] = {"flux": metrics.seams(made, edges), "judge": judged(pipe, made, target, edges)}
    return found | {"truth": {"flux": metrics.seams(song, edges), "judge": [[0.0], [0.0]]}}


def measure_clip(number: int, seed: int = 0, split: str = "test") -> dict:
    """Extend a clip: key and tempo at its beginning and end, and the genre."""
    own, target = own_and_target(number, seed, 5)
    clip, pipe = render(excerpt(load_tunes(split)[number], own, number, CLIP)), load_pipeline()
    roll = extend(read_source(clip).piano_roll, EXTENDED, seed=number)
    made = played(pipe, style.plan(roll, target), number)
    ends = made[: len(made) // 3], made[-(len(made) // 3) :]
    first, last = (metrics.hear(part).chroma().mean(1) for part in ends)
    tempi = [folded(tracked_tempo(part) / roll.tempo) for part in ends]
    turned = [np.corrcoef(first, np.roll(last, turn))[0, 1] for turn in range(12)]
    return {
        "seconds": len(made) / SAMPLE_RATE,
        "same_key": int(np.argmax(turned)) == 0,
        "chroma": float(turned[0]),
        "tempo_drift": abs(tempi[1] / max(tempi[0], 1e-9) - 1),
        "judge": next(iter(pipe.judge_genre(made))) == target,
    }


def summarise(pieces: list[dict], clips: list[dict]) -> dict:
    """Figures of the rows of `measure_piece` and `measure_clip`.

    Flux: the jump of the spectrum at an edge beside such jumps elsewhere, 1 where there is no seam. Judge:
    share for the asked-for genre at the edges less that between them, 0 where there is no seam.
    """
    seams, values = {}, {name: [row[name] for row in clips] for name in clips[0]}
    for name in ("windows", "concatenated", "truth"):
        flux = [pair for row in pieces for pair in row[name]["flux"]]
        seams[name] = {"edges": len(flux), "flux": bootstrap(flux)}
        if name != "truth":
            shares = [row[name]["judge"] for row in pieces]
            elsewhere = np.std([share for _, between in shares for share in between])
            seams[name]["judge"] = bootstrap([np.mean(at) - np.mean(between) for at, between in shares])
            seams[name]["judge_spread_elsewhere"] = round(float(elsewhere), 3)
    drift = values["tempo_drift"]
    return {
        "pieces": len(pieces),
        "seconds": SECONDS,
        "seams": seams,
        "extended": {
            "clips": len(clips),
            "from": CLIP,
            "to": EXTENDED,
            "length_error": round(float(max(abs(seconds - EXTENDED) for seconds in values["seconds"])), 2),
            "same_key": bootstrap(values["same_key"]),
            "chroma": bootstrap(values["chroma"]),
            "tempo_drift_median": round(float(np.median(drift)), 4),
            "tempo_within_2_percent": bootstrap([one <= 0.02 for one in drift]),
            "judge": bootstrap(values["judge"]),
        },
    }


def report(count: int = 6, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure with progress bars; returns all figures."""
    tunes, of = choose_tunes(3 * count, seed, split), {"seed": seed, "split": split}
    pieces = measure(measure_piece, tunes[:count], "pieces", workers, **of)
    return summarise(pieces, measure(measure_clip, tunes[count:], "clips", workers, **of))


def lines(figures: dict) -> list[str]:
    """Whether seams are heard, and what an extended clip keeps, in Markdown."""
    seams, longer = figures["seams"], figures["extended"]
    names = {
        "windows": "converted",
        "concatenated": "windows one after another",
        "truth": "in the source, where there are none",
    }
    flux = "; ".join(f"{words} {interval(seams[name]['flux'])}" for name, words in names.items())
    key, tempo, judge = (
        interval(longer[name], ".0%") for name in ("same_key", "tempo_within_2_percent", "judge")
    )
    return [
        f"*Any length* ({figures['pieces']} pieces of {figures['seconds'] / 60:.0f} minutes): jumps of the "
        f"spectrum where windows meet, beside those elsewhere: {flux}. The judge's share for the genre "
        f"differs there by {interval(seams['windows']['judge'], '+.3f')} (spread elsewhere "
        f"{seams['windows']['judge_spread_elsewhere']:.2f}). {longer['clips']} clips of "
        f"{longer['from']:.0f} s extended to {longer['to']:.0f} s: same key at both ends {key}, same tempo "
        f"within 2 % {tempo}, length off by {longer['length_error']:.1f} s at most, right genre {judge}."
    ]
