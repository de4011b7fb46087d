"""Are long pieces without seams? Command: `noteninja steering --only length`. Lesson: 09."""

import numpy as np

from benchmarks import all_measures
from benchmarks.controls.tempo import folded, tracked_tempo
from benchmarks.harness import Run, hears, interval, intervals, play, played, rounded
from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.models.flow_matching import CHUNK, FOLD, HOP, OVERLAP, spans
from noteninja_lib.music import style
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import extend
from noteninja_lib.music.piano_roll import cut
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import Source, read_source

SECONDS = 40.0 if fast_mode() else 180.0  # of a long piece
CLIP, EXTENDED = 20.0, 40.0 if fast_mode() else 120.0
AROUND = int(1.5 * SAMPLE_RATE)  # samples that the classifier hears on either side of an edge


def recording(number: int, part: int, seconds: float, seed: int, split: str) -> tuple[Source, str]:
    """A tune that the arranger plays in a genre, and another genre to which it is to be converted."""
    rng = np.random.default_rng((seed, number, part))
    own, target = (str(genre) for genre in rng.choice(GENRES, 2, replace=False))
    return read_source(render(excerpt(load_tunes(split)[number], own, number, seconds))), target


def edges_of(frames: int, overlap: int) -> list[int]:
    """Samples at which a new window of a piece of so many latent frames begins, away from both ends."""
    edges = [HOP * window.start for window in spans(frames, CHUNK, overlap)]
    return [edge for edge in edges if 2 * AROUND < edge < HOP * frames - 2 * AROUND]


def judged(pipe: NoteNinjaPipeline, audio: np.ndarray, genre: str, edges: list[int]) -> list[list[float]]:
    """The share for a genre around each edge, and halfway between them."""
    shares = []
    for shift in (0, (edges[1] - edges[0]) // 2 if len(edges) > 1 else 4 * AROUND):
        places = [edge + shift for edge in edges if edge + shift + AROUND < len(audio)]
        shares.append([pipe.judge_genre(audio[place - AROUND : place + AROUND])[genre] for place in places])
    return shares


def measure_piece(number: int, seed: int = 0, split: str = "test") -> dict[str, dict]:
    """Convert a long piece in windows, and each window by itself: what is at the edges, and elsewhere."""
    (source, target), pipe, found = recording(number, 4, SECONDS, seed, split), load_pipeline(), {}
    plan = style.plan(source.piano_roll, target, samples=len(source.audio))
    roll, parts = plan.piano_roll, []
    for take, window in enumerate(spans(roll.frames // FOLD, CHUNK, 0), number):  # each from its own noise
        start, stop = (FOLD * edge / FRAME_RATE for edge in (window.start, window.stop))
        parts.append(play(pipe, style.plan(cut(roll, start, stop), target), take))
    alone = normalise(np.concatenate(parts))[: len(source.audio)]
    sounds = {"windows": (played(pipe, plan, number), OVERLAP), "concatenated": (alone, 0)}
    for name, (made, overlap) in sounds.items():
        edges = edges_of(roll.frames // FOLD, overlap)
        found[name] = {"flux": all_measures.seams(made, edges), "judge": judged(pipe, made, target, edges)}
    return found | {"truth": {"flux": all_measures.seams(source.audio, edges)}}


def measure_clip(number: int, seed: int = 0, split: str = "test") -> dict:
    """Extend a clip: key and tempo at its beginning and end, and the genre."""
    (source, target), pipe = recording(number, 5, CLIP, seed, split), load_pipeline()
    roll = extend(source.piano_roll, EXTENDED, seed=number)
    made = played(pipe, style.plan(roll, target), number)
    ends = made[: len(made) // 3], made[-(len(made) // 3) :]
    first, last = (all_measures.hear(part).chroma().mean(1) for part in ends)
    tempi = [folded(tracked_tempo(part) / roll.tempo) for part in ends]
    turned = [np.corrcoef(first, np.roll(last, turn))[0, 1] for turn in range(12)]
    found = {"seconds": len(made) / SAMPLE_RATE, "chroma": float(turned[0])}
    found["tempo_drift"] = abs(tempi[1] / max(tempi[0], 1e-9) - 1)
    return found | {"same_key": int(np.argmax(turned)) == 0, "judge": hears(pipe, made, target)}


def summarise(pieces: list[dict], clips: list[dict]) -> dict:
    """Seams of long pieces (pairs of flux, differences of shares), and what extended clips keep."""
    seams, drift = {}, [row["tempo_drift"] for row in clips]
    for name in ("windows", "concatenated", "truth"):
        flux = [pair for row in pieces for pair in row[name]["flux"]]
        seams[name] = {"edges": len(flux), "flux": all_measures.bootstrap(flux)}
        if name != "truth":
            shares = [row[name]["judge"] for row in pieces]
            elsewhere = np.std([share for _, between in shares for share in between])
            apart = [np.mean(at) - np.mean(between) for at, between in shares]
            seams[name]["judge"] = all_measures.bootstrap(apart)
            seams[name]["judge_spread_elsewhere"] = rounded(elsewhere, 3)
    extended = {"clips": len(clips), "from": CLIP, "to": EXTENDED}
    extended["length_error"] = round(max(abs(row["seconds"] - EXTENDED) for row in clips), 2)
    extended |= intervals(clips, names=("same_key", "chroma", "judge"))
    extended["tempo_drift_median"] = rounded(np.median(drift))
    extended["tempo_within_2_percent"] = all_measures.bootstrap([one <= 0.02 for one in drift])
    return {"pieces": len(pieces), "seconds": SECONDS, "seams": seams, "extended": extended}


def report(count: int, run: Run) -> dict:
    """Measure `count` pieces and twice as many clips; returns all figures."""
    tunes = run.tunes(3 * count)
    pieces = run.measure(measure_piece, tunes[:count], "pieces")
    return summarise(pieces, run.measure(measure_clip, tunes[count:], "clips"))


def lines(figures: dict) -> list[str]:
    """Whether seams are heard, and what an extended clip keeps, in Markdown."""
    seams, longer = figures["seams"], figures["extended"]
    words = {"windows": "converted", "concatenated": "windows one after another", "truth": "in the source"}
    flux = "; ".join(f"{said} {interval(seams[name]['flux'])}" for name, said in words.items())
    names = ("same_key", "tempo_within_2_percent", "judge")
    key, tempo, judge = (interval(longer[name], ".0%") for name in names)
    return [
        f"*Any length* ({figures['pieces']} pieces of {figures['seconds'] / 60:.0f} minutes), jumps where "
        f"windows meet: {flux}; the judge's share differs by {interval(seams['windows']['judge'], '+.3f')} "
        f"(spread elsewhere {seams['windows']['judge_spread_elsewhere']:.2f}). {longer['clips']} clips of "
        f"{longer['from']:.0f} s extended to {longer['to']:.0f} s: same key {key}, same tempo {tempo}, "
        f"length off by {longer['length_error']:.1f} s at most, right genre {judge}."
    ]
