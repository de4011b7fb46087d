"""Lesson 01, sound and spectrograms: exercises, plots in plain Hz, a laboratory of windows and hops.

The mel spectrograms of all lessons are drawn in `noteninja_lib.plots`. Lesson: 01_sound_and_spectrograms
"""

import ipywidgets as widgets
import librosa
import numpy as np
import torch
from matplotlib.axes import Axes

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import F_MAX, HOP_LENGTH, N_FFT, magnitude, mel_filters, mel_frequencies
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, is_number, is_whole
from noteninja_lib.plots import BLUE, ORANGE, axes_or_new, draw_levels
from noteninja_lib.widgets.workbench import row


def _test_alias(alias):
    for hertz in (440, 3000, 11000):
        below = f"{hertz} Hz lies below half of 22,050 samples a second, so it should stay as it is"
        assert (found := alias(hertz, 22050)) == hertz, f"{below}; you return {found}"
    found = alias(20000, 22050)
    assert found == 2050, f"20,000 Hz at 22,050 samples a second folds to 2,050 Hz; you return {found}"
    assert alias(9000, 16000) == 7000, "another rate folds at another place: use rate, not 22,050"
    turns = "a sine looks the same when any number of whole turns a sample is added"
    for hertz in (23050, 45100):
        assert alias(hertz, 22050) == 1000, f"{hertz} Hz also sounds as 1,000 Hz: {turns}"


def alias(hertz: float, rate: float) -> float:
    """The frequency at which a tone of ``hertz`` is heard after sampling ``rate`` times a second."""
    within = hertz % rate  # whole turns from sample to sample leave no trace
    return min(within, rate - within)  # and the upper half mirrors the lower


ALIAS = Exercise(
    _test_alias,
    alias,
    "First take away whole multiples of the rate (the operator %). What is left lies between 0 and the "
    "rate; the part above the middle is folded back onto the part below it.",
)


def _test_window_for(window_for):
    for gap in (100, 20, 2.45):
        n_fft = window_for(gap)
        assert is_whole(n_fft), f"n_fft is a whole number; you return {n_fft!r}"
        n_fft = int(n_fft)
        assert n_fft > 0 and n_fft & (n_fft - 1) == 0, f"n_fft should be a power of two; you return {n_fft}"
        high = 4 * 22050 / n_fft
        assert high <= gap, (
            f"with n_fft={n_fft} four rows are {high:.1f} Hz high, more than the gap of {gap:g} Hz"
        )
        assert 2 * high > gap, f"for a gap of {gap:g} Hz a shorter window would do; yours is {n_fft}"


def window_for(gap: float, rate: int = 22050) -> int:
    """The shortest window (a power of two) with which tones ``gap`` Hz apart lie four rows apart."""
    n_fft = 2
    while 4 * rate / n_fft > gap:
        n_fft = 2 * n_fft
    return n_fft


WINDOW_FOR = Exercise(
    _test_window_for,
    window_for,
    "Rows are rate / n_fft apart. Begin with a short window, and double it for as long as four rows are "
    "still more than the gap.",
)


def _test_fuzziness(answer):
    for axis, unit in (("time", "frames"), ("frequency", "rows")):
        task = f"{axis} should be the number of {unit} from which on you hear the blur: a number above 0"
        assert is_number(answer[axis]) and answer[axis] > 0, task
    assert answer["worse"] in ("time", "frequency"), "worse should be 'time' or 'frequency'"


def fuzziness() -> dict:
    """One possible answer; yours depends on your ears and on the song."""
    why = """Two frames of blur already take the snap from the drums, but the tune stays clean. One row of
        blur puts a hiss around every note, and that tires me sooner."""
    return {"song": "the first bundled song", "time": 2, "frequency": 1, "worse": "frequency", "why": why}


FUZZINESS = Question(
    _test_fuzziness,
    fuzziness,
    "Halve the widths until you can no longer tell the blurred sound from the sharp one, then go back up. "
    "Listen to the attacks first, then to the space between the notes.",
    {"why": "tell in a sentence or two what each blur does to the sound"},
)

QUIETEST = 1e-6  # magnitude (-120 dB) below which nothing is told apart
HIGHEST = 1500  # Hz, in the laboratory: so high that two tones a semitone apart are seen apart
ROUNDS = 16  # of Griffin and Lim's guessing, in the laboratory
AS_IT_WAS, REBUILT = "the sound itself", "rebuilt from the picture"


def decibels(magnitudes: np.ndarray) -> np.ndarray:
    """Magnitudes as levels in dB; 1 is 0 dB."""
    return 20 * np.log10(np.maximum(magnitudes, QUIETEST))


def plot_stft(
    audio: np.ndarray,
    ax: Axes | None = None,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    highest: float = F_MAX,
) -> Axes:
    """Draw the spectrogram of a sound with a plain frequency axis, and any window and hop.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``.
    ax : Axes, optional
        Where to draw; a new figure if None.
    n_fft, hop_length : int
        Window and step in samples.
    highest : float
        Hz up to which to draw.
    """
    ax = axes_or_new(ax, 9, 3, frame=True)
    levels = decibels(magnitude(torch.from_numpy(np.array(audio, np.float32)), n_fft, hop_length).numpy())
    step, height = hop_length / SAMPLE_RATE, SAMPLE_RATE / n_fft
    draw_levels(
        ax, levels, (-step / 2, (levels.shape[1] - 0.5) * step, -height / 2, (len(levels) - 0.5) * height)
    )
    ax.set(xlabel="time in seconds", ylabel="frequency in Hz")
    ax.set(xlim=(0, len(audio) / SAMPLE_RATE), ylim=(0, highest))
    return ax


def plot_filters(ax: Axes | None = None, every: int = 8, highest: float = 4000) -> Axes:
    """Draw one of ``every`` so many mel filters up to ``highest`` Hz: the share of a frequency in a row."""
    ax = axes_or_new(ax, 9, 2.3)
    hertz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    for number in range(0, len(mel_frequencies()), every):
        ax.plot(hertz, mel_filters()[number], color=(BLUE, ORANGE)[number // every % 2])
    ax.set(xlabel="frequency in Hz", ylabel="share", xlim=(0, highest))
    return ax


class SpectrogramLab(Desk):
    """Sliders for window and hop, the spectrogram that they give, and how much of the sound is left in it.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and short mono sound at ``SAMPLE_RATE``.
    """

    def __init__(self, sounds: dict[str, np.ndarray]):
        super().__init__()
        self.sounds = dict(sounds)
        self.sound = widgets.Dropdown(options=list(self.sounds), description="sound")
        still = {"continuous_update": False}
        sizes = [2**power for power in range(5, 14)]
        self.n_fft = widgets.SelectionSlider(options=sizes[2:], value=N_FFT, description="n_fft", **still)
        self.hop = widgets.SelectionSlider(
            options=sizes[:-1], value=HOP_LENGTH, description="hop length", **still
        )
        self.way = widgets.ToggleButtons(options=(AS_IT_WAS, REBUILT), description="hear")
        self.way.style.button_width = "14em"
        for control in (self.sound, self.n_fft, self.hop, self.way):
            control.observe(self.update, "value")
        controls = row(self.sound, self.n_fft, self.hop)
        self.arrange(controls, self.way, self.message, self.picture, self.player)
        self.update()

    def update(self, _: object = None) -> None:
        """Draw and play what the controls ask for."""
        audio, n_fft, hop = self.sounds[self.sound.value], self.n_fft.value, self.hop.value
        self.show(
            lambda ax: plot_stft(audio, ax, n_fft=n_fft, hop_length=hop, highest=HIGHEST),
            audio if self.way.value == AS_IT_WAS else self.rebuild(audio, n_fft, hop),
        )
        window, step, gap = 1000 * n_fft / SAMPLE_RATE, 1000 * hop / SAMPLE_RATE, SAMPLE_RATE / n_fft
        self.message.value = (
            f"The window lasts {window:.0f} ms, and its rows lie {gap:.1f} Hz apart. "
            f"A new frame begins every {step:.1f} ms: {_coverage(n_fft, hop)}."
        )

    @staticmethod
    def rebuild(audio: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
        """Sound of a spectrogram without its phase, by some rounds of guessing."""
        magnitudes = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop))
        settings: dict = {"n_iter": ROUNDS, "length": len(audio), "random_state": 0}
        guess = librosa.griffinlim(magnitudes, n_fft=n_fft, hop_length=hop, **settings)
        return np.clip(np.nan_to_num(guess), -1, 1)


def _coverage(n_fft, hop):
    if hop > n_fft:
        return f"<b>{1 - n_fft / hop:.0%} of the sound fall into gaps between the windows</b>"
    return f"each moment is seen by {n_fft // hop} window{'s' if n_fft > hop else ''}"
