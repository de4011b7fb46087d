"""How loud a recording is to the ear, and bringing it to a wanted loudness."""

import math

import numpy as np
import pyloudnorm
import scipy.ndimage

from noteninja_lib.sound import SAMPLE_RATE


def loudness(audio, sample_rate=SAMPLE_RATE):
    """Integrated loudness as in ITU-R BS.1770-4.

    Measured in half-minute segments, so that memory stays flat however long the recording is.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)

    Returns
    -------
    float
        Loudness in LUFS; -inf for silence.
    """
    meter = pyloudnorm.Meter(sample_rate)
    segment = 30 * sample_rate
    overlap = round(0.3 * sample_rate)  # gating blocks are 0.4 s long, and a new one begins every 0.1 s
    levels = []
    for start in range(0, max(len(audio) - overlap, 1), segment):
        piece = np.asarray(audio[start:start + segment + overlap], dtype=np.float64)
        shortfall = math.ceil(0.4 * sample_rate) + 1 - len(piece)
        meter.integrated_loudness(np.pad(piece, (0, max(shortfall, 0))))
        levels.extend(meter.blockwise_loudness)
    levels = np.array(levels)
    power = 10 ** (levels / 10)
    loud = levels > -70  # the two gates of BS.1770: absolute, then 10 LU below the mean of what is left
    if loud.any():
        loud &= levels > 10 * np.log10(power[loud].mean()) - 10
    return float(10 * np.log10(power[loud].mean())) if loud.any() else -math.inf


def normalise(audio, lufs=-16.0, peak=0.98, sample_rate=SAMPLE_RATE):
    """Bring a recording to a loudness, with no sample beyond a peak.

    One gain for everything; where that would exceed the peak, a look-ahead limiter turns the
    sound down smoothly around the loudest moments instead of cutting them off.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
    lufs : float
        Wanted integrated loudness.
    peak : float
        Largest absolute value of the result.

    Returns
    -------
    np.ndarray, shape (n,)
        float32; silence is returned as it is.
    """
    before = loudness(audio, sample_rate)
    if math.isinf(before):
        return np.array(audio, dtype=np.float32)
    return limit(audio, peak, sample_rate, 10 ** ((lufs - before) / 20))


def limit(audio, peak, sample_rate=SAMPLE_RATE, factor=1.0):
    """Turn the sound down for a few milliseconds around each sample beyond a peak.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
    peak : float
        Largest absolute value of the result.
    factor : float
        By which everything is multiplied first.

    Returns
    -------
    np.ndarray, shape (n,)
        float32.
    """
    limited = np.empty(len(audio), np.float32)
    segment, window = 30 * sample_rate, round(0.01 * sample_rate) | 1
    for start in range(0, len(audio), segment):  # in segments, so that memory stays flat
        before = min(start, window)
        piece = factor * audio[start - before:start + segment + window]
        gain = np.minimum(1, peak / np.maximum(np.abs(piece), 1e-9))
        if gain.min() < 1:
            # The mean of a running minimum is never above what the sample in its middle may have.
            gain = scipy.ndimage.uniform_filter1d(scipy.ndimage.minimum_filter1d(gain, window), window)
        limited[start:start + segment] = (piece * gain)[before:before + segment]
    return np.clip(limited, -peak, peak, out=limited)  # rounding only
