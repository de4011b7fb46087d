"""What the amount slider and the "tune kept" number should show, found on validation tunes after training."""

import numpy as np

from benchmarks.harness import measure, prepare, rounded, rounded_mean
from benchmarks.options import CORES, Tunes, Workers
from benchmarks.strength import mean_way
from noteninja_lib.arranger.performance import Note
from noteninja_lib.evaluation.baselines import choose_tunes, convert, strength_at
from noteninja_lib.evaluation.metrics import spectral_distance
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.pipeline import assemble

POINTS = 21  # of the curve that is kept
SEED, SPLIT = 1, "validation"


def measure_levels(number: int, levels: np.ndarray) -> np.ndarray:
    """Share for the asked-for genre, and distance to the source, by noise level; shape (2, levels)."""
    pipe, piece, heard, (target,) = prepare(number, SEED, SPLIT)
    made = (convert(pipe, heard, target, number, strength=strength_at(pipe, level)) for level in levels)
    found = [(pipe.judge_genre(one)[target], spectral_distance(one, piece.audio)) for one in made]
    return np.transpose(found)


def hear_tune(number: int) -> tuple[list[Note], np.ndarray]:
    """Notes heard in a tune's source, and what is heard in the true recording of the asked-for genre."""
    _, piece, heard, (target,) = prepare(number, SEED, SPLIT, alone=False)
    return heard.piano_roll.melody_notes(), transcribe(piece.recordings[target])


def spread_evenly(levels: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Noise levels (POINTS,) for equal steps; `levels` (n,) rise, `measured` (2, n) are means over tunes."""
    gone = mean_way(*measured)
    # Chance makes the curve fall here and there; halfway between its rising hulls from both sides it doesn't.
    gone = (np.maximum.accumulate(gone) + np.minimum.accumulate(gone[::-1])[::-1]) / 2
    gone += 1e-6 * np.arange(len(gone))
    return np.interp(np.linspace(gone[0], gone[-1], POINTS), gone, levels)


def calibrate(tunes: int = 16, workers: int = 1, levels: int = 11) -> dict[str, list[float]]:
    """Noise levels for equally spaced strengths, and the tune's scale, by two rounds on validation tunes."""
    numbers = choose_tunes(tunes, SEED, SPLIT)

    def means(levels):
        return np.mean(measure(measure_levels, numbers, "tunes", workers, levels=levels), 0)

    grid = np.linspace(0, 1, levels)
    first = means(grid)
    between = np.interp(grid, np.linspace(0, 1, POINTS), spread_evenly(grid, first))[1:-1]
    every, measured = np.concatenate([grid, between]), np.concatenate([first, means(between)], 1)
    order = np.argsort(every)
    heard = measure(hear_tune, numbers, "tunes", workers)
    truth = [tune_likeness(notes, true) for notes, true in heard]
    other = [tune_likeness(notes, true) for (notes, _), (_, true) in zip(heard[1:], heard)]
    curve = rounded(spread_evenly(every[order], measured[:, order]))
    return {"strength_curve": curve, "tune_scale": [rounded_mean(other), rounded_mean(truth)]}


def report(tunes: Tunes = 16, workers: Workers = CORES) -> None:
    """After training: spread the amount slider evenly, and find the ends of the tune-kept scale."""
    settings = calibrate(tunes, workers)
    assemble(models_folder(), **settings)
    print(settings)
