"""Lesson 12, singers and stems: exercises, a sung tune with known stems, masks, YIN, and a desk of masks.

Lesson: 12_singers_and_stems
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import ipywidgets as widgets
import librosa
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import RENDER_RATE, render_lead_and_band
from noteninja_lib.arranger.vocals import octave, sing, speak
from noteninja_lib.audio.io import SAMPLE_RATE, limit, load, mono, normalise
from noteninja_lib.evaluation.metrics import sdr
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, is_number
from noteninja_lib.models import separator
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.plots import BLUE, LOOKS, axes_or_new, new_figure, plot_curves
from noteninja_lib.source import in_stereo
from noteninja_lib.widgets.players import bundled_songs
from noteninja_lib.widgets.workbench import row


def _test_soft(soft):
    voice, band = np.array([3.0, 1.0, 0.0, 2.0]), np.array([1.0, 1.0, 2.0, 0.0])
    share = soft(voice, band)
    assert np.shape(share) == (4,), f"return one number for each pixel; yours has the shape {np.shape(share)}"
    both = "where the voice is 3 and the band is 1, their powers are 9 and 1"
    assert abs(share[0] - 0.9) < 1e-6, f"{both}: the voice's share of the power is 0.9, not {share[0]:.3g}"
    found = np.round(np.asarray(share, float), 6).tolist()
    assert found == [0.9, 0.5, 0.0, 1.0], f"it should be 0.9, 0.5, 0, 1; it is {found}"
    silence = soft(np.zeros(1), np.zeros(1))
    assert np.isfinite(silence).all(), "where both are silent, nothing may be divided by 0"


def soft(voice: np.ndarray, band: np.ndarray) -> np.ndarray:
    """A mask from two magnitudes: the voice's share of the power."""
    power = voice**2 + band**2
    return voice**2 / np.maximum(power, 1e-12)


SOFT = Exercise(
    _test_soft,
    soft,
    "Power is the square of the magnitude. For silence: np.maximum(power, 1e-12) is never 0.",
)


def _test_fold(fold):
    for pitch, near, right in (
        (50.2, 62, 62.2),
        (74.2, 62, 62.2),
        (86, 62, 62),
        (41.5, 50, 53.5),
        (61.5, 62, 61.5),
    ):
        found = fold(pitch, near)
        assert is_number(found), f"fold should return a number; it returned {found!r}"
        octaves = (found - pitch) / 12
        whole = f"only whole octaves may be added or taken away; {pitch:g} became {found:g}"
        assert abs(octaves - round(octaves)) < 1e-5, whole
        assert abs(found - right) < 1e-4, f"near {near}, {pitch:g} should become {right:g}, not {found:g}"


def fold(pitch: float, near: float) -> float:
    """A pitch in semitones, moved by whole octaves until it is as near to another as it can be."""
    return pitch + 12 * round((near - pitch) / 12)


FOLD = Exercise(
    _test_fold,
    fold,
    "How many octaves lie between the two? Round that number, and move the pitch by as many.",
)


def _test_choice(answer):
    ways = ("keep", "play", "off")
    assert answer["voice"] in ways, "voice should be 'keep', 'play' or 'off': the way that you would release"


def choice() -> dict:
    """One possible answer; yours depends on the song and on your ears."""
    why = """With the voice kept it is still her song, and the words stay. Played by an instrument it loses
        the breath between the lines, which is what I like in it."""
    leak = """Under the kept voice I hear a trace of the old cymbals wherever she sings an s, and in long
        notes a little of the old organ."""
    return {"song": "the bundled song", "voice": "keep", "why": why, "leak": leak}


CHOICE = Question(
    _test_choice,
    choice,
    "Listen to the stems by themselves first. Traces of the old band are easiest to hear in the pauses.",
    {
        "why": "under why tell in a sentence or two what speaks for that way",
        "leak": "under leak tell in a sentence or two what of the old band is left in the voice, or of the "
        "voice in the band",
    },
    least=10,
)

TUNE, GENRE, SEED = "aird-0970-peggy-bawn", "pop", 2  # of the bundled song that is sung
BEGIN, DRAWN = 5.5, 8  # seconds of it before somebody sings, and of a mask that are drawn
N_FFT, HOP = 2048, 512  # samples: at half the separator's rate its own grid
HIGHEST = separator.BINS * SAMPLE_RATE / N_FFT  # Hz that the separator sees
RATE, FRAME_HOP = 16000, 256  # of the pitch: Hz, samples from frame to frame (16 ms)
_ABOVE: dict = {"fontsize": 8, "ncols": 5, "loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False}
WINDOW, SHORTEST, LONGEST = 1024, 16, 246  # samples: a window, and periods of 1,000 and 65 Hz


@dataclass
class Stems:
    """A sung song of which everything is known.

    Attributes
    ----------
    voice, band : np.ndarray, shape (samples,)
        Mono, 22,050 Hz; their sum is the song.
    dry : np.ndarray, shape (samples,)
        The voice without room and effects, mono, 16,000 Hz.
    notes : list of Note
        What is sung, at the pitch at which it is sung.
    """

    voice: np.ndarray
    band: np.ndarray
    dry: np.ndarray
    notes: list[Note]


def sung_song(seconds: float) -> np.ndarray:
    """The bundled song that is sung, from the singer's entry on; (samples,), mono, 22,050 Hz."""
    return load(list(bundled_songs().values())[-1], offset=BEGIN, duration=seconds)


def speech(seconds: float) -> np.ndarray:
    """Somebody who raps without words; (samples,), mono, 22,050 Hz."""
    played = arrange(find_tune(TUNE), load_recipe("hiphop"), SEED)
    (rapper,) = (part for part in played.parts if part.name == "voice")
    sound = speak(rapper.notes, round(played.duration * SAMPLE_RATE), SAMPLE_RATE, SEED)
    return normalise(_excerpt(sound, seconds, SAMPLE_RATE))


def _excerpt(sound, seconds, rate):
    return sound[round(BEGIN * rate) : round((BEGIN + seconds) * rate)]


def sung_stems(seconds: float) -> Stems:
    """The bundled song that is sung, played and sung anew by the band, from the singer's entry on."""
    played = arrange(find_tune(TUNE), load_recipe(GENRE), SEED, sung=True)
    voice, band = (
        mono(_excerpt(stem, seconds, RENDER_RATE), RENDER_RATE) for stem in render_lead_and_band(played)
    )
    dry = _excerpt(sing(played.melody, round(played.duration * RATE), RATE, SEED), seconds, RATE)
    up, notes = octave(played.melody, SEED), []
    for note in played.melody:
        start, end = note.start - BEGIN, min(note.end - BEGIN, seconds)
        if 0 <= start < end:
            notes.append(replace(note, start=start, end=end, pitch=note.pitch + up))
    return Stems(voice, band, dry, notes)


def part(song: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voice and band, each (samples,), in a mono song at 22,050 Hz, as the library's separator hears them."""
    voice = np.concatenate([voice for _, voice in separator.separate(in_stereo(song))])
    voice = mono(voice, separator.RATE)[: len(song)]
    voice = np.pad(voice, (0, len(song) - len(voice)))
    return voice, song - voice


def stft(audio: np.ndarray) -> np.ndarray:
    """Short-time Fourier transform (1025, frames) of a mono sound, complex."""
    return librosa.stft(audio, n_fft=N_FFT, hop_length=HOP)


def istft(spectrum: np.ndarray, samples: int) -> np.ndarray:
    """The way back to sound (samples,)."""
    return librosa.istft(spectrum, n_fft=N_FFT, hop_length=HOP, length=samples)


@torch.no_grad()
def network_mask(mix: np.ndarray) -> np.ndarray:
    """The separator's mask (1025, frames) for a mono mix."""
    strength = np.abs(stft(mix)[: separator.BINS]).T * 2  # a window at 44,100 Hz has twice as many samples
    seen = torch.from_numpy(strength * np.float32(separator.LEVEL / mix.std()))
    seen = torch.nn.functional.pad(seen, (0, 0, 0, -len(seen) % separator.FOLD))
    mask = load_model(separator.VoiceSeparator)(seen.expand(1, 2, -1, -1))[0].mean(0).T.numpy()
    return np.pad(mask[:, : len(strength)], ((0, 1 + N_FFT // 2 - separator.BINS), (0, 0)), "edge")


def plot_mask(mask: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw a mask (rows, frames): its first eight seconds; black is the band's, bright the voice's."""
    ax, mask = axes_or_new(ax, 9, 3, frame=True), mask[:, : DRAWN * SAMPLE_RATE // HOP]
    step, height = HOP / SAMPLE_RATE, SAMPLE_RATE / N_FFT
    extent = (-step / 2, (mask.shape[1] - 0.5) * step, -height / 2, (len(mask) - 0.5) * height)
    look: dict = {"cmap": "magma", "origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    ax.imshow(mask, extent=extent, vmin=0, vmax=1, **look)
    ax.set(xlabel="time in seconds", ylabel="frequency in Hz", ylim=(0, HIGHEST))
    return ax


def plot_masks(masks: dict[str, np.ndarray]) -> Figure:
    """Draw masks (rows, frames) by title side by side, with one bar for all."""
    figure = new_figure(11, 3)
    grid = figure.subplots(1, len(masks), sharey=True, squeeze=False)[0]
    for ax, (title, mask) in zip(grid, masks.items()):
        plot_mask(mask, ax).set_title(title, fontsize=10)
        ax.label_outer()
    figure.colorbar(grid[0].images[0], ax=grid, label="share of the voice", pad=0.01)
    return figure


def frames_of(audio: np.ndarray) -> np.ndarray:
    """Pieces (frames, 1270) of a mono sound at 16,000 Hz, one every 16 ms: a window and the longest lag."""
    length = WINDOW + LONGEST
    padded = np.pad(audio.astype(float), (length // 2, length))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, length)[::FRAME_HOP]
    return pieces[: len(audio) // FRAME_HOP]


def autocorrelations(pieces: np.ndarray) -> np.ndarray:
    """Autocorrelation (frames, 246) of pieces by lag, by way of their spectra."""
    size = 2 * pieces.shape[1]
    begins, whole = np.fft.rfft(pieces[:, :WINDOW], size), np.fft.rfft(pieces, size)
    return np.fft.irfft(begins.conj() * whole)[:, :LONGEST]


def differences(pieces: np.ndarray) -> np.ndarray:
    """YIN's difference function (frames, 246): the energies of both windows, less twice what they share."""
    running = np.cumsum(np.pad(pieces**2, ((0, 0), (1, 0))), 1)
    energy = (running[:, WINDOW:] - running[:, :-WINDOW])[:, :LONGEST]
    return energy[:, :1] + energy - 2 * autocorrelations(pieces)


def normalised(difference: np.ndarray) -> np.ndarray:
    """Differences (..., lags) over their mean up to each lag; 1 at lag 0."""
    means = np.cumsum(difference[..., 1:], -1) / np.arange(1, difference.shape[-1])
    return np.insert(difference[..., 1:] / np.maximum(means, 1e-12), 0, 1, -1)


def first_dip(curve: np.ndarray, threshold: float) -> int:
    """The bottom of the first dip of a normalised difference below a threshold, or the deepest of all."""
    below = np.flatnonzero(curve[SHORTEST:] < threshold)
    lag = SHORTEST + (below[0] if len(below) else curve[SHORTEST:].argmin())
    while lag + 1 < len(curve) and curve[lag + 1] < curve[lag]:
        lag += 1
    return int(lag)


def pitch_of(lags: np.ndarray) -> np.ndarray:
    """MIDI pitch of periods in samples at 16,000 Hz."""
    return 69 + 12 * np.log2(RATE / np.asarray(lags) / 440)


def pitch_by_autocorrelation(audio: np.ndarray) -> np.ndarray:
    """MIDI pitch (frames,) of a voice at 16,000 Hz: the highest peak of the autocorrelation."""
    return pitch_of(SHORTEST + autocorrelations(frames_of(audio))[:, SHORTEST:].argmax(1))


def pitch_by_yin(audio: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """MIDI pitch (frames,) of a voice at 16,000 Hz, by YIN; de Cheveigné and Kawahara 2002."""
    curves = normalised(differences(frames_of(audio)))
    return pitch_of(np.array([first_dip(curve, threshold) for curve in curves]))


def true_pitch(notes: list[Note], frames: int) -> np.ndarray:
    """MIDI pitch (frames,) that is sung in each frame of 16 ms; nan in rests."""
    pitch = np.full(frames, np.nan)
    for note in notes:
        pitch[round(note.start * RATE / FRAME_HOP) : round(note.end * RATE / FRAME_HOP)] = note.pitch
    return pitch


def plot_lags(curves: dict[str, Sequence[float]], lag: float = np.nan, threshold: float = np.nan) -> Axes:
    """Draw curves (246,) by lag in samples, with a dotted line at one lag or at a height."""
    ax = plot_curves(range(LONGEST), curves, axes_or_new(None, 8, 2.8), marks=False)
    ax.axvline(lag, color="grey", linestyle=":")
    ax.axhline(threshold, color="grey", linestyle=":")
    ax.set(xlabel="lag in samples of 1/16,000 s", xlim=(0, LONGEST))
    ax.legend(**_ABOVE)
    return ax


def plot_pitches(
    curves: dict[str, np.ndarray], notes: list[Note], ax: Axes | None = None, found: Sequence[Note] = ()
) -> Axes:
    """Draw curves of MIDI pitch (frames,), a frame every 16 ms; below them known notes and those found."""
    ax = axes_or_new(ax, 9, 3.2)
    looks: tuple[dict, ...] = (
        {"color": "lightgrey", "linewidth": 9, "zorder": 1},
        {"color": BLUE, "linewidth": 2.5, "zorder": 3},
    )
    for label, kind, look in zip(("true notes", "notes found"), (notes, found), looks):
        if kind:
            spans = [(note.pitch, note.start, note.end) for note in kind]
            ax.hlines(*zip(*spans), label=label, **look)
    for (name, pitch), look, size in zip(curves.items(), LOOKS[1:], (5, 3.5, 2)):  # so that all are seen
        marks: dict = {"marker": look["marker"], "color": look["color"], "markersize": size}
        ax.plot(np.arange(len(pitch)) * FRAME_HOP / RATE, pitch, linestyle="", label=name, **marks)
    ax.set(xlabel="time in seconds", ylabel="MIDI pitch")
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.legend(**_ABOVE)
    return ax


class MaskDesk(Desk):
    """A mask that can be made softer or harder, and the voice over the band as loud as one likes.

    Parameters
    ----------
    stems : Stems
    masks : dict of str to np.ndarray
        Title and mask (1025, frames) of the voice in their sum.
    """

    def __init__(self, stems: Stems, masks: dict[str, np.ndarray]):
        super().__init__()
        self.stems, self.masks, self.mix = stems, masks, stems.voice + stems.band
        still = {"continuous_update": False}
        self.mask = widgets.Dropdown(options=list(masks), description="mask")
        self.power = widgets.SelectionSlider(
            options=(0.25, 0.5, 1, 2, 4, 16), value=1, description="hardness", **still
        )
        self.gain = widgets.IntSlider(0, min=-30, max=30, step=3, description="voice, dB", **still)
        for control in (self.mask, self.power, self.gain):
            control.observe(self.update, "value")
        self.arrange(row(self.mask, self.power, self.gain), self.message, self.picture, self.player)
        self.update()

    def update(self, _: object = None) -> None:
        """Draw and play what the controls ask for."""
        mask, power = self.masks[self.mask.value], self.power.value
        mask = mask**power / (mask**power + (1 - mask) ** power)  # a power above 1 makes its edges steeper
        voice = istft(mask * stft(self.mix), len(self.mix))
        louder = np.float32(10 ** (self.gain.value / 20))
        mixed = (louder * voice + self.mix - voice) / max(1, louder)
        self.show(lambda ax: plot_mask(mask, ax), limit(mixed, 0.98))
        self.say(f"The voice that this mask gives has an SDR of {sdr(self.stems.voice, voice):.1f} dB.")
