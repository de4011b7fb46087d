"""A throat and a mouth: from pitch, loudness, formants and noise, frame by frame, to the sound of a voice.

Source and filter (Klatt, 1980): glottal pulses (Rosenberg, 1971) are shaped by the resonances of a mouth.
"""

import numpy as np
import soxr
from numpy.random import Generator
from scipy.signal import istft, stft

VOICE_RATE = 22050
HOP, _WINDOW = 256, 512  # samples; frames of 12 ms are fast enough for a mouth
_STFT = {"nperseg": _WINDOW, "noverlap": _WINDOW - HOP}
_BANDWIDTHS = (70.0, 90.0, 130.0, 180.0, 280.0, 350.0, 450.0, 550.0, 650.0, 750.0)
_HISS = 0.004  # of consonants beside the voice, in the unit of the transform


def glottis(
    pitch: np.ndarray,
    loud: np.ndarray,
    length: int,
    rng: Generator,
    unrest: float = 0.006,
    air: float = 0.02,
    finer: int = 1,
) -> np.ndarray:
    """Air through the vocal folds: opening, quick closing, rest; with the small unrest of a throat.

    Parameters
    ----------
    pitch, loud : ndarray, shape (frames,)
        Hz, and loudness.
    length : int
        Samples of the result.
    rng : numpy.random.Generator
    unrest : float
        Share of the pitch by which it errs from frame to frame (standard deviation).
    air : float
        Strength of the hiss.
    finer : int
        Pulses are made at so many times the rate, so that high ones do not alias.

    Returns
    -------
    ndarray of float32, shape (length,)
    """
    phase = np.arange(1024) / 1024
    opening, closing = 0.5 - 0.5 * np.cos(np.pi * phase / 0.4), np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    pulse = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0)).astype(np.float32)
    time, frames = np.arange(length * finer) / (HOP * finer), np.arange(len(pitch))
    pitch = pitch * (1 + unrest * rng.normal(size=len(pitch)))
    phase = np.cumsum(np.interp(time, frames, pitch)) / (VOICE_RATE * finer)
    flow = pulse[(1024 * phase).astype(np.int64) % 1024]
    flow = soxr.resample(flow, finer, 1)[:length] if finer > 1 else flow
    # Lips radiate changes of flow; some air hisses as it passes.
    sound = 5 * np.diff(flow, prepend=np.float32(0))
    sound += air * rng.standard_normal(length, np.float32) * (flow + np.float32(0.1))
    return sound * np.interp(time[::finer], frames, loud).astype(np.float32)


def frequencies() -> np.ndarray:
    """Hz of the rows of the transform in which a mouth works, shape (rows, 1)."""
    return np.fft.rfftfreq(_WINDOW, 1 / VOICE_RATE).astype(np.float32)[:, None]


def resonances(formants: np.ndarray, corner: float | np.ndarray = 4000.0, width: float = 1.0) -> np.ndarray:
    """Gain by frequency and frame: resonances in a row, and the fall above a corner.

    Parameters
    ----------
    formants : ndarray, shape (frames, n)
        Hz, n at most 10.
    corner : float or ndarray of shape (frames,)
        Hz.
    width : float
        Widens the resonances, so that none rings louder than all the rest.

    Returns
    -------
    ndarray of float32, shape (rows, frames)
    """
    power, rows = np.ones((1, len(formants)), np.float32), frequencies()
    for centre, bandwidth in zip(formants.T.astype(np.float32) ** 2, _BANDWIDTHS):
        power = power * (((centre - rows**2) / centre) ** 2 + (width * bandwidth * rows / centre) ** 2)
    return 1 / np.sqrt(power) / (1 + (rows / corner) ** 2)


def radiate(
    flow: np.ndarray, gain: np.ndarray, noise: np.ndarray, samples: int, sample_rate: int, rng: Generator
) -> np.ndarray:
    """What leaves a mouth.

    Parameters
    ----------
    flow : ndarray, shape (n,)
        From the `glottis`, at `VOICE_RATE`.
    gain : ndarray, shape (rows, frames)
        As from `resonances`.
    noise : ndarray, shape (frames, 3)
        Of consonants: centre and width in Hz, loudness.
    samples, sample_rate : int
        Length of the result, and its rate in Hz.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    voiced = stft(flow, **_STFT)[2]
    at = np.minimum(np.arange(voiced.shape[1]), len(noise) - 1)
    centre, width, loudness = noise[at].T
    hiss = _HISS * loudness * np.exp(-0.5 * ((frequencies() - centre) / width) ** 2)
    breath = rng.standard_normal((2, *voiced.shape), np.float32)
    sounding = voiced * gain[:, at] + (breath[0] + 1j * breath[1]) * hiss
    sound = soxr.resample(istft(sounding, **_STFT)[1], VOICE_RATE, sample_rate)[:samples]
    return np.pad(sound, (0, samples - len(sound))).astype(np.float32)
