"""A singer over a band: set beside each other by loudness, and mixed; both in stereo at 44,100 Hz."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from noteninja_lib.audio import STEREO_RATE as RATE
from noteninja_lib.audio.io import filtered, limit, loudness

LUFS, PEAK = -16.0, 0.98  # of the mix
USUAL = 3.0  # dB of a voice over a band that was not there before
TWICE = 10 * math.log10(2)  # dB: two equal channels are as loud as one with twice the power
FARTHEST = 18.0  # dB between the two, at most
LOWEST = 25.0  # Hz: below, nothing is heard


def balance(voice: np.ndarray, band: np.ndarray) -> float:
    """dB by which a voice (n, 2; 44,100 Hz) is louder than its own band (n,; 22,050 Hz)."""
    apart = loudness(voice, RATE) - TWICE - loudness(band)
    return float(np.clip(apart, -FARTHEST, FARTHEST)) if math.isfinite(apart) else USUAL


def without_dc(audio: np.ndarray) -> np.ndarray:
    """The sound (n, 2) without what is below 25 Hz, a constant offset above all; in place."""
    angle = np.pi * LOWEST / RATE
    middle, damping = np.tan(angle) ** 2, np.sqrt(2) * np.tan(angle)  # of Butterworth's filter
    scale = 1 + damping + middle
    low = np.array([1, -2, 1, scale, 2 * (middle - 1), 1 - damping + middle]) / scale
    for start, part in filtered(audio, low[None]):
        audio[start : start + len(part)] = part
    return audio


class Stems(Mapping):
    """Voice and band as they are in a mix but for its limiter: "voice" and "band", float32, shape (n, 2).

    They are made when they are asked for: a song of ten minutes would need hundreds of megabytes.
    """

    def __init__(self, voice: np.ndarray, band: np.ndarray, gains: dict[str, float]):
        self._parts, self._gains = {"voice": voice, "band": band}, gains

    def __getitem__(self, name: str) -> np.ndarray:
        return self._parts[name].astype(np.float32) * np.float32(self._gains[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._gains)

    def __len__(self) -> int:
        return len(self._gains)


def mixdown(
    band: np.ndarray, voice: np.ndarray, louder: float, like: np.ndarray | None = None
) -> tuple[np.ndarray, Stems]:
    """Mix a voice and a band.

    Parameters
    ----------
    band : numpy.ndarray, float32, shape (n, 2)
    voice : numpy.ndarray, float32 or float16, shape (m, 2)
        The mix is as long as the voice.
    louder : float
        dB by which the voice is to be louder, by loudness (ITU-R BS.1770).
    like : numpy.ndarray, optional, of the band's shape
        Another band, with which voice and band get the same gains.

    Returns
    -------
    (numpy.ndarray, Stems)
        The mix, float32, shape (m, 2), at -16 LUFS; and its two parts.
    """
    first = band if like is None else like
    soft, loud = loudness(voice, RATE), loudness(first, RATE)
    gain = 10 ** ((loud + louder - soft) / 20) if math.isfinite(soft) and math.isfinite(loud) else 1.0
    kept = np.zeros((len(voice), 2), np.float16)  # the stem, in half the memory
    mixed = np.empty((len(voice), 2), np.float32)

    def mix(played):
        kept[: len(played)] = played[: len(voice)]
        for start in range(0, len(mixed), RATE):
            part = slice(start, start + RATE)
            mixed[part] = kept[part] + voice[part] * np.float32(gain)

    mix(first)
    before = loudness(mixed, RATE)
    factor = 10 ** ((LUFS - before) / 20) if math.isfinite(before) else 1.0
    if like is not None:
        mix(band)
    stems = Stems(voice, kept, {"voice": gain * factor, "band": factor})
    return limit(mixed, PEAK, factor, RATE, out=mixed), stems
