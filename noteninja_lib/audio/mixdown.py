"""A singer over a band: both brought to one rate, set beside each other by loudness, and mixed in stereo."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import soxr

from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio import STEREO_RATE as RATE
from noteninja_lib.audio.io import limit, loudness

LUFS, PEAK = -16.0, 0.98  # of the mix
USUAL = 3.0  # dB of a voice over a band that was not there before
TWICE = 10 * math.log10(2)  # dB: two equal channels are as loud as one with twice the power
FARTHEST = 18.0  # dB between the two, at most


def rate_of(audio: np.ndarray) -> int:
    """Samples a second: what is mono has 22,050, and what is stereo, as a kept voice is, 44,100."""
    return SAMPLE_RATE if audio.ndim == 1 else RATE


def balance(voice: np.ndarray, band: np.ndarray) -> float:
    """dB by which a voice (n, 2; 44,100 Hz) is louder than its own band (n,; 22,050 Hz)."""
    apart = loudness(voice, RATE) - TWICE - loudness(band)
    return float(np.clip(apart, -FARTHEST, FARTHEST)) if math.isfinite(apart) else USUAL


class Stems(Mapping):
    """Voice and band as they are in a mix but for its limiter: "voice" and "band", float32, shape (n, 2).

    They are made when they are asked for: a song of ten minutes would need hundreds of megabytes.
    """

    def __init__(self, voice: np.ndarray, band: np.ndarray, gains: dict[str, float]):
        self._voice, self._band, self._gains = voice, band, gains

    def __getitem__(self, name: str) -> np.ndarray:
        if name == "band":
            band = soxr.resample(self._band, SAMPLE_RATE, RATE)[: len(self._voice)]
            band = np.pad(band, (0, len(self._voice) - len(band))) * np.float32(self._gains[name])
            return np.repeat(band[:, None], 2, 1)
        return self._voice.astype(np.float32) * np.float32(self._gains[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._gains)

    def __len__(self) -> int:
        return len(self._gains)


def mixdown(band: np.ndarray, voice: np.ndarray, louder: float) -> tuple[np.ndarray, Stems]:
    """Mix a voice and a band.

    Parameters
    ----------
    band : numpy.ndarray, float32, shape (n,)
        Mono, 22,050 Hz.
    voice : numpy.ndarray, float32 or float16, shape (m, 2)
        44,100 Hz; the mix is as long as the voice.
    louder : float
        dB by which the voice is to be louder, by loudness (ITU-R BS.1770).

    Returns
    -------
    (numpy.ndarray, Stems)
        The mix, float32, shape (m, 2), at -16 LUFS; and its two parts.
    """
    soft, loud = loudness(voice, RATE), loudness(band) + TWICE
    gain = 10 ** ((loud + louder - soft) / 20) if math.isfinite(soft) and math.isfinite(loud) else 1.0
    mixed = Stems(voice, band, {"band": 1.0})["band"]
    for start in range(0, len(mixed), RATE):
        mixed[start : start + RATE] += voice[start : start + RATE] * np.float32(gain)
    before = loudness(mixed, RATE)
    factor = 10 ** ((LUFS - before) / 20) if math.isfinite(before) else 1.0
    stems = Stems(voice, band, {"voice": gain * factor, "band": factor})
    return limit(mixed, PEAK, factor, RATE, out=mixed), stems
