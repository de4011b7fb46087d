"""Plots of the lessons: waveforms, spectrograms with the heard notes over them, genre bars.

Each plot takes an ``ax`` and returns it, names the units on its axes, and uses colours that stay readable
with any form of colour blindness. The numbers come from the library; nothing is computed here.

Lesson: 00_genre_converter
"""

import librosa
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patheffects import Stroke
from matplotlib.ticker import AutoLocator, ScalarFormatter

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel, mel_frequencies

BLUE, ORANGE, VERMILION = (
    "#0072B2",
    "#E69F00",
    "#D55E00",
)  # from the palette of Okabe and Ito, safe for colour-blind readers
LOOKS = (
    {"color": BLUE, "marker": "o"},
    {"color": ORANGE, "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": ":"},
    {"color": "#CC79A7", "marker": "D", "linestyle": "-."},
)
SPECTROGRAM_MAP = "magma"  # brightness rises evenly, so it also works in grey
DARKEST = 75  # dB below the loudest point that are drawn black
DECIBELS = 20 * np.log10(np.e)  # dB in one natural-log unit of magnitude
TICKS_HZ = (125, 500, 1000, 2000, 4000, 8000)  # more would overlap in a small picture


def _axes(ax, size):
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def plot_waveform(audio, ax=None):
    """Draw the samples of a sound against time.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``, in -1..1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 2))
    librosa.display.waveshow(np.asarray(audio), sr=SAMPLE_RATE, ax=ax, color=BLUE, axis=None)
    ax.set(
        xlabel="time in seconds", ylabel="amplitude", ylim=(-1.05, 1.05), xlim=(0, len(audio) / SAMPLE_RATE)
    )
    ax.xaxis.set_major_locator(
        AutoLocator()
    )  # librosa knows milliseconds and minutes, but takes the unit away
    ax.xaxis.set_major_formatter(ScalarFormatter())
    return ax


def _mel_rows(hertz):
    """Rows of the mel picture (fractional) at which frequencies in Hz are drawn."""
    centres = mel_frequencies()
    return np.interp(hertz, centres, np.arange(len(centres)))


def plot_spectrogram(audio, ax=None, notes=None, loudest=None):
    """Draw the mel spectrogram of a sound, with notes over it.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.
    notes : iterable of Note, optional
        Each with ``start`` and ``end`` in seconds and a MIDI ``pitch``; drawn as lines at the height of
        their fundamental frequency.
    loudest : float, optional
        Level in dB that is drawn brightest, for pictures that share one scale and hence need no bar of their own;
        the sound's loudest point, with a colour bar, if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = plot_mel(log_mel(np.asarray(audio, dtype=np.float32)), ax, notes, loudest)
    ax.set_xlim(0, len(audio) / SAMPLE_RATE)
    return ax


def plot_mel(mel, ax=None, notes=None, loudest=None):
    """Draw a log-mel picture that need not be any sound's own, such as a blurred or a denoised one.

    Parameters
    ----------
    mel : np.ndarray, shape (n_mels, frames)
        Natural logarithm of mel magnitudes, as `log_mel` gives them.
    ax, notes, loudest
        As for `plot_spectrogram`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 3))
    picture = np.asarray(mel) * DECIBELS
    half_frame = HOP_LENGTH / SAMPLE_RATE / 2
    extent = (-half_frame, (2 * picture.shape[1] - 1) * half_frame, -0.5, len(picture) - 0.5)
    brightest = picture.max() if loudest is None else loudest
    image = ax.imshow(
        picture,
        origin="lower",
        aspect="auto",
        cmap=SPECTROGRAM_MAP,
        extent=extent,
        vmin=brightest - DARKEST,
        vmax=brightest,
        interpolation="nearest",
    )
    if loudest is None:
        ax.figure.colorbar(image, ax=ax, label="level in dB", pad=0.01)
    if notes:
        heights = _mel_rows(librosa.midi_to_hz([note.pitch for note in notes]))
        lines = [[(note.start, row), (note.end, row)] for note, row in zip(notes, heights)]
        ax.add_collection(
            LineCollection(
                lines,
                colors="white",
                linewidths=2.2,
                capstyle="butt",
                path_effects=[Stroke(linewidth=4, foreground="black"), Stroke()],
                label="notes that were heard",
            )
        )
    shown = [hertz for hertz in TICKS_HZ if mel_frequencies()[0] <= hertz <= mel_frequencies()[-1]]
    ax.set_yticks(_mel_rows(shown), [str(hertz) for hertz in shown])
    ax.set(xlabel="time in seconds", ylabel="frequency in Hz", xlim=(0, 2 * picture.shape[1] * half_frame))
    return ax


def plot_genres(probabilities, ax=None):
    """Draw how likely each genre sounds, as bars.

    Parameters
    ----------
    probabilities : dict of str to float
        Genre and probability in 0..1, as in ``result.genre_heard``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (5, 3))
    names = sorted(probabilities, reverse=True)  # a fixed order, so that two plots can be compared
    values = [float(probabilities[name]) for name in names]
    colours = [ORANGE if value == max(values) else BLUE for value in values]
    bars = ax.barh(names, values, color=colours)
    ax.bar_label(bars, fmt="{:.0%}", padding=3)
    ax.set(xlabel="probability", xlim=(0, 1.15), xticks=np.arange(0, 1.01, 0.25))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_curves(x, curves, ax=None):
    """Draw named curves over common places on the x axis; name the axes with ``ax.set``.

    Parameters
    ----------
    x : sequence of float, length n
        Where the values belong.
    curves : dict of str to sequence of float, length n
        Name and values of each curve; told apart by colour, line and marker.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (6, 3))
    for (name, values), look in zip(curves.items(), LOOKS * len(curves)):
        ax.plot(x, values, label=name, **look)
    ax.legend()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_conversion(result, figure=None):
    """Draw a conversion: spectrograms before and after with the heard notes, and both genre judgements.

    Parameters
    ----------
    result : object
        What ``NoteNinjaPipeline`` returns.
    figure : matplotlib.figure.Figure, optional
        An empty figure to draw on; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it once, when it is the last line of a cell.
    """
    new = figure is None
    figure = plt.figure(figsize=(11, 6.2), layout="constrained") if new else figure
    grid = figure.subplots(2, 2, width_ratios=(3, 1))
    rows = (("before", result.source, result.source_genre), ("after", result.audio, result.genre_heard))
    for (picture, bars), (when, audio, genres) in zip(grid, rows):
        plot_spectrogram(audio, picture, result.notes).set_title(f"{when}, with the notes of the source")
        plot_genres(genres, bars).set_title(f"genre heard {when}")
    if new:
        plt.close(figure)  # else the notebook would show it a second time at the end of the cell
    return figure


def plot_journey(audio, path, figure):
    """Draw a piece over its whole length, and the planned mood below it.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``.
    path : list of (place, (valence, arousal))
        Places from 0, the beginning, to 1, the end; moods from -1 to 1.
    figure : matplotlib.figure.Figure
        An empty figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    plot_spectrogram(audio, above).set_xlabel("")
    seconds = [place * len(audio) / SAMPLE_RATE for place, _ in path]
    valence, arousal = zip(*(mood for _, mood in path))
    below.plot(seconds, valence, label="valence", color=BLUE, marker="o", clip_on=False)
    below.plot(seconds, arousal, label="arousal", color=VERMILION, marker="s", linestyle="--", clip_on=False)
    below.set(ylim=(-1.1, 1.1), xlabel="time in seconds", ylabel="planned mood")
    below.legend(fontsize=8, ncols=2)
    below.spines[["top", "right"]].set_visible(False)
    return figure


def plot_pairs(pairs, headings):
    """Draw pairs of sounds side by side, all in the same colours.

    Parameters
    ----------
    pairs : dict of str to (np.ndarray, np.ndarray)
        Name of each row, and its two sounds.
    headings : (str, str)
        What stands on the left and on the right.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = plt.figure(figsize=(12, 1.75 * len(pairs) + 0.6), layout="constrained")
    grid = figure.subplots(len(pairs), 2, sharex=True, sharey=True, squeeze=False)
    loudest = max(log_mel(audio).max() for pair in pairs.values() for audio in pair) * DECIBELS
    for axes, (name, pair) in zip(grid, pairs.items()):
        for ax, audio, heading in zip(axes, pair, headings):
            plot_spectrogram(audio, ax, loudest=loudest).set_title(f"{name}: {heading}", fontsize=10)
            ax.label_outer()
    figure.colorbar(grid[0, 0].images[0], ax=grid, label="level in dB", aspect=60, pad=0.01)
    plt.close(figure)  # else a notebook would show it a second time at the end of the cell
    return figure
