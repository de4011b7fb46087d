"""Figures with their intervals: the bootstrap, over tunes, since conversions of one tune are not independent."""
import numpy as np


def bootstrap(values, groups=None, draws=1000, seed=0):
    """Mean with its 95 % interval.

    Parameters
    ----------
    values : array of numbers, or of pairs (numerator, denominator)
        Of pairs, the ratio of the two means is taken.
    groups : sequence, optional
        Tune of each value: whole tunes are drawn, with all their values. Each value by itself if not given.
    draws, seed : int

    Returns
    -------
    list of float
        [mean, low, high] (Efron 1979, doi 10.1214/aos/1176344552), to four decimals.
    """
    return _intervals(values, groups, draws, seed, lambda mean: mean[0] / mean[1] if len(mean) == 2 else mean[0])


def place_between(values, low, high, groups=None, draws=1000, seed=0):
    """Where the mean of `values` lies between two fixed points, 0 for `low` and 1 for `high`, with its interval.

    Parameters
    ----------
    values, low, high : array of numbers
        Of the same conversions, so that the fixed points are drawn anew together with the values.

    Returns
    -------
    list of float
        [place, low, high].
    """
    return _intervals(np.stack([values, low, high], 1), groups, draws, seed,
                      lambda mean: (mean[0] - mean[1]) / (mean[2] - mean[1]))


def _intervals(values, groups, draws, seed, figure):
    values = np.asarray(values, float).reshape(len(values), -1)
    _, group = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    counts = np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(draws, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)[:, None]
    figures = [figure(mean) for mean in means]
    return [round(float(v), 4) for v in (figure(values.mean(0)), *np.percentile(figures, [2.5, 97.5]))]
