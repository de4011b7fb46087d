"""Plots that lessons, widgets and reports share: waveforms, spectrograms with notes over them, bars, curves.

A plot takes an ``ax`` (None for a new figure) and returns it, or makes a figure and returns that. It names
the units on its axes and uses colours that can be told apart with any form of colour blindness. The numbers
come from the library.

Lesson: 00_genre_converter
"""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import librosa
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import Stroke
from matplotlib.ticker import AutoLocator, ScalarFormatter

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio import rate_of
from noteninja_lib.audio.io import SAMPLE_RATE, mono
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel, mel_frequencies
from noteninja_lib.passages import clock

# From the palette of Okabe and Ito, safe for colour-blind readers.
BLUE, ORANGE, VERMILION, GREEN = "#0072B2", "#E69F00", "#D55E00", "#009E73"
LOOKS: tuple[dict, ...] = (
    {"color": BLUE, "marker": "o"},
    {"color": ORANGE, "marker": "s", "linestyle": "--"},
    {"color": GREEN, "marker": "^", "linestyle": ":"},
    {"color": "#CC79A7", "marker": "D", "linestyle": "-."},
)
SPECTROGRAM_MAP = "magma"  # brightness rises evenly, so it also works in grey
DARKEST = 75  # dB below the loudest point that are drawn black
DECIBELS = 20 * np.log10(np.e)  # dB in one natural-log unit of magnitude
MARKS = (5, 10, 15, 30, 60, 120, 300, 600)  # seconds between marks on a long axis
TICKS_HZ = (125, 500, 1000, 2000, 4000, 8000)  # more would overlap in a small picture


def axes_or_new(ax: Axes | None, width: float, height: float, frame: bool = False) -> Axes:
    """``ax``, or axes on a new figure (inches); ``frame`` draws the lines above and on the right."""
    if ax is None:
        ax = plt.subplots(figsize=(width, height), layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(frame)
    return ax


class Picture(Figure):
    """A figure outside pyplot: a thread may draw on it, and a notebook shows it as a cell's result."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=100)
        return png.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    return Picture(figsize=(width, height), layout="constrained")


def to_png(draw: Callable[[Axes], Any], width: float, height: float) -> bytes:
    """The PNG file of what ``draw(ax)`` draws on a figure of this size in inches."""
    figure, png = new_figure(width, height), io.BytesIO()
    draw(figure.subplots())
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


def plot_waveform(audio: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the samples of a sound in -1..1 against time: (n,), or (n, 2), whose channels become one."""
    ax, audio = axes_or_new(ax, 9, 2, frame=True), mono(np.asarray(audio))
    librosa.display.waveshow(audio, sr=SAMPLE_RATE, ax=ax, color=BLUE, axis=None)
    end = len(audio) / SAMPLE_RATE
    ax.set(xlabel="time in seconds", ylabel="amplitude", ylim=(-1.05, 1.05), xlim=(0, end))
    # librosa knows milliseconds and minutes, but takes the unit away.
    ax.xaxis.set_major_locator(AutoLocator())
    ax.xaxis.set_major_formatter(ScalarFormatter())
    return ax


def _mel_rows(hertz):
    """Rows of the mel picture (fractional) at which frequencies in Hz are drawn."""
    centres = mel_frequencies()
    return np.interp(hertz, centres, np.arange(len(centres)))


def plot_spectrogram(
    audio: np.ndarray, ax: Axes | None = None, notes: Iterable[Note] = (), loudest: float | None = None
) -> Axes:
    """Draw the mel spectrogram of a sound (n,), or (n, 2), as one; the rest as for `plot_mel`."""
    ax = plot_mel(log_mel(np.asarray(audio, dtype=np.float32)), ax, notes, loudest)
    ax.set_xlim(0, len(audio) / rate_of(audio))
    return ax


def plot_mel(
    mel: np.ndarray, ax: Axes | None = None, notes: Iterable[Note] = (), loudest: float | None = None
) -> Axes:
    """Draw a log-mel spectrogram, which need not be any sound's own, with notes over it.

    Parameters
    ----------
    mel : np.ndarray or torch.Tensor, shape (n_mels, frames)
        Natural logarithm of mel magnitudes, as `log_mel` gives them.
    ax : Axes, optional
        Where to draw; a new figure if None.
    notes : iterable of Note
        ``start`` and ``end`` in seconds, MIDI ``pitch``; drawn as lines at their fundamental frequency.
    loudest : float, optional
        Level in dB that is drawn brightest, for pictures that share one scale and hence need no bar of their
        own; the loudest point, with a colour bar, if None.
    """
    ax = axes_or_new(ax, 9, 3, frame=True)
    picture, frame = np.asarray(mel) * DECIBELS, HOP_LENGTH / SAMPLE_RATE
    draw_levels(
        ax, picture, (-frame / 2, (picture.shape[1] - 0.5) * frame, -0.5, len(picture) - 0.5), loudest
    )
    if notes := list(notes or ()):
        rows = _mel_rows(librosa.midi_to_hz([note.pitch for note in notes]))
        lines = [[(note.start, row), (note.end, row)] for note, row in zip(notes, rows)]
        look: dict = {"colors": "white", "linewidths": 2.2, "capstyle": "butt"}
        edge = [Stroke(linewidth=4, foreground="black"), Stroke()]
        ax.add_collection(LineCollection(lines, path_effects=edge, label="notes that were heard", **look))
    shown = [hertz for hertz in TICKS_HZ if mel_frequencies()[0] <= hertz <= mel_frequencies()[-1]]
    ax.set_yticks(_mel_rows(shown), [str(hertz) for hertz in shown])
    ax.set(xlabel="time in seconds", ylabel="frequency in Hz", xlim=(0, picture.shape[1] * frame))
    return ax


def draw_levels(
    ax: Axes, levels: np.ndarray, extent: tuple[float, float, float, float], loudest: float | None = None
) -> None:
    """Draw levels in dB (rows, frames) as a picture of this extent; ``loudest`` as for `plot_mel`."""
    top = levels.max() if loudest is None else loudest
    look: dict = {"cmap": SPECTROGRAM_MAP, "origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    image = ax.imshow(levels, extent=extent, vmin=top - DARKEST, vmax=top, **look)
    if loudest is None:
        ax.figure.colorbar(image, ax=ax, label="level in dB", pad=0.01)


def _plot_alike(figure, grid, mels, **bar):
    """Log-mel pictures by title, on the axes of a grid and in the same colours, with one bar for all."""
    loudest = max(float(np.max(np.asarray(mel))) for mel in mels.values()) * DECIBELS
    for ax, (title, mel) in zip(grid.flat, mels.items()):
        plot_mel(mel, ax, loudest=loudest).set_title(title, fontsize=10)
        ax.label_outer()
    figure.colorbar(grid[0, 0].images[0], ax=grid, label="level in dB", pad=0.01, **bar)
    return figure


def plot_mels(mels: dict[str, np.ndarray | torch.Tensor]) -> Figure:
    """Draw log-mel spectrograms (n_mels, frames) by title side by side, all in the same colours."""
    figure = new_figure(max(2.4 * len(mels), 5) + 0.6, 2.8)
    return _plot_alike(figure, figure.subplots(1, len(mels), sharey=True, squeeze=False), mels)


def plot_pairs(pairs: dict[str, tuple[np.ndarray, np.ndarray]], headings: tuple[str, str]) -> Figure:
    """Draw pairs of sounds side by side, all in the same colours.

    Parameters
    ----------
    pairs : dict of str to (np.ndarray, np.ndarray)
        Name of each row, and its two sounds, (n,) or (n, 2).
    headings : (str, str)
        What is on the left and on the right.
    """
    figure = new_figure(12, 1.75 * len(pairs) + 0.6)
    grid = figure.subplots(len(pairs), 2, sharex=True, sharey=True, squeeze=False)
    sounds = {f"{name}: {heading}": audio for name in pairs for heading, audio in zip(headings, pairs[name])}
    return _plot_alike(figure, grid, {title: log_mel(audio) for title, audio in sounds.items()}, aspect=60)


def plot_genres(probabilities: dict[str, float], ax: Axes | None = None) -> Axes:
    """Draw how likely each genre sounds (0..1, as in ``result.genre_heard``) as bars."""
    ax = axes_or_new(ax, 5, 3)
    names = sorted(probabilities, reverse=True)  # a fixed order, so that two plots can be compared
    values = [float(probabilities[name]) for name in names]
    colours = [ORANGE if value == max(values) else BLUE for value in values]
    ax.bar_label(ax.barh(names, values, color=colours), fmt="{:.0%}", padding=3)
    ax.set(xlabel="probability", xlim=(0, 1.15), xticks=np.arange(0, 1.01, 0.25))
    return ax


def plot_curves(
    x: Sequence[float], curves: dict[str, Sequence[float]], ax: Axes | None = None, marks: bool = True
) -> Axes:
    """Draw named curves over common places on the x axis; name the axes with ``ax.set``.

    Parameters
    ----------
    x : sequence of float, length n
    curves : dict of str to sequence of float, length n
        Name and values of each curve; told apart by colour and line, and by marks.
    ax : Axes, optional
        Where to draw; a new figure if None.
    marks : bool
        Whether to mark each value; too much for many of them.
    """
    ax = axes_or_new(ax, 6, 3)
    for (name, values), look in zip(curves.items(), LOOKS * len(curves)):
        ax.plot(x, values, label=name, **(look if marks else {**look, "marker": ""}))
    ax.legend()
    return ax


def plot_conversion(result: Any, figure: Figure | None = None) -> Figure:
    """Draw what the pipeline returns: spectrograms with the notes heard, and genres, before and after.

    Parameters
    ----------
    result : what ``NoteNinjaPipeline`` returns
    figure : Figure, optional
        An empty figure to draw on; a new one if None.
    """
    figure = figure or new_figure(11, 6.2)
    grid = figure.subplots(2, 2, width_ratios=(3, 1))
    rows = (("before", result.source, result.source_genre), ("after", result.mono(), result.genre_heard))
    for (picture, bars), (when, audio, genres) in zip(grid, rows):
        plot_spectrogram(audio, picture, result.notes).set_title(f"{when}, with the notes of the source")
        plot_genres(genres, bars).set_title(f"genre heard {when}")
    return figure


def plot_journey(
    result: Any, path: list[tuple[float, tuple[float, float]]], heard: list[dict], figure: Figure
) -> Figure:
    """Draw a piece over its plan: valence, arousal and tempo as planned (lines) and as heard (dots).

    Parameters
    ----------
    result : what ``NoteNinjaPipeline`` returns
    path : list of (place, (valence, arousal))
        Places from 0, the beginning, to 1, the end; moods from -1 to 1.
    heard : list of dict
        As `evaluation.metrics.heard_moods` gives it. Its tempi are put into the octave of the planned ones:
        a beat tracker may count every other beat.
    figure : Figure
        An empty figure.
    """
    seconds, beats = len(result.audio) / result.sample_rate, result.piano_roll.beats
    places, middles = [seconds * place for place, _ in path], [(one["from"] + one["to"]) / 2 for one in heard]
    axes, dots = figure.subplots(3, 1, sharex=True), {"color": VERMILION, "marker": "o", "linestyle": ":"}
    units = {"major_chords": "share of\nmajor chords", "lufs": "loudness\nin LUFS"}
    for number, (ax, name, measure) in enumerate(zip(axes, ("valence", "arousal"), units)):
        ax.plot(places, [mood[number] for _, mood in path], color=BLUE, label="planned", clip_on=False)
        ax.set(ylim=(-1.1, 1.1), yticks=(-1, 0, 1))
        ax.set_ylabel(name, color=BLUE)
        right, values = ax.twinx(), [one[measure] for one in heard]
        right.plot(middles, values, label="heard", clip_on=False, **dots)
        right.set_ylabel(units[measure], color=VERMILION)
        right.spines["top"].set_visible(False)
        if measure == "major_chords":  # at valence -1 no chord should be major, at 1 all of them
            right.set(ylim=(-0.05, 1.05), yticks=(0, 0.5, 1))
        else:
            right.set_ylim(np.mean(values or [-20]) + np.array([-8, 8]))
    tempo = np.array([one["tempo"] or np.nan for one in heard])
    if len(beats) > 1:
        planned = 60 / np.diff(beats)
        axes[2].plot(beats[1:], planned, color=BLUE)
        tempo = tempo * 2 ** np.round(np.log2(np.interp(middles, beats[1:], planned) / tempo))
    axes[2].plot(middles, tempo, clip_on=False, **dots)
    mean = np.nanmean(tempo) if np.isfinite(tempo).any() else 1.0
    axes[2].set(ylim=(0.5 * mean, 1.5 * mean), xlim=(0, seconds), xlabel="minutes", ylabel="beats\na minute")
    step = next((step for step in MARKS if seconds <= 8 * step), MARKS[-1])
    times = np.arange(0, seconds + 1, step)
    axes[2].set_xticks(times, [clock(time) for time in times])
    for ax in axes:
        ax.spines["top"].set_visible(False)
    lines = [axes[0].lines[0], axes[2].lines[-1]]
    figure.legend(lines, ["planned", "heard"], loc="outside upper right", ncols=2)
    return figure
