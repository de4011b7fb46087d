"""What the amount slider and the "tune kept" number should show, found on validation tunes after training."""

from functools import partial

import numpy as np

from benchmarks.strength import way
from noteninja_lib.evaluation.baselines import Heard, choose_targets, choose_tunes, convert, make_piece
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import spectral_distance
from noteninja_lib.music.piano_roll import transcribe, tune_likeness
from noteninja_lib.pipeline import load_pipeline

POINTS = 21  # of the curve that is kept


def walk_levels(number, levels, seed=1, split="validation"):
    """The judge's share for the asked-for genre, and the spectral distance to the source, by noise level; shape (2, levels)."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    target, source = choose_targets(piece, 1, seed)[0], piece.recordings[piece.source]
    heard, curve, found = Heard(source), pipe.config.strength_curve, []
    for level in levels:
        strength = float(np.interp(level, curve, np.linspace(0, 1, len(curve))))
        made = convert(pipe, heard, target, number, strength=strength)
        found.append((pipe.judge_genre(made)[target], spectral_distance(made, source)))
    return np.transpose(found)


def hear_tune(number, seed=1, split="validation"):
    """Notes heard in a tune's source, and what is heard in the true recording of the asked-for genre."""
    piece = make_piece(number, seed, split)
    target = choose_targets(piece, 1, seed)[0]
    return Heard(piece.recordings[piece.source]).piano_roll.melody_notes(), transcribe(
        piece.recordings[target]
    )


def spread_evenly(levels, walks):
    """Noise levels for equally spaced amounts, so that equal steps of the amount go equally far.

    How far one has come is the mean of the two measures, each from 0 at the lowest level to 1 at the highest.

    Parameters
    ----------
    levels : numpy.ndarray, shape (n,)
        Rising.
    walks : numpy.ndarray, shape (2, n)
        Means over tunes.

    Returns
    -------
    numpy.ndarray, shape (POINTS,)
        From the first level to the last.
    """
    gone = (way(walks[0]) + way(walks[1])) / 2
    # Chance makes the curve fall here and there; halfway between its rising hulls from both sides it never does.
    gone = (np.maximum.accumulate(gone) + np.minimum.accumulate(gone[::-1])[::-1]) / 2 + 1e-6 * np.arange(
        len(gone)
    )
    return np.interp(np.linspace(gone[0], gone[-1], POINTS), gone, levels)


def calibrate(tunes=16, seed=1, split="validation", workers=1, levels=11):
    """Find out what the amount slider and the "tune kept" number should show, on validation tunes.

    The trip from source to conversion is begun at several noise levels: first at equally spaced ones, then at those which
    the first round found to be equally far apart, since most of the way lies between few levels.

    Returns
    -------
    dict
        `amount_curve` (noise levels for equally spaced amounts) and `tune_scale`.
    """
    numbers, grid = choose_tunes(tunes, seed, split), np.linspace(0, 1, levels)
    walks = np.mean(
        spread(partial(walk_levels, levels=grid, seed=seed, split=split), numbers, workers, " tunes"), 0
    )
    between = np.interp(np.linspace(0, 1, levels), np.linspace(0, 1, POINTS), spread_evenly(grid, walks))[
        1:-1
    ]
    finer = np.mean(
        spread(partial(walk_levels, levels=between, seed=seed, split=split), numbers, workers, " tunes"), 0
    )
    order = np.argsort(np.concatenate([grid, between]))
    curve = spread_evenly(np.concatenate([grid, between])[order], np.concatenate([walks, finer], 1)[:, order])
    heard = spread(partial(hear_tune, seed=seed, split=split), numbers, workers, " tunes")
    truth = [tune_likeness(notes, true) for notes, true in heard]
    other = [tune_likeness(notes, true) for (notes, _), (_, true) in zip(heard[1:], heard)]
    return {
        "amount_curve": [round(float(level), 4) for level in curve],
        "tune_scale": [round(float(np.mean(values)), 4) for values in (other, truth)],
    }
