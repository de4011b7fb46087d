"""What the amount slider should show, found on validation tunes after training."""

import numpy as np

from benchmarks.all_measures import spectral_distance
from benchmarks.harness import measure, prepare, rounded
from benchmarks.options import CORES, Tunes, Workers
from benchmarks.strength import mean_way
from noteninja_lib.evaluation.baselines import choose_tunes, convert, strength_at
from noteninja_lib.fine_tuning import assemble
from noteninja_lib.models.checkpoints import models_folder

POINTS = 21  # of the curve that is kept
SEED, SPLIT = 1, "validation"


def measure_levels(number: int, levels: np.ndarray) -> np.ndarray:
    """Share for the asked-for genre, and distance to the source, by noise level; shape (2, levels)."""
    pipe, piece, heard, (target,) = prepare(number, SEED, SPLIT)
    made = (convert(pipe, heard, target, number, strength=strength_at(pipe, level)) for level in levels)
    found = [(pipe.judge_genre(one)[target], spectral_distance(one, piece.audio)) for one in made]
    return np.transpose(found)


def spread_evenly(levels: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Noise levels (POINTS,) for equal steps; `levels` (n,) rise, `measured` (2, n) are means over tunes."""
    gone = mean_way(*measured)
    # Chance makes the curve fall here and there; halfway between its rising hulls from both sides it doesn't.
    gone = (np.maximum.accumulate(gone) + np.minimum.accumulate(gone[::-1])[::-1]) / 2
    gone += 1e-6 * np.arange(len(gone))
    return np.interp(np.linspace(gone[0], gone[-1], POINTS), gone, levels)


def calibrate(tunes: int = 16, workers: int = 1, levels: int = 11) -> dict[str, list[float]]:
    """Noise levels for equally spaced strengths, by two rounds on validation tunes."""
    numbers = choose_tunes(tunes, SEED, SPLIT)

    def means(levels):
        return np.mean(measure(measure_levels, numbers, "tunes", workers, levels=levels), 0)

    grid = np.linspace(0, 1, levels)
    first = means(grid)
    between = np.interp(grid, np.linspace(0, 1, POINTS), spread_evenly(grid, first))[1:-1]
    every, measured = np.concatenate([grid, between]), np.concatenate([first, means(between)], 1)
    order = np.argsort(every)
    return {"strength_curve": rounded(spread_evenly(every[order], measured[:, order]))}


def report(tunes: Tunes = 16, workers: Workers = CORES) -> None:
    """After training: spread the amount slider evenly."""
    settings = calibrate(tunes, workers)
    assemble(models_folder(), **settings)
    print(settings)
