"""A singer over a band: both brought to one rate, set beside each other by loudness, and mixed in stereo."""

import math

import numpy as np
import soxr

from noteninja_lib.audio.io import SAMPLE_RATE, limit, loudness

RATE = 44100  # Hz, of a voice and of what it is mixed into
LUFS, PEAK = -16.0, 0.98  # of the mix
USUAL = 3.0  # dB of a voice over a band that was not there before
FARTHEST = 18.0  # dB between the two, at most


def balance(voice: np.ndarray, band: np.ndarray) -> float:
    """dB by which a voice (n, 2; 44,100 Hz) is louder than the band (n,; 22,050 Hz) that it was recorded with."""
    apart = loudness(voice, RATE) - 10 * math.log10(2) - loudness(band)  # two channels count twice
    return float(np.clip(apart, -FARTHEST, FARTHEST)) if math.isfinite(apart) else USUAL


def mixdown(band: np.ndarray, voice: np.ndarray, louder: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Mix a voice and a band.

    Parameters
    ----------
    band : numpy.ndarray, float32, shape (n,)
        Mono, 22,050 Hz.
    voice : numpy.ndarray, float32, shape (m, 2)
        44,100 Hz; the mix is as long as the voice.
    louder : float
        dB by which the voice is to be louder, by loudness (ITU-R BS.1770).

    Returns
    -------
    (numpy.ndarray, dict)
        The mix, float32, shape (m, 2), at -16 LUFS; and {"voice", "band"} as they are in it, of the same
        shape, but for the limiter: their sum is the mix where that has nothing to do.
    """
    band = soxr.resample(band, SAMPLE_RATE, RATE)
    band = np.pad(band[: len(voice)], (0, max(0, len(voice) - len(band))))
    soft, loud = loudness(voice, RATE), loudness(band, RATE) + 10 * math.log10(2)
    if math.isfinite(soft) and math.isfinite(loud):
        voice = voice * np.float32(10 ** ((loud + louder - soft) / 20))
    mixed = voice + band[:, None]
    before = loudness(mixed, RATE)
    factor = np.float32(10 ** ((LUFS - before) / 20)) if math.isfinite(before) else np.float32(1)
    stems = {"voice": voice * factor, "band": np.repeat(band[:, None] * factor, 2, 1)}
    return limit(mixed, PEAK, factor, RATE), stems
