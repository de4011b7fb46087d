"""Pictures of a data set's faults: fingerprints, likeness of pairs, and accuracies under several splits.

Lesson: 04_gtzan_and_the_band
"""
import matplotlib.pyplot as plt
import numpy as np

from noteninja_lib.classroom.plotting import BLUE, LOOKS, ORANGE, VERMILION, _axes
from noteninja_lib.dataset.repetitions import RATE, fingerprint_of


def plot_fingerprints(sounds):
    """Draw the fingerprints of several sounds, one above the other.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and mono sound at 22,050 Hz.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it once, when it is the last line of a cell.
    """
    figure = plt.figure(figsize=(9, 1.7 * len(sounds) + 0.4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(sounds), 1, sharex=True))
    for ax, (title, audio) in zip(axes, sounds.items()):
        picture = fingerprint_of(audio)
        image = ax.pcolormesh(np.arange(picture.shape[1] + 1) / RATE, np.arange(len(picture) + 1), picture, cmap="cividis",
                              vmin=-3, vmax=3)
        ax.set(title=title, ylabel="band")
    axes[-1].set_xlabel("time in seconds")
    figure.colorbar(image, ax=list(axes), label="weaker or stronger\nthan its mean", pad=0.01)
    plt.close(figure)       # else a notebook would show it a second time at the end of the cell
    return figure


def plot_likeness(kinds, threshold, ax=None):
    """Draw how alike the pairs of several kinds are: a stroke for each pair, a row for each kind.

    Parameters
    ----------
    kinds : dict of str to sequence of float
        Kind of pair, and the likeness of each pair.
    threshold : float
        From which on two recordings are taken for one; a dashed line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 0.5 * len(kinds) + 1))
    for height, values in enumerate(kinds.values()):
        ax.plot(values, np.full(len(values), height), "|", markersize=20, color=LOOKS[height % len(LOOKS)]["color"])
    ax.axvline(threshold, color=VERMILION, linestyle="--")
    ax.set(yticks=range(len(kinds)), yticklabels=list(kinds), ylim=(-0.6, len(kinds) - 0.4),
           xlabel=f"likeness of a pair (dashed: {threshold:g})")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_accuracies(results, chance, ax=None):
    """Draw accuracies as bars, side by side for two kinds of labels.

    Parameters
    ----------
    results : dict of str to dict of str to float
        For each kind of labels: way of splitting, and accuracy in 0..1.
    chance : float
        Accuracy of a guess; a dotted line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 3))
    ways, width = list(next(iter(results.values()))), 0.8 / len(results)
    for number, ((name, shares), colour) in enumerate(zip(results.items(), (BLUE, ORANGE, LOOKS[2]["color"]))):
        places, values = np.arange(len(ways)) + number * width, [shares[way] for way in ways]
        bars = ax.barh(places, values, 0.95 * width, label=name, color=colour)
        ax.bar_label(bars, fmt="{:.0%}", padding=3)
    ax.axvline(chance, color="black", linestyle=":")
    ax.set(yticks=np.arange(len(ways)) + 0.4 - width / 2, yticklabels=ways, xlim=(0, 1),
           xlabel="accuracy (dotted: by chance)")
    ax.invert_yaxis()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(results), frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
