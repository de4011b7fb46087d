"""What the amount slider and the "tune kept" number should show, found on validation tunes after training."""
import numpy as np
import torch
from tqdm import tqdm

from ..music.content import transcribe, tune_likeness
from ..music.genres import GENRES
from .likeness import spectral_distance
from .pieces import pieces


def calibrate(pipe, tunes=12, seed=1, split="validation", levels=11):
    """Find out what the amount slider and the "tune kept" number should show, on validation tunes.

    The trip from source to conversion is walked at several noise levels. How far one has come is the mean of two
    measures, each scaled to 0..1: the judge's share for the asked-for genre, and the spectral distance to the source.
    The amount is then spread so that equal steps of it go equally far.

    Returns
    -------
    dict
        `amount_curve` (noise levels for equally spaced amounts) and `tune_scale`.
    """
    rng, grid = np.random.default_rng(seed), np.linspace(0, 1, levels)
    walks, likeness = np.zeros((2, levels)), {"other": [], "truth": []}
    curve, pipe_config, before = (0.0, 1.0), pipe.config.amount_curve, None
    pipe.register_to_config(amount_curve=curve)
    for number, piece in enumerate(tqdm(pieces(tunes, seed, split), total=tunes, unit=" tunes", dynamic_ncols=True)):
        source, target = piece.recordings[piece.source], str(rng.choice([g for g in GENRES if g != piece.source]))
        for place, level in enumerate(grid):
            made = pipe(source, target, float(level), generator=torch.Generator().manual_seed(number))
            walks[:, place] += made.genre_heard[target], spectral_distance(made.audio, source)
        truth = transcribe(piece.recordings[target])
        likeness["truth"].append(tune_likeness(made.notes, truth))
        if before is not None:
            likeness["other"].append(tune_likeness(made.notes, before))
        before = truth
    pipe.register_to_config(amount_curve=pipe_config)
    walks = (walks - walks[:, :1]) / (walks[:, -1:] - walks[:, :1])
    gone = np.maximum.accumulate(walks.mean(0)) + 1e-6 * np.arange(levels)
    return {"amount_curve": [round(float(v), 4) for v in np.interp(np.linspace(gone[0], gone[-1], 2 * levels - 1), gone, grid)],
            "tune_scale": [round(float(np.mean(likeness[name])), 4) for name in ("other", "truth")]}
