"""Does the amount slider lead evenly from the source to the conversion? Command: `noteninja amounts`.

Test tunes, played by instruments that no network was trained on, are converted by each amount from 0 to 1, and three things are
measured on the way: the asked-for genre, the likeness to the source, and the tune. Lesson: 11_judging_a_converter.
"""

import json
from functools import partial

import numpy as np

from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import (
    SECONDS,
    Heard,
    choose_targets,
    choose_tunes,
    convert,
    make_piece,
)
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.pipeline import load_pipeline

AMOUNTS = [round(0.1 * number, 1) for number in range(11)]
MEASURES = {
    "judge_share": "the judge's share for the asked-for genre",
    "spectral_distance": "spectral distance to the source, nats",
    "embedding_distance": "distance to the source in the judge's embedding",
    "chroma_cosine": "chroma cosine to the source",
    "note_f1": "melody note F1 against the known score",
}
GENRE, LIKENESS, TUNE = "judge_share", "spectral_distance", "note_f1"
STAYS, LARGEST = (
    0.8,
    0.25,
)  # the tune at its worst, as share of its better end; a step, as share of the whole way


def measure_tune(number, seed=0, split="test", strengths=AMOUNTS):
    """Convert one test tune by each amount.

    Returns
    -------
    dict of str to list of float
        Measures, as in `MEASURES`, by amount.
    """
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    target, source = choose_targets(piece, 1, seed)[0], piece.recordings[piece.source]
    heard, embedded = Heard(source), metrics.embeddings(pipe.judge, source).mean(0)
    found = {name: [] for name in MEASURES}
    for strength in strengths:
        made = convert(pipe, heard, target, number, strength=strength)
        found["judge_share"].append(pipe.judge_genre(made)[target])
        found["spectral_distance"].append(metrics.spectral_distance(made, source))
        found["embedding_distance"].append(
            metrics.euclidean(metrics.embeddings(pipe.judge, made).mean(0), embedded)
        )
        found["chroma_cosine"].append(metrics.chroma_cosine(made, source))
        found["note_f1"].append(metrics.note_f1(piece.melody, metrics.hear(made)))
    return found


def way(values):
    """How far one has come at each amount, from 0 at the first to 1 at the last; zeros if the ends are alike."""
    gone = np.asarray(values) - values[0]
    return gone / gone[-1] if gone[-1] else gone


def judge_slider(genre, distance, kept):
    """Whether a slider does what is asked of it.

    Parameters
    ----------
    genre, distance, kept : sequence of float
        Means by amount: share of the asked-for genre, distance to the source, and F-measure of the tune.

    Returns
    -------
    dict of str to [float, bool]
        What was found, and whether it will do. `genre_rises`, `likeness_falls`: the smallest step in the right direction, in
        the measure's own unit. `tune_stays`: its least value, as share of the better end's. `..._largest_step`: as share of
        the whole way; `mean` is the mean of the two ways.
    """
    found = {
        "genre_rises": np.diff(genre).min(),
        "likeness_falls": np.diff(distance).min(),
        "tune_stays": np.min(kept) / max(kept[0], kept[-1], 1e-9),
    }
    verdict = {
        name: [round(float(value), 4), bool(value >= STAYS if name == "tune_stays" else value > 0)]
        for name, value in found.items()
    }
    ways = {"genre": way(genre), "likeness": way(distance)}
    ways["mean"] = np.mean(list(ways.values()), 0)
    for name, gone in ways.items():
        largest = float(np.abs(np.diff(gone)).max())
        # Where nothing moves, no step is large; such a slider leads nowhere all the same.
        verdict[f"{name}_largest_step"] = [round(largest, 4), 0 < largest <= LARGEST]
    return verdict


def summarise(walks, strengths=AMOUNTS):
    """Figures of all tunes: each measure by amount, the ways, and the verdict.

    Parameters
    ----------
    walks : list of dict
        What `measure_tune` gave, a tune each.
    amounts : list of float
    """
    values = {name: np.array([walk[name] for walk in walks]) for name in MEASURES}
    means = {name: rows.mean(0) for name, rows in values.items()}
    ways = {name: way(means[name]) for name in MEASURES if name != TUNE}
    ways["mean"] = (ways[GENRE] + ways[LIKENESS]) / 2
    alone = [
        np.abs(np.diff((way(genre) + way(distance)) / 2)).max()
        for genre, distance in zip(values[GENRE], values[LIKENESS])
        if abs(genre[-1] - genre[0]) > 0.2
    ]
    return {
        "conversions": len(walks),
        "seconds": SECONDS,
        "amounts": list(strengths),
        "measures": {name: [bootstrap(column) for column in rows.T] for name, rows in values.items()},
        "way": {name: [round(float(value), 4) for value in gone] for name, gone in ways.items()},
        "half": round(float(np.interp(0.5, strengths, ways["mean"])), 4),
        "largest_step_of_one": round(float(np.median(alone)), 4) if alone else None,
        "verdict": judge_slider(means[GENRE], means[LIKENESS], means[TUNE]),
    }


def table(figures):
    """The figures as lines of text."""
    lines = [f"{'amount':22}" + "".join(f"{strength:7.1f}" for strength in figures["amounts"])]
    lines += [
        f"{name:22}" + "".join(f"{mean:7.3f}" for mean, _, _ in rows)
        for name, rows in figures["measures"].items()
    ]
    lines += [
        f"{'way by ' + name:22}"[:22] + "".join(f"{gone:7.3f}" for gone in rows)
        for name, rows in figures["way"].items()
    ]
    lines += [
        f"{name:22}{value:7.3f}  {'as asked' if passed else 'NOT as asked'}"
        for name, (value, passed) in figures["verdict"].items()
    ]
    return lines + [f"half of the slider goes {figures['half']:.2f} of the way"]


def report(tunes=40, out=None, *, seed=0, split="test", workers=1):
    """Walk the slider on test tunes with a progress bar; print the figures and write them as JSON.

    Parameters
    ----------
    tunes : int
        Each is converted to one genre.
    out : pathlib.Path, optional
    seed, split, workers
        See `choose_tunes` and `spread`.

    Returns
    -------
    dict
    """
    walks = spread(
        partial(measure_tune, seed=seed, split=split), choose_tunes(tunes, seed, split), workers, " tunes"
    )
    figures = {"seed": seed, "split": split, **summarise(walks)}
    print("\n".join(table(figures)))
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
