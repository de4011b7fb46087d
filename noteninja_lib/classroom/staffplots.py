"""Pictures of printed lines: strips below each other, row sums beside a page, CTC as a heat map, errors cut out.

Lesson: 10_reading_sheet_music
"""
from collections import Counter

import numpy as np

from ..evaluation.reading import align
from ..model.reader import BLANK, COLUMN
from .plotting import BLUE, SPECTROGRAM_MAP, VERMILION, _axes, plt

AROUND = 44                                 # pixels of a strip that are shown to both sides of an error


def plot_strips(strips):
    """Strips, one below the other.

    Parameters
    ----------
    strips : dict of str to numpy.ndarray, uint8, shape (96, width)
        Title and picture.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
    """
    axes = plt.subplots(len(strips), 1, figsize=(11, 1.4 * len(strips)), layout="constrained", squeeze=False)[1][:, 0]
    for ax, (title, strip) in zip(axes, strips.items()):
        ax.imshow(strip, cmap="gray", vmin=0, vmax=255)
        ax.set_axis_off()
        ax.set_title(title, fontsize=9, loc="left", pad=1)
    return axes


def plot_row_sums(page, sums, rows, ax=None):
    """A page, and beside it how dark each of its rows is.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    sums : numpy.ndarray, shape (height,)
        Share of dark pixels.
    rows : sequence of float
        Where lines were found; marked.
    ax : pair of matplotlib.axes.Axes, optional

    Returns
    -------
    pair of matplotlib.axes.Axes
    """
    if ax is None:
        size = (11, 9 * page.shape[0] / page.shape[1] + 0.6)
        ax = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True, width_ratios=(4, 1))[1]
    ax[0].imshow(page, cmap="gray", vmin=0, vmax=255, aspect="auto")
    ax[0].set(ylabel="row of the picture", xlabel="column of the picture")
    ax[1].plot(sums, np.arange(len(sums)), color=BLUE, linewidth=0.8)
    ax[1].plot(sums[np.round(rows).astype(int)], rows, "o", color=VERMILION, markersize=4, label="lines")
    ax[1].set(xlabel="share of dark pixels", xlim=(0, None))
    ax[1].legend(loc="lower right", fontsize=8)
    return ax


def plot_ctc(strip, chances, words):
    """What a network thinks of each column: the strip, and below it a row of chances for each word that it ever believed in.

    Parameters
    ----------
    strip : numpy.ndarray, uint8, shape (96, width)
    chances : numpy.ndarray, shape (columns, classes)
        Each row sums to 1.
    words : sequence of str
        Of the classes from 1 on; class 0 is the blank.

    Returns
    -------
    pair of matplotlib.axes.Axes
    """
    best = chances.argmax(1)
    shown = [BLANK, *sorted(set(best) - {BLANK}, key=lambda one: int(np.argmax(best == one)))]
    figure, axes = plt.subplots(2, 1, figsize=(11, 1.6 + 0.27 * len(shown)), layout="constrained",
                                height_ratios=(1.3, 0.27 * len(shown)))
    axes[0].imshow(strip, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, strip.shape[1], 96, 0))
    axes[0].set_axis_off()
    picture = axes[1].imshow(chances[:, shown].T, cmap=SPECTROGRAM_MAP, vmin=0, vmax=1, aspect="auto", interpolation="nearest",
                             extent=(0, COLUMN * len(chances), len(shown) - 0.5, -0.5))
    axes[1].set_yticks(range(len(shown)), ["blank", *(words[one - 1] for one in shown[1:])], fontsize=8)
    axes[1].set(xlabel=f"column of the strip in pixels (the network has one for every {COLUMN})", xlim=(0, strip.shape[1]))
    figure.colorbar(picture, ax=axes[1], label="probability", pad=0.01)
    return axes


def find_errors(truth, symbols):
    """Where what was read is not what is printed.

    Parameters
    ----------
    truth : list of str
    symbols : list of Symbol

    Returns
    -------
    list of (float, str or None, str or None)
        About which column of the strip; what is printed there, what was read; None for nothing.
    """
    found, place = [], 0
    for printed, read in align(truth, [symbol.word for symbol in symbols]):
        place += read is not None
        if printed != read:
            near = symbols[min(max(place - 1, 0), len(symbols) - 1)].column if symbols else 0.0
            found.append((near, printed, read))
    return found


def plot_errors(errors, most=8):
    """The commonest errors, an example of each cut out of its line.

    Parameters
    ----------
    errors : list of (numpy.ndarray, float, str or None, str or None)
        Strip, column, what is printed, what was read.
    most : int
        How many kinds.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
    """
    counts = Counter((printed, read) for _, _, printed, read in errors).most_common(most)
    places = max(len(counts), 1)
    axes = plt.subplots(1, places, figsize=(1.4 * places, 2.1), layout="constrained", squeeze=False)[1][0]
    for ax in axes:
        ax.set_axis_off()
    for ax, ((printed, read), times) in zip(axes, counts):
        strip, column = next((strip, column) for strip, column, *pair in errors if pair == [printed, read])
        begin = int(np.clip(column - AROUND, 0, max(strip.shape[1] - 2 * AROUND, 0)))
        ax.imshow(strip[:, begin:begin + 2 * AROUND], cmap="gray", vmin=0, vmax=255)
        ax.set_title(f"{printed or 'nothing'}\nread as\n{read or 'nothing'}\n{times} ×", fontsize=8)
    return axes


def plot_shares(shares, label, ax=None):
    """Bars with their values, longest possible 1.

    Parameters
    ----------
    shares : dict of str to float
    label : str
        What the shares are.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (8, 0.5 + 0.4 * len(shares)))
    ax.bar_label(ax.barh(list(shares), list(shares.values()), color=BLUE), fmt="{:.1%}", padding=4)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel=label)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
