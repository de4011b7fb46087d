"""Does the amount slider lead evenly? Command: `noteninja amounts`. Lesson: 11_judging_a_converter."""

from collections.abc import Sequence

import numpy as np

from benchmarks import all_measures
from benchmarks.harness import Run, cell, finish, prepare, rounded, table
from benchmarks.options import CORES, Out, Split, Tunes, Workers
from noteninja_lib.evaluation.baselines import SECONDS, convert

STRENGTHS = [round(0.1 * number, 1) for number in range(11)]
#: Distances are to the source: of spectra in nats, and in the genre classifier's embedding.
MEASURES = ("judge_share", "spectral_distance", "embedding_distance", "chroma_cosine", "note_f1")
GENRE, LIKENESS, TUNE = "judge_share", "spectral_distance", "note_f1"
#: The tune at its worst, as share of its better end; a step, as share of the whole way.
STAYS, LARGEST = 0.8, 0.25


def measure_tune(
    number: int, seed: int = 0, split: str = "test", strengths: Sequence[float] = STRENGTHS
) -> dict[str, list[float]]:
    """Convert one test tune with each strength; measures, as in `MEASURES`, by strength."""
    pipe, piece, heard, (target,) = prepare(number, seed, split)
    embedded, rows = all_measures.embeddings(pipe.judge, piece.audio).mean(0), []
    for strength in strengths:
        made = convert(pipe, heard, target, number, strength=strength)
        apart = all_measures.euclidean(all_measures.embeddings(pipe.judge, made).mean(0), embedded)
        distances = (all_measures.spectral_distance(made, piece.audio), apart)
        kept = (
            all_measures.chroma_cosine(made, piece.audio),
            all_measures.note_f1(piece.melody, all_measures.hear(made)),
        )
        rows.append((pipe.judge_genre(made)[target], *distances, *kept))
    return dict(zip(MEASURES, map(list, zip(*rows))))


def way(values: Sequence[float]) -> np.ndarray:
    """How far one has come at each strength, from 0 (first) to 1 (last); zeros if the ends are alike."""
    gone = np.asarray(values) - values[0]
    return gone / gone[-1] if gone[-1] else gone


def largest_step(gone: np.ndarray) -> float:
    """The largest of the steps that lead along a `way`, as share of the whole."""
    return float(np.abs(np.diff(gone)).max())


def judge_slider(genre: Sequence[float], distance: Sequence[float], kept: Sequence[float]) -> dict[str, list]:
    """What was found, and whether it will do; from means by strength of genre, distance and tune."""
    rises, falls = np.diff(genre).min(), np.diff(distance).min()
    stays = np.min(kept) / max(kept[0], kept[-1], 1e-9)
    found = {"genre_rises": (rises, rises > 0), "likeness_falls": (falls, falls > 0)}
    found["tune_stays"] = (stays, stays >= STAYS)
    for name, gone in dict(genre=way(genre), likeness=way(distance), mean=mean_way(genre, distance)).items():
        step = largest_step(gone)
        # Where nothing moves, no step is large; such a slider leads nowhere all the same.
        found[f"{name}_largest_step"] = (step, 0 < step <= LARGEST)
    return {name: [rounded(value), bool(passed)] for name, (value, passed) in found.items()}


def mean_way(genre: Sequence[float], distance: Sequence[float]) -> np.ndarray:
    """Mean of the ways to the genre and away from the source."""
    return (way(genre) + way(distance)) / 2


def summarise(walks: list[dict], strengths: Sequence[float] = STRENGTHS) -> dict:
    """Figures of what `measure_tune` gave: each measure by strength, the ways, and the verdict."""
    values = {name: np.array([walk[name] for walk in walks]) for name in MEASURES}
    means = {name: rows.mean(0) for name, rows in values.items()}
    ways = {name: way(means[name]) for name in MEASURES if name != TUNE}
    ways["mean"] = mean_way(means[GENRE], means[LIKENESS])
    pairs = [pair for pair in zip(values[GENRE], values[LIKENESS]) if abs(pair[0][-1] - pair[0][0]) > 0.2]
    alone = [largest_step(mean_way(*pair)) for pair in pairs]
    figures = {"conversions": len(walks), "seconds": SECONDS, "amounts": list(strengths)}
    figures["measures"] = {name: list(map(all_measures.bootstrap, rows.T)) for name, rows in values.items()}
    figures["way"] = {name: rounded(gone) for name, gone in ways.items()}
    figures["half"] = rounded(np.interp(0.5, strengths, ways["mean"]))
    figures["largest_step_of_one"] = rounded(np.median(alone)) if alone else None
    return figures | {"verdict": judge_slider(means[GENRE], means[LIKENESS], means[TUNE])}


#: What is asked of the amount slider, in words; the found value follows.
ASKED = {
    "genre_rises": "smallest step of the judge's share, above 0",
    "likeness_falls": "smallest step of the distance to the source, above 0",
    "tune_stays": "the tune at its worst, as share of its better end, at least 0.80",
    "genre_largest_step": "largest step of the judge's share, at most 0.25 of the whole way",
    "likeness_largest_step": "largest step of the distance to the source, at most 0.25",
    "mean_largest_step": "largest step of the mean of the two ways, at most 0.25",
}


def lines(figures: dict) -> list[str]:
    """Whether the amount slider leads evenly from the source to the conversion, in Markdown."""
    verdict = figures["verdict"].items()
    missed = {True: "", False: " (**missed**)"}
    found = (f"{ASKED[name]}: {value:.3f}{missed[good]}" for name, (value, good) in verdict)
    return [
        f"The amount slider, in steps of a tenth, on {figures['conversions']} conversions of as many tunes. "
        f"Asked and found: {'; '.join(found)}. Half of it goes {figures['half']:.2f} of the way.",
        "\n![What the amount slider does to genre, likeness and tune, and how evenly](../figures/amount.png)",
    ]


def report(
    tunes: Tunes = 40, out: Out = None, split: Split = "test", seed: int = 0, workers: Workers = CORES
) -> dict:
    """Measure whether the amount slider leads evenly from the source to the conversion."""
    run = Run(seed, split, workers)
    walks = run.measure(measure_tune, run.tunes(tunes), "tunes")
    figures = {"seed": seed, "split": split} | summarise(walks)
    shown = figures["measures"] | {f"way by {name}": gone for name, gone in figures["way"].items()}
    rows = ([name, *(cell(value, ".3f") for value in row)] for name, row in shown.items())
    told = table(["amount", *figures["amounts"]], rows) + lines(figures)
    return finish(figures, told, out, "amounts", split == "test")
