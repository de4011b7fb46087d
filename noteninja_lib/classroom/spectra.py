"""Spectra to look at, and a laboratory of windows and hops.

The mel pictures of all lessons are in :mod:`noteninja_lib.classroom.plotting`; here are those with a plain frequency
axis, whose window and hop can be chosen. Lesson: 01_sound_and_spectrograms
"""
import io

import ipywidgets as widgets
import librosa
import numpy as np
import torch
from matplotlib.figure import Figure

from ..sound.audio import SAMPLE_RATE, to_mp3
from ..sound.spectrogram import F_MAX, HOP_LENGTH, N_FFT, magnitude, mel_filters, mel_frequencies
from .plotting import BLUE, DARKEST, ORANGE, SPECTROGRAM_MAP, _axes
from .style import style_sheet
from .working import name_parts, row

QUIETEST = 1e-6          # magnitude (-120 dB) below which nothing is told apart
HIGHEST = 1500           # Hz, in the laboratory: so high that two tones a semitone apart are seen apart
ROUNDS = 16              # of Griffin and Lim's guessing, in the laboratory
AS_IT_WAS, REBUILT = "the sound itself", "rebuilt from the picture"


def decibels(magnitudes):
    """Magnitudes as levels in dB; 1 is 0 dB."""
    return 20 * np.log10(np.maximum(magnitudes, QUIETEST))


def plot_spectrum(audio, ax=None, highest=F_MAX):
    """Draw how much of each frequency is in a whole sound, without time.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.
    highest : float
        Hz up to which to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 2.5))
    window = np.hanning(len(audio))
    level = decibels(np.abs(np.fft.rfft(audio * window)) * 2 / window.sum())
    ax.plot(np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE), level, color=BLUE, linewidth=1)
    ax.set(xlabel="frequency in Hz", ylabel="level in dB", xlim=(0, highest), ylim=(level.max() - DARKEST, level.max() + 3))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_stft(audio, ax=None, *, n_fft=N_FFT, hop_length=HOP_LENGTH, highest=F_MAX):
    """Draw the spectrogram of a sound with a plain frequency axis, and any window and hop.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.
    n_fft, hop_length : int
        Window and step in samples.
    highest : float
        Hz up to which to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 3))
    picture = decibels(magnitude(torch.from_numpy(np.array(audio, np.float32)), n_fft, hop_length).numpy())
    step, height = hop_length / SAMPLE_RATE, SAMPLE_RATE / n_fft
    image = ax.imshow(picture, origin="lower", aspect="auto", cmap=SPECTROGRAM_MAP, interpolation="nearest",
                      vmin=picture.max() - DARKEST, vmax=picture.max(),
                      extent=(-step / 2, (picture.shape[1] - 0.5) * step, -height / 2, (len(picture) - 0.5) * height))
    ax.figure.colorbar(image, ax=ax, label="level in dB", pad=0.01)
    ax.set(xlabel="time in seconds", ylabel="frequency in Hz", xlim=(0, len(audio) / SAMPLE_RATE), ylim=(0, highest))
    return ax


def plot_filters(ax=None, every=8, highest=4000):
    """Draw some of the mel filters: how much of each frequency goes into a row of the mel picture.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.
    every : int
        One filter of so many is drawn.
    highest : float
        Hz up to which to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 2.3))
    hertz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    for number in range(0, len(mel_frequencies()), every):
        ax.plot(hertz, mel_filters()[number], color=(BLUE, ORANGE)[number // every % 2])
    ax.set(xlabel="frequency in Hz", ylabel="share", xlim=(0, highest))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def spectrogram_lab(sounds):
    """Turn the window and the hop of a spectrogram, see what becomes of it, and hear how much of the sound is left in it.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and short mono sound at ``SAMPLE_RATE``.

    Returns
    -------
    SpectrogramLab
    """
    return SpectrogramLab(sounds)


class SpectrogramLab(widgets.VBox):
    """Sliders for window and hop, a picture and a player; parameters as those of `spectrogram_lab`."""

    def __init__(self, sounds):
        self.sounds = dict(sounds)
        self.sound = widgets.Dropdown(options=list(self.sounds), description="sound")
        self.n_fft = widgets.SelectionSlider(options=[2 ** power for power in range(7, 14)], value=N_FFT, description="n_fft",
                                             continuous_update=False)
        self.hop = widgets.SelectionSlider(options=[2 ** power for power in range(5, 13)], value=HOP_LENGTH,
                                           description="hop length", continuous_update=False)
        self.way = widgets.ToggleButtons(options=(AS_IT_WAS, REBUILT), description="hear", style={"button_width": "14em"})
        self.picture, self.facts = widgets.Image(format="png"), widgets.HTML()
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        name_parts(lab_sound=self.sound, n_fft=self.n_fft, hop=self.hop, way=self.way, lab_picture=self.picture,
                   lab_audio=self.player, facts=self.facts)
        for control in (self.sound, self.n_fft, self.hop, self.way):
            control.observe(self.update, "value")
        super().__init__([style_sheet(), row(self.sound, self.n_fft, self.hop), self.way, self.facts, self.picture, self.player])
        self.update()

    def update(self, _=None):
        """Draw and play what the controls ask for."""
        audio, n_fft, hop = self.sounds[self.sound.value], self.n_fft.value, self.hop.value
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        plot_stft(audio, figure.subplots(), n_fft=n_fft, hop_length=hop, highest=HIGHEST)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        self.picture.value = png.getvalue()
        self.player.value = to_mp3(audio if self.way.value == AS_IT_WAS else self.rebuild(audio, n_fft, hop))
        self.facts.value = (f"The window lasts {1000 * n_fft / SAMPLE_RATE:.0f} ms, and its rows lie {SAMPLE_RATE / n_fft:.1f} Hz "
                            f"apart. A new column begins every {1000 * hop / SAMPLE_RATE:.1f} ms: {_coverage(n_fft, hop)}.")

    @staticmethod
    def rebuild(audio, n_fft, hop):
        """Sound of a spectrogram without its phase, by some rounds of guessing."""
        magnitudes = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop))
        guess = librosa.griffinlim(magnitudes, n_iter=ROUNDS, hop_length=hop, n_fft=n_fft, length=len(audio), random_state=0)
        return np.clip(np.nan_to_num(guess), -1, 1)


def _coverage(n_fft, hop):
    if hop > n_fft:
        return f"<b>{1 - n_fft / hop:.0%} of the sound fall into gaps between the windows</b>"
    return f"each moment is seen by {n_fft // hop} window{'s' if n_fft > hop else ''}"
