"""Exercises of lesson 01: sound and spectrograms."""

import io

import ipywidgets as widgets
import librosa
import numpy as np
import torch
from matplotlib.figure import Figure

from noteninja_lib.audio.io import SAMPLE_RATE, to_mp3
from noteninja_lib.audio.spectrogram import F_MAX, HOP_LENGTH, N_FFT, magnitude, mel_filters, mel_frequencies
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.plots import BLUE, DARKEST, ORANGE, SPECTROGRAM_MAP, _axes
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.workbench import name_parts, row


def _test_alias(alias):
    assert callable(alias), "hand in the function itself: check(alias), without brackets behind alias"
    for hertz in (440, 3000, 11000):
        assert alias(hertz, 22050) == hertz, (
            f"{hertz} Hz lies below half of 22,050 samples a second, so it should stay as it is; you return {alias(hertz, 22050)}"
        )
    assert alias(20000, 22050) == 2050, (
        f"20,000 Hz at 22,050 samples a second folds to 2,050 Hz; you return {alias(20000, 22050)}"
    )
    assert alias(9000, 16000) == 7000, "another rate folds at another place: use rate, not 22,050"
    for hertz in (23050, 45100):
        assert alias(hertz, 22050) == 1000, (
            f"{hertz} Hz also sounds as 1,000 Hz: a sine looks the same when any number of whole turns a sample is added"
        )


def alias(hertz, rate):
    """The frequency at which a tone of ``hertz`` is heard after sampling ``rate`` times a second."""
    within = hertz % rate  # whole turns from sample to sample leave no trace
    return min(within, rate - within)  # and the upper half mirrors the lower


ALIAS = Exercise(
    _test_alias,
    "First take away whole multiples of the rate (the operator %). What is left lies between 0 and the "
    "rate; the part above the middle is folded back onto the part below it.",
    alias,
)


def _test_window_for(window_for):
    assert callable(window_for), (
        "hand in the function itself: check(window_for), without brackets behind window_for"
    )
    for gap in (100, 20, 2.45):
        n_fft = window_for(gap)
        assert isinstance(n_fft, (int, np.integer)), (
            f"n_fft is a whole number of samples; you return {n_fft!r}"
        )
        assert n_fft > 0 and n_fft & (n_fft - 1) == 0, f"n_fft should be a power of two; you return {n_fft}"
        assert 4 * 22050 / n_fft <= gap, (
            f"with n_fft={n_fft} four rows are {4 * 22050 / n_fft:.1f} Hz high, more than the gap of {gap:g} Hz"
        )
        assert 4 * 22050 / (n_fft // 2) > gap, (
            f"for a gap of {gap:g} Hz a shorter window would do; yours is {n_fft}"
        )


def window_for(gap, rate=22050):
    """The shortest window (a power of two) whose rows are so close that two tones ``gap`` Hz apart lie four rows apart."""
    n_fft = 2
    while 4 * rate / n_fft > gap:
        n_fft = 2 * n_fft
    return n_fft


WINDOW_FOR = Exercise(
    _test_window_for,
    "Rows are rate / n_fft apart. Begin with a short window, and double it for as long as four "
    "rows are still more than the gap.",
    window_for,
)


def _test_fuzziness(answer):
    assert isinstance(answer, dict) and {"song", "time", "frequency", "worse", "why"} <= set(answer), (
        "hand in a dict with the keys song, time, frequency, worse and why"
    )
    for axis, unit in (("time", "columns"), ("frequency", "rows")):
        amount = answer[axis]
        assert isinstance(amount, (int, float)) and amount > 0, (
            f"{axis} should be the number of {unit} from which on you hear the blur: a number above 0"
        )
    assert answer["worse"] in ("time", "frequency"), "worse should be 'time' or 'frequency'"
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two what each blur does to the sound; so far it is {words} words"
    )


def fuzziness():
    """One possible answer; yours depends on your ears and on the song."""
    return {
        "song": "the first bundled song",
        "time": 2,
        "frequency": 1,
        "worse": "frequency",
        "why": "Two columns of blur already take the snap from the drums, but the tune stays clean. One row of blur puts a "
        "hiss around every note, and that tires me sooner.",
    }


FUZZINESS = Exercise(
    _test_fuzziness,
    "Halve the amounts until you can no longer tell the blurred sound from the sharp one, then go "
    "back up. Listen to the attacks first, then to the space between the notes.",
    fuzziness,
    answer=lambda solution: solution(),
)


# Spectra to look at, and a laboratory of windows and hops.
#
# The mel pictures of all lessons are in :mod:`noteninja_lib.plots`; here are those with a plain frequency
# axis, whose window and hop can be chosen. Lesson: 01_sound_and_spectrograms

QUIETEST = 1e-6  # magnitude (-120 dB) below which nothing is told apart
HIGHEST = 1500  # Hz, in the laboratory: so high that two tones a semitone apart are seen apart
ROUNDS = 16  # of Griffin and Lim's guessing, in the laboratory
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
    ax.set(
        xlabel="frequency in Hz",
        ylabel="level in dB",
        xlim=(0, highest),
        ylim=(level.max() - DARKEST, level.max() + 3),
    )
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
    image = ax.imshow(
        picture,
        origin="lower",
        aspect="auto",
        cmap=SPECTROGRAM_MAP,
        interpolation="nearest",
        vmin=picture.max() - DARKEST,
        vmax=picture.max(),
        extent=(-step / 2, (picture.shape[1] - 0.5) * step, -height / 2, (len(picture) - 0.5) * height),
    )
    ax.figure.colorbar(image, ax=ax, label="level in dB", pad=0.01)
    ax.set(
        xlabel="time in seconds",
        ylabel="frequency in Hz",
        xlim=(0, len(audio) / SAMPLE_RATE),
        ylim=(0, highest),
    )
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
        self.n_fft = widgets.SelectionSlider(
            options=[2**power for power in range(7, 14)],
            value=N_FFT,
            description="n_fft",
            continuous_update=False,
        )
        self.hop = widgets.SelectionSlider(
            options=[2**power for power in range(5, 13)],
            value=HOP_LENGTH,
            description="hop length",
            continuous_update=False,
        )
        self.way = widgets.ToggleButtons(
            options=(AS_IT_WAS, REBUILT), description="hear", style={"button_width": "14em"}
        )
        self.picture, self.facts = widgets.Image(format="png"), widgets.HTML()
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        name_parts(
            lab_sound=self.sound,
            n_fft=self.n_fft,
            hop=self.hop,
            way=self.way,
            lab_picture=self.picture,
            lab_audio=self.player,
            facts=self.facts,
        )
        for control in (self.sound, self.n_fft, self.hop, self.way):
            control.observe(self.update, "value")
        super().__init__(
            [
                style_sheet(),
                row(self.sound, self.n_fft, self.hop),
                self.way,
                self.facts,
                self.picture,
                self.player,
            ]
        )
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
        self.facts.value = (
            f"The window lasts {1000 * n_fft / SAMPLE_RATE:.0f} ms, and its rows lie {SAMPLE_RATE / n_fft:.1f} Hz "
            f"apart. A new column begins every {1000 * hop / SAMPLE_RATE:.1f} ms: {_coverage(n_fft, hop)}."
        )

    @staticmethod
    def rebuild(audio, n_fft, hop):
        """Sound of a spectrogram without its phase, by some rounds of guessing."""
        magnitudes = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop))
        guess = librosa.griffinlim(
            magnitudes, n_iter=ROUNDS, hop_length=hop, n_fft=n_fft, length=len(audio), random_state=0
        )
        return np.clip(np.nan_to_num(guess), -1, 1)


def _coverage(n_fft, hop):
    if hop > n_fft:
        return f"<b>{1 - n_fft / hop:.0%} of the sound fall into gaps between the windows</b>"
    return f"each moment is seen by {n_fft // hop} window{'s' if n_fft > hop else ''}"
