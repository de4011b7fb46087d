"""A mumbled voice: rap without words.

Someone who speaks in rhythm tells hip-hop from other music with a slow beat. No soundfont can do that, so
this module makes one: each syllable is a noise burst (its consonant) and a train of glottal pulses
(Rosenberg, 1971) whose pitch falls as in speech, both shaped by the resonances of a mouth (formants; Klatt,
1980) that moves from vowel to vowel. The vowels are drawn by chance: there is nothing to understand.
"""

import numpy as np
import soxr
from scipy.signal import istft, stft

from noteninja_lib.arranger.performance import Note

VOICE_RATE = 22050
_HOP, _WINDOW = 256, 512  # 12 ms: fast enough for a mouth
_STFT = {"nperseg": _WINDOW, "noverlap": _WINDOW - _HOP}
#: Formants 1 to 4 in Hz, rounded; the first three after Peterson and Barney (1952, men).
VOWELS = {"a": (730, 1090, 2440, 3400), "e": (530, 1840, 2480, 3500), "i": (300, 2200, 2900, 3600)}
VOWELS |= {"o": (500, 900, 2400, 3300), "u": (320, 870, 2240, 3200), "er": (490, 1350, 1690, 3300)}
VOWELS |= {"ae": (660, 1700, 2400, 3500), "uh": (600, 1200, 2400, 3400)}
_BANDWIDTHS = (70.0, 90.0, 130.0, 180.0)
#: Noise of a consonant: centre and width in Hz, seconds, loudness 0..1.
CONSONANTS = {"s": (5500, 2500, 0.07, 0.5), "sh": (3000, 1500, 0.07, 0.5), "f": (6500, 5000, 0.05, 0.25)}
CONSONANTS |= {"t": (4000, 3000, 0.025, 0.9), "k": (1900, 900, 0.03, 0.9), "p": (900, 800, 0.02, 0.8)}
CONSONANTS |= {"d": (3000, 2000, 0.012, 0.6), "b": (500, 400, 0.01, 0.4), "none": (1000, 1000, 0.01, 0.0)}
_HISS = 0.004  # of consonants beside the voice, in the unit of the transform
_GLIDE = 3.3  # semitones above its own pitch at which a syllable begins; it ends as far below


def speak(notes: list[Note], samples: int, sample_rate: int, seed: int) -> np.ndarray:
    """The sound of syllables.

    Parameters
    ----------
    notes : list of Note
        One a syllable: start and end, the pitch that the voice passes through, velocity as stress.
    samples, sample_rate : int
        Length of the result, and its rate in Hz.
    seed : int
        Draws vowels and consonants; equal input gives equal bytes.

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    rng = np.random.default_rng(seed)
    length = int(np.ceil(samples / sample_rate * VOICE_RATE))
    pitch, loud, formants, noise = _tracks(notes, length // _HOP + 1, rng)
    voiced = stft(_glottis(pitch, loud, length, rng), **_STFT)[2]
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / VOICE_RATE).astype(np.float32)[:, None]
    at = np.minimum(np.arange(voiced.shape[1]), len(pitch) - 1)
    centre, width, loudness = noise[at].T
    hiss = _HISS * loudness * np.exp(-0.5 * ((frequencies - centre) / width) ** 2)
    breath = rng.standard_normal((2, *voiced.shape), np.float32)
    spoken = voiced * _mouth(frequencies, formants[at]) + (breath[0] + 1j * breath[1]) * hiss
    sound = soxr.resample(istft(spoken, **_STFT)[1], VOICE_RATE, sample_rate)[:samples]
    return np.pad(sound, (0, samples - len(sound))).astype(np.float32)


def _tracks(notes, frames, rng):
    """By frame: pitch in Hz, loudness, formants (frames, 4), noise (frames, 3: centre, width, loudness)."""
    pitch, loud, formants = np.full(frames, np.nan), np.zeros(frames), np.full((frames, 4), np.nan)
    noise = np.tile([1000.0, 1000.0, 0.0], (frames, 1))
    for note in notes:
        start = int(note.start * VOICE_RATE / _HOP)
        stop = min(frames, max(start + 2, int(note.end * VOICE_RATE / _HOP)))
        stress, along = 0.5 + 0.5 * note.velocity / 127, np.linspace(0, 1, stop - start)
        centre, width, seconds, loudness = list(CONSONANTS.values())[rng.integers(len(CONSONANTS))]
        first = max(0, start - max(1, int(seconds * VOICE_RATE / _HOP)))  # the vowel is on the beat
        noise[first:start] = centre, width, loudness * stress
        vowels = np.array(list(VOWELS.values()), float)[rng.integers(len(VOWELS), size=2)]
        goal = vowels[1] if rng.random() < 0.35 else vowels[0]  # one in three is a diphthong
        formants[start:stop] = vowels[0] + along[:, None] * (goal - vowels[0])
        seconds = (stop - start) * _HOP / VOICE_RATE
        edges = np.minimum(np.minimum(along / 0.015, (1 - along) / 0.03) * seconds, 1)
        loud[start:stop] = edges * stress * (1 - 0.3 * along)
        pitch[start:stop] = 440 * 2 ** ((note.pitch - 69 + _GLIDE * (1 - 2 * along)) / 12)
    smooth = np.hanning(7) / np.hanning(7).sum()  # a tongue does not jump
    tracks = [np.convolve(np.pad(_fill(track), 3, "edge"), smooth, "valid") for track in formants.T]
    return _fill(pitch), loud, np.stack(tracks, 1), noise


def _fill(track):
    """A track with straight lines where nothing is said."""
    known = ~np.isnan(track)
    return np.interp(np.arange(len(track)), np.flatnonzero(known), track[known])


def _glottis(pitch, loud, length, rng):
    """Air through the vocal folds: opening, quick closing, rest; with the small unrest of a throat."""
    phase = np.arange(1024) / 1024
    opening, closing = 0.5 - 0.5 * np.cos(np.pi * phase / 0.4), np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    pulse = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0)).astype(np.float32)
    time, frames = np.arange(length) / _HOP, np.arange(len(pitch))
    unrest = 1 + 0.006 * rng.normal(size=len(pitch))
    phase = np.cumsum(np.interp(time, frames, pitch * unrest)) / VOICE_RATE
    flow = pulse[(1024 * phase).astype(np.int64) % 1024]
    # Lips radiate changes of flow; some air hisses as it passes.
    sound = 5 * np.diff(flow, prepend=np.float32(0))
    sound += 0.02 * rng.standard_normal(length, np.float32) * (flow + np.float32(0.1))
    return sound * np.interp(time, frames, loud).astype(np.float32)


def _mouth(frequencies, formants):
    """Gain by frequency and frame: four resonances in a row, and the fall above them."""
    power = np.ones((1, len(formants)), np.float32)
    for centre, bandwidth in zip(formants.T.astype(np.float32) ** 2, _BANDWIDTHS):
        power = power * (((centre - frequencies**2) / centre) ** 2 + (bandwidth * frequencies / centre) ** 2)
    return 1 / np.sqrt(power) / (1 + (frequencies / 4000) ** 2)
